package aicf

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Limits of a policy document.
const (
	MaxPolicyBytes = 64 << 10
	maxList        = 1000
	maxText        = 256
	maxDepth       = 12
	maxNodes       = 8000
)

// ErrPolicy is wrapped by every refusal of a policy document.
var ErrPolicy = errors.New("policy refused")

// Load reads a policy document strictly: one YAML document, every key known,
// present and named once, no aliases, numbers exact and in range. Keys that
// are optional: notes of a penalty, surge of a kind.
func Load(b []byte) (*Policy, error) {
	if len(b) > MaxPolicyBytes {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrPolicy, len(b), MaxPolicyBytes)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrPolicy, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: more than one document; keep one", ErrPolicy)
	}
	p := &Policy{}
	nodes := 0
	if err := fill(reflect.ValueOf(p).Elem(), doc.Content[0], "", 0, &nodes); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return p, nil
}

// fill reads one node into v by v's type.
func fill(v reflect.Value, n *yaml.Node, path string, depth int, nodes *int) error {
	if *nodes++; depth > maxDepth || *nodes > maxNodes {
		return fmt.Errorf("%s: line %d: more than %d values or deeper than %d", path, n.Line, maxNodes, maxDepth)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return fmt.Errorf("%s: line %d: anchors and aliases are refused", path, n.Line)
	}
	switch {
	case v.Kind() == reflect.Struct:
		return fillStruct(v, n, path, depth, nodes)
	case v.Kind() == reflect.Slice:
		if n.Kind != yaml.SequenceNode || len(n.Content) > maxList {
			return fmt.Errorf("%s: line %d: want a list of at most %d", path, n.Line, maxList)
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
		for i, item := range n.Content {
			if err := fill(v.Index(i), item, fmt.Sprintf("%s[%d]", path, i), depth+1, nodes); err != nil {
				return err
			}
		}
		return nil
	case v.Kind() == reflect.Pointer:
		if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
			return nil
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), n, path, depth, nodes)
	}
	return fillScalar(v, n, path)
}

func fillStruct(v reflect.Value, n *yaml.Node, path string, depth int, nodes *int) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: line %d: want a mapping", path, n.Line)
	}
	known := map[string]int{}
	var need []string
	for i := range v.NumField() {
		name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if known[name] = i; opts == "" {
			need = append(need, name)
		}
	}
	var seen []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i].Value, strings.TrimPrefix(path+"."+n.Content[i].Value, ".")
		field, ok := known[key]
		switch {
		case !ok || n.Content[i].Kind != yaml.ScalarNode:
			return fmt.Errorf("%.80s: line %d: unknown key", at, n.Content[i].Line)
		case slices.Contains(seen, key):
			return fmt.Errorf("%s: line %d: repeated key", at, n.Content[i].Line)
		}
		seen = append(seen, key)
		if err := fill(v.Field(field), n.Content[i+1], at, depth+1, nodes); err != nil {
			return err
		}
	}
	for _, key := range need {
		if !slices.Contains(seen, key) {
			return fmt.Errorf("%s: line %d: is missing", strings.TrimPrefix(path+"."+key, "."), n.Line)
		}
	}
	return nil
}

func fillScalar(v reflect.Value, n *yaml.Node, path string) error {
	bad := func(want string) error {
		return fmt.Errorf("%s: line %d: %.40q is refused, want %s", path, n.Line, n.Value, want)
	}
	if n.Kind != yaml.ScalarNode {
		return bad("one value")
	}
	switch {
	case v.Type() == reflect.TypeFor[Decimal]():
		d, err := ParseDecimal(n.Value)
		if err != nil || n.Tag != "!!int" && n.Tag != "!!float" {
			return bad("a decimal number of at most nine decimals")
		}
		v.SetUint(uint64(d))
	case v.Kind() == reflect.Uint64:
		r, ok := new(big.Int).SetString(n.Value, 10)
		if !ok || n.Tag != "!!int" || !digits(n.Value) || !r.IsUint64() || r.Uint64() > MaxAmount {
			return bad("an integer 0..2^53-1")
		}
		v.SetUint(r.Uint64())
	case v.Kind() == reflect.Bool:
		if n.Tag != "!!bool" || n.Value != "true" && n.Value != "false" {
			return bad("true or false")
		}
		v.SetBool(n.Value == "true")
	case v.Kind() == reflect.String:
		if n.Tag != "!!str" || len(n.Value) > maxText {
			return bad(fmt.Sprintf("text of at most %d bytes", maxText))
		}
		v.SetString(n.Value)
	}
	return nil
}

// MaxAmount is the largest integer of a policy; it is exact in every JSON reader.
const MaxAmount = 1<<53 - 1

// hashDomain separates policy hashes from all others.
const hashDomain = "aicf/policy/v1\x00"

// Hash is SHA3-256 of the domain and the deterministic CBOR (RFC 8949 §4.2.1)
// of the document's meaning: integers as integers, decimals as text, an open
// tier without upto, empty text absent.
func (p *Policy) Hash() (digest.Digest, error) {
	b, err := transcript.EncodeCBOR(meaning(reflect.ValueOf(*p)), transcript.Limits{Depth: maxDepth, Bytes: 4 * MaxPolicyBytes, Text: maxText})
	if err != nil {
		return digest.Digest{}, fmt.Errorf("policy hash: %w", err)
	}
	return digest.SumParts([]byte(hashDomain), b), nil
}

func meaning(v reflect.Value) transcript.Value {
	switch {
	case v.Type() == reflect.TypeFor[Decimal]():
		return transcript.TextValue(Decimal(v.Uint()).String())
	case v.Kind() == reflect.Struct:
		var m []transcript.Member
		for i := range v.NumField() {
			name, opts, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if f := v.Field(i); opts == "" && (f.Kind() != reflect.Pointer || !f.IsNil()) || opts != "" && !f.IsZero() {
				m = append(m, transcript.Member{Key: name, Value: meaning(f)})
			}
		}
		return transcript.MapValue(m...)
	case v.Kind() == reflect.Slice:
		items := make([]transcript.Value, v.Len())
		for i := range items {
			items[i] = meaning(v.Index(i))
		}
		return transcript.ArrayValue(items...)
	case v.Kind() == reflect.Pointer:
		return meaning(v.Elem())
	case v.Kind() == reflect.Bool:
		return transcript.BoolValue(v.Bool())
	case v.Kind() == reflect.String:
		return transcript.TextValue(v.String())
	}
	return transcript.UintValue(v.Uint())
}
