package traps

import (
	"math"
	"math/bits"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
	"github.com/stretchr/testify/require"
)

// randomLayered returns a circuit of width w with m CZ layers; some layers are
// empty, some qubits idle.
func randomLayered(r *rand.Rand, w, m int) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: w, Layers: make([][]circuit.Pair, m)}, Clbits: w}
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
		l.U = append(l.U, circuit.U3Angles{Theta: circuit.Angle(r.Uint64()) &^ 0xfff, Phi: circuit.Angle(r.Uint64()) &^ 0xfff, Lambda: circuit.Angle(r.Uint64()) &^ 0xfff}.Normal())
	}
	for q := range w {
		l.Measure = append(l.Measure, q)
	}
	return l
}

// brickwork is the guide's job: one-qubit gates everywhere, CZ on (q, q+1) with q
// of the parity of the cycle.
func brickwork(r *rand.Rand, w, cycles int) *circuit.Layered {
	l := randomLayered(r, w, 0)
	for c := range cycles {
		var pairs []circuit.Pair
		for q := c % 2; q+1 < w; q += 2 {
			pairs = append(pairs, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
		l.Layers = append(l.Layers, pairs)
		l.U = append(l.U, randomLayered(r, w, 0).U...)
	}
	return l
}

func refPolicy() guest.Policy { return guest.Policy(stats.RefPolicy()) }

func testRoot(n byte) (root [32]byte) {
	for i := range root {
		root[i] = n + byte(i)
	}
	return root
}

// job makes plan and all slots.
func job(t testing.TB, l *circuit.Layered, shots, ppm uint64, mix Mix, root byte) (*guest.Plan, *guest.Rows, *guest.Hidden) {
	p, err := Plan(l, guest.Header{Shots: shots, RatioPPM: ppm}, refPolicy(), mix)
	require.NoError(t, err)
	p2, err := guest.ParsePlan(p.Append(nil))
	require.NoError(t, err)
	require.Equal(t, p.Append(nil), p2.Append(nil))
	rows, hid, err := Generate(l, p, testRoot(root), 0, int(shots))
	require.NoError(t, err)
	_, err = guest.ParseRows(rows.Append(nil), p)
	require.NoError(t, err)
	_, err = guest.ParseHidden(hid.Append(nil), l.Width)
	require.NoError(t, err)
	return p, rows, hid
}

// matrix is u3 by the textbook.
func matrix(u circuit.U3Angles) [2][2]complex128 {
	rad := func(a circuit.Angle) float64 { return float64(a) / (1 << 32) / (1 << 32) * 4 * math.Pi }
	t, p, l := rad(u.Theta)/2, rad(u.Phi), rad(u.Lambda)
	return [2][2]complex128{{complex(math.Cos(t), 0), -cmplx.Rect(math.Sin(t), l)}, {cmplx.Rect(math.Sin(t), p), cmplx.Rect(math.Cos(t), p+l)}}
}

// probabilities runs one row on a state vector.
func probabilities(s *circuit.Skeleton, gate func(l int) circuit.U3Angles) []float64 {
	v := make([]complex128, 1<<s.Width)
	v[0] = 1
	for j := 0; j <= len(s.Layers); j++ {
		for q := range s.Width {
			m := matrix(gate(j*s.Width + q))
			for i := range v {
				if k := i | 1<<q; i&(1<<q) == 0 {
					v[i], v[k] = m[0][0]*v[i]+m[0][1]*v[k], m[1][0]*v[i]+m[1][1]*v[k]
				}
			}
		}
		if j == len(s.Layers) {
			break
		}
		for _, p := range s.Layers[j] {
			for i := range v {
				if (i>>p.A)&(i>>p.B)&1 == 1 {
					v[i] = -v[i]
				}
			}
		}
	}
	out := make([]float64, len(v))
	for i, a := range v {
		out[i] = real(a)*real(a) + imag(a)*imag(a)
	}
	return out
}

func rowBits(b []byte) (x int) {
	for i, v := range b {
		x |= int(v) << (8 * i)
	}
	return x
}

// cliffordNumbers maps each row of a trap back to Clifford numbers through the
// palette's triples.
func cliffordNumbers(t testing.TB, p *guest.Plan, rows *guest.Rows, i int) []uint8 {
	number := make(map[circuit.U3Angles]uint8)
	for c, u := range cliff.triple {
		number[u] = uint8(c)
	}
	out := make([]uint8, rows.Locations)
	for l := range out {
		c, ok := number[p.Palette[rows.Index(i, l)]]
		require.True(t, ok, "slot %d location %d is not a Clifford", i, l)
		out[l] = c
	}
	return out
}

// tableau is a stabilizer simulator (Aaronson and Gottesman, PRA 70, 052328) on
// up to 32 qubits: rows 0..w-1 destabilizers, then stabilizers.
type tableau struct {
	w    int
	x, z []uint32
	neg  []bool
}

func newTableau(w int) *tableau {
	t := &tableau{w: w, x: make([]uint32, 2*w), z: make([]uint32, 2*w), neg: make([]bool, 2*w)}
	for q := range w {
		t.x[q], t.z[w+q] = 1<<q, 1<<q
	}
	return t
}

func (t *tableau) clifford(q int, c uint8) {
	for i := range t.x {
		im := cliff.act[c][circuit.Pauli(t.x[i]>>q&1|t.z[i]>>q&1<<1)]
		t.x[i] = t.x[i]&^(1<<q) | uint32(im.p&1)<<q
		t.z[i] = t.z[i]&^(1<<q) | uint32(im.p>>1)<<q
		t.neg[i] = t.neg[i] != im.neg
	}
}

func (t *tableau) cz(a, b uint16) {
	for i := range t.x {
		xa, xb, za, zb := t.x[i]>>a&1, t.x[i]>>b&1, t.z[i]>>a&1, t.z[i]>>b&1
		t.neg[i] = t.neg[i] != (xa&xb&(za^zb) == 1)
		t.z[i] ^= xb<<a | xa<<b
	}
}

// multiply sets row h to row i times row h.
func (t *tableau) multiply(h, i int) {
	phase := 0 // power of i
	for q := range t.w {
		x1, z1, x2, z2 := int(t.x[i]>>q&1), int(t.z[i]>>q&1), int(t.x[h]>>q&1), int(t.z[h]>>q&1)
		switch {
		case x1 == 1 && z1 == 1:
			phase += z2 - x2
		case x1 == 1:
			phase += z2 * (2*x2 - 1)
		case z1 == 1:
			phase += x2 * (1 - 2*z2)
		}
	}
	t.neg[h] = (t.neg[h] != t.neg[i]) != (phase&3 == 2)
	t.x[h], t.z[h] = t.x[h]^t.x[i], t.z[h]^t.z[i]
}

func (t *tableau) measure(q int, r *rand.Rand) int {
	for p := t.w; p < 2*t.w; p++ {
		if t.x[p]>>q&1 == 0 {
			continue
		}
		for i := range t.x {
			if i != p && i != p-t.w && t.x[i]>>q&1 == 1 {
				t.multiply(i, p)
			}
		}
		t.x[p-t.w], t.z[p-t.w], t.neg[p-t.w] = t.x[p], t.z[p], t.neg[p]
		t.x[p], t.z[p], t.neg[p] = 0, 1<<q, r.IntN(2) == 1
		return map[bool]int{true: 1}[t.neg[p]]
	}
	t.x, t.z, t.neg = append(t.x, 0), append(t.z, 0), append(t.neg, false)
	last := len(t.x) - 1
	for i := range t.w {
		if t.x[i]>>q&1 == 1 {
			t.multiply(last, i+t.w)
		}
	}
	out := map[bool]int{true: 1}[t.neg[last]]
	t.x, t.z, t.neg = t.x[:last], t.z[:last], t.neg[:last]
	return out
}

// sample runs one trap slot; skipCZ leaves every CZ out.
func sample(r *rand.Rand, s *circuit.Skeleton, gates []uint8, skipCZ bool) int {
	t := newTableau(s.Width)
	for j := 0; j <= len(s.Layers); j++ {
		for q := range s.Width {
			t.clifford(q, gates[j*s.Width+q])
		}
		if j < len(s.Layers) && !skipCZ {
			for _, p := range s.Layers[j] {
				t.cz(p.A, p.B)
			}
		}
	}
	out := 0
	for q := range s.Width {
		out |= t.measure(q, r) << q
	}
	return out
}

// outcomesOf packs one row per slot.
func outcomesOf(width int, rows []int) *guest.Outcomes {
	rb := guest.RowBytes(width)
	o := &guest.Outcomes{N: len(rows), Width: width, Rows: make([]byte, rb*len(rows)), Present: make([]byte, (len(rows)+7)/8)}
	for i, x := range rows {
		for k := range rb {
			o.Rows[i*rb+k] = byte(x >> (8 * k))
		}
		o.Present[i>>3] |= 1 << (i & 7)
	}
	return o
}

func parityOf(x int) byte { return byte(bits.OnesCount(uint(x)) & 1) }

// predicate is the sentence of the ABI's SPEC, written apart from judge.go.
func predicate(h *guest.Hidden, i, row int) bool {
	rb := guest.RowBytes(h.Width)
	u := (row ^ rowBits(h.Pad[i*rb:(i+1)*rb])) & rowBits(h.Mask[i*rb:(i+1)*rb])
	if h.Kind[i] == byte(guest.SlotMatch) {
		return u == 0
	}
	return parityOf(u) == h.Parity[i]
}
