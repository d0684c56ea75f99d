package traps

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

// TestCliffordTables checks triples, actions and products against matrices.
func TestCliffordTables(t *testing.T) {
	pauli := [4][2][2]complex128{{{1, 0}, {0, 1}}, {{0, 1}, {1, 0}}, {{1, 0}, {0, -1}}, {{0, -1i}, {1i, 0}}}
	mul := func(a, b [2][2]complex128) (c [2][2]complex128) {
		for i := range 2 {
			for j := range 2 {
				c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
			}
		}
		return c
	}
	overlap := func(a, b [2][2]complex128) float64 { // |tr a†b|²/4
		var tr complex128
		for i := range 2 {
			for j := range 2 {
				tr += complex(real(a[i][j]), -imag(a[i][j])) * b[i][j]
			}
		}
		return (real(tr)*real(tr) + imag(tr)*imag(tr)) / 4
	}
	seen := map[circuit.U3Angles]bool{}
	h, s := matrix(cliff.triple[cH]), matrix(cliff.triple[cS])
	require.InDelta(t, 1, overlap(h, [2][2]complex128{{math.Sqrt2 / 2, math.Sqrt2 / 2}, {math.Sqrt2 / 2, -math.Sqrt2 / 2}}), 1e-12)
	require.InDelta(t, 1, overlap(s, [2][2]complex128{{1, 0}, {0, 1i}}), 1e-12)
	v := [6][2][2]complex128{pauli[0], h, s, mul(h, s), mul(s, h), mul(h, mul(s, h))}
	for c, u := range cliff.triple {
		require.True(t, u.IsNormal())
		require.False(t, seen[u])
		seen[u] = true
		m := matrix(u)
		require.InDelta(t, 1, overlap(m, mul(pauli[circuit.PauliDraw[c%4]], v[c/4])), 1e-12, "Clifford %d", c)
		for p := range pauli {
			im := cliff.act[c][p]
			want := pauli[im.p]
			got := mul(m, pauli[p]) // m·P = ±Q·m
			for i := range 2 {
				for j := range 2 {
					q := mul(want, m)[i][j]
					if im.neg {
						q = -q
					}
					require.InDelta(t, 0, real(got[i][j]-q), 1e-12)
					require.InDelta(t, 0, imag(got[i][j]-q), 1e-12)
				}
			}
		}
		for d := range cliff.triple {
			require.InDelta(t, 1, overlap(mul(m, matrix(cliff.triple[d])), matrix(cliff.triple[cliff.mul[c][d]])), 1e-12)
		}
	}
}

// TestNoiselessStateVector wants every trap to pass with certainty, and target
// slots to have the distribution of the compiled circuit up to the pad.
func TestNoiselessStateVector(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for w := 1; w <= 6; w++ {
		for m := range 6 {
			l := randomLayered(r, w, m)
			ideal := probabilities(&l.Skeleton, func(i int) circuit.U3Angles { return l.U[i] })
			for _, mix := range []Mix{Accredit, CliffordParity} {
				p, rows, hid := job(t, l, 24, 600_000, mix, byte(w*10+m))
				for i := range rows.N {
					pr := probabilities(&p.Skeleton, func(l int) circuit.U3Angles { return p.Palette[rows.Index(i, l)] })
					pad := int(hid.Pad[i])
					sum := 0.0
					for x, q := range pr {
						if hid.Kind[i] == byte(guest.SlotTarget) {
							require.InDelta(t, ideal[x^pad], q, 1e-9, "width %d layers %d slot %d", w, m, i)
						} else if predicate(hid, i, x) {
							sum += q
						}
					}
					if hid.Kind[i] != byte(guest.SlotTarget) {
						require.InDelta(t, 1, sum, 1e-9, "width %d layers %d slot %d kind %d", w, m, i, hid.Kind[i])
					}
				}
			}
		}
	}
}

// TestNoiselessStabilizer does the same for widths up to 20 by tableau, and has
// Judge agree.
func TestNoiselessStabilizer(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for w := 1; w <= 20; w++ {
		for _, m := range []int{0, 1, 2, 5, 8} {
			l := randomLayered(r, w, m)
			p, rows, hid := job(t, l, 40, 500_000, Accredit, byte(w+m))
			out := make([]int, rows.N)
			for i := range out {
				if hid.Kind[i] == byte(guest.SlotTarget) {
					continue
				}
				out[i] = sample(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), false)
				require.True(t, predicate(hid, i, out[i]), "width %d layers %d slot %d kind %d", w, m, i, hid.Kind[i])
			}
			v, err := Judge(p, hid, outcomesOf(w, out), rows.N)
			require.NoError(t, err)
			require.Equal(t, [4]uint64{p.NA, p.NA, p.NB, p.NB}, [4]uint64{v.NA, v.KA, v.NB, v.KB})
		}
	}
}

// TestPadsDefeatOmission: without pads a device that leaves out every CZ passes
// every match trap, and parity traps catch it; with pads it passes about 2^-w.
func TestPadsDefeatOmission(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	l := brickwork(r, 5, 6)
	p, err := Plan(l, guest.Header{Shots: 2000, RatioPPM: 1_000_000}, refPolicy(), Accredit)
	require.NoError(t, err)
	for _, noPads := range []bool{true, false} {
		g, err := NewGenerator(l, p, testRoot(7))
		require.NoError(t, err)
		g.noPads = noPads
		rows, hid, err := g.Slots(0, 2000)
		require.NoError(t, err)
		var n, k [3]float64
		for i := range rows.N {
			kind := hid.Kind[i]
			n[kind]++
			if predicate(hid, i, sample(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), true)) {
				k[kind]++
			}
		}
		if noPads {
			require.Equal(t, n[guest.SlotMatch], k[guest.SlotMatch])
		} else {
			require.Less(t, k[guest.SlotMatch]/n[guest.SlotMatch], 0.12)
		}
		require.Less(t, k[guest.SlotParity]/n[guest.SlotParity], 0.62)
	}
}

// TestHonestNoise measures pass rates under independent depolarizing noise with
// Pauli frames and wants the closed forms within 4 sigma (never less).
func TestHonestNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, size := range [][2]int{{2, 2}, {4, 4}, {8, 8}, {12, 12}} {
		l := brickwork(r, size[0], size[1])
		p, rows, hid := job(t, l, 6000, 1_000_000, Accredit, 9)
		var n, k [3]float64
		for i := range rows.N {
			n[hid.Kind[i]]++
			flips := noisyFlips(r, &p.Skeleton, cliffordNumbers(t, p, rows, i), refPolicy())
			mask := rowBits(hid.Mask[i*guest.RowBytes(l.Width) : (i+1)*guest.RowBytes(l.Width)])
			if hid.Kind[i] == byte(guest.SlotMatch) && flips == 0 || hid.Kind[i] == byte(guest.SlotParity) && parityOf(flips&mask) == 0 {
				k[hid.Kind[i]]++
			}
		}
		for kind, ppb := range map[guest.SlotKind]uint64{guest.SlotMatch: p.PA, guest.SlotParity: p.PB} {
			want, rate := float64(ppb)/1e9, k[kind]/n[kind]
			sigma := math.Sqrt(want * (1 - want) / n[kind])
			require.Greater(t, rate, want-4*sigma, "%v kind %d", size, kind)
			require.Less(t, rate, want+4*sigma+0.003, "%v kind %d: errors that cancel add little", size, kind)
		}
	}
}

// noisyFlips returns which measured bits the noise of one run flips.
func noisyFlips(r *rand.Rand, s *circuit.Skeleton, gates []uint8, pol guest.Policy) int {
	f := make([]circuit.Pauli, s.Width)
	for j := 0; j <= len(s.Layers); j++ {
		for q := range f {
			f[q] = cliff.act[gates[j*s.Width+q]][f[q]].p
			if r.Uint64N(1e9) < pol.P1 {
				f[q] ^= circuit.Pauli(1 + r.IntN(3))
			}
		}
		if j == len(s.Layers) {
			break
		}
		s.PushFrame(j, f)
		for _, p := range s.Layers[j] {
			if r.Uint64N(1e9) < pol.P2 {
				e := circuit.Pauli(1 + r.IntN(15))
				f[p.A], f[p.B] = f[p.A]^e&3, f[p.B]^e>>2
			}
		}
	}
	x := 0
	for q := range f {
		bit := int(f[q] & circuit.PauliX)
		if r.Uint64N(1e9) < pol.RO {
			bit ^= 1
		}
		x |= bit << q
	}
	return x
}
