package stabilizer

import (
	"encoding/json"
	"math/bits"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

func opU3(q int, u circuit.U3Angles) circuit.Op {
	return circuit.Op{Gate: circuit.U3, NQ: 1, Q: [4]uint16{uint16(q)}, Params: [4]circuit.Angle{u.Theta, u.Phi, u.Lambda}}
}

func opCZ(a, b int) circuit.Op {
	return circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{uint16(a), uint16(b)}}
}

func randomClifford(r *rand.Rand) circuit.U3Angles {
	return circuit.U3Angles{
		Theta: circuit.Angle(r.IntN(8)) * circuit.HalfPi, Phi: circuit.Angle(r.IntN(8)) * circuit.HalfPi, Lambda: circuit.Angle(r.IntN(8)) * circuit.HalfPi,
	}
}

// randomOps has few gates for its width now and then, so that outcomes are not
// all random.
func randomOps(r *rand.Rand, width, n int) []circuit.Op {
	var ops []circuit.Op
	for range n {
		if a, b := r.IntN(width), r.IntN(width); a != b && r.IntN(2) == 0 {
			ops = append(ops, opCZ(a, b))
		} else {
			ops = append(ops, opU3(a, randomClifford(r)))
		}
	}
	return ops
}

// probabilities runs ops on amplitudes whose parts are counted in units of
// 2^{-h/2}: exact integer arithmetic, apart from all code of the package. It
// returns the squared amplitudes in units of 2^-h.
func probabilities(t *testing.T, width int, ops []circuit.Op) (p []int64, h int) {
	re, im := make([]int64, 1<<width), make([]int64, 1<<width)
	re[0] = 1
	quarter := func(x, y int64, k circuit.Angle) (int64, int64) { // times i^k
		for range k & 3 {
			x, y = -y, x
		}
		return x, y
	}
	phase := func(q int, a circuit.Angle) {
		for i := range re {
			if i>>q&1 == 1 {
				re[i], im[i] = quarter(re[i], im[i], a/circuit.HalfPi)
			}
		}
	}
	for _, op := range ops {
		if op.Gate == circuit.CZ {
			for i := range re {
				if (i>>op.Q[0])&(i>>op.Q[1])&1 == 1 {
					re[i], im[i] = -re[i], -im[i]
				}
			}
			continue
		}
		q := int(op.Q[0])
		phase(q, op.Params[2])
		for range op.Params[0] / circuit.HalfPi { // √2·Ry(π/2) = [[1, -1], [1, 1]]
			even := true
			for i := range re {
				if j := i | 1<<q; j != i {
					re[i], re[j] = re[i]-re[j], re[i]+re[j]
					im[i], im[j] = im[i]-im[j], im[i]+im[j]
				}
			}
			h++
			for i := range re {
				even = even && re[i]%2 == 0 && im[i]%2 == 0
			}
			if even {
				h -= 2
				for i := range re {
					re[i], im[i] = re[i]/2, im[i]/2
				}
			}
		}
		phase(q, op.Params[1])
	}
	p = make([]int64, len(re))
	for i := range p {
		p[i] = re[i]*re[i] + im[i]*im[i]
	}
	return p, h
}

// requireReduced checks the form stated at Affine.
func requireReduced(t *testing.T, a *Affine) {
	t.Helper()
	lead, all := a.Width, append([][]uint64{a.Ref}, a.Basis...)
	for j, b := range a.Basis {
		top := -1
		for i, w := range b {
			if w != 0 {
				top = 64*i + bits.Len64(w) - 1
			}
		}
		require.Less(t, top, lead)
		require.GreaterOrEqual(t, top, 0)
		lead = top
		for k, v := range all {
			require.Equal(t, k == j+1, v[top/64]>>(top%64)&1 == 1, "leading bit %d of vector %d in vector %d", top, j, k-1)
		}
	}
}

func TestAgainstExactAmplitudes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 400 {
		width := 1 + r.IntN(8)
		ops := randomOps(r, width, r.IntN(12*width))
		a, err := CompileOps(t.Context(), width, ops)
		require.NoError(t, err)
		requireReduced(t, a)
		p, h := probabilities(t, width, ops)
		seen, out := map[uint64]bool{}, make([]uint64, 1)
		for w := range uint64(1) << a.K() {
			a.Outcome([]uint64{w}, out)
			seen[out[0]] = true
		}
		require.Len(t, seen, 1<<a.K())
		for x, n := range p {
			if seen[uint64(x)] {
				require.Equal(t, int64(1)<<h, n<<a.K(), "outcome %d of width %d", x, width)
			} else {
				require.Zero(t, n, "outcome %d of width %d", x, width)
			}
		}
	}
}

// TestPeers reads a circuit with the affine space that published simulators
// agree on.
func TestPeers(t *testing.T) {
	var peer struct {
		N     int
		Ref   string   `json:"ref_hex"`
		Basis []string `json:"basis_hex"`
	}
	b, err := os.ReadFile("testdata/clifford_n8.affine.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &peer))
	hex := func(s string) []uint64 {
		v, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 64)
		require.NoError(t, err)
		return []uint64{v}
	}
	want := &Affine{Width: peer.N, Ref: hex(peer.Ref)}
	for _, s := range peer.Basis {
		want.Basis = append(want.Basis, hex(s))
	}
	require.True(t, want.Equal(compileFile(t, "clifford_n8")))
	ghz := compileFile(t, "ghz_n8")
	require.Equal(t, &Affine{Width: 8, Ref: []uint64{0}, Basis: [][]uint64{{0xff}}, k: ghz.k}, ghz)
}

func compileFile(t *testing.T, name string) *Affine {
	src, err := os.ReadFile("testdata/" + name + ".qasm")
	require.NoError(t, err)
	c, _, err := circuit.ParseQASM(src, circuit.Options{})
	require.NoError(t, err)
	c, err = c.Lower()
	require.NoError(t, err)
	var ops []circuit.Op
	for _, op := range c.Ops {
		if op.Gate != circuit.Measure {
			ops = append(ops, op)
		}
	}
	a, err := CompileOps(t.Context(), c.Qubits, ops)
	require.NoError(t, err)
	return a
}

// brickwork is a random layered Clifford circuit: trap slots look like it.
func brickwork(r *rand.Rand, width, layers int) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: width, Layers: make([][]circuit.Pair, layers)}, Clbits: width, Measure: make([]int, width)}
	for j := range l.Layers {
		for q := j % 2; q+1 < width; q += 2 {
			l.Layers[j] = append(l.Layers[j], circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
	}
	for range l.Locations() {
		l.U = append(l.U, randomClifford(r).Normal())
	}
	for q := range l.Measure {
		l.Measure[q] = q
	}
	return l
}

// TestManyWords: a GHZ state, its partner with X on every qubit, and a product
// state on three words of qubits.
func TestManyWords(t *testing.T) {
	const n = 150
	h := circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}
	x := circuit.U3Angles{Theta: circuit.Pi, Lambda: circuit.Pi}
	ops := []circuit.Op{opU3(0, h)}
	for q := range n - 1 {
		ops = append(ops, opU3(q+1, h), opCZ(q, q+1), opU3(q+1, h))
	}
	a, err := CompileOps(t.Context(), n, ops)
	require.NoError(t, err)
	require.Equal(t, &Affine{Width: n, Ref: []uint64{0, 0, 0}, Basis: [][]uint64{{^uint64(0), ^uint64(0), 1<<22 - 1}}, k: a.k}, a)
	ops = append(ops, opU3(n-1, x), opU3(3, x))
	a, err = CompileOps(t.Context(), n, ops)
	require.NoError(t, err)
	require.Equal(t, []uint64{^uint64(1 << 3), ^uint64(0), 1<<21 - 1}, a.Ref)
	requireReduced(t, a)
	wide, err := Compile(t.Context(), brickwork(rand.New(rand.NewPCG(3, 1)), n, 40))
	require.NoError(t, err)
	requireReduced(t, wide)
	require.Greater(t, wide.K(), n-10, "a deep random circuit leaves few parities fixed")
	shallow, err := Compile(t.Context(), brickwork(rand.New(rand.NewPCG(3, 3)), n, 1))
	require.NoError(t, err)
	requireReduced(t, shallow)
	require.Less(t, shallow.K(), n)
}

// TestShiftAcrossWords: a circuit does the same on qubits 60 to 67 of 130 as on
// 0 to 7, and its neighbours stay 0.
func TestShiftAcrossWords(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	shift := func(x uint64) []uint64 { return []uint64{x << 60, x >> 4, 0} }
	for range 50 {
		ops := randomOps(r, 8, 30)
		a, err := CompileOps(t.Context(), 8, ops)
		require.NoError(t, err)
		want := &Affine{Width: 130, Ref: shift(a.Ref[0])}
		for _, b := range a.Basis {
			want.Basis = append(want.Basis, shift(b[0]))
		}
		for i := range ops {
			for k := range ops[i].NQ {
				ops[i].Q[k] += 60
			}
		}
		got, err := CompileOps(t.Context(), 130, ops)
		require.NoError(t, err)
		require.True(t, want.Equal(got))
	}
}
