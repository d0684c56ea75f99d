package circuit

import (
	"errors"
	"fmt"
	"slices"
)

// Limits of the layered form.
const (
	MaxLayeredWidth  = 4096
	MaxLayeredLayers = 1 << 16
)

// Pair is one CZ, A < B.
type Pair struct{ A, B uint16 }

// Skeleton is the public shape of a layered circuit: its CZ layers. Slots of
// one batch share it.
type Skeleton struct {
	Width  int
	Layers [][]Pair // pairs of a layer ascending by (A, B), no qubit twice; a layer may be empty
}

// Locations is the number of u3 positions, (layers+1)·width, numbered
// layer-major: location of qubit q before layer j is j·Width+q.
func (s *Skeleton) Locations() int { return (len(s.Layers) + 1) * s.Width }

// NumCZ counts the CZ gates.
func (s *Skeleton) NumCZ() int {
	n := 0
	for _, l := range s.Layers {
		n += len(l)
	}
	return n
}

// ErrSkeleton is wrapped by every refusal of Skeleton.Validate and
// Layered.Validate.
var ErrSkeleton = errors.New("invalid layered circuit")

// Validate checks the rules stated at the fields.
func (s *Skeleton) Validate() error {
	if s.Width < 1 || s.Width > MaxLayeredWidth {
		return fmt.Errorf("width %d outside 1..%d: %w", s.Width, MaxLayeredWidth, ErrSkeleton)
	}
	if len(s.Layers) > MaxLayeredLayers {
		return fmt.Errorf("%d layers above %d: %w", len(s.Layers), MaxLayeredLayers, ErrSkeleton)
	}
	used := make([]int, s.Width) // layer number + 1 that last used the qubit
	for j, layer := range s.Layers {
		for i, p := range layer {
			if p.A >= p.B || int(p.B) >= s.Width {
				return fmt.Errorf("layer %d pair %d is (%d, %d) at width %d: %w", j, i, p.A, p.B, s.Width, ErrSkeleton)
			}
			if i > 0 && (layer[i-1].A > p.A || layer[i-1].A == p.A && layer[i-1].B >= p.B) {
				return fmt.Errorf("layer %d pair %d is out of order: %w", j, i, ErrSkeleton)
			}
			if used[p.A] == j+1 || used[p.B] == j+1 {
				return fmt.Errorf("layer %d uses a qubit of pair (%d, %d) twice: %w", j, p.A, p.B, ErrSkeleton)
			}
			used[p.A], used[p.B] = j+1, j+1
		}
	}
	return nil
}

// PushFrame carries a frame of Paulis, one per qubit, through CZ layer j in
// place: X on one side of a CZ gains Z on the other.
func (s *Skeleton) PushFrame(j int, frame []Pauli) {
	for _, p := range s.Layers[j] {
		a, b := frame[p.A], frame[p.B]
		frame[p.A] ^= (b & PauliX) << 1
		frame[p.B] ^= (a & PauliX) << 1
	}
}

// NoClbit marks a qubit of a Layered circuit whose outcome is not part of the
// circuit's result.
const NoClbit = -1

// Layered is a compiled circuit: U[0..w-1], CZ layer 0, U[w..2w-1], …, and a
// final Z measurement of every qubit.
type Layered struct {
	Skeleton
	U       []U3Angles // normal forms, len Locations()
	Clbits  int        // classical bits of the source circuit
	Measure []int      // per qubit: the clbit that its outcome goes to, or NoClbit
}

// Validate checks shape, normal forms and that every clbit has at most one
// qubit.
func (l *Layered) Validate() error {
	if err := l.Skeleton.Validate(); err != nil {
		return err
	}
	if len(l.U) != l.Locations() || len(l.Measure) != l.Width {
		return fmt.Errorf("%d u3 and %d measures for %d locations of width %d: %w", len(l.U), len(l.Measure), l.Locations(), l.Width, ErrSkeleton)
	}
	for i, u := range l.U {
		if !u.IsNormal() || (u.Theta|u.Phi|u.Lambda)&^angleMask != 0 {
			return fmt.Errorf("u3 at location %d is not in normal form: %w", i, ErrSkeleton)
		}
	}
	if l.Clbits < 1 || l.Clbits > MaxLayeredWidth {
		return fmt.Errorf("%d clbits outside 1..%d: %w", l.Clbits, MaxLayeredWidth, ErrSkeleton)
	}
	seen := make([]bool, l.Clbits)
	for q, c := range l.Measure {
		if c == NoClbit {
			continue
		}
		if c < 0 || c >= l.Clbits || seen[c] {
			return fmt.Errorf("qubit %d goes to clbit %d of %d, or that clbit twice: %w", q, c, l.Clbits, ErrSkeleton)
		}
		seen[c] = true
	}
	return nil
}

// FrameTable answers, for each triple of a palette and each incoming Pauli, the
// Pauli-canonical triple and the Pauli taken out on its left (decision C2).
type FrameTable struct {
	Canon []U3Angles // the distinct canonical triples, ascending
	id    [][4]uint32
	left  [][4]Pauli
}

// NewFrameTable tabulates a palette.
func NewFrameTable(palette []U3Angles) *FrameTable {
	t := &FrameTable{id: make([][4]uint32, len(palette)), left: make([][4]Pauli, len(palette))}
	canon := make([]U3Angles, 0, 4*len(palette))
	for i, u := range palette {
		for q := range Pauli(4) {
			c, l := u.Right(q).PauliCanonical()
			t.left[i][q] = l
			canon = append(canon, c)
		}
	}
	t.Canon = sortedUnique(slices.Clone(canon))
	for i := range palette {
		for q := range 4 {
			t.id[i][q] = uint32(search(t.Canon, canon[4*i+q]))
		}
	}
	return t
}

// Slot rewrites one row of palette indexes into canonical ids (out, one per
// location) and returns in frame, one Pauli per qubit, what is left at the end:
// its X part flips measured bits. len(row) = len(out) = s.Locations(),
// len(frame) = s.Width; frame is overwritten.
func (t *FrameTable) Slot(s *Skeleton, row, out []uint32, frame []Pauli) {
	clear(frame)
	w := s.Width
	for j := 0; ; j++ {
		for q := range w {
			i, in := row[j*w+q], frame[q]
			out[j*w+q] = t.id[i][in]
			frame[q] = t.left[i][in]
		}
		if j == len(s.Layers) {
			return
		}
		s.PushFrame(j, frame)
	}
}
