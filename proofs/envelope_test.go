package proofs

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

func TestBothFormsAreOneEnvelope(t *testing.T) {
	for name, f := range mutationFixtures(t) {
		fromJSON, err := Decode(f.bundle.Proof)
		require.NoError(t, err, name)
		fromCBOR, err := Decode(f.bundle.ProofCBOR)
		require.NoError(t, err, name)
		again, err := fromJSON.MarshalCBOR()
		require.NoError(t, err)
		require.Equal(t, f.bundle.ProofCBOR, again, name)
		text, err := fromCBOR.MarshalJSON()
		require.NoError(t, err)
		require.Equal(t, string(f.bundle.Proof), string(text)+"\n", name)

		// JSON is transport: another program may write it anew.
		var loose any
		d := json.NewDecoder(bytes.NewReader(f.bundle.Proof))
		d.UseNumber()
		require.NoError(t, d.Decode(&loose))
		spaced, err := json.Marshal(loose)
		require.NoError(t, err)
		require.True(t, verify(t, Input{Proof: spaced}).Valid, name)
	}
}

// TestGuideMembers wants the members of the provider guide's section 7 with its
// names, types and order.
func TestGuideMembers(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	var doc struct {
		TypeID string `json:"type_id"`
		Body   map[string]json.RawMessage
		Null   string `json:"nullifier"`
	}
	require.NoError(t, json.Unmarshal(f.bundle.Proof, &doc))
	require.Equal(t, "quantum_v1", doc.TypeID)
	require.Equal(t, f.proof.Nullifier.String(), doc.Null)
	require.Equal(t, "0.5", string(doc.Body["trap_ratio"]))
	require.Equal(t, "512", string(doc.Body["shots"]))
	require.JSONEq(t, `{"latency_ms":1720,"success":true}`, string(doc.Body["qos"]))
	for _, m := range []string{"provider_id", "circuit_hash", "trap_pass", "trap_fail", "hist_digest", "attest", "binding"} {
		require.Contains(t, doc.Body, m)
	}
	require.Len(t, doc.Body, 10)
	require.Regexp(t, `(?s)"type_id".*"provider_id".*"circuit_hash".*"shots".*"trap_ratio".*"trap_pass".*"trap_fail".*"hist_digest".*"qos".*"attest".*"binding".*"nullifier"`, string(f.bundle.Proof))
}

func TestJSONRefusals(t *testing.T) {
	good := string(newFixture(t, fixtureOptions{}).bundle.Proof)
	for name, doc := range map[string]string{
		"repeated member":   strings.Replace(good, `"shots":`, `"shots": 512, "shots":`, 1),
		"repeated, escaped": strings.Replace(good, `"shots":`, `"sh\u006fts": 512, "shots":`, 1),
		"case variant":      strings.Replace(good, `"shots":`, `"Shots":`, 1),
		"trailing":          good + "{}",
		"float":             strings.Replace(good, `"shots": 512`, `"shots": 512.0`, 1),
		"ratio as text":     strings.Replace(good, `"trap_ratio": 0.5`, `"trap_ratio": "0.5"`, 1),
		"ratio exponent":    strings.Replace(good, `"trap_ratio": 0.5`, `"trap_ratio": 5e-1`, 1),
		"bool as int":       strings.Replace(good, `"success": true`, `"success": 1`, 1),
		"version":           strings.Replace(good, `"version": 1`, `"version": 2`, 1),
		"lease text":        strings.Replace(good, `"lease": "none"`, `"lease": "None"`, 1),
		"lease null":        strings.Replace(good, `"lease": "none"`, `"lease": null`, 1),
		"null evidence":     strings.Replace(good, `"attest": {}`, `"attest": {"tee":null}`, 1),
		"evidence float":    strings.Replace(good, `"attest": {}`, `"attest": {"tee":{"a":1.5}}`, 1),
		"evidence list":     strings.Replace(good, `"attest": {}`, `"attest": {"tee":[]}`, 1),
		"evidence deep":     strings.Replace(good, `"attest": {}`, `"attest": {"tee":{"a":[[[[[[[[[]]]]]]]]]}}`, 1),
		"unknown evidence":  strings.Replace(good, `"attest": {}`, `"attest": {"gpu":{}}`, 1),
		"not NFC":           strings.Replace(good, `"animica"`, "\"anime\u0301\"", 1),
		"zero for absent":   strings.Replace(good, `"device_key_sha3_256": ""`, `"device_key_sha3_256": "`+digest.Digest{}.String()+`"`, 1),
		"empty circuit id":  strings.Replace(good, `"animica.quantum.trapset.v1"`, `""`, 1),
		"too long":          good + strings.Repeat(" ", 16<<20),
	} {
		require.NotEqual(t, good, doc, name)
		_, err := DecodeJSON([]byte(doc))
		require.ErrorIs(t, err, ErrEnvelope, name)
		require.Equal(t, []string{"syntax"}, failed(verify(t, Input{Proof: []byte(doc)})), name)
	}
	_, err := DecodeJSON([]byte(strings.Replace(good, `"shots": 512`, `"shots": "x"`, 1)))
	var se *strictjson.Error
	require.ErrorAs(t, err, &se)
	require.Equal(t, "/body/shots", se.Field)
}

func TestCBORRefusals(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	good := f.bundle.ProofCBOR
	swap := func(old, new string) []byte {
		o, err := hex.DecodeString(old)
		require.NoError(t, err)
		n, err := hex.DecodeString(new)
		require.NoError(t, err)
		require.True(t, bytes.Contains(good, o), old)
		return bytes.Replace(good, o, n, 1)
	}
	text := func(s string) string { return hex.EncodeToString(append([]byte{0x60 + byte(len(s))}, s...)) }
	for name, doc := range map[string][]byte{
		"trailing byte":         append(bytes.Clone(good), 0),
		"cut":                   good[:len(good)-1],
		"empty":                 {},
		"bool for int":          swap(text("status")+"00", text("status")+"f4"),
		"int for bool":          swap(text("success")+"f5", text("success")+"01"),
		"null":                  swap(text("success")+"f5", text("success")+"f6"),
		"non-shortest":          swap(text("status")+"00", text("status")+"1800"),
		"version":               swap(text("version")+"01", text("version")+"02"),
		"ratio above 1":         swap(text("trap_ratio")+"1a0007a120", text("trap_ratio")+"1a000f4241"),
		"ratio as text":         swap(text("trap_ratio")+"1a0007a120", text("trap_ratio")+"63302e35"),
		"repeated key":          swap(text("depth")+"06"+text("flags"), text("depth")+"06"+text("depth")),
		"swapped keys":          swap(text("depth")+"06"+text("flags")+"00", text("flags")+"00"+text("depth")+"06"),
		"text for hash":         swap(text("nullifier")+"5820", text("nullifier")+"7820"),
		"indefinite top":        append(append([]byte{0xbf}, good[1:]...), 0xff),
		"tag":                   append([]byte{0xc1}, good...),
		"list at the top":       {0x80},
		"number at the top":     {0x01},
		"JSON text in CBOR":     append([]byte{0x78, 0x20}, bytes.Repeat([]byte{'a'}, 0x20)...),
		"deep":                  append(bytes.Repeat([]byte{0x81}, 40), 0),
		"over the limit":        make([]byte, cborLimits.Bytes+1),
		"lease of another kind": swap(text("lease")+"646e6f6e65", text("lease")+"6478787878"),
	} {
		require.NotEqual(t, good, doc, name)
		_, err := DecodeCBOR(doc)
		require.ErrorIs(t, err, ErrEnvelope, name)
		require.Equal(t, []string{"syntax"}, failed(verify(t, Input{Proof: doc, Bundle: nil})), name)
	}
	missing := transcript.MapValue(transcript.Member{Key: "type_id", Value: transcript.TextValue(TypeID)})
	b, err := transcript.EncodeCBOR(missing, cborLimits)
	require.NoError(t, err)
	_, err = DecodeCBOR(b)
	require.ErrorContains(t, err, "/body")
}

func TestWriterRefusals(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	blob := transcript.MapValue(transcript.Member{Key: "a", Value: transcript.BytesValue([]byte{1})})
	list := transcript.ArrayValue()
	for name, change := range map[string]func(*Proof){
		"text not NFC":    func(p *Proof) { p.Body.Binding.Engine = "e\u0301" },
		"text too long":   func(p *Proof) { p.Body.Binding.Engine = strings.Repeat("x", 1025) },
		"ratio":           func(p *Proof) { p.Body.TrapRatioPPM = transcript.PPM + 1 },
		"integer":         func(p *Proof) { p.Body.Binding.ChainID = 1 << 53 },
		"bytes":           func(p *Proof) { p.Body.Binding.RunnerMeasurement = make([]byte, 65) },
		"evidence bytes":  func(p *Proof) { p.Body.Attest.QPU = &blob },
		"evidence kind":   func(p *Proof) { p.Body.Attest.QPU = &list },
		"modules":         func(p *Proof) { p.Body.Binding.Modules = make([]Module, 65) },
		"two signatures":  func(p *Proof) { p.Body.Binding.Signatures = make([]keys.Signature, 2) },
		"nested in lists": func(p *Proof) { p.Body.Binding.Modules[0].Name = "\xff" },
	} {
		p := f.clone(t)
		change(p)
		_, err := p.MarshalJSON()
		require.ErrorIs(t, err, ErrEnvelope, name)
		_, err = p.MarshalCBOR()
		require.ErrorIs(t, err, ErrEnvelope, name)
	}
}

func TestBuildRefusals(t *testing.T) {
	_, err := Build(Claim{})
	require.ErrorIs(t, err, ErrEnvelope)
	f := newFixture(t, fixtureOptions{})
	require.ErrorIs(t, f.proof.Sign(ctx, key(t, keys.Operational, 77), 1), keys.ErrRole, "another operational key")
	require.ErrorIs(t, f.proof.Sign(ctx, key(t, keys.Root, 1), 1), keys.ErrRole, "the root key signs no proofs")
	require.ErrorIs(t, f.proof.checkLogged(Digests{X: digest.Sum(nil)}), ErrEnvelope)
}

func schema(t testing.TB) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("quantum_proof.schema.json", doc))
	s, err := c.Compile("quantum_proof.schema.json")
	require.NoError(t, err)
	return s
}

func validates(t testing.TB, s *jsonschema.Schema, doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	require.NoError(t, err)
	return s.Validate(v)
}

// TestSchemaBothWays wants what we emit to validate, and whatever the schema
// accepts among the mutants of form to be accepted by the decoder too: the
// schema is never laxer but where JSON Schema cannot speak.
func TestSchemaBothWays(t *testing.T) {
	s := schema(t)
	for name, f := range mutationFixtures(t) {
		require.NoError(t, validates(t, s, f.bundle.Proof), name)
		refused, agreed := 0, 0
		jsonMutants(t, f.bundle.Proof, func(path string, doc []byte) {
			schemaErr := validates(t, s, doc)
			p, err := DecodeJSON(doc)
			if err == nil { // the range checks of the step schema belong to the form
				v := &verifier{p: p}
				_, err = v.schema()
			}
			if schemaErr != nil {
				refused++
				require.Error(t, err, "%s: the schema refuses (%v), the decoder does not", path, schemaErr)
			} else if err == nil {
				agreed++
			} else {
				require.Regexp(t, laxer, path+" "+err.Error(), "the schema accepts, the decoder does not")
			}
		})
		require.Greater(t, refused, 200, name)
		require.Greater(t, agreed, 200, name)
	}
}

// laxer lists what the schema cannot say: ratios of more than six decimals,
// which slots a module set needs, and sums.
var laxer = regexp.MustCompile(`^/body/trap_ratio |no slot|public|slots|is not body.shots`)

func TestSpecListsTheAssertedMembers(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	require.NoError(t, err)
	for _, a := range asserted {
		require.Contains(t, string(spec), "| `"+a+"` |")
	}
	rows := regexp.MustCompile("(?m)^\\| `(/[^`]+)` \\|").FindAllStringSubmatch(string(spec), -1)
	require.Len(t, rows, len(asserted))
	for _, name := range CheckNames() {
		require.Contains(t, string(spec), "| `"+name+"` |", "SPEC.md lists every step")
	}
}

func FuzzDecodeJSON(f *testing.F) {
	fx := newFixture(f, fixtureOptions{leased: true})
	f.Add(fx.bundle.Proof)
	f.Add([]byte(`{"type_id":"quantum_v1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeJSON(b)
		if err != nil {
			return
		}
		again, err := p.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		q, err := DecodeJSON(again)
		if err != nil {
			t.Fatalf("accepted once, refused after writing: %v", err)
		}
		x, errX := p.MarshalCBOR()
		y, errY := q.MarshalCBOR()
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Fatalf("changed by writing: %v %v", errX, errY)
		}
	})
}

func FuzzDecodeProofCBOR(f *testing.F) {
	fx := newFixture(f, fixtureOptions{})
	f.Add(fx.bundle.ProofCBOR)
	f.Add([]byte{0xa1, 0x61, 0x61, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodeCBOR(b)
		if err != nil {
			return
		}
		if again, err := p.MarshalCBOR(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes but encodes as %x (%v)", b, again, err)
		}
		if _, err := p.MarshalJSON(); err != nil {
			t.Fatalf("no JSON form: %v", err)
		}
	})
}
