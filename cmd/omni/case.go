package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Names of refused cases.
const (
	unknownOp   = "UnknownOp"
	invalidCase = "InvalidCase" // a member is missing, unknown or of the wrong type
	domainError = "DomainError" // a number outside its range
)

type refusal struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

type refusedCase struct {
	Error refusal `json:"error"`
}

// fields reads the members of one object; the first refusal of a case sticks.
type fields struct {
	node *strictjson.Node
	path string
	err  **refusal
}

func (f fields) refuse(name, format string, args ...any) {
	if *f.err == nil {
		*f.err = &refusal{name, fmt.Sprintf(format, args...)}
	}
}

func (f fields) failed() bool { return *f.err != nil }

// only refuses members other than keys, and everything that is no object.
func (f fields) only(keys ...string) fields {
	if f.node == nil || f.node.Kind != strictjson.Object {
		f.refuse(invalidCase, "%s is no object", strings.TrimSuffix(f.path, "."))
		f.node = &strictjson.Node{}
	}
	for _, m := range f.node.Members {
		if !slices.Contains(keys, m.Key) {
			f.refuse(invalidCase, "unknown member %s%.40s", f.path, m.Key)
		}
	}
	return f
}

// get is a member, nil where it is absent or null.
func (f fields) get(key string) *strictjson.Node {
	for i := range f.node.Members {
		if m := &f.node.Members[i]; m.Key == key && m.Value.Kind != strictjson.Null {
			return &m.Value
		}
	}
	return nil
}

func (f fields) has(key string) bool { return f.get(key) != nil }

func (f fields) need(key string, kind strictjson.Kind) *strictjson.Node {
	n := f.get(key)
	switch {
	case n == nil:
		f.refuse(invalidCase, "%s%s is missing", f.path, key)
	case n.Kind != kind:
		f.refuse(invalidCase, "%s%s is %s, want %s", f.path, key, n.Kind, kind)
	default:
		return n
	}
	return &strictjson.Node{Kind: kind}
}

func (f fields) text(key string) string { return f.need(key, strictjson.String).Text }

func (f fields) textOr(key, fallback string) string {
	if !f.has(key) {
		return fallback
	}
	return f.text(key)
}

func (f fields) flag(key string) bool { return f.need(key, strictjson.Bool).True }

func (f fields) uint(key string) uint64 {
	text := f.need(key, strictjson.Number).Text
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		f.refuse(domainError, "%s%s is %.40s, want a non-negative integer", f.path, key, text)
	}
	return v
}

func (f fields) uintOr(key string, fallback uint64) uint64 {
	if !f.has(key) {
		return fallback
	}
	return f.uint(key)
}

func (f fields) maybeUint(key string) *uint64 {
	if !f.has(key) {
		return nil
	}
	v := f.uint(key)
	return &v
}

// rat reads a number, or a string that holds one, exactly.
func (f fields) rat(key string) *big.Rat {
	n := f.get(key)
	if n == nil || n.Kind != strictjson.String {
		n = f.need(key, strictjson.Number)
	}
	r, err := aicf.ParseRational(n.Text)
	if err != nil {
		f.refuse(domainError, "%s%s: %v", f.path, key, err)
		return new(big.Rat)
	}
	return r
}

func (f fields) maybeRat(key string) *big.Rat {
	if !f.has(key) {
		return nil
	}
	return f.rat(key)
}

// maybeRatio is a number 0..1.
func (f fields) maybeRatio(key string) *big.Rat {
	r := f.maybeRat(key)
	if r != nil && (r.Sign() < 0 || r.Cmp(big.NewRat(1, 1)) > 0) {
		f.refuse(domainError, "%s%s is not within 0..1", f.path, key)
	}
	return r
}

func (f fields) object(key string, keys ...string) fields {
	return fields{f.need(key, strictjson.Object), f.path + key + ".", f.err}.only(keys...)
}

// free is an object with members of any name.
func (f fields) free(key string) fields {
	return fields{f.need(key, strictjson.Object), f.path + key + ".", f.err}
}

func (f fields) list(key string, keys ...string) []fields {
	if !f.has(key) {
		return nil
	}
	items := f.need(key, strictjson.Array).Items
	out := make([]fields, len(items))
	for i := range items {
		out[i] = fields{&items[i], fmt.Sprintf("%s%s[%d].", f.path, key, i), f.err}.only(keys...)
	}
	return out
}

func (f fields) texts(key string) []string {
	items := f.need(key, strictjson.Array).Items
	out := make([]string, len(items))
	for i := range items {
		if items[i].Kind != strictjson.String {
			f.refuse(invalidCase, "%s%s[%d] is no string", f.path, key, i)
		}
		out[i] = items[i].Text
	}
	return out
}

// raw reads a string into bytes: hexadecimal digits behind 0x, or, where bare
// says so, without it; else the text's own bytes.
func (f fields) raw(key string, bare bool) []byte {
	text := f.text(key)
	digits, marked := strings.CutPrefix(text, "0x")
	b, err := hex.DecodeString(digits)
	switch {
	case err == nil && (marked || bare):
		return b
	case marked:
		f.refuse(invalidCase, "%s%s: odd or wrong hexadecimal digits behind 0x", f.path, key)
	}
	return []byte(text)
}

// number writes an exact rational as a JSON number.
func number(r *big.Rat) json.Number { return json.Number(aicf.FormatRational(r)) }
