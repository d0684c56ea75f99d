package httpapi

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

// method is a row of the table of JSON-RPC methods.
type method struct {
	names []string
	need  access
	// params in the order of positions. Each has every spelling that a client of the
	// lineage sends, the first is the documented one.
	params [][]string
	run    func(*Server, context.Context, aicf.Call, *params) (any, error)
}

// params are the bound parameters of a call by documented name. The first that is wrong
// sticks; later reads give zero values.
type params struct {
	given map[string]*strictjson.Node
	bad   error
}

// bind reads positions or names. A list with one object in it is that object: the
// TypeScript SDK sends its filters so. Null is the same as absent.
func (m *method) bind(n *strictjson.Node) (*params, error) {
	p := &params{given: map[string]*strictjson.Node{}}
	if n == nil {
		return p, nil
	}
	if n.Kind == strictjson.Array {
		if len(n.Items) == 1 && n.Items[0].Kind == strictjson.Object {
			n = &n.Items[0]
		} else {
			if len(n.Items) > len(m.params) {
				return nil, wrongParam("", "%d parameters, %s takes at most %d", len(n.Items), m.names[0], len(m.params))
			}
			for i := range n.Items {
				if n.Items[i].Kind != strictjson.Null {
					p.given[m.params[i][0]] = &n.Items[i]
				}
			}
			return p, nil
		}
	}
	for i := range n.Members {
		name := m.documented(n.Members[i].Key)
		switch {
		case name == "":
			return nil, wrongParam(n.Members[i].Key, "%s has no such parameter; it has %s", m.names[0], m.list())
		case p.given[name] != nil:
			return nil, wrongParam(n.Members[i].Key, "is given twice")
		case n.Members[i].Value.Kind != strictjson.Null:
			p.given[name] = &n.Members[i].Value
		}
	}
	return p, nil
}

// documented is the first spelling of a parameter, "" if there is none such.
func (m *method) documented(key string) string {
	for _, spellings := range m.params {
		for _, s := range spellings {
			if s == key {
				return spellings[0]
			}
		}
	}
	return ""
}

func (m *method) list() string {
	var out []string
	for _, spellings := range m.params {
		out = append(out, spellings[0])
	}
	if len(out) == 0 {
		return "none"
	}
	return strings.Join(out, ", ")
}

func wrongParam(name, format string, a ...any) *rpcError {
	f := aicf.Refuse(aicf.SchemaError, format, a...).In("/params/" + name)
	if name == "" {
		f.Field = "/params"
	} else {
		f.Message = name + " " + f.Message
	}
	return rpcFault(rpcParams, f)
}

func (p *params) wrong(name, format string, a ...any) {
	if p.bad == nil {
		p.bad = wrongParam(name, format, a...)
	}
}

// get is a parameter of a kind, nil when it is absent or wrong.
func (p *params) get(name string, kind strictjson.Kind) *strictjson.Node {
	n := p.given[name]
	if n == nil {
		return nil
	}
	if n.Kind != kind {
		p.wrong(name, "is %s, want %s", n.Kind, kind)
		return nil
	}
	return n
}

func (p *params) has(name string) bool { return p.given[name] != nil }

// need refuses the call when a parameter is absent.
func (p *params) need(name string) {
	if !p.has(name) {
		p.wrong(name, "is missing")
	}
}

// text is a string of at most limit bytes.
func (p *params) text(name string, limit int) string {
	n := p.get(name, strictjson.String)
	if n == nil {
		return ""
	}
	if len(n.Text) > limit {
		p.wrong(name, "has %d bytes, at most %d", len(n.Text), limit)
		return ""
	}
	return n.Text
}

// uint is an integer up to limit, or fallback when absent.
func (p *params) uint(name string, fallback, limit uint64) uint64 {
	n := p.get(name, strictjson.Number)
	if n == nil {
		return fallback
	}
	v, err := strconv.ParseUint(n.Text, 10, 64)
	if err != nil || v > limit {
		p.wrong(name, "is %.40s, want an integer of 0..%d", n.Text, limit)
		return 0
	}
	return v
}

// whole is uint for clients that send numbers as binary fractions: 3 and 3.0.
func (p *params) whole(name string, limit uint64) uint64 {
	n := p.get(name, strictjson.Number)
	if n == nil {
		return 0
	}
	x, err := strconv.ParseFloat(n.Text, 64)
	if err != nil || x < 0 || x > float64(limit) || x != math.Trunc(x) {
		p.wrong(name, "is %.40s, want a whole number of 0..%d", n.Text, limit)
		return 0
	}
	return uint64(x)
}

// hash is 64 lower-case hex digits, with or without 0x.
func (p *params) hash(name string) digest.Digest {
	n := p.get(name, strictjson.String)
	if n == nil {
		return digest.Digest{}
	}
	id, err := digest.Parse(strings.TrimPrefix(n.Text, "0x"))
	if err != nil {
		p.wrong(name, "is no id: %v", err)
	}
	return id
}

// needHash is a hash that may not be absent.
func (p *params) needHash(name string) digest.Digest {
	p.need(name)
	return p.hash(name)
}
