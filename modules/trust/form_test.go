package trust_test

import (
	"crypto/ed25519"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

func sum(t testing.TB, v transcript.Framed) string {
	t.Helper()
	d, err := transcript.Sum(v)
	require.NoError(t, err)
	return d.String()
}

// TestGolden fixes the bytes of every frame by their digests.
func TestGolden(t *testing.T) {
	w := newWorld(t)
	require.Equal(t, goldenVectors, digest.Sum(vectors(t)).String())
	require.Equal(t, goldenRecord, sum(t, record(t, "a", wasmA, trust.Active)))
	require.Equal(t, goldenRoot, w.pin.String())
	require.Equal(t, goldenRotated, w.root2.Digest().String())
	require.Equal(t, goldenSet, w.set3.Digest().String())
}

func TestRoundTrip(t *testing.T) {
	w := newWorld(t)
	for _, d := range []*trust.Signed{w.root1, w.root2, w.set1, w.s2, w.set3} {
		b, err := json.Marshal(d)
		require.NoError(t, err)
		again, err := trust.ParseSigned(b)
		require.NoError(t, err)
		require.Equal(t, d, again)
	}
	s, err := trust.ParseSet(w.s2.Frame)
	require.NoError(t, err)
	require.Equal(t, w.e2.Previous, s.Previous)
	require.Equal(t, w.s2.Frame, encoded(t, s))
	r, err := trust.ParseRoot(w.root2.Frame)
	require.NoError(t, err)
	require.Equal(t, w.r2, *r)
	v, err := trust.ParseVectors(vectors(t))
	require.NoError(t, err)
	require.Equal(t, vectors(t), encoded(t, v))
	m := trust.Mark{Pin: digest.Digest{1}, Epoch: 3, Head: digest.Digest{2}}
	b, err := json.Marshal(m)
	require.NoError(t, err)
	again, err := trust.ParseMark(b)
	require.NoError(t, err)
	require.Equal(t, m, again)
	p := &trust.Policy{Only: []digest.Digest{{2}, {1}}, Remove: []digest.Digest{{3}}}
	b, err = p.Encode()
	require.NoError(t, err)
	q, err := trust.ParsePolicy(b)
	require.NoError(t, err)
	require.Equal(t, &trust.Policy{Only: []digest.Digest{{1}, {2}}, Remove: []digest.Digest{{3}}}, q)
}

func encoded(t testing.TB, v transcript.Framed) []byte {
	t.Helper()
	b, err := transcript.Encode(v)
	require.NoError(t, err)
	return b
}

// TestRefusedForms: what cannot be encoded cannot be signed either.
func TestRefusedForms(t *testing.T) {
	w := newWorld(t)
	small := make([]byte, ed25519.PublicKeySize)
	small[0] = 1 // the neutral element
	for name, edit := range map[string]func(r *trust.Root){
		"version 0": func(r *trust.Root) { r.Version = 0 }, "threshold 0": func(r *trust.Root) { r.Threshold = 0 }, "threshold n+1": func(r *trust.Root) { r.Threshold = 4 },
		"no keys": func(r *trust.Root) { r.Keys, r.Threshold = nil, 1 }, "order": func(r *trust.Root) { r.Keys[0], r.Keys[1] = r.Keys[1], r.Keys[0] },
		"key twice": func(r *trust.Root) { r.Keys[1] = r.Keys[0] }, "small order": func(r *trust.Root) { r.Keys[0] = small }, "previous": func(r *trust.Root) { r.Previous = digest.Digest{1} },
		"first epoch": func(r *trust.Root) { r.FirstEpoch = 2 }, "no epoch": func(r *trust.Root) { r.FirstEpoch = 0 }, "expiry": func(r *trust.Root) { r.Expiry = 0 },
		"many keys": func(r *trust.Root) { r.Keys = make([][]byte, trust.MaxKeys+1) },
	} {
		r := root(t, 1, digest.Digest{}, 1, 2, 1, 2, 3)
		edit(&r)
		_, err := trust.NewSigned(r)
		require.ErrorIs(t, err, trust.ErrForm, name)
	}
	for name, edit := range map[string]func(s *trust.Set){
		"epoch 0": func(s *trust.Set) { s.Epoch = 0 }, "previous of 1": func(s *trust.Set) { s.Previous = digest.Digest{1} }, "no previous": func(s *trust.Set) { s.Epoch = 2 },
		"no root": func(s *trust.Set) { s.Root = digest.Digest{} }, "expiry": func(s *trust.Set) { s.Expiry = s.Activation },
		"order":      func(s *trust.Set) { s.Records = []trust.Record{w.e1.Records[1], w.e1.Records[0]} },
		"twice":      func(s *trust.Set) { s.Records = []trust.Record{w.e1.Records[0], w.e1.Records[0]} },
		"one module": func(s *trust.Set) { r := s.Records[0]; r.Version = "2"; s.Records = []trust.Record{s.Records[0], r} },
		"many":       func(s *trust.Set) { s.Records = make([]trust.Record, trust.MaxRecords+1) },
		"bad record": func(s *trust.Set) { r := s.Records[0]; r.Name = "A"; s.Records = []trust.Record{r} },
	} {
		s := w.e1
		edit(&s)
		_, err := trust.NewSigned(s)
		require.ErrorIs(t, err, trust.ErrForm, name)
	}
	for name, edit := range map[string]func(r *trust.Record){
		"kind": func(r *trust.Record) { r.Kind = "driver" }, "name": func(r *trust.Record) { r.Name = "" }, "version": func(r *trust.Record) { r.Version = "1 0" },
		"size 0": func(r *trust.Record) { r.Size = 0 }, "size": func(r *trust.Record) { r.Size = trust.MaxModule + 1 }, "abi": func(r *trust.Record) { r.ABI = "qx2" },
		"meter": func(r *trust.Record) { r.Meter = "meter/1" }, "metered": func(r *trust.Record) { r.MeteredSHA3 = digest.Digest{1} }, "sha3": func(r *trust.Record) { r.SHA3 = digest.Digest{} },
		"status": func(r *trust.Record) { r.Status = "fine" }, "expiry": func(r *trust.Record) { r.Expiry = r.Activation }, "builders": func(r *trust.Record) { r.Builders = make([]digest.Digest, trust.MaxDigests+1) },
	} {
		r := record(t, "a", wasmA, trust.Active)
		edit(&r)
		_, err := transcript.Encode(r)
		require.ErrorIs(t, err, trust.ErrForm, name)
	}
	good := trust.Vector{Export: "qx_describe", Class: abi.OK, Output: map[int]digest.Digest{16: {1}}}
	for name, edit := range map[string]func(v *trust.Vector){
		"export": func(v *trust.Vector) { v.Export = "" }, "class": func(v *trust.Vector) { v.Class = abi.Trap }, "code": func(v *trust.Vector) { v.Code = 1 },
		"no output": func(v *trust.Vector) { v.Output = nil }, "stream": func(v *trust.Vector) { v.Output = map[int]digest.Digest{15: {1}} },
		"input stream": func(v *trust.Vector) { v.Inputs = map[int][]byte{16: nil} }, "inputs": func(v *trust.Vector) { v.Inputs = map[int][]byte{0: make([]byte, trust.MaxInputs), 1: {1}} },
		"arguments": func(v *trust.Vector) { v.Args = make([]uint64, trust.MaxArgs+1) },
		"refusal 0": func(v *trust.Vector) { v.Class, v.Output = abi.DomainError, nil }, "refusal with output": func(v *trust.Vector) { v.Class, v.Code = abi.DomainError, 1 },
	} {
		v := good
		edit(&v)
		_, err := transcript.Encode(trust.Vectors{v})
		require.ErrorIs(t, err, trust.ErrForm, name)
	}
	for _, n := range []int{0, trust.MaxVectors + 1} {
		_, err := transcript.Encode(make(trust.Vectors, n))
		require.ErrorIs(t, err, trust.ErrForm)
	}
}

func TestTransportStrict(t *testing.T) {
	w := newWorld(t)
	b, err := json.Marshal(w.set1)
	require.NoError(t, err)
	text := string(b)
	for name, bad := range map[string]string{
		"member": strings.Replace(text, `{"format"`, `{"x":1,"format"`, 1), "repeated": strings.Replace(text, `{"format"`, `{"format":"animica-governance/1","format"`, 1),
		"version": strings.Replace(text, "governance/1", "governance/2", 1), "upper case": strings.Replace(text, "ed25519:", "ed25519:A", 1), "trailing": text + "{}",
		"missing": strings.Replace(text, `"frame"`, `"fram"`, 1), "short key": strings.Replace(text, "ed25519:", "ed25519:00", 1), "algorithm": strings.Replace(text, "ed25519:", "rsa:", 1), "null": "null",
	} {
		_, err := trust.ParseSigned([]byte(bad))
		require.ErrorIs(t, err, trust.ErrForm, name)
	}
	_, err = trust.ParseSigned(make([]byte, trust.MaxSigned+1))
	require.ErrorIs(t, err, trust.ErrForm)
	rec := encoded(t, record(t, "a", wasmA, trust.Active))
	raw, err := json.Marshal(&trust.Signed{Frame: rec})
	require.NoError(t, err)
	_, err = trust.ParseSigned(raw)
	require.ErrorIs(t, err, trust.ErrDomain)
	for _, bad := range []string{"", "{}", `{"pin":"` + strings.Repeat("0", 64) + `","epoch":0,"head":"` + strings.Repeat("0", 64) + `"}`} {
		_, err := trust.ParseMark([]byte(bad))
		require.ErrorIs(t, err, trust.ErrForm)
	}
	for _, bad := range []string{"[]", `{"add":[]}`, `{"only":["x"]}`} {
		_, err := trust.ParsePolicy([]byte(bad))
		require.ErrorIs(t, err, trust.ErrForm)
	}
}

// FuzzFrames: what is accepted has one encoding, and nothing panics.
func FuzzFrames(f *testing.F) {
	w := newWorld(f)
	for _, b := range [][]byte{w.root1.Frame, w.root2.Frame, w.set1.Frame, w.set3.Frame, vectors(f), nil} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := trust.ParseSet(b); err == nil {
			require.Equal(t, b, encoded(t, s))
		}
		if r, err := trust.ParseRoot(b); err == nil {
			require.Equal(t, b, encoded(t, r))
		}
		if r, err := trust.ParseRecord(b); err == nil {
			require.Equal(t, b, encoded(t, r))
		}
		if v, err := trust.ParseVectors(b); err == nil {
			require.Equal(t, b, encoded(t, v))
		}
	})
}

// FuzzSigned: the transport form is read strictly and offered to a chain.
func FuzzSigned(f *testing.F) {
	w := newWorld(f)
	for _, d := range []*trust.Signed{w.root2, w.set1} {
		b, err := json.Marshal(d)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := trust.ParseSigned(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(d)
		require.NoError(t, err)
		e, err := trust.ParseSigned(again)
		require.NoError(t, err)
		require.Equal(t, d.Digest(), e.Digest())
		c, err := trust.NewChain(w.pin, w.root1)
		require.NoError(t, err)
		_ = c.Offer([]*trust.Signed{d})
		require.LessOrEqual(t, c.Epoch(), uint64(1))
	})
}

// FuzzNode: a node's own files, mark and policy, are read strictly and written
// back the same.
func FuzzNode(f *testing.F) {
	w := newWorld(f)
	m, err := json.Marshal(w.chain(f, w.set1).Mark().At(7))
	require.NoError(f, err)
	f.Add(m)
	f.Add([]byte(`{"only":["` + w.pin.String() + `"],"remove":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := trust.ParseMark(b); err == nil {
			out, err := json.Marshal(m)
			require.NoError(t, err)
			again, err := trust.ParseMark(out)
			require.NoError(t, err)
			require.Equal(t, m, again)
		}
		if p, err := trust.ParsePolicy(b); err == nil {
			out, err := p.Encode()
			require.NoError(t, err)
			_, err = trust.ParsePolicy(out)
			require.NoError(t, err)
		}
	})
}

// TestHeightsSeen: what a node has seen does not fall, and nobody is believed below
// it.
func TestHeightsSeen(t *testing.T) {
	m := trust.Mark{}.At(250).At(200)
	require.Equal(t, uint64(250), m.Height)
	asked := func(h uint64) *uint64 { return &h }
	for _, x := range []struct {
		asked     *uint64
		job, want uint64
		err       error
	}{{nil, 0, 250, nil}, {nil, 240, 250, nil}, {nil, 300, 300, nil}, {asked(250), 300, 250, nil}, {asked(251), 0, 251, nil}, {asked(249), 300, 0, trust.ErrRollback}} {
		got, err := m.Now(x.asked, x.job)
		require.ErrorIs(t, err, x.err)
		require.Equal(t, x.want, got)
	}
	for _, bad := range []string{`{"pin":"` + strings.Repeat("1", 64) + `","epoch":0,"head":"` + strings.Repeat("0", 64) + `","height":-1}`} {
		_, err := trust.ParseMark([]byte(bad))
		require.ErrorIs(t, err, trust.ErrForm)
	}
}
