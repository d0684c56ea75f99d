package guest

import (
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/circuit"
)

// Limits of trap messages.
const (
	MaxShots   = 10_000_000 // slots of one job
	MaxWindows = 64
	Grid       = 5 // bets of the e-process
	// MaxGenerate is the largest n of one qx_generate call.
	MaxGenerate = 4096
)

// RowBytes is the size of one row of width bits: bit i is at byte i>>3, mask
// 1<<(i&7); unused bits are zero.
func RowBytes(width int) int { return (width + 7) / 8 }

// HeaderSize is the size of stream 0.
const HeaderSize = 64

// Header is stream 0 of every trap call: version u32 = 1, flags u32 = 0, shots
// u64, ratio_ppm u64, zeros.
type Header struct {
	Shots    uint64 // execution slots, 1..MaxShots
	RatioPPM uint64 // share of trap slots in parts per million, 0..1000000
}

// Append writes the header.
func (h Header) Append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, FormVersion)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, h.Shots)
	b = binary.LittleEndian.AppendUint64(b, h.RatioPPM)
	return append(b, make([]byte, HeaderSize-24)...)
}

// ParseHeader reads stream 0.
func ParseHeader(b []byte) (Header, error) {
	le := binary.LittleEndian
	if len(b) != HeaderSize || le.Uint32(b) != FormVersion || le.Uint32(b[4:]) != 0 || !allZero(b[24:]) {
		return Header{}, fmt.Errorf("header: %w", ErrForm)
	}
	h := Header{Shots: le.Uint64(b[8:]), RatioPPM: le.Uint64(b[16:])}
	if h.Shots < 1 || h.Shots > MaxShots || h.RatioPPM > 1_000_000 {
		return Header{}, fmt.Errorf("header: %d shots, ratio %d ppm: %w", h.Shots, h.RatioPPM, ErrForm)
	}
	return h, nil
}

// PolicySize is the size of a policy record; stream 5 is root32 ‖ policy. Only
// qx_generate is given the true root; the other calls see 32 zero bytes.
const (
	RootSize   = 32
	PolicySize = 64
)

// Policy is what the network assumes about honest devices and the false-alarm
// levels it accepts; all in parts per 10^9. The record is its eight fields as
// little-endian u64 in this order.
type Policy struct {
	P1, P2, RO          uint64 // depolarizing per one-qubit gate, per CZ; readout flip per qubit
	AlphaE              uint64 // e-process, whole job
	AlphaA, AlphaB      uint64 // final exact tests (their sum where a library has one kind only)
	TMinAlpha, TMinBeta uint64 // false alarm and miss that define the least number of traps
}

func (p Policy) fields() []uint64 {
	return []uint64{p.P1, p.P2, p.RO, p.AlphaE, p.AlphaA, p.AlphaB, p.TMinAlpha, p.TMinBeta}
}

// Append writes the record.
func (p Policy) Append(b []byte) []byte {
	for _, v := range p.fields() {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// ParsePolicy reads a record. Rates above 10^9, and error levels of 0, are refused.
func ParsePolicy(b []byte) (Policy, error) {
	if len(b) != PolicySize {
		return Policy{}, fmt.Errorf("policy record of %d bytes, want %d: %w", len(b), PolicySize, ErrForm)
	}
	var v [8]uint64
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return policyOf(v[:])
}

func policyOf(v []uint64) (Policy, error) {
	for i, x := range v {
		if x > 500_000_000 || i >= 3 && x == 0 {
			return Policy{}, fmt.Errorf("policy field %d is %d ppb: %w", i, x, ErrForm)
		}
	}
	return Policy{v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]}, nil
}

// Plan is the output of qx_plan: all that is fixed before any slot. It depends
// on the compiled circuit, shots, ratio and policy, never on the seed.
type Plan struct {
	Skeleton                               circuit.Skeleton
	Palette                                []circuit.U3Angles // ascending, distinct, normal forms
	Policy                                 Policy
	Shots                                  uint64
	RatioPPM                               uint64
	Traps                                  uint64      // T = ceil(shots·ppm/10^6)
	N1, N2                                 uint64      // u3 locations, CZ gates
	PA, PB                                 uint64      // honest pass rates, ppb
	NA, NB                                 uint64      // traps of kind A and B, NA+NB = T
	CA, CB                                 uint64      // accept with at least so many passes
	TMin                                   uint64      // fewer traps are insufficient
	MixA, MixB                             uint64      // share of kinds, 3:1
	HGlobal, HCusum                        int64       // e-process bounds, units 2^-32
	WindowTraps                            []uint32    // traps of each window; its length is W
	IncPassA, IncFailA, IncPassB, IncFailB [Grid]int64 // log-likelihood increments, units 2^-32
}

// Insufficient reports that no verdict but "insufficient" is possible.
func (p *Plan) Insufficient() bool { return p.Traps < p.TMin || p.Traps == 0 }

// Window bounds: window j holds slots [WindowStart(j), WindowStart(j+1)).
func (p *Plan) WindowStart(j int) uint64 { return uint64(j) * p.Shots / uint64(len(p.WindowTraps)) }

// IndexSize is the element size of row indexes: 2 bytes up to 65536 palette
// entries, else 4.
func (p *Plan) IndexSize() int {
	if len(p.Palette) > 1<<16 {
		return 4
	}
	return 2
}

// Append writes the plan, n_items = palette size:
//
//	1 u64[18]  width, layers, shots, ratio_ppm, traps, n1, n2, pA, pB, nA, nB, cA, cB, t_min, mix_a, mix_b, h_global, h_cusum
//	2 u32[W]   traps of each window
//	3 u64[20]  increments: pass A, fail A, pass B, fail B, five each, two's complement
//	4 u64[8]   policy record
//	5 u32[m+1] layer starts
//	6 u16[2p]  CZ pairs
//	7 u64[3P]  palette
func (p *Plan) Append(b []byte) []byte {
	inc := make([]uint64, 0, 4*Grid)
	for _, col := range [][Grid]int64{p.IncPassA, p.IncFailA, p.IncPassB, p.IncFailB} {
		for _, v := range col {
			inc = append(inc, uint64(v))
		}
	}
	cols := []Column{
		colU64(1, []uint64{uint64(p.Skeleton.Width), uint64(len(p.Skeleton.Layers)), p.Shots, p.RatioPPM, p.Traps, p.N1, p.N2, p.PA, p.PB,
			p.NA, p.NB, p.CA, p.CB, p.TMin, p.MixA, p.MixB, uint64(p.HGlobal), uint64(p.HCusum)}),
		colU32(2, p.WindowTraps), colU64(3, inc), colU64(4, p.Policy.fields())}
	cols = append(cols, skeletonColumns(5, &p.Skeleton)...)
	cols = append(cols, tripleColumn(7, p.Palette))
	m := Columns{Kind: KindPlan, Items: uint64(len(p.Palette)), Cols: cols}
	return m.Append(b)
}

// ParsePlan is the inverse of Append; shape, order of the palette and sums of
// counts are checked, statistics are taken as given.
func ParsePlan(b []byte) (*Plan, error) {
	r := newReader(b, KindPlan)
	h := r.u64s(1, 18)
	wt := r.u32s(2, -1)
	inc := r.u64s(3, 4*Grid)
	pol := r.u64s(4, 8)
	if r.err != nil {
		return nil, r.err
	}
	p := &Plan{Shots: h[2], RatioPPM: h[3], Traps: h[4], N1: h[5], N2: h[6], PA: h[7], PB: h[8], NA: h[9], NB: h[10], CA: h[11], CB: h[12],
		TMin: h[13], MixA: h[14], MixB: h[15], HGlobal: int64(h[16]), HCusum: int64(h[17]), WindowTraps: wt}
	p.Skeleton = r.skeleton(5, h[0], h[1])
	p.Palette = r.triples(7, int(min(r.c.Items, uint64(len(b)))))
	if err := r.done(); err != nil {
		return nil, err
	}
	var err error
	if p.Policy, err = policyOf(pol); err != nil {
		return nil, err
	}
	for i, dst := range []*[Grid]int64{&p.IncPassA, &p.IncFailA, &p.IncPassB, &p.IncFailB} {
		for g := range dst {
			dst[g] = int64(inc[Grid*i+g])
		}
	}
	return p, p.check(r.c.Items)
}

func (p *Plan) check(items uint64) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("plan: %s: %w", fmt.Sprintf(format, args...), ErrForm)
	}
	if p.Shots < 1 || p.Shots > MaxShots || p.RatioPPM > 1_000_000 || p.Traps > p.Shots || p.NA > p.Traps || p.NA+p.NB != p.Traps || p.CA > p.NA+1 || p.CB > p.NB+1 {
		return bad("%d shots, %d ppm, %d traps (%d A, %d B)", p.Shots, p.RatioPPM, p.Traps, p.NA, p.NB)
	}
	if len(p.WindowTraps) < 1 || len(p.WindowTraps) > MaxWindows || uint64(len(p.WindowTraps)) > p.Shots {
		return bad("%d windows", len(p.WindowTraps))
	}
	sum := uint64(0)
	for j, t := range p.WindowTraps {
		sum += uint64(t)
		if uint64(t) > p.WindowStart(j+1)-p.WindowStart(j) {
			return bad("window %d holds %d traps", j, t)
		}
	}
	if sum != p.Traps {
		return bad("windows hold %d traps of %d", sum, p.Traps)
	}
	if uint64(len(p.Palette)) != items || items == 0 {
		return bad("palette of %d", items)
	}
	for i, u := range p.Palette {
		if !u.IsNormal() || i > 0 && p.Palette[i-1].Compare(u) >= 0 {
			return bad("palette entry %d is not normal or out of order", i)
		}
	}
	return nil
}

// Rows is slots [First, First+N) as palette indexes, location-minor.
type Rows struct {
	First     uint64
	N         int
	Locations int
	ElemSize  int    // 2 or 4
	Data      []byte // N·Locations little-endian indexes
}

// Index returns palette index l of slot First+i.
func (r *Rows) Index(i, l int) uint32 {
	k := i*r.Locations + l
	if r.ElemSize == 2 {
		return uint32(binary.LittleEndian.Uint16(r.Data[2*k:]))
	}
	return binary.LittleEndian.Uint32(r.Data[4*k:])
}

// Row returns the bytes of one slot: the leaf that the root of the rows hashes.
func (r *Rows) Row(i int) []byte {
	n := r.Locations * r.ElemSize
	return r.Data[i*n : (i+1)*n : (i+1)*n]
}

// Expand writes the indexes of slot First+i into out (Locations long).
func (r *Rows) Expand(i int, out []uint32) {
	row := r.Row(i)
	if r.ElemSize == 2 {
		for l := range out {
			out[l] = uint32(binary.LittleEndian.Uint16(row[2*l:]))
		}
		return
	}
	for l := range out {
		out[l] = binary.LittleEndian.Uint32(row[4*l:])
	}
}

// Append writes rows, n_items = N:
//
//	1 u64[1]          first slot
//	2 u16|u32[N·L]    palette indexes
func (r *Rows) Append(b []byte) []byte {
	m := Columns{Kind: KindRows, Items: uint64(r.N), Cols: []Column{colU64(1, []uint64{r.First}), {2, uint16(r.ElemSize), r.Data}}}
	return m.Append(b)
}

// AppendHead writes what Append writes before the indexes, for a guest that sends
// rows piece by piece: Data is ignored, N·Locations indexes of ElemSize bytes
// follow, then zeros up to a multiple of 8.
func (r *Rows) AppendHead(b []byte) []byte {
	m := Columns{Kind: KindRows, Items: uint64(r.N), Cols: []Column{colU64(1, []uint64{r.First}), {2, uint16(r.ElemSize), nil}}}
	b = m.Append(b)
	binary.LittleEndian.PutUint64(b[len(b)-16:], uint64(r.N)*uint64(r.Locations)*uint64(r.ElemSize)) // the length in the last entry of the table
	return b
}

// ParseRows reads rows for a plan: every index is inside its palette. Data
// aliases b.
func ParseRows(b []byte, p *Plan) (*Rows, error) {
	r := newReader(b, KindRows)
	n := int(min(r.c.Items, uint64(len(b))))
	loc, elem := p.Skeleton.Locations(), p.IndexSize()
	first := r.u64s(1, 1)
	data := r.take(2, uint16(elem), n*loc)
	if err := r.done(); err != nil {
		return nil, err
	}
	out := &Rows{First: first[0], N: n, Locations: loc, ElemSize: elem, Data: data}
	if r.c.Items != uint64(n) || first[0] > p.Shots || uint64(n) > p.Shots-first[0] {
		return nil, fmt.Errorf("rows %d + %d of %d slots: %w", first[0], r.c.Items, p.Shots, ErrForm)
	}
	for i := range n * loc {
		if x := out.Index(0, i); x >= uint32(len(p.Palette)) {
			return nil, fmt.Errorf("slot %d location %d: index %d of %d: %w", first[0]+uint64(i/loc), i%loc, x, len(p.Palette), ErrForm)
		}
	}
	return out, nil
}

// SlotKind is the role of a slot.
type SlotKind uint8

// Roles.
const (
	SlotTarget SlotKind = 0
	SlotMatch  SlotKind = 1 // kind A: un-padded bits under the mask are all zero
	SlotParity SlotKind = 2 // kind B: un-padded bits under the mask have the given parity
)

// Hidden is what qx_generate says of slots [First, First+N) to the engine alone.
type Hidden struct {
	First  uint64
	N      int
	Width  int
	Kind   []byte   // SlotKind per slot
	Window []uint32 // window per slot
	Pad    []byte   // rows of RowBytes(Width): XOR to un-pad
	Mask   []byte   // rows: bits that the predicate reads; zero for targets
	Parity []byte   // 0 or 1; zero for targets and kind A
}

// Extend appends the slots that follow.
func (h *Hidden) Extend(next *Hidden) {
	h.Kind, h.Window = append(h.Kind, next.Kind...), append(h.Window, next.Window...)
	h.Pad, h.Mask = append(h.Pad, next.Pad...), append(h.Mask, next.Mask...)
	h.Parity, h.N = append(h.Parity, next.Parity...), h.N+next.N
}

// Prefix returns slots [First, First+n), aliasing h.
func (h *Hidden) Prefix(n int) *Hidden {
	rb := RowBytes(h.Width)
	return &Hidden{First: h.First, N: n, Width: h.Width, Kind: h.Kind[:n], Window: h.Window[:n], Pad: h.Pad[:n*rb], Mask: h.Mask[:n*rb], Parity: h.Parity[:n]}
}

// Unpad returns the executed target slots of h without their pads, bits ordered
// by the circuit's clbits: rows of RowBytes(l.Clbits) bytes in slot order. rows
// and present are raw outcomes of the slots of h, as in Outcomes.
func (h *Hidden) Unpad(l *circuit.Layered, rows, present []byte) []byte {
	rb, cb := RowBytes(l.Width), RowBytes(l.Clbits)
	out := make([]byte, 0, h.N*cb)
	straight := l.Clbits == l.Width
	for q, c := range l.Measure {
		straight = straight && c == q
	}
	for i := range h.N {
		if h.Kind[i] != byte(SlotTarget) || present[i>>3]>>(i&7)&1 == 0 {
			continue
		}
		raw, pad := rows[i*rb:(i+1)*rb], h.Pad[i*rb:(i+1)*rb]
		at := len(out)
		out = append(out, make([]byte, cb)...)
		row := out[at:]
		if straight {
			for k := range row {
				row[k] = raw[k] ^ pad[k]
			}
			continue
		}
		for q, c := range l.Measure {
			if c != circuit.NoClbit {
				row[c>>3] |= (raw[q>>3] ^ pad[q>>3]) >> (q & 7) & 1 << (c & 7)
			}
		}
	}
	return out
}

// Append writes hidden data, n_items = N:
//
//	1 u64[1]   first slot
//	2 u8[N]    kind
//	3 u32[N]   window
//	4 u8[N·rb] pad rows, rb = RowBytes(width)
//	5 u8[N·rb] mask rows
//	6 u8[N]    parity
func (h *Hidden) Append(b []byte) []byte {
	m := Columns{Kind: KindHidden, Items: uint64(h.N), Cols: []Column{colU64(1, []uint64{h.First}), {2, 1, h.Kind},
		colU32(3, h.Window), {4, 1, h.Pad}, {5, 1, h.Mask}, {6, 1, h.Parity}}}
	return m.Append(b)
}

// ParseHidden is the inverse of Append for a circuit of the given width.
func ParseHidden(b []byte, width int) (*Hidden, error) {
	r := newReader(b, KindHidden)
	n, rb := int(min(r.c.Items, uint64(len(b)))), RowBytes(width)
	first := r.u64s(1, 1)
	h := &Hidden{N: n, Width: width, Kind: r.take(2, 1, n), Window: r.u32s(3, n), Pad: r.take(4, 1, n*rb), Mask: r.take(5, 1, n*rb), Parity: r.take(6, 1, n)}
	if err := r.done(); err != nil {
		return nil, err
	}
	h.First = first[0]
	if r.c.Items != uint64(n) || h.First > MaxShots || n > MaxShots {
		return nil, fmt.Errorf("hidden %d + %d: %w", h.First, r.c.Items, ErrForm)
	}
	for i := range n {
		if h.Kind[i] > 2 || h.Parity[i] > 1 || h.Window[i] >= MaxWindows || !cleanRow(h.Pad[i*rb:(i+1)*rb], width) || !cleanRow(h.Mask[i*rb:(i+1)*rb], width) {
			return nil, fmt.Errorf("hidden slot %d: kind, window, parity or unused bits: %w", h.First+uint64(i), ErrForm)
		}
	}
	return h, nil
}

// cleanRow reports whether the bits of a row above width are zero.
func cleanRow(row []byte, width int) bool {
	return width%8 == 0 || row[len(row)-1]>>(width%8) == 0
}

// Outcomes is measured rows of slots [First, First+N), padded as they came.
type Outcomes struct {
	First   uint64
	N       int
	Width   int
	Rows    []byte // N rows of RowBytes(Width); zero where absent
	Present []byte // bit i&7 of byte i>>3: slot First+i has an outcome
}

// Has reports whether slot First+i has an outcome.
func (o *Outcomes) Has(i int) bool { return o.Present[i>>3]>>(i&7)&1 == 1 }

// Row returns the row of slot First+i.
func (o *Outcomes) Row(i int) []byte {
	rb := RowBytes(o.Width)
	return o.Rows[i*rb : (i+1)*rb : (i+1)*rb]
}

// Prefix copies the first n of the slots whose rows and presence bits are given.
func Prefix(width int, rows, present []byte, n int) *Outcomes {
	o := &Outcomes{N: n, Width: width, Rows: rows[:n*RowBytes(width)], Present: append([]byte(nil), present[:(n+7)/8]...)}
	if n%8 != 0 {
		o.Present[len(o.Present)-1] &= 1<<(n%8) - 1
	}
	return o
}

// Append writes outcomes, n_items = N:
//
//	1 u64[1]          first slot
//	2 u8[N·rb]        rows
//	3 u8[ceil(N/8)]   presence
func (o *Outcomes) Append(b []byte) []byte {
	m := Columns{Kind: KindOutcomes, Items: uint64(o.N), Cols: []Column{colU64(1, []uint64{o.First}), {2, 1, o.Rows}, {3, 1, o.Present}}}
	return m.Append(b)
}

// ParseOutcomes is the inverse of Append for a circuit of the given width; rows
// alias b.
func ParseOutcomes(b []byte, width int) (*Outcomes, error) {
	r := newReader(b, KindOutcomes)
	n, rb := int(min(r.c.Items, uint64(len(b))*8)), RowBytes(width)
	first := r.u64s(1, 1)
	o := &Outcomes{N: n, Width: width, Rows: r.take(2, 1, n*rb), Present: r.take(3, 1, (n+7)/8)}
	if err := r.done(); err != nil {
		return nil, err
	}
	o.First = first[0]
	if r.c.Items != uint64(n) || o.First > MaxShots || n > MaxShots || n > 0 && !cleanRow(o.Present, n) {
		return nil, fmt.Errorf("outcomes %d + %d: %w", o.First, r.c.Items, ErrForm)
	}
	for i := range n {
		row := o.Row(i)
		if !cleanRow(row, width) || !o.Has(i) && !allZero(row) {
			return nil, fmt.Errorf("outcome of slot %d: bits above the width, or of an absent slot, are set: %w", o.First+uint64(i), ErrForm)
		}
	}
	return o, nil
}

// Decision is what a judge says.
type Decision uint64

// Decisions.
const (
	DecisionPass         Decision = 0
	DecisionFail         Decision = 1
	DecisionInsufficient Decision = 2 // too few traps to say anything
	DecisionPending      Decision = 3 // nothing bad in the slots seen so far
)

// Reasons for a failure, a bit set.
const (
	ReasonEProcess = 1 << 0 // evidence against honesty crossed its bound in FirstBad
	ReasonFinalA   = 1 << 1 // final exact test of kind A
	ReasonFinalB   = 1 << 2 // final exact test of kind B
	ReasonMissing  = 1 << 3 // a slot has no outcome
)

// NoWindow is FirstBad when no window is bad.
const NoWindow = ^uint64(0)

// Verdict is the output of qx_judge, integers only. trap_report_hash is
// SHA3-256 of its bytes.
type Verdict struct {
	Decision                Decision
	Shots, Judged           uint64 // slots of the job, slots seen
	Traps                   uint64
	NA, KA, NB, KB          uint64 // traps judged and passed, per kind
	CA, CB, TMin            uint64
	FirstBad                uint64 // window, or NoWindow
	TrapPass, TrapFail      uint64 // shots in certified windows and the rest; they sum to Shots
	Missing                 uint64 // judged slots without an outcome
	Reasons                 uint64
	MaxGlobal, MaxCusum     int64    // largest evidence so far, units 2^-32 nats
	PA, PB                  uint64   // honest pass rates, ppb
	TailA, TailB            Tail     // exact left tails P[Bin(n,p) <= k]; 1 where n is 0
	EpsMarkov               uint64   // ppb, 10^9 is vacuous
	EpsHidden               uint64   // ppb, 10^9 is vacuous
	WindowTraps, WindowPass []uint32 // per window, judged so far
}

// Tail is a probability Mant·10^(Exp-8) rounded down, Mant in 10^8..10^9-1, or
// {0, 0} for zero. So {100000000, 0} is 1 and {500000000, -1} is one half.
type Tail struct {
	Mant uint64
	Exp  int64
}

// Append writes the verdict, n_items = W:
//
//	1 u64[27]  decision, shots, judged, traps, nA, kA, nB, kB, cA, cB, t_min, first_bad, trap_pass, trap_fail, missing, reasons,
//	           max_global, max_cusum, pA, pB, tailA mant, tailA exp, tailB mant, tailB exp, eps_markov, eps_hidden, 0
//	2 u32[W]   traps judged per window
//	3 u32[W]   traps passed per window
func (v *Verdict) Append(b []byte) []byte {
	m := Columns{Kind: KindVerdict, Items: uint64(len(v.WindowTraps)), Cols: []Column{
		colU64(1, []uint64{uint64(v.Decision), v.Shots, v.Judged, v.Traps, v.NA, v.KA, v.NB, v.KB, v.CA, v.CB, v.TMin, v.FirstBad, v.TrapPass, v.TrapFail,
			v.Missing, v.Reasons, uint64(v.MaxGlobal), uint64(v.MaxCusum), v.PA, v.PB, v.TailA.Mant, uint64(v.TailA.Exp), v.TailB.Mant, uint64(v.TailB.Exp),
			v.EpsMarkov, v.EpsHidden, 0}),
		colU32(2, v.WindowTraps), colU32(3, v.WindowPass)}}
	return m.Append(b)
}

// ParseVerdict is the inverse of Append; sums are checked.
func ParseVerdict(b []byte) (*Verdict, error) {
	r := newReader(b, KindVerdict)
	h := r.u64s(1, 27)
	wt := r.u32s(2, -1)
	wp := r.u32s(3, len(wt))
	if err := r.done(); err != nil {
		return nil, err
	}
	v := &Verdict{Decision: Decision(h[0]), Shots: h[1], Judged: h[2], Traps: h[3], NA: h[4], KA: h[5], NB: h[6], KB: h[7], CA: h[8], CB: h[9], TMin: h[10],
		FirstBad: h[11], TrapPass: h[12], TrapFail: h[13], Missing: h[14], Reasons: h[15], MaxGlobal: int64(h[16]), MaxCusum: int64(h[17]), PA: h[18], PB: h[19],
		TailA: Tail{h[20], int64(h[21])}, TailB: Tail{h[22], int64(h[23])}, EpsMarkov: h[24], EpsHidden: h[25], WindowTraps: wt, WindowPass: wp}
	if v.Decision > DecisionPending || v.Shots < 1 || v.Shots > MaxShots || v.Judged > v.Shots || v.TrapPass > v.Shots || v.TrapPass+v.TrapFail != v.Shots ||
		v.KA > v.NA || v.KB > v.NB || v.NA > v.Traps || v.NB > v.Traps || v.NA+v.NB > v.Traps || h[26] != 0 || r.c.Items != uint64(len(wt)) || len(wt) > MaxWindows {
		return nil, fmt.Errorf("verdict: counts do not add up: %w", ErrForm)
	}
	var nt, np uint64
	for j := range wt {
		if wp[j] > wt[j] {
			return nil, fmt.Errorf("verdict: window %d passes %d of %d: %w", j, wp[j], wt[j], ErrForm)
		}
		nt, np = nt+uint64(wt[j]), np+uint64(wp[j])
	}
	if nt != v.NA+v.NB || np != v.KA+v.KB {
		return nil, fmt.Errorf("verdict: windows do not add up to the totals: %w", ErrForm)
	}
	return v, nil
}
