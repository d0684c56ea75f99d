package embedded

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// FuzzJudgeModule gives module and native side the same arbitrary messages.
func FuzzJudgeModule(f *testing.F) {
	r := rand.New(rand.NewPCG(31, 1))
	j := trapJob{layered: randomLayered(r, 3, 2), header: guest.Header{Shots: 130, RatioPPM: 400_000}, policy: guest.Policy(stats.RefPolicy())}
	p, err := traps.Plan(j.layered, j.header, j.policy, traps.Accredit)
	require.NoError(f, err)
	_, h, err := traps.Generate(j.layered, p, j.root, 0, 130)
	require.NoError(f, err)
	f.Add(p.Append(nil), h.Append(nil), honest(h).Append(nil), uint32(130))
	ch, co := cut(h, honest(h), 65)
	f.Add(p.Append(nil), ch.Append(nil), co.Append(nil), uint32(65))
	g := instantiate(f, "accredit")
	f.Fuzz(func(t *testing.T, pb, hb, ob []byte, n uint32) {
		g.t = t
		g.in = map[uint32][]byte{2: pb, 3: hb, 4: ob}
		want, errN := nativeJudge(g.in, int(int32(n)))
		errW := g.call("qx_judge", uint64(n))
		require.Equal(t, errN == nil, errW == nil, "native %v, module %v", errN, errW)
		if errN == nil {
			require.True(t, bytes.Equal(want, g.out[16]))
		}
	})
}

// FuzzCompile gives the compiler arbitrary messages: a valid layered circuit or a
// domain error.
func FuzzCompile(f *testing.F) {
	r := rand.New(rand.NewPCG(32, 1))
	for range 4 {
		in, err := guest.AppendCircuit(nil, randomCircuit(r, 1+r.IntN(4), 10))
		require.NoError(f, err)
		f.Add(in, guest.AppendTarget(nil, guest.Target{}))
		f.Add(in, guest.AppendTarget(nil, guest.Target{Width: 5, Edges: []circuit.Pair{{A: 0, B: 1}, {A: 1, B: 2}, {A: 2, B: 3}}}))
	}
	g := instantiate(f, "layered")
	f.Fuzz(func(t *testing.T, c, target []byte) {
		g.t = t
		g.in = map[uint32][]byte{1: c, 2: target}
		if g.call("qx_compile") == nil {
			_, err := guest.ParseLayered(g.out[16])
			require.NoError(t, err)
		}
	})
}
