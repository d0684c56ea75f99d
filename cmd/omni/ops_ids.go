package main

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/lineage"
)

func readCall(f fields, bare bool) lineage.Call {
	return lineage.Call{ChainID: f.uint("chain_id"), Height: f.uint("height"), TxHash: f.raw("tx_hash", bare), Caller: f.raw("caller", bare)}
}

func jobID(f fields) (any, error) {
	c, payload := readCall(f, false), f.raw("payload", false)
	if f.failed() {
		return nil, errStuck
	}
	id, err := lineage.JobID(c, payload)
	return map[string]any{"id": "0x" + id.String()}, err
}

// taskID takes the payload as JSON, or as 0x digits of its canonical CBOR.
func taskID(f fields) (any, error) {
	c, n := readCall(f, true), f.get("payload")
	var payload lineage.Value
	var err error
	switch {
	case n == nil:
		f.refuse(invalidCase, "payload is missing")
	case n.Kind == strictjson.String && strings.HasPrefix(n.Text, "0x"):
		payload, err = lineage.Decode(f.raw("payload", false))
	default:
		payload, err = toCBOR(n)
	}
	if f.failed() || err != nil {
		return nil, err
	}
	id, err := lineage.TaskID(c, payload)
	return map[string]any{"id": id}, err
}

// toCBOR keeps integers integers and makes other numbers binary64.
func toCBOR(n *strictjson.Node) (v lineage.Value, err error) {
	switch n.Kind {
	case strictjson.Bool:
		v.Kind = lineage.Bool
		if n.True {
			v.Uint = 1
		}
	case strictjson.String:
		v = lineage.Value{Kind: lineage.Text, Text: n.Text}
	case strictjson.Number:
		return cborNumber(n.Text)
	case strictjson.Array:
		v.Kind = lineage.Array
		for i := range n.Items {
			x, err := toCBOR(&n.Items[i])
			if err != nil {
				return v, err
			}
			v.Items = append(v.Items, x)
		}
	case strictjson.Object:
		v.Kind = lineage.Map
		for i := range n.Members {
			x, err := toCBOR(&n.Members[i].Value)
			if err != nil {
				return v, err
			}
			v.Members = append(v.Members, lineage.Member{Key: n.Members[i].Key, Value: x})
		}
	}
	return v, nil
}

func cborNumber(s string) (lineage.Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if u, err := strconv.ParseUint(s, 10, 64); err == nil {
			return lineage.Value{Kind: lineage.Uint, Uint: u}, nil
		}
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			if i == 0 {
				return lineage.Value{Kind: lineage.Uint}, nil
			}
			return lineage.Value{Kind: lineage.Negative, Uint: uint64(-(i + 1))}, nil
		}
		return lineage.Value{}, fmt.Errorf("%.40s does not fit 64 bits", s)
	}
	x, err := strconv.ParseFloat(s, 64)
	return lineage.Value{Kind: lineage.Float, Float: x}, err
}

func bridgeID(f fields) (any, error) {
	c, shots := readCall(f, false), f.uint("shots")
	token := func(key string) string {
		if !f.has(key) {
			return ""
		}
		return jsonNumber(f.need(key, strictjson.Number).Text)
	}
	depth, width, ratio := token("depth"), token("width"), token("traps_ratio")
	var circuit []byte
	switch n := f.get("circuit"); {
	case n == nil:
		f.refuse(invalidCase, "circuit is missing")
	case n.Kind == strictjson.Object:
		circuit = sortedJSON(nil, n)
	default:
		circuit = f.raw("circuit", false)
	}
	if f.failed() {
		return nil, errStuck
	}
	id := lineage.BridgeID(c, lineage.BridgePayload(circuit, shots, depth, width, ratio))
	return map[string]any{"id": "0x" + id.String()}, nil
}

// jsonNumber writes a number as the lineage's JSON writer does: integers as they
// are, others as the shortest decimal, with an exponent below 1e-4 and from 1e16.
func jsonNumber(s string) string {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !strings.ContainsAny(s, ".eE") {
		return s
	}
	if x != 0 && (x < 1e-4 && x > -1e-4 || x >= 1e16 || x <= -1e16) {
		return strconv.FormatFloat(x, 'e', -1, 64)
	}
	out := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return out
}

// sortedJSON appends n with sorted keys and no spaces, text as UTF-8.
func sortedJSON(b []byte, n *strictjson.Node) []byte {
	switch n.Kind {
	case strictjson.Number:
		return append(b, jsonNumber(n.Text)...)
	case strictjson.String:
		return quoted(b, n.Text)
	case strictjson.Array:
		b = append(b, '[')
		for i := range n.Items {
			b = append(sortedJSON(b, &n.Items[i]), ',')
		}
		return append(bytes.TrimSuffix(b, []byte(",")), ']')
	case strictjson.Object:
		members := slices.Clone(n.Members)
		slices.SortFunc(members, func(x, y strictjson.Member) int { return strings.Compare(x.Key, y.Key) })
		b = append(b, '{')
		for i := range members {
			b = append(quoted(b, members[i].Key), ':')
			b = append(sortedJSON(b, &members[i].Value), ',')
		}
		return append(bytes.TrimSuffix(b, []byte(",")), '}')
	}
	return append(b, n.Raw...)
}

func quoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c >= 0x20:
			b = append(b, c)
		case bytes.IndexByte([]byte("\b\f\n\r\t"), c) >= 0:
			b = append(b, '\\', "bfnrt"[bytes.IndexByte([]byte("\b\f\n\r\t"), c)])
		default:
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(b, '"')
}
