package traps

import (
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// mirror runs random Cliffords up to the middle of a stretch of layers that reads
// the same from both ends, a random Pauli there, and the inverses back (Proctor et
// al., Nature Physics 18, 75, 2022). It is for circuits built that way, to
// calibrate a device; others are refused.
var mirror = family{name: "mirror", mix: Mix{A: 1}, about: "random Cliffords, a central Pauli, the inverses; for mirrored circuits only",
	limit: func(s *circuit.Skeleton) error {
		if _, half := mirrored(s); half == 0 {
			return domain("no two equal neighbouring CZ layers, so no gate can be undone: mirror is for mirrored circuits (engine calibrate)")
		}
		return nil
	},
	rates: func(p *guest.Plan) (pA, pB uint64) {
		w := uint64(p.Skeleton.Width)
		_, pB = stats.PassRates(p.N1, p.N2, w, stats.Policy(p.Policy))
		return stats.NoError(p.N1, p.N2, w, stats.Policy(p.Policy)), pB
	},
	draw: drawMirror}

// mirrored finds the longest run of layers [first, first+2·half) that equals its
// own reverse, looking from the middle outwards, below before above.
func mirrored(s *circuit.Skeleton) (first, half int) {
	m := len(s.Layers)
	for d := range m + 1 {
		c := m/2 + d/2
		if d&1 == 1 {
			c = m/2 - (d+1)/2
		}
		if c < 1 || c >= m || min(c, m-c) <= half {
			continue
		}
		k := 0
		for k < min(c, m-c) && slices.Equal(s.Layers[c-1-k], s.Layers[c+k]) {
			k++
		}
		if k > half {
			first, half = c-k, k
		}
	}
	return first, half
}

// Mirrored is the stretch [first, first+2·half) of CZ layers that mirror uses; half is
// 0 where there is none.
func Mirrored(s *circuit.Skeleton) (first, half int) { return mirrored(s) }

func drawMirror(g *Generator, _ int, _, flips []byte) byte {
	s := &g.plan.Skeleton
	w := s.Width
	first, half := mirrored(s)
	clear(g.base)
	mid := (first + half) * w
	for l := first * w; l < mid; l++ {
		v, p := g.stream.Uniform(numVs), g.stream.Uniform(numDraw)
		c := uint8(4*v + p)
		g.base[l] = c
		j, q := l/w-first, l%w
		g.base[(first+2*half-j)*w+q] = inverse[c]
	}
	for q := range w {
		g.base[mid+q] = uint8(g.stream.Uniform(numDraw))
	}
	f := g.frame
	for q := range f {
		f[q] = circuit.PauliDraw[g.base[mid+q]]
	}
	for j := first + half; ; j++ {
		if j > first+half {
			for q := range f {
				f[q] = cliff.act[g.base[j*w+q]][f[q]].p
			}
		}
		if j == len(s.Layers) {
			break
		}
		s.PushFrame(j, f)
	}
	for q := range f {
		flips[q>>3] |= byte(f[q]&circuit.PauliX) << (q & 7)
	}
	return 0
}

// inverse of each Clifford.
var inverse = func() (inv [numCliffords]uint8) {
	for a := range inv {
		inv[a] = uint8(slices.Index(cliff.mul[a][:], cI))
	}
	return inv
}()
