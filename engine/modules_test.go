package engine_test

import (
	"bytes"
	"context"
	"slices"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/modules/trust/trusttest"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/stretchr/testify/require"
)

// governed is a world with the shipped modules under a root of one member.
type governed struct {
	host            *host.Host
	compiler, traps []byte
	records         []trust.Record
	blobs           map[digest.Digest][]byte
}

// described records what a module answers to qx_describe as its vectors.
func described(t *testing.T, h *host.Host, kind abi.Kind, wasm []byte) []byte {
	t.Helper()
	c, end, err := engine.Opener(h)(context.Background(), kind, wasm)
	require.NoError(t, err)
	defer func() { require.NoError(t, end()) }()
	rec := &trust.Recorder{Caller: c}
	_, err = abi.ReadManifest(context.Background(), rec)
	require.NoError(t, err)
	b, err := transcript.Encode(rec.Vectors)
	require.NoError(t, err)
	return b
}

func newGoverned(t *testing.T) *governed {
	t.Helper()
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	g := &governed{host: h, blobs: map[digest.Digest][]byte{}}
	for _, name := range []string{"layered", "accredit"} {
		m, ok := embedded.Lookup(name)
		require.True(t, ok)
		kind, err := abi.ParseKind(m.Kind)
		require.NoError(t, err)
		vectors := described(t, h, kind, m.Bytes)
		g.put(m.Bytes, vectors)
		g.records = append(g.records, trusttest.Record(m.Kind, m.Name, m.Version, m.Bytes, vectors))
	}
	c, _ := embedded.Lookup("layered")
	a, _ := embedded.Lookup("accredit")
	g.compiler, g.traps = c.Bytes, a.Bytes
	return g
}

func (g *governed) put(blobs ...[]byte) {
	for _, b := range blobs {
		g.blobs[digest.Sum(b)] = b
	}
}

// under governs by a set of these records.
func (g *governed) under(t *testing.T, height uint64, records ...trust.Record) *engine.Governance {
	t.Helper()
	root := trusttest.Sign(t, trusttest.Root(t, 1, digest.Digest{}, 1, 1, 1), 1)
	c, err := trust.NewChain(root.Digest(), root)
	require.NoError(t, err)
	require.NoError(t, c.AddSet(trusttest.Sign(t, trusttest.First(root, records...), 1)))
	return &engine.Governance{Chain: c, Height: height, Blob: func(d digest.Digest, _ int64) ([]byte, error) { return bytes.Clone(g.blobs[d]), nil }}
}

func TestGovernedJob(t *testing.T) {
	w := newGoverned(t)
	gov := w.under(t, 150, w.records...)
	authority, err := gov.Authority()
	require.NoError(t, err)
	require.Equal(t, engine.Authority{ChainID: trusttest.ChainID, Epoch: 1, Set: gov.Chain.Head(), Height: 150}, authority)
	c, err := gov.Choose(t.Context(), w.host, abi.KindCompiler, "layered")
	require.NoError(t, err)
	tr, err := gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
	require.NoError(t, err)
	g, err := engine.OpenGoverned(t.Context(), w.host, c, tr)
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	require.Equal(t, digest.Sum(w.traps), g.Modules[1].SHA3)
	cfg := config(t, sim.New())
	cfg.Compiler, cfg.Traps, cfg.Modules = g.Compiler, g.Traps, g.Modules
	_, o := runTask(t, cfg, task(t, 3, 4, 640, 200_000))
	require.EqualValues(t, engine.StatusCompleted, o.Status)
}

// TestGovernanceRefuses: each module that may not run, by its own error.
func TestGovernanceRefuses(t *testing.T) {
	w := newGoverned(t)
	edited := func(edit func(r *trust.Record)) []trust.Record {
		r := append([]trust.Record{}, w.records...)
		edit(&r[1])
		return r
	}
	// Vectors that name another answer.
	list, err := trust.ParseVectors(w.blobs[w.records[1].Vectors])
	require.NoError(t, err)
	list[0].Output[16] = digest.Digest{1}
	lying, err := transcript.Encode(list)
	require.NoError(t, err)
	w.put(lying)
	for name, x := range map[string]struct {
		height  uint64
		records []trust.Record
		policy  *trust.Policy
		want    error
	}{
		"before the set":   {99, w.records, nil, trust.ErrNotActive},
		"after the set":    {1000, w.records, nil, trust.ErrExpired},
		"candidate":        {150, edited(func(r *trust.Record) { r.Status = trust.Candidate }), nil, trust.ErrNotActive},
		"not active yet":   {150, edited(func(r *trust.Record) { r.Activation = 151 }), nil, trust.ErrNotActive},
		"record expired":   {150, edited(func(r *trust.Record) { r.Expiry = 150 }), nil, trust.ErrExpired},
		"revoked":          {150, edited(func(r *trust.Record) { r.Status = trust.Revoked }), nil, trust.ErrRevoked},
		"revoked hard":     {150, edited(func(r *trust.Record) { r.Status = trust.RevokedHard }), nil, trust.ErrRevoked},
		"not listed":       {150, w.records[:1], nil, trust.ErrNotListed},
		"removed":          {150, w.records, &trust.Policy{Remove: []digest.Digest{w.records[1].SHA3}}, trust.ErrRemoved},
		"not among only":   {150, w.records, &trust.Policy{Only: []digest.Digest{w.records[0].SHA3}}, trust.ErrRemoved},
		"self-test":        {150, edited(func(r *trust.Record) { r.Vectors = digest.Sum(lying) }), nil, trust.ErrSelfTest},
		"other vectors":    {150, edited(func(r *trust.Record) { r.Vectors = digest.Digest{9} }), nil, trust.ErrBytes},
		"another SHA-256":  {150, edited(func(r *trust.Record) { r.SHA256 = digest.Digest{9} }), nil, trust.ErrBytes},
		"size of a record": {150, edited(func(r *trust.Record) { r.Size-- }), nil, trust.ErrBytes},
	} {
		gov := w.under(t, x.height, x.records...)
		gov.Policy = x.policy
		_, err := gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
		require.ErrorIs(t, err, x.want, name)
		_, err = gov.Admit(t.Context(), w.host, abi.KindTraps, w.traps)
		require.ErrorIs(t, err, x.want, name)
	}
	gov := w.under(t, 150, w.records...)
	_, err = gov.Admit(t.Context(), w.host, abi.KindCompiler, w.traps)
	require.ErrorIs(t, err, trust.ErrNotListed, "a trap library as a compiler")
	_, err = gov.Admit(t.Context(), w.host, abi.KindTraps, append(bytes.Clone(w.traps), 0, 1, 0))
	require.ErrorIs(t, err, trust.ErrNotListed, "a section more")
}

// TestSwappedBytes: a store that changes its bytes after they were hashed changes
// nothing that is loaded; one that delivers others is refused.
func TestSwappedBytes(t *testing.T) {
	w := newGoverned(t)
	gov := w.under(t, 150, w.records...)
	var handed []byte
	gov.Blob = func(d digest.Digest, _ int64) ([]byte, error) {
		if d == w.records[1].Vectors { // asked for when the module was hashed
			for i := range handed {
				handed[i] ^= 0xff
			}
			return w.blobs[d], nil
		}
		handed = bytes.Clone(w.blobs[d])
		return handed, nil
	}
	a, err := gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
	require.NoError(t, err)
	require.NotEqual(t, w.traps, handed)
	require.Equal(t, w.traps, a.Bytes())
	c, err := w.under(t, 150, w.records...).Choose(t.Context(), w.host, abi.KindCompiler, "layered")
	require.NoError(t, err)
	g, err := engine.OpenGoverned(t.Context(), w.host, c, a)
	require.NoError(t, err)
	require.Equal(t, w.records[1].SHA3, g.Modules[1].SHA3)
	require.NoError(t, g.Close())

	for _, other := range [][]byte{w.compiler, append([]byte{1}, w.traps[1:]...), nil} {
		gov.Blob = func(digest.Digest, int64) ([]byte, error) { return other, nil }
		_, err = gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
		require.ErrorIs(t, err, trust.ErrBytes)
	}
}

// TestVersionChoice: active before deprecated, then the latest activation, then
// the greatest version.
func TestVersionChoice(t *testing.T) {
	w := newGoverned(t)
	versions := func(edit func(r []trust.Record)) []trust.Record {
		r := []trust.Record{}
		for i, v := range []string{"1", "2", "3"} {
			wasm := append(bytes.Clone(w.traps), 0, 2, 1, byte('a'+i)) // a custom section
			w.put(wasm)
			x := trusttest.Record("traps", "accredit", v, wasm, w.blobs[w.records[1].Vectors])
			r = append(r, x)
		}
		edit(r)
		return r
	}
	for want, records := range map[string][]trust.Record{
		"3": versions(func([]trust.Record) {}),
		"2": versions(func(r []trust.Record) { r[2].Status = trust.Deprecated }),
		"1": versions(func(r []trust.Record) { r[0].Activation = 120 }),
	} {
		a, err := w.under(t, 150, records...).Choose(t.Context(), w.host, abi.KindTraps, "accredit")
		require.NoError(t, err)
		require.Equal(t, want, a.Record.Version)
	}
	// A record of another meter, or of another metered form, is not started.
	for _, edit := range []func(r *trust.Record){func(r *trust.Record) { r.Meter, r.MeteredSHA3 = meter.ID, digest.Digest{1} }, func(r *trust.Record) { r.Meter, r.MeteredSHA3 = "meter-0", digest.Digest{1} }} {
		records := slices.Clone(w.records)
		edit(&records[1])
		gov := w.under(t, 150, records...)
		c, err := gov.Choose(t.Context(), w.host, abi.KindCompiler, "layered")
		require.NoError(t, err)
		a, err := gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
		require.NoError(t, err)
		_, err = engine.OpenGoverned(t.Context(), w.host, c, a)
		require.ErrorIs(t, err, trust.ErrBytes)
	}
	// A record whose version is not the module's own is not started.
	records := versions(func([]trust.Record) {})
	gov := w.under(t, 150, append(records, w.records[0])...)
	c, err := gov.Choose(t.Context(), w.host, abi.KindCompiler, "layered")
	require.NoError(t, err)
	a, err := gov.Choose(t.Context(), w.host, abi.KindTraps, "accredit")
	require.NoError(t, err)
	_, err = engine.OpenGoverned(t.Context(), w.host, c, a)
	require.ErrorIs(t, err, trust.ErrBytes)
}

// TestAnotherModuleAnotherPlan: one byte more in the trap library changes M, and
// with it the root of all that it draws: the trap slots are others.
func TestAnotherModuleAnotherPlan(t *testing.T) {
	w := newGoverned(t)
	plan := func(traps []byte) *engine.Plan {
		g, err := engine.OpenGuests(t.Context(), w.host, w.compiler, traps)
		require.NoError(t, err)
		defer func() { require.NoError(t, g.Close()) }()
		cfg := config(t, sim.New())
		cfg.Compiler, cfg.Traps, cfg.Modules = g.Compiler, g.Traps, g.Modules
		p, err := newEngine(t, cfg).Plan(t.Context(), task(t, 4, 8, 640, 200_000))
		require.NoError(t, err)
		return p
	}
	a, b := plan(w.traps), plan(append(bytes.Clone(w.traps), 0, 2, 1, 'x'))
	require.Equal(t, a.J, b.J)
	require.Equal(t, a.CompiledHash, b.CompiledHash)
	require.NotEqual(t, a.M, b.M)
	require.NotEqual(t, a.TrapPlanHash, b.TrapPlanHash)
	same := 0
	for i := range a.Rows.N {
		if bytes.Equal(a.Rows.Row(i), b.Rows.Row(i)) {
			same++
		}
	}
	require.Less(t, same, a.Rows.N/100, "rows in common")
}
