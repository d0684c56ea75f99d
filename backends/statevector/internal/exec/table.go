package exec

import (
	"math"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
)

// step is a plan.Step with numbers in place of angles.
type step struct {
	table []float32 // the diagonal, a factor per amplitude of the chunk
	lanes kernel.LaneTans
	rot   [3]kernel.Rotation // qubits that are not lanes, ascending; the first with the layer
	cross []cross
	pairs []kernel.Exchange

	shared   bool         // others have the same table
	bits     int          // of the chunk
	phases   []crossPhase // of pairs that leave the chunk
	patterns []pattern    // other terms that leave it
}

// cross is a CZ that leaves the chunk: where bit out of an amplitude's number is
// set, bit in of its number within the chunk flips the sign.
type cross struct{ in, out int }

// builder makes steps. It is scratch memory of one goroutine.
type builder struct {
	k     kernel.Kernel
	outer kernel.Outer
	v     [kernel.Block]float32                      // lanes, re and im in turn
	s     [2 << (plan.ChunkMax - plan.Lanes)]float64 // re, im per block
	g     [1 << (plan.ChunkMax - plan.Lanes)]float64 // the same, half as many

	patterns []pattern // of the table
}

// local is a chunk's set of positions.
type local []uint8

// index returns the place of a position within the chunk, or -1.
func (l local) index(pos int) int {
	for i, p := range l {
		if int(p) == pos {
			return i
		}
	}
	return -1
}

// diagonal collects what a table is made of; bits are places within the chunk.
type diagonal struct {
	scale float64
	alpha [plan.ChunkMax]circuit.Angle
	cz    [plan.ChunkMax]uint32 // per bit: lower bits with a CZ to it
	bits  int

	paired bool                  // there is a pair:
	pairs  [plan.ChunkMax]uint32 // per bit: higher bits with a phase on both
	pair   [plan.ChunkMax][plan.ChunkMax]circuit.Angle
}

// build fills dst. Its table is kept when it is large enough. A scale other than
// 0 takes the place of the product of cosines.
func (b *builder) build(dst *step, p *plan.Program, pl *plan.Plan, l local, st *plan.Step, scale float64) {
	d := diagonal{scale: 1, bits: len(l)}
	if dst.shared {
		dst.table = nil
	}
	*dst = step{table: dst.table, bits: len(l)}
	var tans [plan.ChunkMax]float32
	rotating := uint32(0)
	for _, r := range st.Rots {
		rot, i := p.Rots[r.Q][r.K], l.index(pl.Position(int(r.Q)))
		tan, cos := tanCosHalf(rot.Rest)
		d.scale = float64(d.scale * cos)
		d.alpha[i], tans[i] = rot.Alpha, tan
		if rot.Rest != 0 {
			rotating |= 1 << i
		}
	}
	d.signs(dst, p, pl, l, st)
	if scale != 0 {
		d.scale = scale
	}
	b.terms(dst, &d, p, pl, l, st.Terms)
	dst.rotations(b.k, rotating, &tans)
	n := kernel.Block << (d.bits - plan.Lanes)
	if cap(dst.table) < n {
		dst.table = floats(n)
	}
	dst.table = dst.table[:n]
	b.table(dst.table, &d)
	for i := range b.patterns {
		b.patterns[i].apply(dst.table)
	}
}

// signs collects the CZs of a step.
func (d *diagonal) signs(dst *step, p *plan.Program, pl *plan.Plan, l local, st *plan.Step) {
	for _, id := range st.CZs {
		c := p.CZs[id]
		i, j := l.index(pl.Position(int(c.A))), l.index(pl.Position(int(c.B)))
		d.cz[max(i, j)] ^= 1 << min(i, j)
	}
	for _, c := range st.Cross {
		dst.cross = append(dst.cross, cross{l.index(pl.Position(int(c.In))), pl.Position(int(c.Out))})
	}
}

// rotations distributes the rotating bits of a chunk over lanes and sweeps.
func (s *step) rotations(k kernel.Kernel, rotating uint32, tans *[plan.ChunkMax]float32) {
	for m := rotating & (1<<plan.Lanes - 1); m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m)
		s.lanes.Set(i, tans[i])
	}
	blocks := rotating >> plan.Lanes
	split := k.Split(bits.OnesCount32(blocks), s.lanes.Mask != 0)
	for i := range s.rot {
		for s.rot[i].N < split[i] {
			bit := bits.TrailingZeros32(blocks)
			s.rot[i].Add(bit, tans[bit+plan.Lanes])
			blocks &= blocks - 1
		}
	}
}

// table writes the product of scale, phases and CZ signs (SPEC.md, "Tables"):
// per block and per lane in binary64, each rounded to binary32, then multiplied.
func (b *builder) table(dst []float32, d *diagonal) {
	blocks := 1 << (d.bits - plan.Lanes)
	b.blocks()
	b.s[0], b.s[1] = d.scale, 0
	b.expand(b.s[:2<<plan.Lanes], d, 0, plan.Lanes)
	for l := range kernel.Lanes {
		b.outer.V[l], b.outer.V[l+kernel.Lanes] = float32(b.s[2*l]), float32(b.s[2*l+1])
	}
	b.s[0], b.s[1] = 1, 0
	b.expand(b.s[:2*blocks], d, plan.Lanes, d.bits)
	for i, x := range b.s[:2*blocks] {
		b.outer.S[i] = float32(x)
	}
	d.pattern(b.outer.Pattern)
	b.k.Outer(dst, &b.outer)
	if d.paired {
		b.fold(dst, d)
	}
}

// pattern writes the lanes whose CZs with the bits of each block are odd.
func (d *diagonal) pattern(out []uint8) {
	out[0] = 0
	for j := plan.Lanes; j < d.bits; j++ {
		h := 1 << (j - plan.Lanes)
		m := uint8(d.cz[j] & (1<<plan.Lanes - 1))
		for i, x := range out[:h] {
			out[h+i] = x ^ m
		}
	}
}

// blocks makes room for the blocks of a chunk in b.outer.
func (b *builder) blocks() {
	if b.outer.Pattern == nil {
		most := 1 << (plan.ChunkMax - plan.Lanes)
		b.outer.S, b.outer.Pattern = make([]float32, 2*most), make([]uint8, most)
	}
}

// expand multiplies s, whose first number is set, by the phases and signs of
// bits from..to-1, lowest first: entry i + 2^j = entry i · e^{iα_j} · signs.
func (b *builder) expand(s []float64, d *diagonal, from, to int) {
	for j := from; j < to; j++ {
		n := 2 << (j - from)
		turned(s, n, d.alpha[j])
		high := s[n:][:n]
		if d.paired {
			b.pairPhases(high, d, from, j)
		}
		if mask := d.cz[j] >> from; mask != 0 {
			negate(high, mask)
		}
	}
}

// negate flips the sign of the complex numbers i whose bits in mask are odd.
func negate(s []float64, mask uint32) {
	for i, x := range s {
		flip := uint64(bits.OnesCount32(uint32(i/2)&mask)) << 63
		s[i] = math.Float64frombits(math.Float64bits(x) ^ flip)
	}
}
