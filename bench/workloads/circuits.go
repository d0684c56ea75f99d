package workloads

import (
	"math/rand/v2"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// builder appends gates to a circuit without measurements.
type builder struct {
	c *circuit.Circuit
	r *rand.Rand
}

func build(width int) *builder {
	return &builder{&circuit.Circuit{
		Qubits: width, Clbits: width,
		QRegs: []circuit.Register{{Name: "q", Size: width}}, CRegs: []circuit.Register{{Name: "c", Size: width}},
	}, rand.New(rand.NewPCG(uint64(width), 1))}
}

func (b *builder) gate(g circuit.Gate, q ...int) { b.turn(g, nil, q...) }

func (b *builder) turn(g circuit.Gate, p []circuit.Angle, q ...int) {
	op := circuit.Op{Gate: g, NQ: uint8(len(q))}
	copy(op.Params[:], p)
	for i, x := range q {
		op.Q[i] = uint16(x)
	}
	b.c.Ops = append(b.c.Ops, op)
}

// angle is uniform; the low twelve bits of an angle are zero.
func (b *builder) angle() circuit.Angle { return circuit.Angle(b.r.Uint64()) &^ 0xfff }

func (b *builder) randomU3(q int) {
	b.turn(circuit.U3, []circuit.Angle{b.angle(), b.angle(), b.angle()}, q)
}

// qft is a random product state, then the Fourier transform (Nielsen and Chuang,
// section 5.1, qubit 0 lowest).
func qft(width int) *circuit.Circuit {
	b := build(width)
	for q := range width {
		b.randomU3(q)
	}
	for q := width - 1; q >= 0; q-- {
		b.gate(circuit.H, q)
		for k := q - 1; k >= 0; k-- {
			b.turn(circuit.CP, []circuit.Angle{circuit.TwoPi >> (q - k + 1) &^ 0xfff}, k, q)
		}
	}
	for q := range width / 2 {
		b.gate(circuit.Swap, q, width-1-q)
	}
	return b.c
}

// cliffordBrickwork is depth layers: a random one of the 24 one-qubit Clifford
// gates on every qubit, then CZ on neighbours, alternating.
func cliffordBrickwork(width, depth int) *circuit.Circuit {
	const quarter = circuit.Pi / 2
	b := build(width)
	for layer := range depth {
		if layer%2 == 1 {
			for q := layer / 2 % 2; q+1 < width; q += 2 {
				b.gate(circuit.CZ, q, q+1)
			}
			continue
		}
		for q := range width {
			// u3(θ,φ,λ) with θ = 0, π: one of 4; with θ = π/2: one of 16.
			k := circuit.Angle(b.r.IntN(24))
			switch {
			case k < 8:
				b.turn(circuit.U3, []circuit.Angle{k / 4 * circuit.Pi, 0, k % 4 * quarter}, q)
			default:
				b.turn(circuit.U3, []circuit.Angle{quarter, (k - 8) / 4 * quarter, k % 4 * quarter}, q)
			}
		}
	}
	return b.c
}

// grid is a random circuit on a rectangle of qubits after the rules of Boixo et
// al., Nature Physics 14, 595 (2018): H on all; in each cycle CZ on one of eight
// edge sets; a one-qubit gate where a CZ was in the cycle before and none is now,
// first T, then of √X, √Y, T one that differs from the last.
func grid(rows, cols, cycles int) *circuit.Circuit {
	b := build(rows * cols)
	b.r = rand.New(rand.NewPCG(uint64(cycles), 5))
	last, before := make([]int, rows*cols), make([]bool, rows*cols)
	for q := range rows * cols {
		b.gate(circuit.H, q)
		last[q] = -1
	}
	for cycle := range cycles {
		now := make([]bool, rows*cols)
		for _, e := range edges(rows, cols, cycle%8) {
			b.gate(circuit.CZ, e[0], e[1])
			now[e[0]], now[e[1]] = true, true
		}
		for q := range now {
			if before[q] && !now[q] {
				last[q] = b.gridGate(q, last[q])
			}
		}
		before = now
	}
	return b.c
}

// gridGate puts gate 0 (T), 1 (√X) or 2 (√Y) on q and returns which.
func (b *builder) gridGate(q, last int) int {
	k := 0
	if last >= 0 {
		k = (last + 1 + b.r.IntN(2)) % 3
	}
	switch k {
	case 0:
		b.gate(circuit.T, q)
	case 1:
		b.gate(circuit.SX, q)
	default:
		b.turn(circuit.RY, []circuit.Angle{circuit.Pi / 2}, q)
	}
	return k
}

// edges is set k of eight: every second edge of every second row or column,
// horizontal and vertical sets in turn.
func edges(rows, cols, k int) (out [][2]int) {
	vertical, shift := k%2 == 1, k/2
	for r := range rows {
		for c := range cols {
			switch {
			case !vertical && c+1 < cols && (c+2*(r%2))%4 == shift:
				out = append(out, [2]int{r*cols + c, r*cols + c + 1})
			case vertical && r+1 < rows && (r+2*(c%2))%4 == shift:
				out = append(out, [2]int{r*cols + c, (r+1)*cols + c})
			}
		}
	}
	return out
}

// lattice is a random circuit on a rectangle of qubits after Arute et al., Nature 574,
// 505 (2019): in each cycle √X, √Y or √W on every qubit, not the one of the cycle
// before, then fSim(θ, φ) on one of four edge sets in the order ABCDCDAB. Each edge
// has angles of its own, as a calibrated device has; they are random.
func lattice(rows, cols, cycles int) *circuit.Circuit {
	b := build(rows * cols)
	b.r = rand.New(rand.NewPCG(uint64(cycles), 6))
	angles := map[[2]int][2]circuit.Angle{} // looked up, never walked
	for set := range 4 {
		for _, e := range couplers(rows, cols, set) {
			angles[e] = [2]circuit.Angle{b.angle(), b.angle()}
		}
	}
	last := make([]int, rows*cols)
	for q := range last {
		last[q] = b.r.IntN(3)
	}
	const quarter = circuit.HalfPi
	for cycle := range cycles {
		for q := range last {
			last[q] = (last[q] + 1 + b.r.IntN(2)) % 3
			axis := [3]circuit.Angle{0, quarter, quarter / 2}[last[q]] // of X, Y, W = (X+Y)/√2
			b.turn(circuit.U3, []circuit.Angle{quarter, axis - quarter, quarter - axis}, q)
		}
		for _, e := range couplers(rows, cols, [8]int{0, 1, 2, 3, 2, 3, 0, 1}[cycle%8]) {
			b.sim(angles[e][0], angles[e][1], e[0], e[1])
		}
	}
	return b.c
}

// sim is fSim(theta, phi): e^{-iθ(XX+YY)/2}, then e^{-iφ} where both are 1.
func (b *builder) sim(theta, phi circuit.Angle, x, y int) {
	b.turn(circuit.RXX, []circuit.Angle{theta}, x, y)
	b.turn(circuit.RYY, []circuit.Angle{theta}, x, y)
	b.turn(circuit.CP, []circuit.Angle{-phi}, x, y)
}

// couplers is set k of four: every second horizontal or vertical edge.
func couplers(rows, cols, k int) (out [][2]int) {
	for r := range rows {
		for c := range cols {
			switch {
			case k < 2 && c+1 < cols && (r+c)%2 == k:
				out = append(out, [2]int{r*cols + c, r*cols + c + 1})
			case k >= 2 && r+1 < rows && (r+c)%2 == k-2:
				out = append(out, [2]int{r*cols + c, (r+1)*cols + c})
			}
		}
	}
	return out
}

// search is the circuit of grover_demo, Z under all other qubits as one phase.
func search(width, iterations int) (*circuit.Circuit, []statevector.Phase) {
	item, _ := circuit.Answer("grover_demo", width, [32]byte{})
	b, full := build(width), uint64(1)<<width-1
	var phases []statevector.Phase
	each := func(g circuit.Gate, on uint64) {
		for q := range width {
			if on>>q&1 == 1 {
				b.gate(g, q)
			}
		}
	}
	flip := func(on uint64) {
		each(circuit.X, on)
		phases = append(phases, statevector.Phase{Before: len(b.c.Ops), Qubits: full, Angle: circuit.Pi})
		each(circuit.X, on)
	}
	each(circuit.H, full)
	for range iterations {
		flip(full &^ item)
		each(circuit.H, full)
		flip(full)
		each(circuit.H, full)
	}
	return b.c, phases
}

// withSearch makes a workload of search.
func (w Workload) withSearch(width, iterations int) Workload {
	c, phases := search(width, iterations)
	w.circuits, w.phases = one(func() (*circuit.Circuit, error) { return c, nil }), phases
	w.native = func() (peers.Circuit, error) { return grover(width, iterations) }
	return w
}
