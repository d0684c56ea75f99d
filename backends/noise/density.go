package noise

import (
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// Limits of the density matrix.
const (
	MaxDensityQubits = 12
	MaxDensityClbits = 20
	maxBranches      = 12 // measurements in mid-circuit
)

// density is a density matrix of n qubits as a vector of 2n: rows are the low
// qubits, columns the high ones. A gate U acts as U on the rows and as its complex
// conjugate on the columns.
type density struct {
	*state[float64]
	n int
}

// exact is what is read off density matrices.
type exact struct {
	prob   []float64 // of each row of clbits, clbit b at bit b of the index
	paulis []pauliString
	values []float64 // of paulis before the measurements at the end
}

// exact runs the circuit once.
func (p *program) exact(ctx context.Context, paulis []string, o Options) (*exact, error) {
	switch {
	case p.qubits > MaxDensityQubits:
		return nil, fmt.Errorf("%d qubits; a density matrix is kept for up to %d, trajectories take more: %w", p.qubits, MaxDensityQubits, backends.ErrTooLarge)
	case p.clbits > MaxDensityClbits:
		return nil, fmt.Errorf("%d clbits; probabilities are listed for up to %d: %w", p.clbits, MaxDensityClbits, backends.ErrTooLarge)
	case len(p.measures) > maxBranches:
		return nil, fmt.Errorf("%d measurements before the end; the density matrix branches at up to %d: %w", len(p.measures), maxBranches, backends.ErrTooLarge)
	}
	need := func(width int) uint64 { return uint64(1+len(p.measures)) << (2*width + 4) }
	if n := need(p.qubits); o.MemoryBytes > 0 && n > o.MemoryBytes {
		return nil, tooLarge(fmt.Sprintf("density matrices of %d qubits", p.qubits), n, o.MemoryBytes, p.qubits, need)
	}
	out := &exact{prob: make([]float64, 1<<p.clbits), values: make([]float64, len(paulis))}
	for _, text := range paulis {
		x, z, ys, err := statevector.PauliMasks(text, p.qubits)
		if err != nil {
			return nil, err
		}
		out.paulis = append(out.paulis, pauliString{x, z, ys})
	}
	d, err := newDensity(ctx, p.qubits, o.threads())
	if err != nil {
		return nil, err
	}
	defer d.free()
	d.re[0] = 1
	if err := p.evolve(ctx, d, 0, make([]byte, (p.clbits+7)/8), out, o); err != nil {
		return nil, err
	}
	last := map[int]*readout{}
	for _, r := range p.final {
		last[r.clbit] = r
	}
	for b := range p.clbits { // readout errors of measurements at the end
		if r := last[b]; r != nil {
			confuse(out.prob, b, r.p)
		}
	}
	return out, nil
}

// confuse flips bit b of the index with the chances p.
func confuse(out []float64, b int, p [2]float64) {
	for i := range out {
		if j := i | 1<<b; j != i {
			x, y := out[i], out[j]
			out[i] = float64(x*(1-p[0])) + float64(y*p[1])
			out[j] = float64(y*(1-p[1])) + float64(x*p[0])
		}
	}
}

// evolve runs the steps from one on and adds to out; a measurement in mid-circuit
// makes one branch per value read.
func (p *program) evolve(ctx context.Context, d density, from int, row []byte, out *exact, o Options) error {
	for i := from; i < len(p.steps); i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(i+1, len(p.steps))
		}
		st := &p.steps[i]
		if !p.holds(st.cond, row) {
			continue
		}
		if st.op != nil && st.op.Gate == circuit.Measure {
			r := p.measures[st.op]
			if err := p.branch(ctx, d, i, r, row, out, o); err != nil {
				return err
			}
			d.block(r.qubit, 1-r.p[0], 0, r.p[1], 0, 0)
			putBit(row, r.clbit, 0)
			continue
		}
		if st.op == nil {
			d.noise(&p.sites[st.site])
		} else {
			d.apply(st.op)
		}
	}
	p.collect(d, row, out.prob)
	for k, s := range out.paulis {
		out.values[k] += d.trace(s)
	}
	return ctx.Err()
}

// branch follows what happens where r reads 1.
func (p *program) branch(ctx context.Context, d density, i int, r *readout, row []byte, out *exact, o Options) error {
	c, err := newDensity(ctx, d.n, d.threads)
	if err != nil {
		return err
	}
	defer c.free()
	c.copyFrom(d.state)
	c.block(r.qubit, r.p[0], 0, 1-r.p[1], 0, 0)
	other := slices.Clone(row)
	putBit(other, r.clbit, 1)
	o.Progress = nil // only the way on which all is read as 0 counts
	return p.evolve(ctx, c, i+1, other, out, o)
}

// collect adds the diagonal to the rows that it is read as.
func (p *program) collect(d density, row []byte, out []float64) {
	base := 0
	for b := range p.clbits {
		base |= int(row[b>>3]>>(b&7)&1) << b
	}
	for y := range 1 << d.n {
		x := base
		for _, r := range p.final {
			x = x&^(1<<r.clbit) | y>>r.qubit&1<<r.clbit
		}
		out[x] += d.re[y|y<<d.n]
	}
}

// pauliString is P|i⟩ = i^ys·(-1)^{|i&z|}·|i^x⟩.
type pauliString struct {
	x, z uint64
	ys   int
}

// trace is Tr(ρP): the sum of ⟨i|ρ|i^x⟩ times the factor of P|i⟩.
func (d density) trace(p pauliString) float64 {
	sum := 0.0
	for i := range uint64(1) << d.n {
		at := i | (i^p.x)<<d.n
		v := [4]float64{d.re[at], -d.im[at], -d.re[at], d.im[at]}[p.ys&3]
		if bits.OnesCount64(i&p.z)&1 == 1 {
			v = -v
		}
		sum += v
	}
	return sum
}

func newDensity(ctx context.Context, n, threads int) (density, error) {
	s, err := newState[float64](ctx, 2*n)
	if err != nil {
		return density{}, err
	}
	s.threads = threads
	return density{s, n}, nil
}

func (d density) apply(op *circuit.Op) {
	a, b := int(op.Q[0]), int(op.Q[1])
	switch op.Gate {
	case circuit.U3:
		m := matrixOf[float64](op)
		d.u3(a, m)
		d.u3(d.n+a, m.conj())
	case circuit.CZ:
		d.cz(a, b)
		d.cz(d.n+a, d.n+b)
	case circuit.Reset:
		d.block(a, 1, 1, 0, 0, 0)
	}
}

// spread makes room for zeros at bits of k, ascending.
func spread(k int, bits ...int) int {
	for _, b := range bits {
		k = k&^(1<<b-1)<<1 | k&(1<<b-1)
	}
	return k
}

// block maps each 2×2 block of qubit q: r00 = a·r00 + b·r11, r11 = c·r11 + e·r00,
// r01 and r10 times off.
func (d density) block(q int, a, b, c, e, off float64) {
	row, col := 1<<q, 1<<(d.n+q)
	d.pieces(len(d.re)/4, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			i := spread(k, q, d.n+q)
			for _, v := range [2][]float64{d.re, d.im} {
				x, y := v[i], v[i|row|col]
				v[i] = float64(a*x) + float64(b*y)
				v[i|row|col] = float64(c*y) + float64(e*x)
				v[i|row] *= off
				v[i|col] *= off
			}
		}
	})
}

func (d density) noise(s *site) {
	p := s.p
	switch s.kind {
	case pauli1: // XρX and YρY exchange the diagonal, ZρZ and their sum negate the rest
		d.block(s.q[0], 1-2*p/3, 2*p/3, 1-2*p/3, 2*p/3, 1-4*p/3)
	case dephase:
		d.block(s.q[0], 1, 0, 1, 0, 1-2*p)
	case damp:
		d.block(s.q[0], 1, p, 1-p, 0, s.keep)
	case pauli2:
		d.pair(s.q, p)
	}
}

// pair is (1-16p/15)·ρ + 16p/15·(I/4 ⊗ the trace over both qubits): all 16 Paulis
// with weight 1/16 each leave I/4.
func (d density) pair(q [2]int, p float64) {
	a, b := 1<<q[0]|1<<(d.n+q[0]), 1<<q[1]|1<<(d.n+q[1])
	w := 16 * p / 15
	low, high := min(q[0], q[1]), max(q[0], q[1])
	d.pieces(len(d.re)/16, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			i := spread(k, low, high, d.n+low, d.n+high)
			mix(d.re, i, a, b, w)
			mix(d.im, i, a, b, w)
		}
	})
}

// mix does pair to the 16 elements from i on, at bits a and b of rows and columns.
func mix(v []float64, i, a, b int, w float64) {
	diagonal := [4]int{i, i | a, i | b, i | a | b}
	t := 0.0
	for _, k := range diagonal {
		t += v[k]
	}
	for s := a | b; ; s = (s - 1) & (a | b) { // all 16
		v[i|s] *= 1 - w
		if s == 0 {
			break
		}
	}
	for _, k := range diagonal {
		v[k] += float64(w * t / 4)
	}
}

// densityRows draws rows from probabilities; shot i uses word i.
func densityRows(prob []float64, rows []byte, rb int, word func(shot uint64) uint64) {
	cum := make([]float64, len(prob))
	sum := 0.0
	for i, x := range prob {
		sum += max(x, 0)
		cum[i] = sum
	}
	for i := 0; i*rb < len(rows); i++ {
		x := pick(cum, word(uint64(i)))
		for k := range rb {
			rows[i*rb+k] = byte(x >> (8 * k))
		}
	}
}
