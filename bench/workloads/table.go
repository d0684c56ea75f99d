package workloads

import (
	"fmt"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// table is W1 to W9.
func table() []Workload {
	return []Workload{
		brickwork("W1", 20, 120, 4096, 2.5).withMemory(),
		brickwork("W1b/24", 24, 40, 4096, 3).withMemory(),
		brickwork("W1b/26", 26, 40, 4096, 3).withMemory(),
		brickwork("W1c/10", 10, 120, 4096, 4).onOneThread(),
		batch("W1c-batch/10", 10, 120, 100, 6),
		brickwork("W1c/14", 14, 120, 4096, 2),
		fourier("W2/20", 20, 5), fourier("W2/24", 24, 5),
		{
			ID: "W3", Work: "GHZ state of 20 qubits, 10^6 samples", Target: 20, kind: peers.State, shots: 1_000_000,
			circuits: one(func() (*circuit.Circuit, error) { return circuit.Generate("ghz", 20, 0, [32]byte{}) }),
			floor:    affineFloor,
		},
		Workload{
			ID: "W4", Work: "Grover's search, 12 qubits, 50 iterations, 4096 samples", Target: 4, kind: peers.State, shots: 4096, threads: 1,
			floor: func(*Workload) counts { return stateCounts(12, 2*50*12, 2*50, 2*50, 4096, false) },
		}.withSearch(12, 50),
		{
			ID: "W5", Work: "random grid of 4 x 6 qubits, 40 cycles, 4096 samples", Target: 2, kind: peers.State, shots: 4096,
			circuits: one(func() (*circuit.Circuit, error) { return grid(4, 6, 40), nil }),
			floor:    gridFloor,
		},
		{
			ID: "W5f", Work: "random lattice of 4 x 6 qubits, 20 cycles of fSim gates, 4096 samples", Target: 2, kind: peers.State, shots: 4096,
			circuits: one(func() (*circuit.Circuit, error) { return lattice(4, 6, 20), nil }),
			floor:    latticeFloor,
		},
		clifford("W6/20", 20, 1_000_000, 30), clifford("W6/100", 100, 1_000_000, 12), clifford("W6/1000", 1000, 1, 1), clifford("W6/1000-million", 1000, 1_000_000, 1),
		noisyBrickwork("W7", 12, 60, 4096, 1e-3, 8),
		{ID: "W8", Work: "the guide's whole job by engine run: 20 x 120, 4096 slots, a tenth traps", TargetSeconds: 0.5, job: true, floor: jobFloor},
		double(brickwork("W9", 20, 120, 4096, 4).withMemory()),
		sized("memory/20", 20), sized("memory/22", 22), sized("memory/24", 24), sized("memory/25", 25), sized("memory/26", 26),
		double(sized("memory/22-double", 22)), double(sized("memory/24-double", 24)), double(sized("memory/26-double", 26)),
	}
}

// sized is a short circuit whose peak memory is measured, once.
func sized(id string, width int) Workload {
	w := brickwork(id, width, 4, 256, 0)
	w.memory, w.sized, w.alone = true, true, true
	return w
}

// one makes a list of one circuit.
func one(f func() (*circuit.Circuit, error)) func() ([]*circuit.Circuit, error) {
	return func() ([]*circuit.Circuit, error) {
		c, err := f()
		return []*circuit.Circuit{c}, err
	}
}

// brickwork is depth layers: u3 with random angles on every qubit, then CZ on
// neighbours, alternating.
func brickwork(id string, width, depth, shots int, target float64) Workload {
	return Workload{
		ID: id, Work: fmt.Sprintf("%d qubits, depth %d: random u3 on all, CZ brickwork; %d samples", width, depth, shots),
		Target: target, kind: peers.State, shots: shots,
		circuits: one(func() (*circuit.Circuit, error) { return trapset(width, depth, 1) }),
		floor: func(w *Workload) counts {
			return brickworkCounts(width, depth, shots, w.precision == statevector.Complex128)
		},
	}
}

// noisyBrickwork has a depolarizing error after each gate on each of its qubits.
func noisyBrickwork(id string, width, depth, shots int, p, target float64) Workload {
	return Workload{
		ID: id, Work: fmt.Sprintf("depolarizing noise %g after each gate, %d qubits, depth %d, %d trajectories", p, width, depth, shots),
		Target: target, kind: peers.Noise, shots: shots, errors: p,
		circuits: one(func() (*circuit.Circuit, error) { return trapset(width, depth, 7) }),
		native:   func() (peers.Circuit, error) { return noisy(width, depth, p) },
		floor:    func(*Workload) counts { return noiseFloor(width, depth, shots, p) },
	}
}

func trapset(width, depth, n int) (*circuit.Circuit, error) {
	return circuit.Generate("animica.quantum.trapset.v1", width, depth, [32]byte{'W', byte(n), byte(n >> 8)})
}

// batch is n circuits of one structure with angles of their own.
func batch(id string, width, depth, n int, target float64) Workload {
	w := brickwork(id, width, depth, 4096, target)
	w.Work = fmt.Sprintf("%d circuits of one structure, each %s", n, w.Work)
	w.circuits = func() ([]*circuit.Circuit, error) {
		out := make([]*circuit.Circuit, n)
		for i := range out {
			var err error
			if out[i], err = trapset(width, depth, i+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	single := w.floor
	w.floor = func(w *Workload) counts { return single(w).times(n) }
	return w
}

func fourier(id string, width int, target float64) Workload {
	return Workload{
		ID: id, Work: fmt.Sprintf("quantum Fourier transform of a random product state, %d qubits, 4096 samples", width),
		Target: target, kind: peers.State, shots: 4096,
		circuits: one(func() (*circuit.Circuit, error) { return qft(width), nil }),
		floor:    func(*Workload) counts { return stateCounts(width, width, (width+3)/4, 3, 4096, false) },
	}
}

func clifford(id string, width, shots int, target float64) Workload {
	return Workload{
		ID: id, Work: fmt.Sprintf("random Clifford circuit, %d qubits, depth 120, shots: %d", width, shots),
		Target: target, kind: peers.Clifford, shots: shots, threads: 1,
		circuits: one(func() (*circuit.Circuit, error) { return cliffordBrickwork(width, 120), nil }),
		floor:    affineFloor,
	}
}

func (w Workload) withMemory() Workload { w.memory = true; return w }

func (w Workload) onOneThread() Workload { w.threads = 1; return w }

func double(w Workload) Workload {
	w.precision = statevector.Complex128
	w.Work += ", complex128"
	return w
}
