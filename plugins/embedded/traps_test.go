package embedded

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

// trapJob is one comparison of a module with package traps.
type trapJob struct {
	layered *circuit.Layered
	header  guest.Header
	policy  guest.Policy
	root    [32]byte
}

// mixes is every shipped trap library.
var mixes = func() map[string]traps.Mix {
	out := map[string]traps.Mix{}
	for _, f := range traps.Families() {
		out[f.Name] = f.Mix
	}
	return out
}()

// mirroredTo makes a circuit that reads the same from both ends, which mirror
// needs.
func mirroredTo(name string, l *circuit.Layered) *circuit.Layered {
	if name != "mirror" {
		return l
	}
	for j := len(l.Layers) - 1; j >= 0; j-- {
		l.Layers = append(l.Layers, l.Layers[j])
	}
	if len(l.Layers) == 0 {
		l.Layers = make([][]circuit.Pair, 2)
	}
	for len(l.U) < l.Locations() {
		l.U = append(l.U, l.U[len(l.U)-l.Width])
	}
	return l
}

func randomLayered(r *rand.Rand, w, m int) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: w, Layers: make([][]circuit.Pair, m)}, Clbits: w + 1}
	for j := range m {
		used := make([]bool, w)
		for a := range w {
			b := a + 1 + r.IntN(3)
			if used[a] || b >= w || used[b] || r.IntN(4) == 0 {
				continue
			}
			used[a], used[b] = true, true
			l.Layers[j] = append(l.Layers[j], circuit.Pair{A: uint16(a), B: uint16(b)})
		}
	}
	for range l.Locations() {
		l.U = append(l.U, circuit.U3Angles{Theta: anyAngle(r), Phi: anyAngle(r), Lambda: anyAngle(r)}.Normal())
	}
	for q := range w {
		l.Measure = append(l.Measure, q+1)
	}
	l.Measure[0] = circuit.NoClbit
	return l
}

func guideJob(r *rand.Rand) trapJob {
	l := randomLayered(r, 20, 0)
	for c := range 60 {
		var pairs []circuit.Pair
		for q := c % 2; q+1 < 20; q += 2 {
			pairs = append(pairs, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
		l.Layers = append(l.Layers, pairs)
		for range 20 {
			l.U = append(l.U, circuit.U3Angles{Theta: circuit.Angle(r.Uint64()) &^ 0xfff, Phi: circuit.Angle(r.Uint64()) &^ 0xfff, Lambda: circuit.Angle(r.Uint64()) &^ 0xfff}.Normal())
		}
	}
	return trapJob{layered: l, header: guest.Header{Shots: 4096, RatioPPM: 100_000}, policy: guest.Policy(stats.RefPolicy()), root: randomRoot(r)}
}

func randomRoot(r *rand.Rand) (root [32]byte) {
	for i := range root {
		root[i] = byte(r.Uint32())
	}
	return root
}

func (j trapJob) inputs(root [32]byte) map[uint32][]byte {
	return map[uint32][]byte{0: j.header.Append(nil), 1: guest.AppendLayered(nil, j.layered), 5: j.policy.Append(root[:])}
}

// honest is what an ideal device measures.
func honest(h *guest.Hidden) *guest.Outcomes {
	o := &guest.Outcomes{N: h.N, Width: h.Width, Rows: append([]byte(nil), h.Pad...), Present: make([]byte, (h.N+7)/8)}
	rb := guest.RowBytes(h.Width)
	for i := range h.N {
		o.Present[i>>3] |= 1 << (i & 7)
		if h.Parity[i] == 1 {
			for k := range rb {
				if m := h.Mask[i*rb+k]; m != 0 {
					o.Rows[i*rb+k] ^= m & -m
					break
				}
			}
		}
	}
	return o
}

// spoil damages outcomes: random bits, lost slots, a burst.
func spoil(r *rand.Rand, o *guest.Outcomes) {
	rb := guest.RowBytes(o.Width)
	share, from, to := r.Float64()*r.Float64(), r.IntN(o.N+1), r.IntN(o.N+1)
	for i := range o.N {
		if r.Float64() < share || i >= from && i < to {
			for k := range rb {
				o.Rows[i*rb+k] = byte(r.Uint32())
			}
			if o.Width%8 != 0 {
				o.Rows[i*rb+rb-1] &= 1<<(o.Width%8) - 1
			}
		}
		if r.IntN(2000) == 0 {
			clear(o.Rows[i*rb : (i+1)*rb])
			o.Present[i>>3] &^= 1 << (i & 7)
		}
	}
}

func cut(h *guest.Hidden, o *guest.Outcomes, n int) (*guest.Hidden, *guest.Outcomes) {
	rb := guest.RowBytes(h.Width)
	ch := &guest.Hidden{N: n, Width: h.Width, Kind: h.Kind[:n], Window: h.Window[:n], Pad: h.Pad[:n*rb], Mask: h.Mask[:n*rb], Parity: h.Parity[:n]}
	co := &guest.Outcomes{N: n, Width: o.Width, Rows: o.Rows[:n*rb], Present: append([]byte(nil), o.Present[:(n+7)/8]...)}
	if n%8 != 0 {
		co.Present[n/8] &= 1<<(n%8) - 1
	}
	return ch, co
}

// compare runs plan, generate in chunks, and judge on both sides.
func compare(t *testing.T, r *rand.Rand, g *guestInstance, name string, j trapJob) {
	want, err := traps.Plan(j.layered, j.header, j.policy, mixes[name])
	require.NoError(t, err)
	g.in = j.inputs([32]byte{})
	require.NoError(t, g.call("qx_plan"))
	same(t, want.Append(nil), g.out[16], "plan")

	native, err := traps.NewGenerator(j.layered, want, j.root)
	require.NoError(t, err)
	g.in = j.inputs(j.root)
	g.in[2] = want.Append(nil)
	n := int(j.header.Shots)
	chunk := []int{1 + r.IntN(n), n, 64, 4096}[r.IntN(4)]
	for first := 0; first < n; first += chunk {
		k := min(chunk, n-first, guest.MaxGenerate)
		rows, hid, err := native.Slots(uint64(first), k)
		require.NoError(t, err)
		require.NoError(t, g.call("qx_generate", uint64(first), uint64(k)))
		same(t, rows.Append(nil), g.out[16], "rows")
		same(t, hid.Append(nil), g.out[17], "hidden")
	}
	_, hid, err := native.Slots(0, n)
	require.NoError(t, err)
	o := honest(hid)
	if r.IntN(4) > 0 {
		spoil(r, o)
	}
	compareJudge(t, g, want, hid, o, n)
	if name == "xeb_small" {
		compareAudit(t, r, g, j, want, hid, o)
	}
	if w := r.IntN(len(want.WindowTraps) + 1); w < len(want.WindowTraps) {
		k := int(want.WindowStart(w))
		ch, co := cut(hid, o, k)
		compareJudge(t, g, want, ch, co, k)
	}
}

func compareJudge(t *testing.T, g *guestInstance, p *guest.Plan, h *guest.Hidden, o *guest.Outcomes, n int) {
	v, err := traps.Judge(p, h, o, n)
	require.NoError(t, err)
	g.in = map[uint32][]byte{0: {}, 2: p.Append(nil), 3: h.Append(nil), 4: o.Append(nil), 5: make([]byte, 96)}
	require.NoError(t, g.call("qx_judge", uint64(n)))
	got, err := guest.ParseVerdict(g.out[16])
	require.NoError(t, err)
	require.Equal(t, v, got)
	same(t, v.Append(nil), g.out[16], "verdict")
}

// compareAudit scores outcomes of which some leaves are not opened, on both sides.
func compareAudit(t *testing.T, r *rand.Rand, g *guestInstance, j trapJob, p *guest.Plan, h *guest.Hidden, o *guest.Outcomes) {
	rb, open := guest.RowBytes(o.Width), r.Float64()*2
	for i := range o.N {
		if i%64 == 0 && r.Float64() > open {
			n := min(64, o.N-i)
			clear(o.Rows[i*rb : (i+n)*rb])
			for k := range n {
				o.Present[(i+k)>>3] &^= 1 << ((i + k) & 7)
			}
		}
	}
	a, err := traps.Score(j.layered, p, h, o)
	require.NoError(t, err)
	g.in = map[uint32][]byte{1: guest.AppendLayered(nil, j.layered), 2: p.Append(nil), 3: h.Append(nil), 4: o.Append(nil)}
	require.NoError(t, g.call("qx_audit", uint64(o.N)))
	got, err := guest.ParseAudit(g.out[16])
	require.NoError(t, err)
	require.Equal(t, a, got)
	same(t, a.Append(nil), g.out[16], "audit")
}

// TestAuditEqualsNative scores circuits from flat to peaked, right and invented
// outcomes, up to the width and the work that xeb_small takes.
func TestAuditEqualsNative(t *testing.T) {
	g := instantiate(t, "xeb_small")
	r := rand.New(rand.NewPCG(15, 1))
	seen := map[[2]uint64]int{}
	for i := range 60 {
		w := 1 + r.IntN(9)
		if i == 0 {
			w = traps.MaxXEBWidth
		}
		j := trapJob{layered: randomLayered(r, w, r.IntN(9)), header: guest.Header{Shots: 1000 + r.Uint64N(4000), RatioPPM: 100_000}, policy: guest.Policy(stats.RefPolicy()), root: randomRoot(r)}
		if i%3 == 1 { // small angles: peaked
			for l := range j.layered.U {
				j.layered.U[l].Theta >>= 3 + r.IntN(3)
				j.layered.U[l].Theta &^= 0xfff
				j.layered.U[l] = j.layered.U[l].Normal()
			}
		}
		if i%7 == 2 { // flat: u3 that makes |+>
			j.layered = randomLayered(r, w, 0)
			for l := range j.layered.U {
				j.layered.U[l] = circuit.U3Angles{Theta: circuit.HalfPi}
			}
		}
		if i%5 == 0 {
			j.policy = guest.Policy(stats.ExactPolicy())
		}
		p, err := traps.Plan(j.layered, j.header, j.policy, mixes["xeb_small"])
		require.NoError(t, err)
		_, h, err := traps.Generate(j.layered, p, j.root, 0, min(int(j.header.Shots), guest.MaxGenerate))
		require.NoError(t, err)
		if h.N < int(j.header.Shots) {
			_, more, err := traps.Generate(j.layered, p, j.root, uint64(h.N), int(j.header.Shots)-h.N)
			require.NoError(t, err)
			h.Extend(more)
		}
		o := measured(r, j.layered, h)
		if i%4 == 3 {
			spoil(r, o)
		}
		compareAudit(t, r, g, j, p, h, o)
		a, err := traps.Score(j.layered, p, h, o)
		require.NoError(t, err)
		seen[[2]uint64{a.Statistic, uint64(a.Verdict)}]++
	}
	for _, want := range [][2]uint64{{1, 0}, {1, 1}, {2, 0}, {2, 1}, {2, 2}, {2, 3}} {
		require.Positive(t, seen[want], "statistic %d with verdict %d: %v", want[0], want[1], seen)
	}
}

// measured is what an ideal device measures: right traps, target slots drawn from
// the circuit's distribution.
func measured(r *rand.Rand, l *circuit.Layered, h *guest.Hidden) *guest.Outcomes {
	chances := distribution(l)
	o, rb := honest(h), guest.RowBytes(h.Width)
	for i := range h.N {
		if h.Kind[i] != byte(guest.SlotTarget) {
			continue
		}
		u, x := r.Float64(), 0
		for x < len(chances)-1 && u >= chances[x] {
			u -= chances[x]
			x++
		}
		for k := range rb {
			o.Rows[i*rb+k] ^= byte(x >> (8 * k))
		}
	}
	return o
}

// distribution runs a circuit on a float64 state vector.
func distribution(l *circuit.Layered) []float64 {
	rad := func(a circuit.Angle) float64 { return float64(a) / (1 << 32) / (1 << 32) * 4 * math.Pi }
	v := make([]complex128, 1<<l.Width)
	v[0] = 1
	for i, u := range l.U {
		j, q := i/l.Width, i%l.Width
		if q == 0 && j > 0 {
			for x := range v {
				for _, p := range l.Layers[j-1] {
					if x>>p.A&(x>>p.B)&1 == 1 {
						v[x] = -v[x]
					}
				}
			}
		}
		c, s := complex(math.Cos(rad(u.Theta)/2), 0), complex(math.Sin(rad(u.Theta)/2), 0)
		for x := range v {
			if y := x | 1<<q; y != x {
				v[x], v[y] = c*v[x]-cmplx.Rect(1, rad(u.Lambda))*s*v[y], cmplx.Rect(1, rad(u.Phi))*s*v[x]+cmplx.Rect(1, rad(u.Phi)+rad(u.Lambda))*c*v[y]
			}
		}
	}
	out := make([]float64, len(v))
	for x, a := range v {
		out[x] = real(a)*real(a) + imag(a)*imag(a)
	}
	return out
}

func same(t *testing.T, want, got []byte, what string) {
	if string(want) != string(got) {
		at := 0
		for at < min(len(want), len(got)) && want[at] == got[at] {
			at++
		}
		require.FailNow(t, fmt.Sprintf("%s differs at byte %d of %d, %d", what, at, len(want), len(got)))
	}
}

// TestModulesEqualNative compares small jobs of every shape byte for byte.
func TestModulesEqualNative(t *testing.T) {
	for name := range mixes {
		g := instantiate(t, name)
		r := rand.New(rand.NewPCG(11, 1))
		policies := []guest.Policy{guest.Policy(stats.ExactPolicy()), guest.Policy(stats.RefPolicy()), {P1: 5_000_000, P2: 0, RO: 1, AlphaE: 1, AlphaA: 500_000_000, AlphaB: 3, TMinAlpha: 1_000_000, TMinBeta: 1000}}
		for range 40 {
			shots := 1 + r.Uint64N(300)
			if r.IntN(4) == 0 {
				shots = 1 + r.Uint64N(5000)
			}
			j := trapJob{layered: mirroredTo(name, randomLayered(r, 1+r.IntN(12), r.IntN(9))), header: guest.Header{Shots: shots}, policy: policies[r.IntN(len(policies))], root: randomRoot(r)}
			switch r.IntN(4) {
			case 0:
				j.header.RatioPPM = 0
			case 1:
				j.header.RatioPPM = 1_000_000 - r.Uint64N(3)
			default:
				j.header.RatioPPM = r.Uint64N(1_000_001)
			}
			compare(t, r, g, name, j)
		}
	}
}

// TestGuideJobEqualsNative is 20 x 120 with 4096 slots, honest and not.
func TestGuideJobEqualsNative(t *testing.T) {
	r := rand.New(rand.NewPCG(12, 1))
	for name := range mixes {
		g := instantiate(t, name)
		j := guideJob(rand.New(rand.NewPCG(13, 1)))
		if name == "xeb_small" { // the widest and deepest that it takes
			j.layered = randomLayered(rand.New(rand.NewPCG(13, 1)), traps.MaxXEBWidth, traps.MaxXEBWork>>traps.MaxXEBWidth/traps.MaxXEBWidth-1)
		}
		j.layered = mirroredTo(name, j.layered)
		for range 2 {
			compare(t, r, g, name, j)
		}
	}
}

func benchmarkGuide(b *testing.B) (*guestInstance, trapJob, *guest.Plan, *guest.Hidden) {
	g := instantiate(b, "accredit")
	j := guideJob(rand.New(rand.NewPCG(14, 1)))
	p, err := traps.Plan(j.layered, j.header, j.policy, traps.Accredit)
	require.NoError(b, err)
	_, h, err := traps.Generate(j.layered, p, j.root, 0, 4096)
	require.NoError(b, err)
	return g, j, p, h
}

func BenchmarkGuidePlan(b *testing.B) {
	g, j, _, _ := benchmarkGuide(b)
	g.in = j.inputs([32]byte{})
	for b.Loop() {
		require.NoError(b, g.call("qx_plan"))
	}
}

func BenchmarkGuideGenerate(b *testing.B) {
	g, j, p, _ := benchmarkGuide(b)
	g.in = j.inputs(j.root)
	g.in[2] = p.Append(nil)
	for b.Loop() {
		require.NoError(b, g.call("qx_generate", 0, 4096))
	}
}

func BenchmarkGuideJudge(b *testing.B) {
	g, _, p, h := benchmarkGuide(b)
	g.in = map[uint32][]byte{2: p.Append(nil), 3: h.Append(nil), 4: honest(h).Append(nil), 5: make([]byte, 96)}
	for b.Loop() {
		require.NoError(b, g.call("qx_judge", 4096))
	}
}
