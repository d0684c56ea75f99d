package trust_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

func TestAdmit(t *testing.T) {
	w := newWorld(t)
	c := w.chain(t, w.set1, w.s2, w.root2, w.set3)
	a, err := c.Admit(wasmB, 150, nil)
	require.NoError(t, err)
	require.Equal(t, wasmB, a.Bytes())
	_, err = c.Admit(wasmB, 200, nil)
	require.ErrorIs(t, err, trust.ErrRevoked)
	_, err = c.Admit(wasmB, 300, nil)
	require.ErrorIs(t, err, trust.ErrRevoked, "no longer listed, still revoked")
	_, err = c.Admit([]byte("module c"), 150, nil)
	require.ErrorIs(t, err, trust.ErrNotListed)
	for _, p := range []*trust.Policy{{Remove: []digest.Digest{sumA}}, {Only: []digest.Digest{sumB}}} {
		_, err = c.Admit(wasmA, 150, p)
		require.ErrorIs(t, err, trust.ErrRemoved)
	}
	for _, p := range []*trust.Policy{nil, {}, {Remove: []digest.Digest{sumB}}, {Only: []digest.Digest{sumA}}} {
		_, err = c.Admit(wasmA, 150, p)
		require.NoError(t, err)
	}
	_, err = c.Admit([]byte("module c"), 150, &trust.Policy{Only: []digest.Digest{digest.Sum([]byte("module c"))}})
	require.ErrorIs(t, err, trust.ErrNotListed, "a policy cannot add")

	require.NoError(t, c.MayFinish(sumB, 1, 250), "a soft revocation lets jobs end")
	require.NoError(t, c.MayFinish(sumA, 2, 299))
	require.ErrorIs(t, c.MayFinish(sumA, 2, 300), trust.ErrRevoked)
	require.ErrorIs(t, c.MayFinish(sumB, 3, 300), trust.ErrNotListed)
	require.ErrorIs(t, c.MayFinish(sumB, 4, 300), trust.ErrGap)

	for i, x := range []struct {
		edit func(*trust.Record)
		want error
	}{
		{func(r *trust.Record) { r.Status = trust.Candidate }, trust.ErrNotActive},
		{func(r *trust.Record) { r.Activation = 151 }, trust.ErrNotActive},
		{func(r *trust.Record) { r.Activation, r.Expiry = 1, 150 }, trust.ErrExpired},
		{func(r *trust.Record) { r.Size++ }, trust.ErrBytes},
		{func(r *trust.Record) { r.SHA256 = digest.Digest{1} }, trust.ErrBytes},
		{func(r *trust.Record) { r.Status = trust.Deprecated; r.Expiry = 151 }, nil},
	} {
		s := w.e1
		s.Records = slices.Clone(s.Records)
		x.edit(&s.Records[0])
		_, err := w.chain(t, signed(t, s, 1, 2)).Admit(wasmA, 150, nil)
		require.ErrorIs(t, err, x.want, i)
	}
}

// TestSwap: bytes that change after the hash was taken are not what is loaded.
func TestSwap(t *testing.T) {
	w := newWorld(t)
	buffer := slices.Clone(wasmA)
	a, err := w.chain(t, w.set1).Admit(buffer, 150, nil)
	require.NoError(t, err)
	copy(buffer, wasmB)
	require.Equal(t, wasmA, a.Bytes())
	a.Bytes()[0] ^= 1
	require.Equal(t, wasmA, a.Bytes())
	var loaded []byte
	require.NoError(t, a.SelfTest(t.Context(), vectors(t), func(_ context.Context, _ abi.Kind, wasm []byte) (abi.Caller, func() error, error) {
		loaded = wasm
		return honest(), func() error { return nil }, nil
	}))
	require.Equal(t, sumA, digest.Sum(loaded))
	_, err = a.Record.Match(buffer)
	require.ErrorIs(t, err, trust.ErrBytes)
}

type caller map[string]*abi.Outcome

func (c caller) Call(_ context.Context, export string, _ []uint64, _ map[int][]byte) (*abi.Outcome, error) {
	if o := c[export]; o != nil {
		return o, nil
	}
	return nil, errors.New("worker died")
}

func honest() caller {
	return caller{"qx_describe": {Class: abi.OK, Out: map[int][]byte{16: []byte("qx_describe")}}, "qx_generate": {Class: abi.DomainError, Code: 7}}
}

func TestSelfTest(t *testing.T) {
	r := record(t, "a", wasmA, trust.Active)
	a, err := r.Match(wasmA)
	require.NoError(t, err)
	run := func(c caller, b []byte) error {
		return a.SelfTest(t.Context(), b, func(context.Context, abi.Kind, []byte) (abi.Caller, func() error, error) {
			return c, func() error { return nil }, nil
		})
	}
	require.NoError(t, run(honest(), vectors(t)))
	require.ErrorIs(t, run(honest(), append(vectors(t), 0)), trust.ErrBytes)
	for name, o := range map[string]*abi.Outcome{
		"bytes": {Class: abi.OK, Out: map[int][]byte{16: []byte("other")}}, "stream": {Class: abi.OK, Out: map[int][]byte{17: []byte("qx_describe")}},
		"more": {Class: abi.OK, Out: map[int][]byte{16: []byte("qx_describe"), 17: nil}}, "none": {Class: abi.OK}, "class": {Class: abi.Trap}, "refusal": {Class: abi.DomainError, Code: 7},
	} {
		c := maps.Clone(honest())
		c["qx_describe"] = o
		require.ErrorIs(t, run(c, vectors(t)), trust.ErrSelfTest, name)
	}
	c := honest()
	c["qx_generate"] = &abi.Outcome{Class: abi.DomainError, Code: 8}
	require.ErrorIs(t, run(c, vectors(t)), trust.ErrSelfTest)
	delete(c, "qx_generate")
	err = run(c, vectors(t))
	require.ErrorContains(t, err, "worker died")
	require.NotErrorIs(t, err, trust.ErrSelfTest, "a dead worker says nothing about the module")
}

func TestSigners(t *testing.T) {
	w := newWorld(t)
	d := signed(t, w.e1, 1)
	require.ErrorIs(t, d.Sign(t.Context(), member(t, 1)), trust.ErrDuplicateKey)
	operational, err := keys.NewEd25519(keys.Operational, [32]byte{1})
	require.NoError(t, err)
	require.ErrorIs(t, d.Sign(t.Context(), operational), keys.ErrRole)
	require.Len(t, d.Signatures, 1)
}

func TestRecorder(t *testing.T) {
	r := &trust.Recorder{Caller: honest()}
	_, err := r.Call(t.Context(), "qx_describe", nil, nil)
	require.NoError(t, err)
	_, err = r.Call(t.Context(), "qx_generate", []uint64{3, 4}, map[int][]byte{0: {1}, 15: {}})
	require.NoError(t, err)
	b, err := transcript.Encode(r.Vectors)
	require.NoError(t, err)
	require.Equal(t, vectors(t), b)
	_, err = r.Call(t.Context(), "qx_plan", nil, nil)
	require.ErrorContains(t, err, "worker died")
	require.Len(t, r.Vectors, 2)
}
