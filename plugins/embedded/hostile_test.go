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

// The native side of each call, on bytes.
func nativePlan(in map[uint32][]byte, mix traps.Mix) ([]byte, error) {
	h, err := guest.ParseHeader(in[0])
	if err != nil {
		return nil, err
	}
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	if len(in[5]) != guest.RootSize+guest.PolicySize {
		return nil, guest.ErrForm
	}
	pol, err := guest.ParsePolicy(in[5][guest.RootSize:])
	if err != nil {
		return nil, err
	}
	p, err := traps.Plan(l, h, pol, mix)
	if err != nil {
		return nil, err
	}
	return p.Append(nil), nil
}

func nativeGenerate(in map[uint32][]byte, first uint64, n int) ([]byte, error) {
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	if len(in[5]) != guest.RootSize+guest.PolicySize {
		return nil, guest.ErrForm
	}
	rows, hid, err := traps.Generate(l, p, [32]byte(in[5]), first, n)
	if err != nil {
		return nil, err
	}
	return append(rows.Append(nil), hid.Append(nil)...), nil
}

func nativeJudge(in map[uint32][]byte, n int) ([]byte, error) {
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	h, err := guest.ParseHidden(in[3], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	o, err := guest.ParseOutcomes(in[4], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	v, err := traps.Judge(p, h, o, n)
	if err != nil {
		return nil, err
	}
	return v.Append(nil), nil
}

func nativeAudit(in map[uint32][]byte, n int) ([]byte, error) {
	l, err := guest.ParseLayered(in[1])
	if err != nil {
		return nil, err
	}
	p, err := guest.ParsePlan(in[2])
	if err != nil {
		return nil, err
	}
	h, err := guest.ParseHidden(in[3], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	o, err := guest.ParseOutcomes(in[4], p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	if p.Shots != uint64(n) {
		return nil, guest.ErrForm
	}
	a, err := traps.Score(l, p, h, o)
	if err != nil {
		return nil, err
	}
	return a.Append(nil), nil
}

// TestHostileMessages changes bytes of every input of every call: the module
// refuses exactly what the native side refuses, and else gives the same bytes.
func TestHostileMessages(t *testing.T) {
	for _, name := range []string{"accredit", "xeb_small"} {
		t.Run(name, func(t *testing.T) { hostileMessages(t, name) })
	}
}

func hostileMessages(t *testing.T, name string) {
	mix := mixes[name]
	r := rand.New(rand.NewPCG(21, 1))
	j := trapJob{layered: randomLayered(r, 5, 3), header: guest.Header{Shots: 140, RatioPPM: 400_000}, policy: guest.Policy(stats.RefPolicy()), root: randomRoot(r)}
	p, err := traps.Plan(j.layered, j.header, j.policy, mix)
	require.NoError(t, err)
	_, h, err := traps.Generate(j.layered, p, j.root, 0, 140)
	require.NoError(t, err)
	o := honest(h)
	spoil(r, o)
	in := j.inputs(j.root)
	in[2], in[3], in[4] = p.Append(nil), h.Append(nil), o.Append(nil)
	g := instantiate(t, name)
	type hostileCall struct {
		streams []uint32
		native  func(map[uint32][]byte) ([]byte, error)
		wasm    func() error
	}
	calls := map[string]hostileCall{
		"plan":     {[]uint32{0, 1, 5}, func(in map[uint32][]byte) ([]byte, error) { return nativePlan(in, mix) }, func() error { return g.call("qx_plan") }},
		"generate": {[]uint32{1, 2}, func(in map[uint32][]byte) ([]byte, error) { return nativeGenerate(in, 60, 30) }, func() error { return g.call("qx_generate", 60, 30) }},
		"judge":    {[]uint32{2, 3, 4}, func(in map[uint32][]byte) ([]byte, error) { return nativeJudge(in, 140) }, func() error { return g.call("qx_judge", 140) }},
	}
	if name == "xeb_small" {
		calls["audit"] = hostileCall{[]uint32{1, 2, 3, 4}, func(in map[uint32][]byte) ([]byte, error) { return nativeAudit(in, 140) }, func() error { return g.call("qx_audit", 140) }}
	}
	for name, c := range calls {
		check := func(s uint32, b []byte, what string, at int) {
			changed := map[uint32][]byte{}
			for k, v := range in {
				changed[k] = v
			}
			changed[s] = b
			want, errN := c.native(changed)
			g.in = changed
			errW := c.wasm()
			require.Equal(t, errN == nil, errW == nil, "%s stream %d %s %d: native %v, module %v", name, s, what, at, errN, errW)
			if errN == nil {
				require.True(t, bytes.Equal(want, append(g.out[16], g.out[17]...)), "%s stream %d %s %d", name, s, what, at)
			}
		}
		for _, s := range c.streams {
			step := 1 + len(in[s])/400
			for i := 0; i < len(in[s]); i += 1 + r.IntN(step) {
				for _, x := range []byte{1, 0x80, byte(1 + r.IntN(255))} {
					b := bytes.Clone(in[s])
					b[i] ^= x
					check(s, b, "byte", i)
				}
				check(s, in[s][:i], "cut", i)
			}
			check(s, append(bytes.Clone(in[s]), 0), "longer", len(in[s]))
			check(s, append(bytes.Clone(in[s]), make([]byte, 8)...), "longer", len(in[s]))
			g.in = map[uint32][]byte{}
			for k, v := range in {
				if k != s {
					g.in[k] = v
				}
			}
			require.Error(t, c.wasm(), "%s without stream %d", name, s)
		}
		g.in, g.outMax = in, 100
		require.ErrorContains(t, c.wasm(), "output limit")
		g.outMax = 0
	}
}

// TestCallArguments: counts outside a job are refused on both sides.
func TestCallArguments(t *testing.T) {
	r := rand.New(rand.NewPCG(22, 1))
	j := trapJob{layered: randomLayered(r, 3, 2), header: guest.Header{Shots: 5000, RatioPPM: 100_000}, policy: guest.Policy(stats.ExactPolicy()), root: randomRoot(r)}
	p, err := traps.Plan(j.layered, j.header, j.policy, traps.Accredit)
	require.NoError(t, err)
	_, h, err := traps.Generate(j.layered, p, j.root, 0, 5000)
	require.NoError(t, err)
	g := instantiate(t, "accredit")
	g.in = j.inputs(j.root)
	g.in[2], g.in[3], g.in[4] = p.Append(nil), h.Append(nil), honest(h).Append(nil)
	minus := ^uint64(0)
	for _, c := range [][2]uint64{{0, 0}, {0, 4097}, {4999, 2}, {5000, 1}, {minus, 1}, {0, 0xffffffff}, {1 << 62, 1}} {
		require.Error(t, g.call("qx_generate", c[0], c[1]), "%d", c)
	}
	require.NoError(t, g.call("qx_generate", 904, 4096))
	for _, n := range []uint64{0xffffffff, 1, 64, 4999, 5001, 0x80000000} {
		require.Error(t, g.call("qx_judge", n), "%d", n)
	}
	require.NoError(t, g.call("qx_judge", 5000))

	big := trapJob{layered: randomLayered(r, 64, 255), header: j.header, policy: j.policy}
	g.in = big.inputs([32]byte{})
	require.NoError(t, g.call("qx_plan"), "16384 locations")
	want, err := nativePlan(g.in, traps.Accredit)
	require.NoError(t, err)
	same(t, want, g.out[16], "plan of the largest circuit")
	plan, err := guest.ParsePlan(want)
	require.NoError(t, err)
	require.Equal(t, 4, plan.IndexSize())
	g.in[2] = want
	require.NoError(t, g.call("qx_generate", 100, 3))
	rows, err := nativeGenerate(g.in, 100, 3)
	require.NoError(t, err)
	same(t, rows, append(g.out[16], g.out[17]...), "slots of the largest circuit")

	big.layered = randomLayered(r, 64, 256)
	g.in = big.inputs([32]byte{})
	require.ErrorContains(t, g.call("qx_plan"), "16448 gate positions")
	_, err = nativePlan(g.in, traps.Accredit)
	require.ErrorIs(t, err, traps.ErrDomain)
}

// TestMostShots: ten million slots with the most traps, and one above.
func TestMostShots(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 1))
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 1}, U: make([]circuit.U3Angles, 1), Clbits: 1, Measure: []int{0}}
	j := trapJob{layered: l, header: guest.Header{Shots: guest.MaxShots, RatioPPM: 209_715}, policy: guest.Policy(stats.ExactPolicy()), root: randomRoot(r)}
	p, err := traps.Plan(j.layered, j.header, j.policy, traps.Accredit)
	require.NoError(t, err)
	g := instantiate(t, "accredit")
	g.in = j.inputs(j.root)
	require.NoError(t, g.call("qx_plan"))
	same(t, p.Append(nil), g.out[16], "plan")
	g.in[2] = p.Append(nil)
	require.NoError(t, g.call("qx_generate", 9_999_000, 1000))
	want, err := nativeGenerate(g.in, 9_999_000, 1000)
	require.NoError(t, err)
	same(t, want, append(g.out[16], g.out[17]...), "the last slots")
	j.header.RatioPPM++
	g.in = j.inputs(j.root)
	require.ErrorContains(t, g.call("qx_plan"), "2097160 traps")
	_, err = nativePlan(g.in, traps.Accredit)
	require.ErrorIs(t, err, traps.ErrDomain)
}

// TestManyTraps: eps_hidden is vacuous above 65536 traps and a number below.
func TestManyTraps(t *testing.T) {
	r := rand.New(rand.NewPCG(24, 1))
	l := randomLayered(r, 2, 1)
	g := instantiate(t, "accredit")
	for _, traps65537 := range []bool{false, true} {
		j := trapJob{layered: l, header: guest.Header{Shots: 131_072, RatioPPM: 500_000}, policy: guest.Policy(stats.RefPolicy())}
		if traps65537 {
			j.header.Shots++
		}
		p, err := traps.Plan(j.layered, j.header, j.policy, traps.Accredit)
		require.NoError(t, err)
		_, h, err := traps.Generate(j.layered, p, j.root, 0, int(j.header.Shots))
		require.NoError(t, err)
		o := honest(h)
		for i := 0; i < o.N; i += 300 {
			o.Rows[i] ^= 1
		}
		compareJudge(t, g, p, h, o, o.N)
		v, err := traps.Judge(p, h, o, o.N)
		require.NoError(t, err)
		require.Equal(t, traps65537, v.EpsHidden == stats.Ppb)
		require.Less(t, v.EpsMarkov, uint64(20_000_000))
	}
}
