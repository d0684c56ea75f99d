package workloads

import (
	"math"

	"github.com/animicaorg/engine/bench/machine"
	"github.com/animicaorg/engine/circuit"
)

// counts is the least arithmetic and memory traffic known for a work. Floors of
// W1 and W9 follow a plan that exists; the others are estimates by the same
// counting.
type counts struct {
	fma32, fma64 float64 // single fused multiply-adds
	bytes        float64 // read plus written, beyond the first-level cache
	workingSet   float64 // bytes of the state
	keyStream    float64 // bytes of randomness
	tableBytes   float64 // read and written within the first-level cache
	gates        float64 // amplitudes times gates of the circuit
}

func (c counts) times(n int) counts {
	f := float64(n)
	return counts{c.fma32 * f, c.fma64 * f, c.bytes * f, c.workingSet, c.keyStream * f, c.tableBytes * f, c.gates * f}
}

// seconds at the limits of a machine: arithmetic, traffic and randomness one
// after the other.
func (c counts) seconds(l *machine.Limits) float64 {
	s := c.fma32/l.FMA32 + c.fma64/l.FMA64 + c.keyStream/l.KeyStream
	if c.bytes > 0 {
		s += c.bytes / l.Bandwidth(c.workingSet)
	}
	return s + c.tableBytes/l.Bandwidth(1)
}

// tile is the state in bytes that stays in the cache next to a core, so that all
// layers are one pass over it.
const tile = 512 << 10

// layersPerPass is how many layers (u3 or CZ) a tile of 2^16 amplitudes advances
// before it needs its neighbours: the height of its light cone.
const layersPerPass = 8

// stateCounts is a state vector with a number of real rotations on single
// qubits, diagonal layers between them, and passes over the memory.
//
// A rotation with its cosine factored out is one fused multiply-add per real
// number; four of the qubits lie inside a vector of 16, where a shuffle of equal
// cost is added; a diagonal layer is four per real number.
func stateCounts(width, rotations, diagonals, passes, shots int, double bool) counts {
	reals, bytes := math.Ldexp(1, width+1), math.Ldexp(8, width)
	if double {
		bytes *= 2
	}
	if bytes <= tile {
		passes = 1
	}
	lanes := float64(rotations) * min(4, float64(width)) / float64(width)
	fmas := reals * (float64(rotations) + lanes + 4*float64(diagonals))
	c := counts{bytes: 2 * bytes * float64(passes), workingSet: bytes, keyStream: 8 * float64(shots)}
	if c.fma32 = fmas; double {
		c.fma32, c.fma64 = 0, fmas
	}
	return c
}

func brickworkCounts(width, depth, shots int, double bool) counts {
	layers := (depth + 1) / 2
	c := stateCounts(width, layers*width, layers, depth/layersPerPass+1, shots, double)
	c.gates = math.Ldexp(float64(layers*width+brickworkPairs(width, depth)), width)
	return c
}

// brickworkPairs is the number of CZ gates.
func brickworkPairs(width, depth int) int {
	n := 0
	for k := range depth / 2 {
		n += (width - k%2) / 2
	}
	return n
}

// gridFloor counts the rotations (T is diagonal) and cycles of W5. The plan of
// the brickwork fits it worse than this says: its qubits lie on a grid.
func gridFloor(*Workload) counts {
	const rows, cols, cycles = 4, 6, 40
	rotations := rows * cols // the H layer is a product state, but stands for the last one
	for _, op := range grid(rows, cols, cycles).Ops {
		if op.Gate == circuit.SX || op.Gate == circuit.RY {
			rotations++
		}
	}
	return stateCounts(rows*cols, rotations, cycles/2, cycles/layersPerPass+1, 4096, false)
}

// latticeFloor counts W5f: the rotations of the first cycle are a product state, a
// diagonal stands before rotations and one before exchanges, and an exchange is a
// product and a fused multiply-add for half of the numbers.
func latticeFloor(*Workload) counts {
	const rows, cols, cycles = 4, 6, 20
	c := stateCounts(rows*cols, (cycles-1)*rows*cols, 2*cycles, 2*cycles/layersPerPass+1, 4096, false)
	exchanges := 0
	for _, op := range lattice(rows, cols, cycles).Ops {
		if op.Gate == circuit.RXX {
			exchanges++
		}
	}
	c.fma32 += math.Ldexp(float64(exchanges), rows*cols+1)
	return c
}

// affineFloor: the outcomes are an affine space, so a shot is width/64 words of
// randomness and a row. The words are AES-128 with four blocks a vector: ten rounds,
// each as long as a multiply-add of a vector. Words and rows are written, split
// into planes and joined within the first-level cache: four times each. Before that
// the tableau passes all gates, two bits a row and qubit, and is reduced with eight
// rows at a time.
func affineFloor(w *Workload) counts {
	c, err := w.circuits()
	if err != nil {
		return counts{}
	}
	n := float64(c[0].Qubits)
	words, row, shots := 8*math.Ceil(n/64), math.Ceil(n/8), float64(w.shots)
	tableau := 0.0
	for _, op := range c[0].Ops {
		tableau += 4 * float64(op.NQ) * n / 8 // x and z, read and written
	}
	tableau += n * n / 8 * (3 * 2 * n / 8) // pairs of rows, by eights; two rows read, one written
	const rounds, vector, lanes = 10, 64, 16
	return counts{fma32: words * shots / vector * rounds * lanes, tableBytes: 4*(words+row)*shots + tableau}
}

// jobFloor: at least the one state that the target slots share must be made.
func jobFloor(*Workload) counts { return brickworkCounts(20, 120, 4096, false) }
