package plan

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/circuit"
)

// Sentinels of this package.
var (
	// ErrWidth: the number of qubits is outside 1..MaxWidth.
	ErrWidth = errors.New("width outside the limits of a state vector")
	// ErrOp: an operation is not an unconditional gate or barrier.
	ErrOp = errors.New("operation is not an unconditional gate")
)

// Program is a circuit as phases and real rotations. The state it describes is
//
//	e^{i·Phase} · X^Frame · Last · (rotations, each behind its phases) |0…0⟩
//
// up to rounding; all angles are exact. A rotation of qubit q is
// Ry(Rest)·diag(1, e^{i·Alpha}) with Rest in (-π/2, π/2], 0 only where an Exchange
// stands in its place or starts the qubit. Rotations of
// one qubit are numbered from 0; number k brings its count from k to k+1.
type Program struct {
	Width int
	Rots  [][]Rot    // per qubit
	CZs   []CZ       // in circuit order; none acts on a qubit of count 0
	Terms []Term     // other phases on several qubits, in circuit order
	Pairs []Exchange // rotations of two qubits together, in circuit order
	Last  Diagonal
	Frame uint64 // bit q: X on qubit q
	Phase circuit.Angle
	Mixed bool // made of other gates than u3 and cz too
	Fused bool // gates on two qubits were taken together as exchanges

	links     []links // per qubit
	termLinks []termLinks
}

// Rot is one rotation and the phase before it. Where Pair is not 0 it is the part of
// Pairs[Pair-1] that this qubit has, and Rest is 0.
type Rot struct {
	Rest, Alpha circuit.Angle
	Pair        int32
}

// CZ acts on qubits A and B while their counts are KA and KB.
type CZ struct {
	A, B   uint8
	KA, KB int32
}

// Diagonal is what remains behind all rotations: a phase per qubit, CZs and
// terms in order of the circuit. Probabilities do not depend on it.
type Diagonal struct {
	Alpha []circuit.Angle
	CZs   []CZ
	Terms []Term
}

// links lists the CZs of one qubit; those at count k are at[first[k]:first[k+1]].
type links struct {
	at    []link
	first []int32
}

// link is one end of a CZ: the partner, the partner's count and the CZ's number.
type link struct {
	x  uint8
	kx int32
	id int32
}

// FromLayered converts a layered circuit. Its measurement map is not looked at.
func FromLayered(l *circuit.Layered) (*Program, error) {
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return FromSkeleton(&l.Skeleton, l.U)
}

// FromSkeleton converts a validated skeleton and one triple per location.
func FromSkeleton(s *circuit.Skeleton, u []circuit.U3Angles) (*Program, error) {
	b, err := newBuilder(s.Width, len(s.Layers)+1)
	if err != nil {
		return nil, err
	}
	if len(u) != s.Locations() {
		return nil, fmt.Errorf("%d u3 for %d locations: %w", len(u), s.Locations(), circuit.ErrSkeleton)
	}
	for j := 0; ; j++ {
		for q := range s.Width {
			b.u3(q, u[j*s.Width+q])
		}
		if j == len(s.Layers) {
			return b.done(), nil
		}
		for _, p := range s.Layers[j] {
			b.cz(int(p.A), int(p.B))
		}
	}
}

// builder appends gates to a program.
type builder struct {
	p     *Program
	alpha []circuit.Angle // phase since the last rotation
	open  [][]int32       // CZs since the last rotation, by number
	dead  map[int32]bool  // CZs that met their inverse
	name  []uint8         // per qubit of the circuit: the qubit of the program
	terms map[pattern]int // the last term of a pattern
	slab  []int32         // counts of terms
	noted []int32         // per qubit: its count at its last CZ or term
	joins bool            // the gate at hand is no u3: its rotation may join the one before
}

func newBuilder(width, depth int) (*builder, error) {
	if width < 1 || width > MaxWidth {
		return nil, fmt.Errorf("%d qubits, not 1 to %d: %w", width, MaxWidth, ErrWidth)
	}
	p := &Program{Width: width, Rots: make([][]Rot, width)}
	for q := range p.Rots {
		p.Rots[q] = make([]Rot, 0, depth)
	}
	b := &builder{p: p, alpha: make([]circuit.Angle, width), open: make([][]int32, width), dead: map[int32]bool{}, name: make([]uint8, width), noted: make([]int32, width)}
	for q := range b.name {
		b.name[q] = uint8(q)
	}
	return b, nil
}

// turn adds diag(1, e^{ia}) on q. Behind an X it is e^{ia}·diag(1, e^{-ia}); on
// |0⟩ it is 1.
func (b *builder) turn(q int, a circuit.Angle) {
	if b.p.Frame>>q&1 == 1 {
		b.p.Phase += a
		a = -a
	}
	if len(b.p.Rots[q]) > 0 {
		b.alpha[q] += a
	}
}

// u3 is the matrix of OpenQASM 2: phase φ, then Ry(θ), then phase λ, right to
// left. Half turns become Paulis: Ry(π) = X·Z.
func (b *builder) u3(q int, u circuit.U3Angles) {
	b.turn(q, u.Lambda)
	theta := u.Theta
	if b.p.Frame>>q&1 == 1 { // Ry(θ)·X = X·Ry(-θ)
		theta = -theta
	}
	turns, rest := theta.SplitHalfTurns()
	if rest != 0 && b.joins && b.joinable(q) {
		turns = b.join(q, theta)
	} else if rest != 0 {
		b.p.Rots[q] = append(b.p.Rots[q], Rot{Rest: rest, Alpha: b.alpha[q]})
		b.alpha[q], b.open[q] = 0, b.open[q][:0]
	}
	if turns >= 2 { // Ry(2π) = -1
		b.p.Phase += circuit.Pi
	}
	if turns%2 == 1 {
		b.z(q)
		b.p.Frame ^= 1 << q
	}
	b.turn(q, u.Phi)
}

// z puts Z to the right of the frame.
func (b *builder) z(q int) {
	if len(b.p.Rots[q]) > 0 {
		b.alpha[q] += circuit.Pi
	}
}

// cz uses CZ·X_a = X_a·Z_b·CZ; with X on both sides a sign is left over.
func (b *builder) cz(x, y int) {
	fx, fy := b.p.Frame>>x&1, b.p.Frame>>y&1
	if fx == 1 {
		b.z(y)
	}
	if fy == 1 {
		b.z(x)
	}
	b.p.Phase += circuit.Angle(fx&fy) * circuit.Pi
	kx, ky := len(b.p.Rots[x]), len(b.p.Rots[y])
	if kx == 0 || ky == 0 {
		return // one side is |0⟩
	}
	c := CZ{uint8(x), uint8(y), int32(kx), int32(ky)}
	if x > y {
		c = CZ{uint8(y), uint8(x), int32(ky), int32(kx)}
	}
	for _, id := range b.open[x] {
		if b.p.CZs[id] == c && !b.dead[id] {
			b.dead[id] = true
			return
		}
	}
	id := int32(len(b.p.CZs))
	b.p.CZs = append(b.p.CZs, c)
	b.open[x], b.open[y] = append(b.open[x], id), append(b.open[y], id)
	b.noted[x], b.noted[y] = int32(kx), int32(ky)
}

// done separates what no rotation follows and links the rest.
func (b *builder) done() *Program {
	p := b.p
	p.Last.Alpha = b.alpha
	p.links = make([]links, p.Width)
	for q, first := range p.perCount() {
		p.links[q].first = first
	}
	kept := p.CZs[:0]
	for i, c := range p.CZs {
		switch {
		case b.dead[int32(i)]:
		case int(c.KA) == len(p.Rots[c.A]) && int(c.KB) == len(p.Rots[c.B]):
			p.Last.CZs = append(p.Last.CZs, c)
		default:
			p.linkEnd(c.A, c.KA, link{c.B, c.KB, int32(len(kept))})
			p.linkEnd(c.B, c.KB, link{c.A, c.KA, int32(len(kept))})
			kept = append(kept, c)
		}
	}
	p.CZs = kept
	p.settleTerms()
	for q := range p.links {
		p.links[q].fill(int32(len(p.Rots[q])) + 1)
	}
	return p
}

// perCount returns an empty list per qubit with room for an entry per count of it
// and one more, all in one piece of memory.
func (p *Program) perCount() [][]int32 {
	all := 0
	for _, r := range p.Rots {
		all += len(r) + 2
	}
	room, out := make([]int32, all), make([][]int32, p.Width)
	for q, r := range p.Rots {
		n := len(r) + 2
		out[q], room = room[:0:n], room[n:]
	}
	return out
}

func (p *Program) linkEnd(q uint8, k int32, l link) {
	t := &p.links[q]
	t.fill(k)
	t.at = append(t.at, l)
}

// fill makes first[0..k] valid; CZs of a qubit come in ascending count.
func (t *links) fill(k int32) {
	for int32(len(t.first)) <= k {
		t.first = append(t.first, int32(len(t.at)))
	}
}

// ends returns the CZs of q at count k.
func (p *Program) ends(q int, k int32) []link {
	t := &p.links[q]
	return t.at[t.first[k]:t.first[k+1]]
}
