package qx1

import (
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// PPB is one, in parts per 10^9.
const PPB = 1_000_000_000

// MaxLocations bounds the gate positions of a trap library's circuit: what fits
// its memory.
const MaxLocations = 16384

// Inputs are what qx_plan and qx_generate read besides the plan.
type Inputs struct {
	Job     guest.Header
	Circuit *circuit.Layered
	Policy  guest.Policy
	Root    [32]byte // zero but in qx_generate
}

// ReadInputs reads streams 0, 1 and 5.
func ReadInputs(c *Call) (*Inputs, error) {
	var in Inputs
	var err error
	if in.Job, err = guest.ParseHeader(c.In(Header)); err != nil {
		return nil, err
	}
	b := c.In(Root)
	if len(b) != guest.RootSize+guest.PolicySize {
		return nil, Refuse(BadInput, "stream 5 must have 96 bytes")
	}
	in.Root = [32]byte(b)
	if in.Policy, err = guest.ParsePolicy(b[guest.RootSize:]); err != nil {
		return nil, err
	}
	if in.Circuit, err = guest.ParseLayered(c.In(Circuit)); err != nil {
		return nil, err
	}
	return &in, fits(&in.Circuit.Skeleton)
}

func fits(s *circuit.Skeleton) error {
	if s.Locations() > MaxLocations || s.NumCZ() > MaxLocations/2 {
		return Refuse(TooLarge, "%d gate positions, the limit is %d: use a shallower circuit", s.Locations(), MaxLocations)
	}
	return nil
}

// Shape fills in what follows from shots, ratio and skeleton: the number of traps,
// the windows and the traps of each, floor(jT/W) before window j but never more
// than slots.
func Shape(p *guest.Plan) {
	p.N1, p.N2 = uint64(p.Skeleton.Locations()), uint64(p.Skeleton.NumCZ())
	p.Traps = (p.Shots*p.RatioPPM + 999_999) / 1_000_000
	w := min(max(p.Shots/64, 1), guest.MaxWindows)
	p.WindowTraps = make([]uint32, w)
	placed := uint64(0)
	for j := range w {
		size := p.WindowStart(int(j)+1) - p.WindowStart(int(j))
		now := min(placed+size, p.Traps*(j+1)/w)
		p.WindowTraps[j] = uint32(now - placed)
		placed = now
	}
}

// Variant is a compiled gate with Pauli before behind it on the right and after on
// its left: first before, then the gate, then after.
func Variant(u circuit.U3Angles, before, after circuit.Pauli) circuit.U3Angles {
	return u.Right(before).Left(after)
}

// Palette returns the fixed gates, and every gate of the circuit with a Pauli on
// either side, in the order that a plan demands.
func Palette(c *circuit.Layered, fixed []circuit.U3Angles) []circuit.U3Angles {
	all := append(make([]circuit.U3Angles, 0, len(fixed)+16*len(c.U)), fixed...)
	for _, u := range c.U {
		for x := range circuit.Pauli(16) {
			all = append(all, Variant(u, x>>2, x&3))
		}
	}
	slices.SortFunc(all, circuit.U3Angles.Compare)
	return slices.Compact(all)
}

// ReadPlan reads stream 2 and checks all that does not depend on the family; of
// its own fields a family checks what it relies on.
func ReadPlan(c *Call) (*guest.Plan, error) {
	p, err := guest.ParsePlan(c.In(Plan))
	if err != nil {
		return nil, err
	}
	if err := fits(&p.Skeleton); err != nil {
		return nil, err
	}
	want := guest.Plan{Skeleton: p.Skeleton, Shots: p.Shots, RatioPPM: p.RatioPPM}
	Shape(&want)
	if p.Traps != want.Traps || p.N1 != want.N1 || p.N2 != want.N2 || !slices.Equal(p.WindowTraps, want.WindowTraps) {
		return nil, Refuse(BadInput, "plan: counts do not agree")
	}
	return p, nil
}

// Slots are the slots of one qx_generate call.
type Slots struct {
	*guest.Hidden // kinds, pads, masks and parities of the slots; zero at first
	variant       []uint32
	plan          *guest.Plan
	call          *Call
	buf           []byte
	data          int // bytes of all rows
}

// chunk is about how many bytes go to the host at once.
const chunk = 64 << 10

// NewSlots checks the arguments of qx_generate, finds the circuit's gates in the
// palette and starts the rows.
func NewSlots(c *Call, p *guest.Plan, in *Inputs, first int64, n int32) (*Slots, error) {
	if n < 1 || n > guest.MaxGenerate || first < 0 || uint64(first) >= p.Shots || uint64(n) > p.Shots-uint64(first) {
		return nil, Refuse(BadInput, "slots out of range; one call makes 1 to %d", guest.MaxGenerate)
	}
	if p.Shots != in.Job.Shots || p.RatioPPM != in.Job.RatioPPM || p.Skeleton.Width != in.Circuit.Width ||
		!slices.EqualFunc(p.Skeleton.Layers, in.Circuit.Layers, slices.Equal[[]circuit.Pair]) {
		return nil, Refuse(BadInput, "the plan is not of this job and circuit")
	}
	w := in.Circuit.Width
	size := int(n) * guest.RowBytes(w)
	h := &guest.Hidden{First: uint64(first), N: int(n), Width: w, Kind: make([]byte, n), Window: make([]uint32, n), Pad: make([]byte, size), Mask: make([]byte, size), Parity: make([]byte, n)}
	s := &Slots{Hidden: h, plan: p, call: c, variant: make([]uint32, 16*len(in.Circuit.U))}
	for i, j := 0, 0; i < h.N; i++ {
		for p.WindowStart(j+1) <= h.First+uint64(i) {
			j++
		}
		h.Window[i] = uint32(j)
	}
	for l, u := range in.Circuit.U {
		for x := range circuit.Pauli(16) {
			i, err := Find(p, Variant(u, x>>2, x&3))
			if err != nil {
				return nil, err
			}
			s.variant[16*l+int(x)] = i
		}
	}
	rows := guest.Rows{First: h.First, N: h.N, Locations: len(in.Circuit.U), ElemSize: p.IndexSize()}
	s.buf, s.data = rows.AppendHead(make([]byte, 0, chunk+256)), rows.N*rows.Locations*rows.ElemSize
	return s, nil
}

// Find returns the index of a gate in the palette.
func Find(p *guest.Plan, u circuit.U3Angles) (uint32, error) {
	i, ok := slices.BinarySearchFunc(p.Palette, u, circuit.U3Angles.Compare)
	if !ok {
		return 0, Refuse(BadInput, "the palette lacks a gate of this circuit or family")
	}
	return uint32(i), nil
}

// Variant returns the palette index of the gate at a location with Paulis before
// and after it.
func (s *Slots) Variant(location int, before, after circuit.Pauli) uint32 {
	return s.variant[16*location+int(before)<<2|int(after)]
}

// Put appends the palette index of the next location of the next slot.
func (s *Slots) Put(index uint32) error {
	s.buf = append(s.buf, byte(index), byte(index>>8))
	if s.plan.IndexSize() == 4 {
		s.buf = append(s.buf, byte(index>>16), byte(index>>24))
	}
	if len(s.buf) < chunk {
		return nil
	}
	err := s.call.Out(Result, s.buf)
	s.buf = s.buf[:0]
	return err
}

// Flip flips bit q of the row of slot i.
func (s *Slots) Flip(rows []byte, i, q int) {
	rows[i*guest.RowBytes(s.Width)+q>>3] ^= 1 << (q & 7)
}

// End sends the last rows and the hidden data.
func (s *Slots) End() error {
	if err := s.call.Out(Result, append(s.buf, make([]byte, -s.data&7)...)); err != nil {
		return err
	}
	return s.call.Out(Secret, s.Hidden.Append(nil))
}

// Tally counts what the traps of slots 0..n-1 say, every byte checked; n is all
// shots or the start of a window. The plan's numbers are copied into the verdict;
// the rest is as in a job that proves nothing yet.
func Tally(c *Call, p *guest.Plan, n int32) (*guest.Verdict, error) {
	windows := 0
	for windows <= len(p.WindowTraps) && p.WindowStart(windows) != uint64(uint32(n)) {
		windows++
	}
	if n < 0 || windows > len(p.WindowTraps) {
		return nil, Refuse(BadInput, "n is neither all shots nor the start of a window")
	}
	h, err := guest.ParseHidden(c.In(Hidden), p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	o, err := guest.ParseOutcomes(c.In(Outcomes), p.Skeleton.Width)
	if err != nil {
		return nil, err
	}
	if h.N != int(n) || o.N != int(n) || h.First != 0 || o.First != 0 {
		return nil, Refuse(BadInput, "hidden data and outcomes must be of slots 0..n-1")
	}
	one := guest.Tail{Mant: 100_000_000}
	v := &guest.Verdict{Shots: p.Shots, Judged: uint64(n), Traps: p.Traps, CA: p.CA, CB: p.CB, TMin: p.TMin, FirstBad: guest.NoWindow, PA: p.PA, PB: p.PB,
		TailA: one, TailB: one, EpsMarkov: PPB, EpsHidden: PPB, WindowTraps: make([]uint32, len(p.WindowTraps)), WindowPass: make([]uint32, len(p.WindowTraps))}
	for j := range windows {
		for i := p.WindowStart(j); i < p.WindowStart(j+1); i++ {
			if err := count(v, h, o, int(i), j); err != nil {
				return nil, err
			}
		}
		if v.WindowTraps[j] != p.WindowTraps[j] {
			return nil, Refuse(BadInput, "hidden: a window has another number of traps than the plan")
		}
	}
	if v.NA > p.NA || v.NB > p.NB {
		return nil, Refuse(BadInput, "hidden: more traps of a kind than the plan has")
	}
	if v.Missing > 0 {
		v.Reasons |= guest.ReasonMissing
	}
	return v, nil
}

// count checks slot i of window j and counts it.
func count(v *guest.Verdict, h *guest.Hidden, o *guest.Outcomes, i, j int) error {
	rb, ones, set := guest.RowBytes(h.Width), 0, 0
	for k, mask := range h.Mask[i*rb : (i+1)*rb] {
		ones += bits.OnesCount8(mask)
		set += bits.OnesCount8((o.Rows[i*rb+k] ^ h.Pad[i*rb+k]) & mask)
	}
	kind, parity := guest.SlotKind(h.Kind[i]), int(h.Parity[i])
	if h.Window[i] != uint32(j) || kind == guest.SlotTarget && ones > 0 || kind != guest.SlotParity && parity > 0 || kind == guest.SlotMatch && ones != h.Width || kind == guest.SlotParity && ones == 0 {
		return Refuse(BadInput, "hidden: window, mask or parity of a slot")
	}
	here := o.Has(i)
	if !here {
		v.Missing++
		v.FirstBad = min(v.FirstBad, uint64(j))
	}
	pass := uint64(0)
	if here && (kind == guest.SlotMatch && set == 0 || kind == guest.SlotParity && set&1 == parity) {
		pass = 1
	}
	switch kind {
	case guest.SlotTarget:
		return nil
	case guest.SlotMatch:
		v.NA, v.KA = v.NA+1, v.KA+pass
	default:
		v.NB, v.KB = v.NB+1, v.KB+pass
	}
	v.WindowTraps[j], v.WindowPass[j] = v.WindowTraps[j]+1, v.WindowPass[j]+uint32(pass)
	return nil
}

// WriteVerdict fills in what follows from TrapPass, and sends the verdict.
func WriteVerdict(c *Call, v *guest.Verdict) error {
	v.TrapFail = v.Shots - v.TrapPass
	return c.Out(Result, v.Append(nil))
}
