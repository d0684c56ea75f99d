package exec

import (
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// scriptWidth is the widest state that runs from a script: of all its steps the
// factors are held at once, up to 3 KiB each.
const scriptWidth = 16

// script is a plan laid out for a narrow state. What follows from the structure
// is made once and serves all programs of the structure; angles are filled in by
// every run.
type script struct {
	plan   *plan.Plan // nil: nothing is laid out
	kernel kernel.Kernel
	passes []pass // their steps are empty
	first  []int  // per pass: its first line
	lines  []line
	groups [][2]int // ranges of lines
	rots   []plan.At
	prog   *plan.Program // whose rotations at points to
	at     []*plan.Rot   // per element of rots; nil: none

	// Of each rotation the half angle, then from half on its phase, and what
	// follows from them. Each group of lines starts at a multiple of 8.
	half     int
	angles   []uint64
	sin, cos []float64
	tan      []float32
	unsure   []uint8
}

// line is a plan.Step for all chunks.
type line struct {
	from   int     // first rotation
	places []uint8 // of the rotations within the chunk
	stages [plan.ChunkMax]kernel.Stage
	bits   int
	mask   uint64 // lanes that rotate
	lanes  [4]float32
	rot    [3]kernel.Rotation
	rotAt  [3][4]uint8 // places of the rotations of rot
	outer  kernel.Outer
	cross  []cross
}

// groupLines is the number of lines whose angles one task turns into numbers.
const groupLines = 16

// scripted reports whether a plan is run from a script.
func scripted(pl *plan.Plan, k kernel.Kernel) bool {
	return pl.Width <= plan.ChunkMax || pl.Width <= scriptWidth && k.Fused()
}

// layOut prepares s for a plan that fits p, unless it is prepared.
func (s *script) layOut(p *plan.Program, pl *plan.Plan, k kernel.Kernel) {
	if s.plan == pl && s.kernel == k {
		s.bind(p)
		return
	}
	*s = script{plan: pl, kernel: k}
	passes := splitPasses(pl)
	s.passes = make([]pass, len(passes))
	for i := range passes {
		layOut(&passes[i], pl.Width, &s.passes[i])
		s.first = append(s.first, len(s.lines))
		for j := range passes[i].Subs {
			sub := &passes[i].Subs[j]
			for k := range sub.Steps {
				s.add(p, pl, sub.Local, &sub.Steps[k])
			}
		}
	}
	s.first = append(s.first, len(s.lines))
	for i := 0; i < len(s.lines); i += groupLines {
		s.groups = append(s.groups, [2]int{i, min(i+groupLines, len(s.lines))})
	}
	s.half = (len(s.rots) + 7) &^ 7
	s.angles, s.unsure = make([]uint64, 2*s.half), make([]uint8, s.half/4)
	for i := range s.angles { // what is not written needs no care
		s.angles[i] = 1 << 57
	}
	s.sin, s.cos, s.tan = make([]float64, 2*s.half), make([]float64, 2*s.half), make([]float32, s.half)
	s.bind(p)
}

// bind finds the rotations of a program in memory. They stay there when a template
// refills it.
func (s *script) bind(p *plan.Program) {
	if s.prog == p {
		return
	}
	s.prog, s.at = p, grow(s.at, len(s.rots))
	for i, r := range s.rots {
		if s.at[i] = nil; r.K >= 0 {
			s.at[i] = &p.Rots[r.Q][r.K]
		}
	}
}

// add appends a step.
func (s *script) add(p *plan.Program, pl *plan.Plan, l local, st *plan.Step) {
	if len(s.lines)%groupLines == 0 {
		for len(s.rots)%8 != 0 {
			s.rots = append(s.rots, plan.At{K: -1})
		}
	}
	blocks := 1 << (len(l) - plan.Lanes)
	ln := line{from: len(s.rots), bits: len(l)}
	ln.outer.S, ln.outer.Pattern = make([]float32, 2*blocks), make([]uint8, blocks)
	for j := range ln.stages {
		ln.stages[j].Copy = 1
	}
	rotating := uint32(0)
	for _, r := range st.Rots {
		i := l.index(pl.Position(int(r.Q)))
		s.rots = append(s.rots, r)
		ln.places = append(ln.places, uint8(i))
		rotating |= 1 << i
	}
	var cz [plan.ChunkMax]uint32
	for _, id := range st.CZs {
		c := p.CZs[id]
		i, j := l.index(pl.Position(int(c.A))), l.index(pl.Position(int(c.B)))
		cz[max(i, j)] ^= 1 << min(i, j)
	}
	for j, m := range cz {
		if ln.stages[j].Mask = uint64(m); j >= plan.Lanes {
			ln.stages[j].Mask >>= plan.Lanes
		}
	}
	patterns(ln.outer.Pattern, &cz, len(l))
	for _, c := range st.Cross {
		ln.cross = append(ln.cross, cross{l.index(pl.Position(int(c.In))), pl.Position(int(c.Out))})
	}
	ln.distribute(s.kernel, rotating)
	s.lines = append(s.lines, ln)
}

// patterns writes the lanes whose CZs with the bits of each block are odd.
func patterns(out []uint8, cz *[plan.ChunkMax]uint32, n int) {
	out[0] = 0
	for j := plan.Lanes; j < n; j++ {
		h, m := 1<<(j-plan.Lanes), uint8(cz[j]&(1<<plan.Lanes-1))
		for i, x := range out[:h] {
			out[h+i] = x ^ m
		}
	}
}

// distribute spreads the rotating bits over lanes and sweeps.
func (ln *line) distribute(k kernel.Kernel, rotating uint32) {
	ln.mask = uint64(rotating & (1<<plan.Lanes - 1))
	blocks := rotating >> plan.Lanes
	split := k.SplitProduct(bits.OnesCount32(blocks), ln.mask != 0)
	for i := range ln.rot {
		for ln.rot[i].N < split[i] {
			bit := bits.TrailingZeros32(blocks)
			ln.rotAt[i][ln.rot[i].N] = uint8(bit + plan.Lanes)
			ln.rot[i].Add(bit, 0)
			blocks &= blocks - 1
		}
	}
}
