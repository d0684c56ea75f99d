package workloads

import (
	"fmt"

	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// peerNames are the gates that peers know by a name of their own.
var peerNames = map[circuit.Gate]string{
	circuit.U3: "u3", circuit.H: "h", circuit.X: "x", circuit.Z: "z", circuit.S: "s", circuit.T: "t", circuit.SX: "sx",
	circuit.P: "p", circuit.CZ: "cz", circuit.CX: "cx", circuit.Swap: "swap", circuit.CP: "cp",
}

// translate writes a circuit in the peers' form, up to a global phase.
func translate(c *circuit.Circuit) (peers.Circuit, error) {
	out := peers.Circuit{Qubits: c.Qubits, Ops: make([]peers.Op, 0, len(c.Ops))}
	for i := 0; i < len(c.Ops); i++ {
		op := &c.Ops[i]
		if isSim(c.Ops[i:]) {
			theta, phi := op.Params[0].Radians(), (-c.Ops[i+2].Params[0]).Radians()
			out.Ops = append(out.Ops, peers.Op{Gate: "fsim", Qubits: []int{int(op.Q[0]), int(op.Q[1])}, Params: []float64{theta, phi}})
			i += 2
			continue
		}
		p := peers.Op{Gate: peerNames[op.Gate]}
		if op.Gate == circuit.RY && op.Params[0] == circuit.Pi/2 {
			p.Gate = "sy"
		}
		if p.Gate == "" {
			return peers.Circuit{}, fmt.Errorf("operation %d: peers have no form of %s", i, op.Gate)
		}
		for _, q := range op.Q[:op.NQ] {
			p.Qubits = append(p.Qubits, int(q))
		}
		if p.Gate != "sy" {
			for _, a := range op.Params[:op.Gate.Info().Params] {
				p.Params = append(p.Params, a.Radians())
			}
		}
		out.Ops = append(out.Ops, p)
	}
	return out, nil
}

// grover is the circuit of grover_demo with Z under all other qubits as one gate.
func grover(width, iterations int) (peers.Circuit, error) {
	item, ok := circuit.Answer("grover_demo", width, [32]byte{})
	if !ok {
		return peers.Circuit{}, fmt.Errorf("grover_demo has no answer at width %d", width)
	}
	c, all := peers.Circuit{Qubits: width}, make([]int, width)
	each := func(gate string, on uint64) {
		for q := range width {
			if on>>q&1 == 1 {
				c.Ops = append(c.Ops, peers.Op{Gate: gate, Qubits: []int{q}})
			}
		}
	}
	full := uint64(1)<<width - 1
	for q := range all {
		all[q] = q
	}
	flip := func() { c.Ops = append(c.Ops, peers.Op{Gate: "mcz", Qubits: all}) }
	each("h", full)
	for range iterations {
		each("x", full&^item)
		flip()
		each("x", full&^item)
		each("h", full)
		each("x", full)
		flip()
		each("x", full)
		each("h", full)
	}
	return c, nil
}

// noisy is a brickwork circuit with a depolarizing error after each gate on each
// of its qubits.
func noisy(width, depth int, p float64) (peers.Circuit, error) {
	c, err := trapset(width, depth, 7)
	if err != nil {
		return peers.Circuit{}, err
	}
	ideal, err := translate(c)
	if err != nil {
		return peers.Circuit{}, err
	}
	out := peers.Circuit{Qubits: width}
	for _, op := range ideal.Ops {
		out.Ops = append(out.Ops, op)
		for _, q := range op.Qubits {
			out.Ops = append(out.Ops, peers.Op{Gate: "depolarize", Qubits: []int{q}, Params: []float64{p}})
		}
	}
	return out, nil
}

// isSim reports whether ops begins with what builder.sim appends.
func isSim(ops []circuit.Op) bool {
	return len(ops) >= 3 && ops[0].Gate == circuit.RXX && ops[1].Gate == circuit.RYY && ops[2].Gate == circuit.CP &&
		ops[0].Q == ops[1].Q && ops[0].Q == ops[2].Q && ops[0].Params == ops[1].Params
}
