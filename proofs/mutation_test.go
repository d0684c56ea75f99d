package proofs

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// asserted are the members that SPEC.md lists as provider-asserted: a provider
// who signs again can change them unseen. A test compares the two lists.
var asserted = []string{
	"/body/attest/tee", "/body/attest/qpu",
	"/body/binding/modules/*/metered_sha3_256",
	"/body/binding/governance_set",
	"/body/binding/trap_tier",
	"/body/binding/flags",
	"/body/binding/signatures/0/signed_at_unix",
}

func isAsserted(path string) bool {
	for _, a := range asserted {
		if matchPath(a, path) {
			return true
		}
	}
	return false
}

// matchPath compares pointers; * stands for one part, and an asserted object
// covers what lies in it.
func matchPath(pattern, path string) bool {
	p, q := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(q) < len(p) {
		return false
	}
	for i := range p {
		if p[i] != "*" && p[i] != q[i] {
			return false
		}
	}
	return true
}

// mutationFixtures cover every member: lease and none, circuit_id and none,
// evidence and none, device hashes.
func mutationFixtures(t *testing.T) map[string]*fixture {
	ev := transcript.MapValue(transcript.Member{Key: "device_id", Value: transcript.TextValue("AQ-7x")},
		transcript.Member{Key: "list", Value: transcript.ArrayValue(transcript.UintValue(7), transcript.BoolValue(true))})
	full := newFixture(t, fixtureOptions{leased: true, family: "trap_h", tier: "process", attest: Attest{TEE: &ev, QPU: &ev}})
	d := &full.proof.Body.Binding
	d.Device = transcript.DeviceFrame{Vendor: "AcmeQPU", Family: "AQ-7x", Serial: "SN-1", Firmware: "1.9.3", DeviceKeySHA3: digest.Sum([]byte("k")), VendorCertSHA3: digest.Sum([]byte("c")), CalibrationID: "sha3-256:x"}
	d.RunnerMeasurement = make([]byte, 32)
	d.GovernanceSet = digest.Sum([]byte("set"))
	require.NoError(t, full.proof.fill())
	require.NoError(t, full.proof.Sign(ctx, full.op, 1_763_830_002))
	require.NoError(t, full.bundle.SetProof(full.proof))
	return map[string]*fixture{"leased": full, "local": newFixture(t, fixtureOptions{own: true})}
}

// jsonMutants calls f with every document that differs in one leaf: every
// fifth character of a string, one digit of a number, a flipped boolean, a member
// left out, added or renamed.
func jsonMutants(t *testing.T, raw []byte, f func(path string, doc []byte)) {
	t.Helper()
	var root any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	require.NoError(t, d.Decode(&root))
	emit := func(path string) {
		b, err := json.Marshal(root)
		require.NoError(t, err)
		f(path, b)
	}
	var walk func(path string, v any, set func(any))
	walk = func(path string, v any, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				walk(path+"/"+k, e, func(x any) { v[k] = x })
				delete(v, k)
				emit(path + "/" + k)
				v[strings.ToUpper(k)+"_"] = e
				emit(path + "/" + k)
				delete(v, strings.ToUpper(k)+"_")
				v[k] = e
			}
		case []any:
			for i, e := range v {
				walk(path+"/"+string(rune('0'+i)), e, func(x any) { v[i] = x })
			}
			set(v[1:])
			emit(path)
			set(append(slices.Clone(v), v[0]))
			emit(path)
			set(v)
		case json.Number:
			s := v.String()
			for i := range s {
				if s[i] == '.' {
					continue
				}
				digit := '0' + (s[i]-'0'+1)%10
				if i == 0 && len(s) > 1 && digit == '0' {
					digit = '8' // 9 becomes 8: a leading zero is no JSON
				}
				set(json.Number(s[:i] + string(rune(digit)) + s[i+1:]))
				emit(path)
			}
			set(json.Number("1" + s))
			emit(path)
			set(s) // a string instead of a number
			emit(path)
			set(v)
		case bool:
			set(!v)
			emit(path)
			set(json.Number("1"))
			emit(path)
			set(v)
		case string:
			for i := 0; i < len(v); i += 5 { // the CBOR test flips every byte
				set(v[:i] + string(rune(v[i]^1)) + v[i+1:])
				emit(path)
			}
			set(v + "0")
			emit(path)
			set(v)
		}
	}
	walk("", root, func(any) {})
}

// resigned returns the proof signed again by the provider: C and its signature
// are new, all else stays.
func (f *fixture) resigned(t *testing.T, p *Proof) []byte {
	t.Helper()
	if p.Body.Binding.KeyStatement.KeyID() != f.op.KeyID() {
		return nil // another operational key than the provider has: nothing to sign with
	}
	require.NoError(t, p.Sign(ctx, f.op, 1_763_830_002))
	b, err := p.MarshalCBOR()
	require.NoError(t, err)
	return b
}

// signatureSteps may refuse a mutant as it is; a re-signed one must be refused
// by another step.
var signatureSteps = []string{"syntax", "signatures"}

func TestEveryJSONMutationIsRefused(t *testing.T) {
	for name, f := range mutationFixtures(t) {
		t.Run(name, func(t *testing.T) {
			plain, again := 0, 0
			jsonMutants(t, f.bundle.Proof, func(path string, doc []byte) {
				require.False(t, verify(t, Input{Proof: doc}).Valid, "%s as is: %s", path, doc)
				plain++
				p, err := DecodeJSON(doc)
				if err != nil || path == "/body/binding/signatures" || strings.HasPrefix(path, "/body/binding/signatures/") {
					return // refused before any signature, or replaced by signing again
				}
				b := f.resigned(t, p)
				if b == nil {
					return
				}
				r := verify(t, Input{Proof: b})
				again++
				if isAsserted(path) {
					require.True(t, r.Valid || r.Failure.Check == "schema", "%s is listed as asserted, but refused: %+v", path, r.Failure)
					return
				}
				require.False(t, r.Valid, "%s re-signed", path)
				require.NotContains(t, signatureSteps, r.Failure.Check, path)
			})
			require.Greater(t, plain, 500)
			require.Greater(t, again, 200)
			t.Logf("%d mutants refused as they are, %d signed again", plain, again)
		})
	}
}

func TestEveryCBORMutationIsRefused(t *testing.T) {
	for name, f := range mutationFixtures(t) {
		t.Run(name, func(t *testing.T) {
			raw := f.bundle.ProofCBOR
			plain, again, free := 0, 0, 0
			for i := range raw {
				doc := bytes.Clone(raw)
				doc[i] ^= 1 << ((i*5 + i/8) % 8)
				require.False(t, verify(t, Input{Proof: doc}).Valid, "byte %d as is", i)
				plain++
				p, err := DecodeCBOR(doc)
				if err != nil {
					continue
				}
				b := f.resigned(t, p)
				if b == nil || bytes.Equal(b, raw) {
					continue // another operational key, or only the old signature changed
				}
				if again++; verify(t, Input{Proof: b}).Valid {
					free++
					p, q := f.clone(t), p
					for _, x := range []*Proof{p, q} { // equal but for what the provider asserts
						x.Body.Attest, x.Body.Binding.Flags, x.Body.Binding.GovernanceSet, x.Body.Binding.Signatures = Attest{}, 0, digest.Digest{}, nil
						for m := range x.Body.Binding.Modules {
							x.Body.Binding.Modules[m].MeteredSHA3 = digest.Digest{}
						}
					}
					require.Equal(t, p, q, "byte %d changes more than asserted members", i)
				}
			}
			require.Positive(t, free)
			t.Logf("%d mutants refused as they are, %d signed again, %d of those in asserted members", plain, again, free)
		})
	}
}

// TestEveryBundleFileIsCovered flips a bit at some sixty places of each file.
func TestEveryBundleFileIsCovered(t *testing.T) {
	f := newLogged(t, fixtureOptions{leased: true})
	f.bundle.Audit = f.enter(t, nil)
	for _, file := range bundleFiles {
		data := file.of(f.bundle)
		require.NotNil(t, *data, "%s is in the fixture", file.name)
		good := *data
		step := max(1, len(good)/60)
		for i := 0; i < len(good); i += step {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 7)
			*data = bad
			r := verify(t, f.input())
			require.False(t, r.Valid && !equivalent(file.name, good, bad), "%s byte %d", file.name, i)
		}
		*data = good
	}
	for d := range f.bundle.Modules {
		f.bundle.Modules[d] = []byte("other")
	}
	require.Equal(t, []string{"bundle"}, failed(verify(t, f.input())))
}

// equivalent reports whether two JSON files differ in white space only.
func equivalent(name string, a, b []byte) bool {
	if !strings.HasSuffix(name, ".json") {
		return false
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
