package plan

import (
	"math/bits"

	"github.com/animicaorg/engine/circuit"
)

// Exchange rotates two qubits together: with c, s of Angle, y0 = c·x0 - s·x1 and
// y1 = s·x0 + c·x1. Where Even is false x0 has A = 1, B = 0 and x1 the opposite;
// where it is true x0 has both 0 and x1 both 1. Other amplitudes stay. Angle is the
// whole one, as in e^{-i·Angle·X}, not its double.
//
// It takes the place of rotation KA of A and KB of B.
type Exchange struct {
	A, B   uint8 // A < B
	Even   bool
	KA, KB int32
	Angle  circuit.Angle
}

// samePair compares all but angles.
func samePair(e, f Exchange) bool {
	e.Angle = f.Angle
	return e == f
}

// pairing is what becomes of a gate that is taken together with others on the same
// two qubits: nothing of all but the last of them.
type pairing struct {
	kind      uint8
	odd, even circuit.Angle // of the amplitudes with x ≠ y, and with x = y
}

// Kinds of pairing.
const (
	alone     uint8 = iota // none
	part                   // of a later one
	pauli                  // e^{-i·odd·X} on (01, 10), then e^{-i·even·X} on (00, 11)
	realPlane              // y0 = c·x0 - s·x1 with x0 = (x=1, y=0), as Exchange
)

// swaps reports whether the qubits change places.
func (p pairing) swaps() bool {
	return p.kind >= pauli && (p.odd&(circuit.Pi-1) == circuit.HalfPi) != (p.even&(circuit.Pi-1) == circuit.HalfPi)
}

// findPairs looks for gates that are an exchange together: RXX and RYY on one pair of
// qubits in any order, with RZZ in between or not, and a rotation under a control
// between two CX of the opposite direction. Nothing else may touch the two qubits
// meanwhile. It is nil where there are none, else as long as ops.
func findPairs(ops []circuit.Op, phases []Phase, runs []run) []pairing {
	f := pairFinder{ops: ops, out: make([]pairing, len(ops)), before: make([]int32, len(ops))}
	for q := range f.last {
		f.last[q] = -1
	}
	for i := 0; i < len(ops); i++ {
		for ; len(phases) > 0 && phases[0].Before <= i; phases = phases[1:] {
			for m := phases[0].Qubits; m != 0; m &= m - 1 {
				f.last[bits.TrailingZeros64(m)] = -1
			}
		}
		if len(runs) > 0 && runs[0].first == i {
			for _, op := range ops[i : i+runs[0].n] {
				f.touch(&op, -1)
			}
			i, runs = i+runs[0].n-1, runs[1:]
			continue
		}
		f.gate(int32(i))
	}
	if !f.any {
		return nil
	}
	return f.out
}

// pairFinder remembers which gate touched a qubit last.
type pairFinder struct {
	ops    []circuit.Op
	out    []pairing
	before []int32         // per gate: the last gate on both of its qubits, or -1
	last   [MaxWidth]int32 // per qubit; -1: something that no pairing may contain
	any    bool
}

func (f *pairFinder) touch(op *circuit.Op, i int32) {
	if op.Gate == circuit.Barrier {
		return
	}
	for _, q := range op.Q[:op.NQ] {
		f.last[q] = i
	}
}

// gate takes gate i in.
func (f *pairFinder) gate(i int32) {
	op := &f.ops[i]
	if op.NQ != 2 || op.Gate == circuit.Barrier {
		f.touch(op, i)
		return
	}
	h := f.last[op.Q[0]]
	if f.last[op.Q[1]] != h || h >= 0 && !samePlace(op, &f.ops[h]) {
		h = -1
	}
	f.before[i] = h
	switch {
	case h < 0:
	case op.Gate == circuit.RZZ && ising(f.ops[h].Gate) && f.out[h].kind == alone:
		return // it commutes with what came before and with what may come
	case ising(op.Gate) && ising(f.ops[h].Gate) && op.Gate != f.ops[h].Gate && f.out[h].kind == alone:
		x, y := op.Params[0], f.ops[h].Params[0]
		if op.Gate == circuit.RYY {
			x, y = y, x
		}
		f.join(i, pairing{pauli, half(x + y), half(x - y)}, h)
	case op.Gate == circuit.CX && (f.ops[h].Gate == circuit.CRX || f.ops[h].Gate == circuit.CRY):
		g := f.before[h]
		if g < 0 || f.ops[g].Gate != circuit.CX || f.ops[g].Q != op.Q || f.ops[h].Q[0] != op.Q[1] || f.out[g].kind != alone {
			break
		}
		kind := realPlane
		if f.ops[h].Gate == circuit.CRX {
			kind = pauli
		}
		f.join(i, pairing{kind: kind, odd: half(f.ops[h].Params[0])}, h, g)
	}
	f.touch(op, i)
}

// join makes gate i stand for others too.
func (f *pairFinder) join(i int32, p pairing, others ...int32) {
	f.any, f.out[i] = true, p
	for _, h := range others {
		f.out[h].kind = part
	}
}

func ising(g circuit.Gate) bool { return g == circuit.RXX || g == circuit.RYY }

// samePlace reports whether two gates on two qubits are on the same ones.
func samePlace(a, b *circuit.Op) bool {
	return b.NQ == 2 && (a.Q[0] == b.Q[0] && a.Q[1] == b.Q[1] || a.Q[0] == b.Q[1] && a.Q[1] == b.Q[0])
}

// pair appends what gate op stands for, and reports whether that is not op alone.
func (b *builder) pair(op *circuit.Op, p pairing) bool {
	switch p.kind {
	case alone:
		return false
	case pauli:
		b.ising(op, p.odd)
		b.p.Frame ^= 1 << b.name[op.Q[1]] // X exchanges equal and unequal
		b.ising(op, p.even)
		b.p.Frame ^= 1 << b.name[op.Q[1]]
	case realPlane: // of CX(a, b): x is b, y is a
		b.turnPair(op.Q[1], op.Q[0], p.odd)
	}
	return true
}

// ising is e^{-i·a·X} on the states of two qubits that differ: diag(1, -i)·R(a)·diag(1, i).
func (b *builder) ising(op *circuit.Op, a circuit.Angle) {
	x, y := op.Q[0], op.Q[1]
	if a&(circuit.Pi-1) != 0 {
		b.turn(int(b.name[y]), circuit.HalfPi)
	}
	if b.turnPair(x, y, a); a&(circuit.Pi-1) != 0 {
		b.turn(int(b.name[y]), circuit.Pi+circuit.HalfPi) // -π/2
	}
}

// turnPair is Exchange of two qubits of the circuit, odd, with x in the place of A.
// Quarter turns are names and phases.
func (b *builder) turnPair(x, y uint16, a circuit.Angle) {
	switch a & (circuit.TwoPi - 1) {
	case 0:
	case circuit.Pi: // -1 where they differ
		b.turn(int(b.name[x]), circuit.Pi)
		b.turn(int(b.name[y]), circuit.Pi)
	case circuit.HalfPi, circuit.Pi + circuit.HalfPi: // y0 = ∓x1, y1 = ±x0
		b.name[x], b.name[y] = b.name[y], b.name[x]
		minus := x
		if a&circuit.Pi != 0 {
			minus = y
		}
		b.turn(int(b.name[minus]), circuit.Pi)
		b.cz(int(b.name[x]), int(b.name[y]))
	default:
		b.exchange(int(b.name[x]), int(b.name[y]), a)
	}
}

// exchange notes an Exchange. X on y behind it exchanges x0 and x1, and X on one of
// the two makes odd even.
func (b *builder) exchange(x, y int, a circuit.Angle) {
	fx, fy := b.p.Frame>>x&1, b.p.Frame>>y&1
	e := Exchange{A: uint8(x), B: uint8(y), Even: fx != fy, Angle: a}
	if fy == 1 {
		e.Angle = -e.Angle
	}
	if !e.Even && len(b.p.Rots[x])+len(b.p.Rots[y]) == 0 {
		return // both are |0⟩
	}
	if x > y {
		e.A, e.B = e.B, e.A
		if !e.Even {
			e.Angle = -e.Angle
		}
	}
	b.p.Pairs = append(b.p.Pairs, e)
	n := int32(len(b.p.Pairs))
	p := &b.p.Pairs[n-1]
	p.KA, p.KB = b.takePart(int(p.A), n), b.takePart(int(p.B), n)
}

// takePart makes exchange n the next rotation of q.
func (b *builder) takePart(q int, n int32) int32 {
	r := b.p.Rots[q]
	if len(r) == 0 {
		r = append(r, Rot{}) // the start is |0⟩ as it is
	}
	b.p.Rots[q] = append(r, Rot{Alpha: b.alpha[q], Pair: n})
	b.alpha[q], b.open[q] = 0, b.open[q][:0]
	return int32(len(r))
}

// pairAt is the exchange that is the next rotation of q, or nil.
func (s *scheduler) pairAt(q int) *Exchange {
	if len(s.p.Pairs) == 0 {
		return nil
	}
	if n := s.p.Rots[q][s.next[q]].Pair; n != 0 {
		return &s.p.Pairs[n-1]
	}
	return nil
}

// paired takes out of a set of ready qubits those that wait for their partner.
func (s *scheduler) paired(ready uint64) uint64 {
	if len(s.p.Pairs) == 0 {
		return ready
	}
	out := ready
	for m := ready; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		e := s.pairAt(q)
		if e == nil {
			continue
		}
		if both := uint64(1)<<e.A | 1<<e.B; ready&both != both || s.next[e.A] != e.KA || s.next[e.B] != e.KB {
			out &^= 1 << q
		}
	}
	return out
}

// split divides the qubits of a step into those that rotate alone and numbers of
// exchanges by how many lanes they have.
func (s *scheduler) split(rot uint64) (single, lanes uint64, pairs [3]int) {
	if len(s.p.Pairs) == 0 {
		return rot, s.lanes, pairs
	}
	for m := rot; m != 0; m &= m - 1 {
		q := bits.TrailingZeros64(m)
		e := s.pairAt(q)
		if e == nil {
			single |= 1 << q
		} else if int(e.A) == q {
			pairs[bits.OnesCount64(s.lanes&(1<<e.A|1<<e.B))]++
		}
	}
	return single, s.lanes, pairs
}

// wide adds to windows of lanes and k consecutive others a window for each exchange
// that is next for both its qubits and fits into none of them: the two, and others
// from the first one on, around the end if need be.
func (s *scheduler) wide(windows []uint64, others []int, k int) []uint64 {
	for q := range s.p.Width {
		if len(s.p.Pairs) == 0 || int(s.next[q]) >= len(s.p.Rots[q]) {
			continue
		}
		e := s.pairAt(q)
		if e == nil || int(e.A) != q || s.next[e.A] != e.KA || s.next[e.B] != e.KB {
			continue
		}
		w, from := s.lanes|1<<e.A|1<<e.B, -1
		inside := s.lanes
		for i, o := range others {
			inside |= 1 << o
			if o >= q && from < 0 {
				from = i
			}
		}
		fits := inside&w != w
		for _, v := range windows {
			fits = fits || v&w == w
		}
		for i := max(from, 0); !fits && bits.OnesCount64(w) < k+Lanes; i++ {
			w |= 1 << others[i%len(others)]
		}
		if !fits {
			windows = append(windows, w)
		}
	}
	return windows
}
