package traps

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/stretchr/testify/require"
)

// secondary lists the families besides accredit and clifford_parity that draw traps
// of their own.
func secondary() (out []Family) {
	for _, f := range Families()[2:] {
		if f.Name != "xeb_small" { // the traps of accredit, see TestXEBHasTheTrapsOfAccredit
			out = append(out, f)
		}
	}
	return out
}

// suited returns a circuit that the family takes: mirror needs a mirrored one.
func suited(name string, l *circuit.Layered, r *rand.Rand) *circuit.Layered {
	if name != "mirror" {
		return l
	}
	if len(l.Layers) == 0 {
		l.Layers = append(l.Layers, nil)
		l.U = append(l.U, randomLayered(r, l.Width, 0).U...)
	}
	for j := len(l.Layers) - 1; j >= 0; j-- {
		l.Layers = append(l.Layers, slices.Clone(l.Layers[j]))
		l.U = append(l.U, randomLayered(r, l.Width, 0).U...)
	}
	if len(l.Layers) > 2 { // and one layer that is not part of it
		l.Layers = append(l.Layers, nil)
		l.U = append(l.U, randomLayered(r, l.Width, 0).U...)
	}
	return l
}

// TestFamiliesNoiselessStateVector wants every trap of every family to pass with
// certainty, and its target slots to be the compiled circuit.
func TestFamiliesNoiselessStateVector(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 1))
	for _, f := range secondary() {
		for w := 1; w <= 6; w++ {
			for m := range 6 {
				if f.Name == "mirror" && m > 3 {
					continue
				}
				l := suited(f.Name, randomLayered(r, w, m), r)
				ideal := probabilities(&l.Skeleton, func(i int) circuit.U3Angles { return l.U[i] })
				p, rows, hid := job(t, l, 24, 600_000, f.Mix, byte(w*10+m))
				for i := range rows.N {
					pr := probabilities(&p.Skeleton, func(l int) circuit.U3Angles { return p.Palette[rows.Index(i, l)] })
					pad := int(hid.Pad[i])
					sum := 0.0
					for x, q := range pr {
						if hid.Kind[i] == byte(guest.SlotTarget) {
							require.InDelta(t, ideal[x^pad], q, 1e-9, "%s width %d layers %d slot %d", f.Name, w, m, i)
						} else if predicate(hid, i, x) {
							sum += q
						}
					}
					if hid.Kind[i] != byte(guest.SlotTarget) {
						require.InDelta(t, 1, sum, 1e-9, "%s width %d layers %d slot %d", f.Name, w, m, i)
					}
				}
			}
		}
	}
}

// TestFamiliesNoiselessStabilizer does the same for widths up to 20 by tableau.
func TestFamiliesNoiselessStabilizer(t *testing.T) {
	r := rand.New(rand.NewPCG(42, 1))
	for _, f := range secondary() {
		if f.Name == "hidden_angle" { // no Cliffords; the state vector test has it
			continue
		}
		for w := 1; w <= 20; w++ {
			for _, m := range []int{0, 1, 3, 6} {
				l := suited(f.Name, randomLayered(r, w, m), r)
				p, rows, hid := job(t, l, 40, 500_000, f.Mix, byte(w+m))
				out := make([]int, rows.N)
				for i := range out {
					if hid.Kind[i] != byte(guest.SlotTarget) {
						out[i] = sample(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), false)
					}
				}
				v, err := Judge(p, hid, outcomesOf(w, out), rows.N)
				require.NoError(t, err)
				require.Equal(t, [4]uint64{p.NA, p.NA, p.NB, p.NB}, [4]uint64{v.NA, v.KA, v.NB, v.KB}, "%s width %d layers %d", f.Name, w, m)
			}
		}
	}
}

// rate is the expected pass rate of the family's one kind.
func rate(p *guest.Plan) float64 {
	if p.MixA > 0 {
		return float64(p.PA) / stats.Ppb
	}
	return float64(p.PB) / stats.Ppb
}

// TestFamiliesHonestNoise: under independent depolarizing noise no family passes
// less often than its closed form says.
func TestFamiliesHonestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 1))
	for _, f := range secondary() {
		for _, size := range [][2]int{{2, 2}, {4, 4}, {8, 8}} {
			l := suited(f.Name, brickwork(r, size[0], size[1]), r)
			shots := uint64(4000)
			if f.Name == "hidden_angle" {
				if size[0] > 4 {
					continue
				}
				shots = 1500
			}
			p, rows, hid := job(t, l, shots, 1_000_000, f.Mix, 9)
			pass := 0.0
			for i := range rows.N {
				if f.Name == "hidden_angle" {
					pass += float64(bit(predicate(hid, i, noisySample(r, p, rows, i))))
					continue
				}
				flips := noisyFlips(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), refPolicy())
				mask := rowBits(hid.Mask[i*guest.RowBytes(l.Width) : (i+1)*guest.RowBytes(l.Width)])
				if p.MixA > 0 && flips == 0 || p.MixA == 0 && parityOf(flips&mask) == 0 {
					pass++
				}
			}
			want, got := rate(p), pass/float64(rows.N)
			require.Greater(t, got, want-4*math.Sqrt(want*(1-want)/float64(rows.N)), "%s %v", f.Name, size)
			if f.Name == "trap_h" || f.Name == "trap_xz" { // exact but for errors that cancel
				require.Less(t, got, want+4*math.Sqrt(want*(1-want)/float64(rows.N))+0.003, "%s %v", f.Name, size)
			}
		}
	}
}

// noisySample runs a row on a state vector with random Paulis as noise.
func noisySample(r *rand.Rand, p *guest.Plan, rows *guest.Rows, i int) int {
	pol, s := p.Policy, &p.Skeleton
	w := s.Width
	v := make([]complex128, 1<<w)
	v[0] = 1
	for j := 0; j <= len(s.Layers); j++ {
		for q := range w {
			apply(v, q, matrix(p.Palette[rows.Index(i, j*w+q)]))
			if r.Uint64N(1e9) < pol.P1 {
				applyPauli(v, q, 1+r.IntN(3))
			}
		}
		if j == len(s.Layers) {
			break
		}
		for _, c := range s.Layers[j] {
			for k := range v {
				if (k>>c.A)&(k>>c.B)&1 == 1 {
					v[k] = -v[k]
				}
			}
			if r.Uint64N(1e9) < pol.P2 {
				e := 1 + r.IntN(15)
				applyPauli(v, int(c.A), e&3)
				applyPauli(v, int(c.B), e>>2)
			}
		}
	}
	u, x := r.Float64(), 0
	for u -= sq(v[0]); u > 0 && x+1 < len(v); u -= sq(v[x]) {
		x++
	}
	for q := range w {
		if r.Uint64N(1e9) < pol.RO {
			x ^= 1 << q
		}
	}
	return x
}

func sq(a complex128) float64 { return real(a)*real(a) + imag(a)*imag(a) }

func apply(v []complex128, q int, m [2][2]complex128) {
	for i := range v {
		if k := i | 1<<q; i&(1<<q) == 0 {
			v[i], v[k] = m[0][0]*v[i]+m[0][1]*v[k], m[1][0]*v[i]+m[1][1]*v[k]
		}
	}
}

func applyPauli(v []complex128, q, p int) {
	if p&1 == 1 {
		apply(v, q, [2][2]complex128{{0, 1}, {1, 0}})
	}
	if p&2 == 2 {
		apply(v, q, [2][2]complex128{{1, 0}, {0, -1}})
	}
}

// attackRates plays a device that returns uniform bits and one that leaves out
// every CZ against traps of a family on noiseless hardware.
func attackRates(t testing.TB, r *rand.Rand, f Family, w, cycles int, n uint64) (uniform, omit float64) {
	l := suited(f.Name, brickwork(r, w, cycles), r)
	p, rows, hid := job(t, l, n, 1_000_000, f.Mix, 5)
	for i := range rows.N {
		if predicate(hid, i, r.IntN(1<<w)) {
			uniform++
		}
		if f.Name == "hidden_angle" {
			if predicate(hid, i, sampleWithoutCZ(r, p, rows, i)) {
				omit++
			}
		} else if predicate(hid, i, sample(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), true)) {
			omit++
		}
	}
	return uniform / float64(rows.N), omit / float64(rows.N)
}

// sampleWithoutCZ measures each qubit of a row on its own.
func sampleWithoutCZ(r *rand.Rand, p *guest.Plan, rows *guest.Rows, i int) (x int) {
	w := p.Skeleton.Width
	for q := range w {
		v := []complex128{1, 0}
		for j := 0; j <= len(p.Skeleton.Layers); j++ {
			apply(v, 0, matrix(p.Palette[rows.Index(i, j*w+q)]))
		}
		if r.Float64() < sq(v[1]) {
			x |= 1 << q
		}
	}
	return x
}

// TestFamiliesCatchOmission: leaving out every CZ is no better than guessing, and
// guessing passes 2^-w of the matches and half of the parities.
func TestFamiliesCatchOmission(t *testing.T) {
	r := rand.New(rand.NewPCG(44, 1))
	for _, f := range secondary() {
		uniform, omit := attackRates(t, r, f, 6, 6, 1500)
		chance := 0.5
		if f.Mix.A > 0 {
			chance = 1. / 64
		}
		require.InDelta(t, chance, uniform, 4*math.Sqrt(chance*(1-chance)/1500), f.Name)
		most := map[uint64]float64{0: 0.6, 1: 0.2}[f.Mix.A]
		if f.Name == "trap_xz" { // a CZ between two basis states may be missing
			most = 0.35
		}
		require.Less(t, omit, most, f.Name)
		t.Logf("%-13s uniform %.4f, omit-cz %.4f", f.Name, uniform, omit)
	}
}

func mixNamed(t testing.TB, name string) Mix {
	m, err := MixOf(name, "1.0.0")
	require.NoError(t, err)
	return m
}

func TestFamilyLimits(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 1))
	h := guest.Header{Shots: 640, RatioPPM: 100_000}
	_, err := Plan(brickwork(r, 4, 4), h, refPolicy(), mixNamed(t, "mirror"))
	require.ErrorIs(t, err, ErrDomain)
	_, err = Plan(brickwork(r, 65, 2), h, refPolicy(), mixNamed(t, "iqp"))
	require.ErrorIs(t, err, ErrDomain)
	_, err = Plan(brickwork(r, 64, 2), h, refPolicy(), mixNamed(t, "iqp"))
	require.NoError(t, err)
	_, err = Plan(brickwork(r, 4, 2), h, refPolicy(), Mix{A: 1, B: 1})
	require.ErrorIs(t, err, ErrDomain)
	_, err = Plan(brickwork(r, 4, 2), h, refPolicy(), Mix{A: 1, Family: 99})
	require.ErrorIs(t, err, ErrDomain)
	// A plan belongs to its family.
	p, _, hid := job(t, brickwork(r, 4, 2), 640, 100_000, Families()[2].Mix, 3)
	forged := *p
	forged.MixB = 9 << 32
	_, err = Judge(&forged, hid, honest(hid), 640)
	require.ErrorIs(t, err, ErrDomain)
	_, err = NewGenerator(brickwork(r, 4, 2), &forged, testRoot(1))
	require.ErrorIs(t, err, ErrDomain)
}

func TestMirroredStretch(t *testing.T) {
	p := func(ab ...uint16) (out []circuit.Pair) {
		for i := 0; i < len(ab); i += 2 {
			out = append(out, circuit.Pair{A: ab[i], B: ab[i+1]})
		}
		return out
	}
	e, o := p(0, 1, 2, 3), p(1, 2)
	for _, c := range []struct {
		layers      [][]circuit.Pair
		first, half int
	}{
		{nil, 0, 0}, {[][]circuit.Pair{e}, 0, 0}, {[][]circuit.Pair{e, o, e, o}, 0, 0}, {[][]circuit.Pair{e, o, o, e}, 0, 2},
		{[][]circuit.Pair{e, e, o, o}, 0, 1}, {[][]circuit.Pair{o, e, o, o, e}, 1, 2}, {[][]circuit.Pair{e, e}, 0, 1}, {[][]circuit.Pair{e, o, o, o, o, o}, 1, 2},
	} {
		first, half := mirrored(&circuit.Skeleton{Width: 4, Layers: c.layers})
		require.Equal(t, [2]int{c.first, c.half}, [2]int{first, half}, "%v", c.layers)
	}
}

// TestKernel checks every symmetric matrix on 4 qubits.
func TestKernel(t *testing.T) {
	for code := range 1 << 10 {
		var met [MaxIQPWidth]uint64
		at := 4
		for a := range 4 {
			for b := a + 1; b < 4; b++ {
				if code>>at&1 == 1 {
					met[a] |= 1 << b
					met[b] |= 1 << a
				}
				at++
			}
		}
		diag := uint64(code & 15)
		zero := func(v uint64) bool {
			for q := range 4 {
				if parityOf(int((met[q]^diag&(1<<q))&v)) != 0 {
					return false
				}
			}
			return true
		}
		size := 0
		for v := range uint64(16) {
			if zero(v) {
				size++
			}
		}
		basis := kernelOf(met, diag, 4)
		require.Equal(t, size, 1<<len(basis))
		for _, v := range basis {
			require.True(t, v != 0 && zero(v))
		}
	}
}

// attackTable is the share of traps that pass on noiseless hardware at 8 qubits
// and 8 CZ layers, in percent: every CZ left out, those of the second half left
// out, one CZ in the middle left out. docs/traps.md prints it; it comes from other
// seeds than the test.
var attackTable = map[string][3]float64{
	"accredit": {12.2, 13.9, 53.3}, "clifford_parity": {51.1, 50.5, 62.2}, "trap_h": {0.4, 1.4, 50.6}, "trap_xz": {19.1, 18.7, 69.6},
	"cst": {49.0, 51.3, 62.6}, "mirror": {0.3, 0.3, 27.9}, "iqp": {50.0, 49.0, 78.0},
}

// TestFamilyAttacks plays omissions against every Clifford family.
func TestFamilyAttacks(t *testing.T) {
	r := rand.New(rand.NewPCG(46, 1))
	const n = 2000
	for _, f := range append(Families()[:2], secondary()...) {
		if f.Name == "hidden_angle" {
			continue
		}
		l := brickwork(r, 8, 8)
		if f.Name == "mirror" {
			for c := range 4 {
				l.Layers[7-c] = l.Layers[c]
			}
		}
		p, rows, hid := job(t, l, n, 1_000_000, f.Mix, 7)
		var got [3]float64
		for i := range n {
			gates := cliffordNumbers(t, p, rows, i)
			for k, omit := range []func(j, pair int) bool{
				func(int, int) bool { return true }, func(j, _ int) bool { return j >= 4 }, func(j, pair int) bool { return j == 4 && pair == 1 }} {
				if predicate(hid, i, sampleOmitting(r, &p.Skeleton, gates, omit)) {
					got[k] += 100. / n
				}
			}
		}
		t.Logf("%q: {%.1f, %.1f, %.1f},", f.Name, got[0], got[1], got[2])
		for k, want := range attackTable[f.Name] {
			share := min(max(want/100, 0.01), 0.99)
			require.InDelta(t, want, got[k], 100*5*math.Sqrt(2*share*(1-share)/n), "%s attack %d", f.Name, k)
		}
	}
}

// sampleOmitting is sample without the CZ that omit names.
func sampleOmitting(r *rand.Rand, s *circuit.Skeleton, gates []uint8, omit func(layer, pair int) bool) (x int) {
	t := newTableau(s.Width)
	for j := 0; j <= len(s.Layers); j++ {
		for q := range s.Width {
			t.clifford(q, gates[j*s.Width+q])
		}
		if j < len(s.Layers) {
			for k, p := range s.Layers[j] {
				if !omit(j, k) {
					t.cz(p.A, p.B)
				}
			}
		}
	}
	for q := range s.Width {
		x |= t.measure(q, r) << q
	}
	return x
}
