package stabilizer

import (
	"context"
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
)

// Affine is the set of possible outcomes, each with probability 2^-k, k =
// len(Basis). Vectors are words, qubit q at bit q%64 of word q/64.
//
// The form is unique: each basis vector has a leading (highest) bit that no
// other vector and not Ref has, and the leading bits descend.
type Affine struct {
	Width int
	Ref   []uint64
	Basis [][]uint64
	k     kernel.Kernel // that made it; nil: the fastest
}

// finish finds the outcomes of a tableau.
//
// Rows are [X parts | combination of generators]. What the X parts span are the
// directions between outcomes. The combinations without X part are products of Z:
// each says that the outcome has even (or, with sign, odd) parity on its Z part.
// They fix the qubits that lead no basis vector.
func (c *Compiler) finish(ctx context.Context) (*Affine, error) {
	c.t.run()
	n, w := c.t.n, c.t.words()
	c.m.reset(c.t.k, n, n, 2*w)
	c.t.part(0, c.m.rows, c.m.stride)
	c.x = cleared(c.x, n*w)
	for g := range n {
		copy(c.x[g*w:][:w], c.m.row(g))
		c.m.rows[g*c.m.stride+w+g/64] = 1 << (g % 64)
	}
	k, err := c.m.reduce(ctx)
	if err != nil {
		return nil, err
	}
	flat := make([]uint64, (k+1)*w)
	a := &Affine{Width: n, Ref: flat[:w:w], Basis: make([][]uint64, k), k: c.t.k}
	for j := range a.Basis {
		a.Basis[j] = flat[(j+1)*w:][:w:w]
		copy(a.Basis[j], c.m.row(j))
	}
	if k == n {
		return a, nil
	}
	return a, c.reference(ctx, a)
}

// reference sets a.Ref, which is 0 at leading bits, from the rows of c.m that have
// no X part.
func (c *Compiler) reference(ctx context.Context, a *Affine) error {
	n, w, k := c.t.n, c.t.words(), len(a.Basis)
	fixed := make([]uint64, w)
	for q := range n {
		fixed[q/64] |= 1 << (q % 64)
	}
	for _, b := range a.Basis {
		lead := highest(b)
		fixed[lead/64] &^= 1 << (lead % 64)
	}
	c.z = cleared(c.z, n*w)
	c.t.part(1, c.z, w)
	c.p.reset(c.t.k, n-k, n, w+1)
	for i := range n - k {
		if err := ctx.Err(); err != nil {
			return err
		}
		row := c.p.row(i)
		row[w] = c.product(row[:w], c.m.row(k + i)[w:][:w])
		for j := range w {
			row[j] &= fixed[j]
		}
	}
	if _, err := c.p.reduce(ctx); err != nil {
		return err
	}
	for i := range n - k {
		row := c.p.row(i)
		lead := highest(row[:w])
		a.Ref[lead/64] |= row[w] << (lead % 64)
	}
	return nil
}

// product multiplies the generators that set names, whose product has no X part.
// It writes the Z part to z and returns the sign: Z^z·X^x = (-1)^{z·x}·X^x·Z^z.
func (c *Compiler) product(z, set []uint64) uint64 {
	w, phase := len(z), 0
	for i, m := range set {
		for ; m != 0; m &= m - 1 {
			g := 64*i + bits.TrailingZeros64(m)
			xg, zg := c.x[g*w:][:w], c.z[g*w:][:w]
			odd := uint64(0)
			for j, x := range xg {
				odd ^= z[j] & x
				z[j] ^= zg[j]
			}
			phase += c.t.phase(g, xg, zg) + 2*bits.OnesCount64(odd)
		}
	}
	return uint64(phase >> 1 & 1)
}

// highest is the number of the highest bit of x, which is not 0.
func highest(x []uint64) int {
	i := len(x) - 1
	for x[i] == 0 {
		i--
	}
	return 64*i + bits.Len64(x[i]) - 1
}

// Equal reports whether both describe the same set of outcomes.
func (a *Affine) Equal(b *Affine) bool {
	return a.Width == b.Width && slices.Equal(a.Ref, b.Ref) && slices.EqualFunc(a.Basis, b.Basis, slices.Equal)
}

// K is the dimension: the number of random bits of a shot.
func (a *Affine) K() int { return len(a.Basis) }
