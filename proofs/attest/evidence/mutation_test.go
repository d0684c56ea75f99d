package evidence_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/attest/cca"
	"github.com/animicaorg/engine/proofs/attest/nitro"
	"github.com/animicaorg/engine/proofs/attest/sev"
	"github.com/animicaorg/engine/proofs/attest/sgx"
	"github.com/animicaorg/engine/proofs/attest/tdx"
	"github.com/animicaorg/engine/proofs/attest/tpm"
	"github.com/animicaorg/engine/proofs/transcript"
)

// specimen is accepted evidence and what it is accepted under.
type specimen struct {
	v     attest.Verifier
	ev    attest.Evidence
	p     attest.Params
	allow []attest.TCBStatus
}

func (s *specimen) check(ev attest.Evidence) *attest.Verdict {
	return attest.Check(s.v, ev, s.p, attest.Rules{AllowTCB: s.allow})
}

// minted is one specimen of each kind.
func minted() map[string]*specimen {
	out := map[string]*specimen{}
	for name, m := range map[string]struct {
		v attest.Verifier
		s attesttest.Sample
	}{
		"sgx": {sgx.Verifier{}, attesttest.DCAP{}.Mint()}, "tdx": {tdx.Verifier{}, attesttest.DCAP{TDX: true}.Mint()},
		"tdx 1.5": {tdx.Verifier{}, attesttest.DCAP{TDX: true, Version: 5, TD15: true}.Mint()}, "sev": {sev.Verifier{}, attesttest.SEV{}.Mint()},
		"nitro": {nitro.Verifier{}, attesttest.Nitro{}.Mint()}, "cca": {cca.Verifier{}, attesttest.CCA{Cert: true}.Mint()}, "tpm": {tpm.Verifier{}, attesttest.TPM{Cert: true, NoValues: true}.Mint()},
	} {
		out[name] = &specimen{m.v, m.s.Evidence, attest.Params{At: m.s.At, Roots: m.s.Roots, Key: m.s.Key}, nil}
	}
	return out
}

// real adds the real evidence that is accepted at its stated time.
func real(t testing.TB) map[string]*specimen {
	dir := os.Getenv(attesttest.EvidenceDir)
	if dir == "" {
		t.Logf("%s is not set: real evidence was not mutated; minted evidence was", attesttest.EvidenceDir)
		return nil
	}
	read := func(name string) []byte {
		if name == "" {
			return nil
		}
		return attesttest.File(t, filepath.Join(dir, "from-fetch", name))
	}
	at := func(s string) time.Time {
		when, err := time.Parse(time.RFC3339, s)
		require.NoError(t, err)
		return when
	}
	out := map[string]*specimen{}
	add := func(name string, v attest.Verifier, raw, collateral, certs, when string, allow ...attest.TCBStatus) {
		out["real "+name] = &specimen{v, attest.Evidence{Raw: read(raw), Collateral: read(collateral), Certs: read(certs)}, attest.Params{At: at(when)}, allow}
	}
	add("sgx", sgx.Verifier{}, "sgx/sgx_v3_quote.bin", "sgx/sgx_v3_collateral.json", "", "2025-06-20T00:00:00Z", attest.ConfigurationAndSWHardeningNeeded)
	add("tdx", tdx.Verifier{}, "tdx/tdx_v4_quote.bin", "tdx/tdx_v4_collateral.json", "", "2025-06-20T00:00:00Z")
	add("sev", sev.Verifier{}, "snp/milan_v2_report.bin", "", "snp/milan_v2_vcek.der", "2025-01-01T00:00:00Z")
	add("vlek", sev.Verifier{}, "snp/milan_v3_vlek_report.bin", "", "snp/milan_v3_vlek.der", "2025-06-01T00:00:00Z")
	add("nitro", nitro.Verifier{}, "nitro/nitro_attestation_document.cbor", "", "", "2025-12-25T13:15:37Z")
	return out
}

// TestEveryByteAndLength flips bits of every byte of evidence, collateral and
// certificates, and cuts each at every length. What is accepted all the same has the
// same normal form: padding, and copies that no check needs.
func TestEveryByteAndLength(t *testing.T) {
	list := minted()
	maps.Copy(list, real(t))
	for name, s := range list {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			good := s.check(s.ev)
			require.True(t, good.Accepted, "%v", good.Refusals)
			refused, same := 0, 0
			try := func(part string, ev attest.Evidence, i int) {
				got := s.check(ev)
				if !got.Accepted {
					refused++
					return
				}
				same++
				if !reflect.DeepEqual(got.Result, good.Result) {
					t.Fatalf("%s, byte %d: changed evidence is accepted as other evidence", part, i)
				}
			}
			step := 1
			if testing.Short() {
				step = 7
			}
			for part, of := range map[string]func(*attest.Evidence) *[]byte{"evidence": func(e *attest.Evidence) *[]byte { return &e.Raw },
				"collateral": func(e *attest.Evidence) *[]byte { return &e.Collateral }, "certificates": func(e *attest.Evidence) *[]byte { return &e.Certs }} {
				whole := *of(&s.ev)
				for i := 0; i < len(whole); i += step {
					ev := s.ev
					b := bytes.Clone(whole)
					b[i] ^= []byte{0x01, 0x40, 0x80}[i%3]
					*of(&ev) = b
					try(part, ev, i)
					if i == 0 && part != "evidence" {
						continue // an absent part is another case
					}
					*of(&ev) = whole[:i:i]
					try(part+" cut", ev, i)
				}
			}
			t.Logf("%d changes refused, %d accepted as the same evidence", refused, same)
		})
	}
}

// BenchmarkVerify measures one verification of each kind.
func BenchmarkVerify(b *testing.B) {
	list := minted()
	maps.Copy(list, real(b))
	for name, s := range list {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if got := s.check(s.ev); !got.Accepted {
					b.Fatal(got.Refusals)
				}
			}
		})
	}
	w := newWorld(b)
	b.Run("proof with quote and device", func(b *testing.B) {
		for b.Loop() {
			for _, v := range w.judge(b) {
				if !v.Accepted {
					b.Fatal(v.Reasons)
				}
			}
		}
	})
}

// TestEveryCharacterOfCarriedEvidence changes the text of every member of attest.tee
// and attest.qpu as a provider who signs again could: what is still accepted is the
// same evidence.
func TestEveryCharacterOfCarriedEvidence(t *testing.T) {
	w, s, _ := sealedWorld(t, attesttest.DCAP{}, nil)
	w.seal(s)
	want := w.judge(t)
	require.True(t, want["tee"].SealedSeed)
	require.Equal(t, proofs.LevelDeviceSigned, want["qpu"].Level)
	refused, same := 0, 0
	try := func(path string) {
		for _, v := range w.judge(t) {
			if !v.Accepted {
				refused++
				return
			}
			require.Equal(t, want[v.Member], v, path)
		}
		same++
	}
	var walk func(path string, v *transcript.Value)
	walk = func(path string, v *transcript.Value) {
		for i := range v.Members {
			m := &v.Members[i]
			walk(path+"/"+m.Key, &m.Value)
			key := m.Key
			m.Key += "x"
			try(path + "/" + key)
			m.Key = key
		}
		for i := range v.Array {
			walk(path, &v.Array[i])
		}
		text, number := v.Text, v.Uint
		for i := 0; i < len(text); i += 1 + len(text)/50 {
			v.Text = text[:i] + string(rune(text[i]^1)) + text[i+1:]
			try(path)
		}
		v.Text = text
		if v.Kind == transcript.KindUint {
			v.Uint++
			try(path)
			v.Uint = number
		}
	}
	walk("tee", w.in.Attest.TEE)
	walk("qpu", w.in.Attest.QPU)
	require.Greater(t, refused, 500)
	t.Logf("%d changes refused, %d are the same evidence", refused, same)
}
