package stabilizer

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
	"github.com/animicaorg/engine/circuit"
)

// chp is the tableau of Aaronson and Gottesman, Phys. Rev. A 70, 052328 (2004),
// as plainly as it can be written: rows 0 to n-1 are destabilizers, n to 2n-1
// stabilizers, row 2n is scratch. It shares nothing with the package.
type chp struct {
	n    int
	x, z [][]bool
	r    []bool
}

func newCHP(n int) *chp {
	c := &chp{n: n, r: make([]bool, 2*n+1)}
	for i := range 2*n + 1 {
		c.x, c.z = append(c.x, make([]bool, n)), append(c.z, make([]bool, n))
		if i < n {
			c.x[i][i] = true
		} else if i < 2*n {
			c.z[i][i-n] = true
		}
	}
	return c
}

func (c *chp) clone() *chp {
	d := &chp{n: c.n, r: slices.Clone(c.r)}
	for i := range c.x {
		d.x, d.z = append(d.x, slices.Clone(c.x[i])), append(d.z, slices.Clone(c.z[i]))
	}
	return d
}

func (c *chp) h(a int) {
	for i := range c.r {
		c.r[i] = c.r[i] != (c.x[i][a] && c.z[i][a])
		c.x[i][a], c.z[i][a] = c.z[i][a], c.x[i][a]
	}
}

func (c *chp) s(a int) {
	for i := range c.r {
		c.r[i] = c.r[i] != (c.x[i][a] && c.z[i][a])
		c.z[i][a] = c.z[i][a] != c.x[i][a]
	}
}

func (c *chp) cnot(a, b int) {
	for i := range c.r {
		c.r[i] = c.r[i] != (c.x[i][a] && c.z[i][b] && c.x[i][b] == c.z[i][a])
		c.x[i][b] = c.x[i][b] != c.x[i][a]
		c.z[i][a] = c.z[i][a] != c.z[i][b]
	}
}

// apply writes Rz(π/2) as S and Ry(π/2) as S, S, H.
func (c *chp) apply(op circuit.Op) {
	a := int(op.Q[0])
	if op.Gate == circuit.CZ {
		c.h(int(op.Q[1]))
		c.cnot(a, int(op.Q[1]))
		c.h(int(op.Q[1]))
		return
	}
	for range op.Params[2] / circuit.HalfPi {
		c.s(a)
	}
	for range op.Params[0] / circuit.HalfPi {
		c.s(a)
		c.s(a)
		c.h(a)
	}
	for range op.Params[1] / circuit.HalfPi {
		c.s(a)
	}
}

// g is the power of i in the product of two Paulis.
func g(x1, z1, x2, z2 bool) int {
	one := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	switch {
	case x1 && z1:
		return one(z2) - one(x2)
	case x1:
		return one(z2) * (2*one(x2) - 1)
	case z1:
		return one(x2) * (1 - 2*one(z2))
	}
	return 0
}

func (c *chp) rowsum(h, i int) {
	sum := 0
	if c.r[h] {
		sum += 2
	}
	if c.r[i] {
		sum += 2
	}
	for j := range c.n {
		sum += g(c.x[i][j], c.z[i][j], c.x[h][j], c.z[h][j])
		c.x[h][j], c.z[h][j] = c.x[h][j] != c.x[i][j], c.z[h][j] != c.z[i][j]
	}
	c.r[h] = (sum%4+4)%4 == 2
}

// measure returns the outcome of qubit a, and whether it was a coin.
func (c *chp) measure(a int, coin bool) (outcome, random bool) {
	n := c.n
	for p := n; p < 2*n; p++ {
		if !c.x[p][a] {
			continue
		}
		for i := range 2 * n {
			if i != p && c.x[i][a] {
				c.rowsum(i, p)
			}
		}
		c.x[p-n], c.z[p-n], c.r[p-n] = c.x[p], c.z[p], c.r[p]
		c.x[p], c.z[p], c.r[p] = make([]bool, n), make([]bool, n), coin
		c.z[p][a] = true
		return coin, true
	}
	clear(c.x[2*n])
	clear(c.z[2*n])
	c.r[2*n] = false
	for i := range n {
		if c.x[i][a] {
			c.rowsum(2*n, i+n)
		}
	}
	return c.r[2*n], false
}

// sample measures all qubits, and counts the coins.
func (c *chp) sample(r *rand.Rand) (out []uint64, coins int) {
	out = make([]uint64, (c.n+63)/64)
	for q := range c.n {
		one, random := c.measure(q, r.IntN(2) == 1)
		if one {
			out[q/64] |= 1 << (q % 64)
		}
		if random {
			coins++
		}
	}
	return out, coins
}

// contains uses that leading bits are in no other vector.
func contains(a *Affine, out []uint64) bool {
	x := slices.Clone(out)
	add(x, a.Ref)
	for _, b := range a.Basis {
		if lead := highest(b); x[lead/64]>>(lead%64)&1 == 1 {
			add(x, b)
		}
	}
	return !slices.ContainsFunc(x, func(w uint64) bool { return w != 0 })
}

// compileWith compiles with a kernel.
func compileWith(t *testing.T, k kernel.Kernel, width int, ops []circuit.Op) *Affine {
	c := &Compiler{t: tableau{k: k}}
	require.NoError(t, c.Begin(width))
	for i := range ops {
		require.True(t, c.Add(&ops[i]))
	}
	a, err := c.Finish(t.Context())
	require.NoError(t, err)
	return a
}

// TestAgainstTableau: the outcomes of a textbook simulator lie in the affine
// space and span it, for few and for many gates, and all kernels agree.
func TestAgainstTableau(t *testing.T) {
	r := rand.New(rand.NewPCG(20, 24))
	for _, c := range []struct{ width, gates, samples int }{
		{1, 3, 50}, {5, 12, 50}, {20, 30, 70}, {20, 1500, 70}, {24, 60, 70}, {24, 1500, 70}, {63, 100, 6}, {64, 300, 6}, {65, 90, 6}, {100, 150, 3}, {100, 1500, 2}, {130, 300, 2},
	} {
		ops := randomOps(r, c.width, c.gates)
		slow := newCHP(c.width)
		for _, op := range ops {
			slow.apply(op)
		}
		a := compileWith(t, kernel.Generic, c.width, ops)
		requireReduced(t, a)
		for range c.samples {
			out, coins := slow.clone().sample(r)
			require.Equal(t, coins, a.K(), "%d gates on %d qubits", c.gates, c.width)
			require.True(t, contains(a, out), "%d gates on %d qubits", c.gates, c.width)
		}
		want, err := a.shots(kernel.Generic, [16]byte{7}, nil)
		require.NoError(t, err)
		for _, k := range kernel.All() {
			require.True(t, a.Equal(compileWith(t, k, c.width, ops)), k.Name())
			s, err := a.shots(k, [16]byte{7}, nil)
			require.NoError(t, err)
			rows, same := make([]byte, 700*s.bytes), make([]byte, 700*s.bytes)
			want.Rows(rows, 3, new(Draw))
			s.Rows(same, 3, new(Draw))
			require.Equal(t, rows, same, k.Name())
		}
	}
}

// TestWideGolden freezes wide circuits for all kernels: a deep one with few
// parities and a shallow one with many.
func TestWideGolden(t *testing.T) {
	for _, c := range []struct {
		width, layers int
		want          string
	}{{1000, 20, "0f26fd1376da3aad2d07f6590a221bb74ae243876119cac25c9916a9737f799d"}, {1000, 1, "990f4af2541e9a7709498f85a45756112c712bc7713889763d871ef793d5920b"}, {520, 3, "7342622a5f3f71f6aa50fa2e3bb345eccd57cf9f9282ffbf81b2a7f7090b4ab6"}} {
		l := brickwork(rand.New(rand.NewPCG(uint64(c.width), uint64(c.layers))), c.width, c.layers)
		for _, k := range kernel.All() {
			compiler := &Compiler{t: tableau{k: k}}
			gates, _ := GatesOf(l.U)
			row := make([]uint32, len(gates))
			for i := range row {
				row[i] = uint32(i)
			}
			a, err := compiler.Row(t.Context(), &l.Skeleton, gates, row)
			require.NoError(t, err)
			requireReduced(t, a)
			h := sha3.New256()
			for _, v := range append([][]uint64{a.Ref}, a.Basis...) {
				for _, w := range v {
					h.Write(binary.LittleEndian.AppendUint64(nil, w))
				}
			}
			s, err := a.shots(k, [16]byte{1}, nil)
			require.NoError(t, err)
			rows := make([]byte, 300*s.bytes)
			s.Rows(rows, 1, new(Draw))
			h.Write(rows)
			require.Equal(t, c.want, hex.EncodeToString(h.Sum(nil)), fmt.Sprint(k.Name(), " ", c.width, " ", c.layers, " ", a.K()))
		}
	}
}

// TestSource: bits of rows come from the qubits named.
func TestSource(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, width := range []int{5, 70} {
		a, err := CompileOps(t.Context(), width, randomOps(r, width, 4*width))
		require.NoError(t, err)
		source := make([]int, 90)
		for b := range source {
			source[b] = r.IntN(width+1) - 1
		}
		straight, err := a.Sample(t.Context(), [16]byte{1}, 5, 300)
		require.NoError(t, err)
		s, err := a.Shots([16]byte{1}, source)
		require.NoError(t, err)
		rows, rb := make([]byte, 300*12), (width+7)/8
		s.Rows(rows, 5, new(Draw))
		for i := range 300 {
			for b, q := range source {
				want := byte(0)
				if q >= 0 {
					want = straight[i*rb+q/8] >> (q % 8) & 1
				}
				require.Equal(t, want, rows[i*12+b/8]>>(b%8)&1)
			}
		}
	}
}
