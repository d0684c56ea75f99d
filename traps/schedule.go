package traps

import (
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/seed"
)

// Labels of the random streams (SPEC.md, "Streams").
const (
	labelSlot   = "slot"
	labelWindow = "win"
	labelKind   = "kind"
)

// schedule knows the role of every slot of a job.
type schedule struct {
	plan    *guest.Plan
	root    [32]byte
	isB     []bool   // per trap, in slot order
	window  int      // window that marked describes, -1 none
	start   uint64   // its first slot
	ordinal []int32  // trap number of each of its slots, -1 for targets
	before  []uint64 // traps in front of each window
}

func newSchedule(p *guest.Plan, root [32]byte) *schedule {
	m := mixOf(p)
	s := &schedule{plan: p, root: root, isB: make([]bool, p.Traps), window: -1}
	n := uint64(0)
	for _, t := range p.WindowTraps {
		s.before = append(s.before, n)
		n += uint64(t)
	}
	for k, x := range seed.NewStream(root, labelKind, 0).Shuffle(int(p.Traps)) {
		s.isB[k] = m.isB(x)
	}
	return s
}

// windowOf returns the window of a slot.
func (s *schedule) windowOf(slot uint64) int {
	w := uint64(len(s.plan.WindowTraps))
	return int(((slot+1)*w - 1) / s.plan.Shots)
}

// load makes ordinal that of window j.
func (s *schedule) load(j int) {
	s.window, s.start = j, s.plan.WindowStart(j)
	size := int(s.plan.WindowStart(j+1) - s.start)
	s.ordinal = s.ordinal[:0]
	for range size {
		s.ordinal = append(s.ordinal, -1)
	}
	before := int32(s.before[j])
	for k, pos := range seed.NewStream(s.root, labelWindow, uint64(j)).Choose(int(s.plan.WindowTraps[j]), size) {
		s.ordinal[pos] = before + int32(k)
	}
}

// role returns kind and window of a slot.
func (s *schedule) role(slot uint64) (guest.SlotKind, int) {
	j := s.windowOf(slot)
	if j != s.window {
		s.load(j)
	}
	switch k := s.ordinal[slot-s.start]; {
	case k < 0:
		return guest.SlotTarget, j
	case s.isB[k]:
		return guest.SlotParity, j
	default:
		return guest.SlotMatch, j
	}
}
