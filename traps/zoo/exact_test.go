package zoo

import (
	"math"
	"math/bits"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
)

// density is a density matrix, entry (k, l) at k<<w | l.
type density struct {
	w int
	v []complex128
}

func newDensity(w int) *density {
	d := &density{w, make([]complex128, 1<<(2*w))}
	d.v[0] = 1
	return d
}

// u3 applies a gate to qubit q: U to the rows, its conjugate to the columns.
func (d *density) u3(q int, u circuit.U3Angles) {
	rad := func(a circuit.Angle) float64 { return float64(a) / (1 << 32) / (1 << 32) * 4 * math.Pi }
	c, s := complex(math.Cos(rad(u.Theta)/2), 0), complex(math.Sin(rad(u.Theta)/2), 0)
	m := [4]complex128{c, -cmplx.Rect(1, rad(u.Lambda)) * s, cmplx.Rect(1, rad(u.Phi)) * s, cmplx.Rect(1, rad(u.Phi)+rad(u.Lambda)) * c}
	d.apply(1<<(q+d.w), m)
	for i := range m {
		m[i] = cmplx.Conj(m[i])
	}
	d.apply(1<<q, m)
}

func (d *density) apply(bit int, m [4]complex128) {
	for x := range d.v {
		if y := x | bit; y != x {
			d.v[x], d.v[y] = m[0]*d.v[x]+m[1]*d.v[y], m[2]*d.v[x]+m[3]*d.v[y]
		}
	}
}

func (d *density) cz(p circuit.Pair) {
	for x := range d.v {
		k := x >> d.w
		if (k>>p.A&(k>>p.B)&1)^(x>>p.A&(x>>p.B)&1) == 1 {
			d.v[x] = -d.v[x]
		}
	}
}

// depolarize replaces the qubits of a mask by noise with chance q.
func (d *density) depolarize(mask int, q float64) {
	n := bits.OnesCount(uint(mask))
	out := make([]complex128, len(d.v))
	for x := range d.v {
		k, l := x>>d.w, x&(1<<d.w-1)
		out[x] += complex(1-q, 0) * d.v[x]
		if k&mask == l&mask {
			for sub := mask; ; sub = (sub - 1) & mask {
				out[(k&^mask|sub)<<d.w|l&^mask|sub] += complex(q/float64(int(1)<<n), 0) * d.v[x]
				if sub == 0 {
					break
				}
			}
		}
	}
	copy(d.v, out)
}

// passes is the chance that trap slot i of a plan passes on a noisy device.
func passes(p *guest.Plan, rows *guest.Rows, h *guest.Hidden, i int) (chance float64) {
	s, w := &p.Skeleton, p.Skeleton.Width
	p1, p2, ro := float64(p.Policy.P1)/stats.Ppb, float64(p.Policy.P2)/stats.Ppb, float64(p.Policy.RO)/stats.Ppb
	d := newDensity(w)
	for j := 0; j <= len(s.Layers); j++ {
		for q := range w {
			d.u3(q, p.Palette[rows.Index(i, j*w+q)])
			d.depolarize(1<<q, 4*p1/3)
		}
		if j < len(s.Layers) {
			for _, c := range s.Layers[j] {
				d.cz(c)
				d.depolarize(1<<c.A|1<<c.B, 16*p2/15)
			}
		}
	}
	pad, mask, parity := int(h.Pad[i]), int(h.Mask[i]), int(h.Parity[i])
	for x := range 1 << w {
		for y := range 1 << w { // y is read where x was measured
			flips := bits.OnesCount(uint(x ^ y))
			u := (y ^ pad) & mask
			if guest.SlotKind(h.Kind[i]) == guest.SlotMatch && u == 0 || guest.SlotKind(h.Kind[i]) == guest.SlotParity && bits.OnesCount(uint(u))&1 == parity {
				chance += real(d.v[x<<w|x]) * math.Pow(ro, float64(flips)) * math.Pow(1-ro, float64(w-flips))
			}
		}
	}
	return chance
}

// TestExactRates compares the sums with density matrices of the families' own slots,
// averaged over many draws, under strong noise.
func TestExactRates(t *testing.T) {
	policy := stats.RefPolicy()
	policy.P1, policy.P2, policy.RO = 12_000_000, 40_000_000, 25_000_000
	for _, name := range []string{"clifford_parity", "cst", "iqp", "hidden_angle", "mirror"} {
		mix, err := traps.MixOf(name, "1.0.0")
		require.NoError(t, err)
		for _, size := range [][2]int{{1, 4}, {2, 8}, {3, 8}, {4, 12}} {
			s, err := NewOf(mix, size[0], size[1], 4096, 50_000, policy)
			require.NoError(t, err)
			p := s.Plan
			l := &circuit.Layered{Skeleton: p.Skeleton, U: make([]circuit.U3Angles, p.Skeleton.Locations()), Clbits: size[0], Measure: make([]int, size[0])}
			for q := range l.Measure {
				l.Measure[q] = q
			}
			// The traps of a window may share one circuit, so windows are the sample.
			var sum, square, n float64
			for root := range byte(4) {
				rows, h, err := traps.Generate(l, p, [32]byte{'e', byte(size[0]), root}, 0, 4096)
				require.NoError(t, err)
				chance, count := make([]float64, len(p.WindowTraps)), make([]float64, len(p.WindowTraps))
				for i := range rows.N {
					if guest.SlotKind(h.Kind[i]) != guest.SlotTarget {
						chance[h.Window[i]] += passes(p, rows, h, i)
						count[h.Window[i]]++
					}
				}
				for j, c := range chance {
					c /= count[j]
					sum, square, n = sum+c, square+c*c, n+1
				}
			}
			mean := sum / n
			spread := math.Sqrt(max(square/n-mean*mean, 0)/n) + 1e-9
			want, ok := ExactRate(mix, &p.Skeleton, policy)
			require.True(t, ok)
			floor := p.PB
			if mix.A > 0 {
				floor = p.PA
			}
			t.Logf("%s %dx%d: %.6f by density matrices ± %.6f, %.6f by the sum, floor %.6f", name, size[0], size[1], mean, spread, want, float64(floor)/stats.Ppb)
			require.InDelta(t, mean, want, 4.5*spread, "%s %v", name, size)
			require.GreaterOrEqual(t, want, float64(floor)/stats.Ppb-1e-9)
		}
	}
}

// TestExactRateLimits: no noise gives one, other families and wide circuits nothing.
func TestExactRateLimits(t *testing.T) {
	none := stats.RefPolicy()
	none.P1, none.P2, none.RO = 0, 0, 0
	for _, name := range []string{"clifford_parity", "cst", "iqp", "hidden_angle", "mirror"} {
		mix, err := traps.MixOf(name, "1.0.0")
		require.NoError(t, err)
		s, err := NewOf(mix, 5, 8, 100, 500_000, stats.RefPolicy())
		require.NoError(t, err)
		p, ok := ExactRate(mix, &s.Plan.Skeleton, none)
		require.True(t, ok)
		require.InDelta(t, 1, p, 1e-12, name)
		if name != "hidden_angle" {
			wide := Brickwork(21, 8)
			_, ok = ExactRate(mix, &wide, none)
			require.False(t, ok, name)
		}
	}
	for _, name := range []string{"accredit", "trap_h", "trap_xz", "xeb_small"} {
		mix, err := traps.MixOf(name, "1.0.0")
		require.NoError(t, err)
		s := Brickwork(3, 4)
		_, ok := ExactRate(mix, &s, none)
		require.False(t, ok, name)
	}
}
