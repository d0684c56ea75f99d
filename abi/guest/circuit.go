package guest

import (
	"fmt"

	"github.com/animicaorg/engine/circuit"
)

// noClbit marks "no clbit" in the measure column.
const noClbit = 0xffffffff

// AppendCircuit writes a lowered circuit (gates U3, CZ, Measure and Barrier only,
// see circuit.Circuit.Lower) as the compiler's input:
//
//	1 u64[2]  qubits, clbits
//	2 u8[n]   op: 1 measure, 3 u3, 4 cz (numbers of circuit.Gate), 0 barrier on all qubits
//	3 u16[2n] operands; unused 0
//	4 u64[3n] angles θ, φ, λ; unused 0
//	5 u32[n]  clbit of a measure; unused 0
func AppendCircuit(b []byte, c *circuit.Circuit) ([]byte, error) {
	n := len(c.Ops)
	ops, q := make([]byte, n), make([]uint16, 2*n)
	ang, cl := make([]uint64, 3*n), make([]uint32, n)
	for i, op := range c.Ops {
		switch op.Gate {
		case circuit.Barrier, circuit.Measure, circuit.U3, circuit.CZ:
		default:
			return nil, fmt.Errorf("operation %d: gate %d is not in the lowered form", i, op.Gate)
		}
		if op.Cond != 0 {
			return nil, fmt.Errorf("operation %d is conditional: classical control has no layered form", i)
		}
		ops[i] = byte(op.Gate)
		for k := range min(int(op.NQ), 2) {
			q[2*i+k] = op.Q[k]
		}
		for k := range 3 {
			ang[3*i+k] = uint64(op.Params[k])
		}
		cl[i] = op.Clbit
	}
	m := Columns{Kind: KindCircuit, Items: uint64(n), Cols: []Column{
		colU64(1, []uint64{uint64(c.Qubits), uint64(c.Clbits)}), {2, 1, ops}, colU16(3, q), colU64(4, ang), colU32(5, cl)}}
	return m.Append(b), nil
}

// ParseCircuit is the inverse of AppendCircuit.
func ParseCircuit(b []byte) (*circuit.Circuit, error) {
	r := newReader(b, KindCircuit)
	n := int(min(r.c.Items, uint64(len(b))))
	head := r.u64s(1, 2)
	ops, q, ang, cl := r.take(2, 1, n), r.u16s(3, 2*n), r.u64s(4, 3*n), r.u32s(5, n)
	if err := r.done(); err != nil {
		return nil, err
	}
	if r.c.Items != uint64(n) || head[0] > circuit.MaxLayeredWidth || head[1] > circuit.MaxLayeredWidth {
		return nil, fmt.Errorf("%d qubits, %d clbits, %d operations: %w", head[0], head[1], r.c.Items, ErrForm)
	}
	c := &circuit.Circuit{Qubits: int(head[0]), Clbits: int(head[1]), Ops: make([]circuit.Op, n)}
	for i := range c.Ops {
		op := circuit.Op{Gate: circuit.Gate(ops[i]), Clbit: cl[i]}
		switch op.Gate {
		case circuit.Barrier:
		case circuit.Measure, circuit.U3:
			op.NQ = 1
		case circuit.CZ:
			op.NQ = 2
		default:
			return nil, fmt.Errorf("operation %d: gate %d: %w", i, op.Gate, ErrForm)
		}
		op.Q[0], op.Q[1] = q[2*i], q[2*i+1]
		for k := range 3 {
			op.Params[k] = circuit.Angle(ang[3*i+k])
		}
		c.Ops[i] = op
	}
	return c, nil
}

// Target is what a compiler compiles for. No edges means that every pair of
// qubits is coupled.
type Target struct {
	Width int // qubits of the device, 0: as many as the circuit has
	Edges []circuit.Pair
}

// AppendTarget writes
//
//	1 u64[1]  width
//	2 u16[2n] edges, A < B, ascending
func AppendTarget(b []byte, t Target) []byte {
	e := make([]uint16, 0, 2*len(t.Edges))
	for _, p := range t.Edges {
		e = append(e, p.A, p.B)
	}
	m := Columns{Kind: KindTarget, Items: uint64(len(t.Edges)), Cols: []Column{colU64(1, []uint64{uint64(t.Width)}), colU16(2, e)}}
	return m.Append(b)
}

// ParseTarget is the inverse of AppendTarget; that edges name qubits of the device
// is left to the reader, who knows its width.
func ParseTarget(b []byte) (Target, error) {
	r := newReader(b, KindTarget)
	n := int(min(r.c.Items, uint64(len(b))))
	width, e := r.u64s(1, 1), r.u16s(2, 2*n)
	if err := r.done(); err != nil {
		return Target{}, err
	}
	if r.c.Items != uint64(n) || width[0] > circuit.MaxLayeredWidth {
		return Target{}, fmt.Errorf("target: width %d, %d edges: %w", width[0], r.c.Items, ErrForm)
	}
	t := Target{Width: int(width[0])}
	for i := 0; i < 2*n; i += 2 {
		if e[i] >= e[i+1] || i > 0 && (e[i-2] > e[i] || e[i-2] == e[i] && e[i-1] >= e[i+1]) {
			return Target{}, fmt.Errorf("target: edge %d is not A < B in ascending order: %w", i/2, ErrForm)
		}
		t.Edges = append(t.Edges, circuit.Pair{A: e[i], B: e[i+1]})
	}
	return t, nil
}

// appendSkeleton builds the sections that layered circuits and plans share:
// layer starts (pair numbers, layers+1 of them) and pairs.
func skeletonColumns(id uint16, s *circuit.Skeleton) []Column {
	off, pairs := make([]uint32, 0, len(s.Layers)+1), make([]uint16, 0, 2*s.NumCZ())
	off = append(off, 0)
	for _, l := range s.Layers {
		for _, p := range l {
			pairs = append(pairs, p.A, p.B)
		}
		off = append(off, uint32(len(pairs)/2))
	}
	return []Column{colU32(id, off), colU16(id+1, pairs)}
}

func (r *reader) skeleton(id uint16, width, layers uint64) circuit.Skeleton {
	s := circuit.Skeleton{}
	if r.err == nil && (width > circuit.MaxLayeredWidth || layers > circuit.MaxLayeredLayers) {
		r.fail("width %d, %d layers", width, layers)
	}
	if r.err != nil {
		return s
	}
	off := r.u32s(id, int(layers)+1)
	pairs := r.u16s(id+1, -1)
	if r.err != nil {
		return s
	}
	s.Width, s.Layers = int(width), make([][]circuit.Pair, layers)
	if off[0] != 0 || int(off[layers]) != len(pairs)/2 || len(pairs)%2 != 0 {
		r.fail("layer starts do not span the %d pairs", len(pairs)/2)
		return s
	}
	for j := range s.Layers {
		if off[j] > off[j+1] || int(off[j+1]) > len(pairs)/2 {
			r.fail("layer %d starts or ends behind its end", j)
			return s
		}
		s.Layers[j] = make([]circuit.Pair, 0, off[j+1]-off[j])
		for k := off[j]; k < off[j+1]; k++ {
			s.Layers[j] = append(s.Layers[j], circuit.Pair{A: pairs[2*k], B: pairs[2*k+1]})
		}
	}
	if err := s.Validate(); err != nil {
		r.fail("%v", err)
	}
	return s
}

func tripleColumn(id uint16, u []circuit.U3Angles) Column {
	v := make([]uint64, 0, 3*len(u))
	for _, t := range u {
		v = append(v, uint64(t.Theta), uint64(t.Phi), uint64(t.Lambda))
	}
	return colU64(id, v)
}

func (r *reader) triples(id uint16, n int) []circuit.U3Angles {
	if n >= 0 {
		n *= 3
	}
	v := r.u64s(id, n)
	out := make([]circuit.U3Angles, len(v)/3)
	for i := range out {
		out[i] = circuit.U3Angles{Theta: circuit.Angle(v[3*i]), Phi: circuit.Angle(v[3*i+1]), Lambda: circuit.Angle(v[3*i+2])}
	}
	if len(v)%3 != 0 {
		r.fail("section %d: %d words are not triples", id, len(v))
	}
	return out
}

// AppendLayered writes a compiled circuit:
//
//	1 u64[2]    width w, clbits
//	2 u32[m+1]  layer starts, in pairs
//	3 u16[2p]   CZ pairs
//	4 u64[3L]   θ, φ, λ per location, L = (m+1)·w, normal forms
//	5 u32[w]    clbit of each qubit, 0xffffffff for none
//
// n_items is m, the number of CZ layers.
func AppendLayered(b []byte, l *circuit.Layered) []byte {
	ms := make([]uint32, l.Width)
	for q, c := range l.Measure {
		ms[q] = noClbit
		if c != circuit.NoClbit {
			ms[q] = uint32(c)
		}
	}
	cols := []Column{colU64(1, []uint64{uint64(l.Width), uint64(l.Clbits)})}
	cols = append(cols, skeletonColumns(2, &l.Skeleton)...)
	cols = append(cols, tripleColumn(4, l.U), colU32(5, ms))
	m := Columns{Kind: KindLayered, Items: uint64(len(l.Layers)), Cols: cols}
	return m.Append(b)
}

// ParseLayered is the inverse of AppendLayered; the result is valid.
func ParseLayered(b []byte) (*circuit.Layered, error) {
	r := newReader(b, KindLayered)
	head := r.u64s(1, 2)
	if r.err != nil {
		return nil, r.err
	}
	l := &circuit.Layered{Skeleton: r.skeleton(2, head[0], r.c.Items)}
	l.U = r.triples(4, l.Locations())
	ms := r.u32s(5, l.Width)
	if err := r.done(); err != nil {
		return nil, err
	}
	l.Clbits = int(min(head[1], circuit.MaxLayeredWidth+1))
	l.Measure = make([]int, len(ms))
	for q, c := range ms {
		l.Measure[q] = circuit.NoClbit
		if c != noClbit {
			l.Measure[q] = int(c)
		}
	}
	if err := l.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	return l, nil
}
