package stabilizer

import (
	"context"
	"math/bits"
	"slices"
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
}

// rows is a list of operators i^phase·X^x·Z^z, row by row.
type rows struct {
	n, w  int
	x, z  []uint64
	phase []uint8 // modulo 4
}

// fromTableau transposes: Y = i·X·Z contributes one quarter turn.
func (r *rows) fromTableau(t *tableau) {
	r.n, r.w = t.n, t.w
	if size := t.w * 64 * t.w; cap(r.x) < size {
		r.x, r.z, r.phase = make([]uint64, size), make([]uint64, size), make([]uint8, t.w*64)
	}
	r.x, r.z, r.phase = r.x[:t.w*64*t.w], r.z[:t.w*64*t.w], r.phase[:t.w*64]
	transpose(r.x, t.x, t.n, t.w)
	transpose(r.z, t.z, t.n, t.w)
	for g := range t.n {
		p := 2 * int(t.sign[g/64]>>(g%64)&1)
		for i, x := range r.x[g*r.w:][:r.w] {
			p += bits.OnesCount64(x & r.z[g*r.w+i])
		}
		r.phase[g] = uint8(p & 3)
	}
}

// transpose turns n columns of w words into 64·w rows of w words.
func transpose(dst, src []uint64, n, w int) {
	var b [64]uint64
	for i := range w { // block of columns
		for j := range w { // block of rows
			for k := range b {
				b[k] = 0
				if q := 64*i + k; q < n {
					b[k] = src[q*w+j]
				}
			}
			transpose64(&b)
			for k, v := range b {
				dst[(64*j+k)*w+i] = v
			}
		}
	}
}

// transpose64 swaps bit i of word j with bit j of word i, by halves (Warren,
// Hacker's Delight, section 7-3).
func transpose64(b *[64]uint64) {
	m := uint64(0x00000000ffffffff)
	for s := uint(32); s != 0; s >>= 1 {
		for k := uint(0); k < 64; k = (k + s + 1) &^ s {
			t := (b[k]>>s ^ b[k+s]) & m
			b[k+s] ^= t
			b[k] ^= t << s
		}
		m ^= m << (s >> 1)
	}
}

// multiply replaces row i by row i times row p: Z^z·X^x = (-1)^{z·x}·X^x·Z^z.
func (r *rows) multiply(i, p int) {
	xi, zi := r.x[i*r.w:][:r.w], r.z[i*r.w:][:r.w]
	xp, zp := r.x[p*r.w:][:r.w], r.z[p*r.w:][:r.w]
	odd := uint64(0)
	for k, a := range xp {
		odd ^= zi[k] & a
		xi[k] ^= a
		zi[k] ^= zp[k]
	}
	r.phase[i] = (r.phase[i] + r.phase[p] + 2*uint8(bits.OnesCount64(odd)&1)) & 3
}

func (r *rows) swap(i, j int) {
	if i == j {
		return
	}
	for k := range r.w {
		r.x[i*r.w+k], r.x[j*r.w+k] = r.x[j*r.w+k], r.x[i*r.w+k]
		r.z[i*r.w+k], r.z[j*r.w+k] = r.z[j*r.w+k], r.z[i*r.w+k]
	}
	r.phase[i], r.phase[j] = r.phase[j], r.phase[i]
}

// pivot brings a row from first on whose bit q of m is set to place first, and
// clears the bit in all other rows from lowest on.
func (r *rows) pivot(m []uint64, first, lowest, q int) bool {
	k, s := q/64, q%64
	for i := first; i < r.n; i++ {
		if m[i*r.w+k]>>s&1 == 0 {
			continue
		}
		r.swap(first, i)
		for j := lowest; j < r.n; j++ {
			if j != first && m[j*r.w+k]>>s&1 == 1 {
				r.multiply(j, first)
			}
		}
		return true
	}
	return false
}

// affine reduces the X parts, highest qubit first: what they span are the
// directions between outcomes. The rows that are left have no X part: each says
// that the outcome has even (or, with sign, odd) parity on its Z part. They fix
// the qubits that lead no basis vector.
func (r *rows) affine(ctx context.Context) (*Affine, error) {
	k, fixed := 0, make([]int, 0, r.n)
	for q := r.n - 1; q >= 0; q-- {
		if q%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if k < r.n && r.pivot(r.x, k, 0, q) {
			k++
		} else {
			fixed = append(fixed, q)
		}
	}
	flat := make([]uint64, (k+1)*r.w)
	a := &Affine{Width: r.n, Ref: flat[:r.w:r.w], Basis: make([][]uint64, k)}
	for j := range a.Basis {
		a.Basis[j] = flat[(j+1)*r.w:][:r.w:r.w]
		copy(a.Basis[j], r.x[j*r.w:])
	}
	for i, q := range fixed {
		if q%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.pivot(r.z, k+i, k, q)
	}
	for i, q := range fixed {
		a.Ref[q/64] |= uint64(r.phase[k+i]>>1) << (q % 64)
	}
	return a, nil
}

// Equal reports whether both describe the same set of outcomes.
func (a *Affine) Equal(b *Affine) bool {
	return a.Width == b.Width && slices.Equal(a.Ref, b.Ref) && slices.EqualFunc(a.Basis, b.Basis, slices.Equal)
}

// K is the dimension: the number of random bits of a shot.
func (a *Affine) K() int { return len(a.Basis) }
