package traps

import (
	"math/bits"

	"github.com/animicaorg/engine/circuit"
)

// MaxIQPWidth is the widest circuit of iqp@1.
const MaxIQPWidth = 64

// iqpTries bounds how often the last phases are drawn.
const iqpTries = 32

// iqp runs H, diagonal gates, H: one Z product of the outcome is certain. No
// string is hidden in it; the repaired forms of that idea are broken too.
var iqp = family{name: "iqp", mix: Mix{B: 1}, about: "H, diagonal gates, H: one parity that is certain", rates: parityFloor(1 << 32),
	limit: func(s *circuit.Skeleton) error {
		if s.Width > MaxIQPWidth {
			return domain("width %d, iqp takes up to %d", s.Width, MaxIQPWidth)
		}
		return nil
	},
	draw: drawIQP}

// sPower are S^0 to S^3.
var sPower = [4]uint8{cI, cS, 3, cSdag}

// drawIQP: on |+…+> the Pauli X^v ends as ±X^v exactly when v is in the kernel of
// the matrix whose row q holds the qubits that q met in an odd number of CZ, and
// on the diagonal whether q took an odd power of S.
func drawIQP(g *Generator, _ int, mask, _ []byte) byte {
	s := &g.plan.Skeleton
	w, m := s.Width, len(s.Layers)
	var met [MaxIQPWidth]uint64
	for _, layer := range s.Layers {
		for _, p := range layer {
			met[p.A] ^= 1 << p.B
			met[p.B] ^= 1 << p.A
		}
	}
	var odd, last uint64 // odd powers of S before the last gates, in them
	power := g.base[m*w:]
	for l := w; l < m*w; l++ {
		k := g.stream.Uniform(4)
		g.base[l] = sPower[k]
		odd ^= k & 1 << (l % w)
	}
	var kernel []uint64
	for range iqpTries {
		last = 0
		for q := range power {
			power[q] = uint8(g.stream.Uniform(4))
			last |= uint64(power[q]&1) << q
		}
		if kernel = kernelOf(met, odd^last, w); len(kernel) > 0 {
			break
		}
	}
	if len(kernel) == 0 { // every row sums to zero: all ones are in the kernel
		for q := range power {
			power[q] = uint8(bits.OnesCount64(met[q])&1) ^ uint8(odd>>q&1)
			last = last&^(1<<q) | uint64(power[q])<<q
		}
		kernel = kernelOf(met, odd^last, w)
	}
	v := uint64(0)
	for v == 0 {
		for _, k := range kernel {
			v ^= k & -g.stream.Uniform(2)
		}
	}
	for q := range w {
		g.frame[q] = circuit.PauliZ * circuit.Pauli(v>>q&1)
		power[q] = cliff.mul[cH][sPower[power[q]]]
		if m > 0 {
			g.base[q] = cH
		} else {
			power[q] = cliff.mul[power[q]][cH]
		}
	}
	neg := g.carry(false)
	g.support(mask)
	return bit(neg)
}

// kernelOf is a basis of the kernel over GF(2): of the reduced row echelon form,
// one vector per column without a pivot, ascending.
func kernelOf(met [MaxIQPWidth]uint64, diagonal uint64, w int) (basis []uint64) {
	for q := range w {
		met[q] ^= diagonal & (1 << q)
	}
	var pivot [MaxIQPWidth]int // row of a column, -1
	rank := 0
	for c := range w {
		pivot[c] = -1
		for r := rank; r < w; r++ {
			if met[r]>>c&1 == 0 {
				continue
			}
			met[rank], met[r] = met[r], met[rank]
			for o := range w {
				if o != rank && met[o]>>c&1 == 1 {
					met[o] ^= met[rank]
				}
			}
			pivot[c] = rank
			rank++
			break
		}
	}
	for c := range w {
		if pivot[c] >= 0 {
			continue
		}
		v := uint64(1) << c
		for d := range w {
			if pivot[d] >= 0 {
				v |= met[pivot[d]] >> c & 1 << d
			}
		}
		basis = append(basis, v)
	}
	return basis
}
