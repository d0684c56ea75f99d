package layer

import (
	"math"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/circuit"
)

// Diagonal is a product of phases and CZs.
type Diagonal struct {
	Alpha []circuit.Angle // per qubit: diag(1, e^{iα})
	CZ    []uint32        // per qubit: the lower qubits that have a CZ with it
	Gain  [][2]float64    // per qubit: real factors where it is 0 and 1; nil: none
}

// Step is a diagonal, then rotations.
type Step struct {
	table     []float32
	lanes     kernel.LaneTans
	rotations []kernel.Rotation // qubits that are not lanes, ascending; the first goes with the diagonal
}

// NewStep prepares a layer of len(tan) qubits, at most MaxWidth: D, then on each
// qubit, ascending, Ry(θ) with tan = tan(θ/2), 0 for none. The cosines are part of
// the diagonal's table. The table is made in float64 and rounded once.
func NewStep(k Kernel, d *Diagonal, tan []float32) *Step {
	width := max(len(tan), lanes)
	st := &Step{table: d.table(cosines(tan), width)}
	var high []int
	for q, t := range tan {
		switch {
		case t == 0:
		case q < lanes:
			st.lanes.Set(q, t)
		default:
			high = append(high, q)
		}
	}
	st.rotations = make([]kernel.Rotation, 1, 4)
	first := min(len(high), kernel.MaxRotated)
	for i, n := range k.k.Split(first, st.lanes.Mask != 0) {
		if i > 0 && n > 0 {
			st.rotations = append(st.rotations, kernel.Rotation{})
		}
		for _, q := range high[:n] {
			st.rotations[len(st.rotations)-1].Add(q-lanes, tan[q])
		}
		high = high[n:]
	}
	for len(high) > 0 {
		st.rotations = append(st.rotations, kernel.Rotation{})
		r := &st.rotations[len(st.rotations)-1]
		for len(high) > 0 && r.Add(high[0]-lanes, tan[high[0]]) {
			high = high[1:]
		}
	}
	return st
}

// Bytes is what the step holds, without small change.
func (st *Step) Bytes() uint64 { return 4 * uint64(len(st.table)) }

// cosines is the product of cos(θ/2) = 1/√(1 + tan²), of the tangents that are used.
func cosines(tan []float32) float64 {
	c := 1.0
	for _, t := range tan {
		x := float64(t)
		c *= 1 / math.Sqrt(1+float64(x*x))
	}
	return c
}

// table multiplies phases by doubling, qubits ascending.
func (d *Diagonal) table(scale float64, width int) []float32 {
	re, im := make([]float64, 1<<width), make([]float64, 1<<width)
	re[0] = scale
	for q := range width {
		half := 1 << q
		if q >= len(d.Alpha) {
			copy(re[half:], re[:half])
			copy(im[half:], im[:half])
			continue
		}
		double(re, im, half, d.Alpha[q], gainOf(d.Gain, q))
		d.signs(q, re[half:2*half], im[half:2*half])
	}
	table := make([]float32, 2<<width)
	for i := range re {
		at := i/kernel.Lanes*kernel.Block + i%kernel.Lanes
		table[at], table[at+kernel.Lanes] = float32(re[i]), float32(im[i])
	}
	return table
}

// signs flips where an odd number of the qubits with a CZ to q are 1.
func (d *Diagonal) signs(q int, re, im []float64) {
	mask := d.CZ[q]
	for low := 0; mask>>low != 0; low++ {
		if mask>>low&1 == 0 {
			continue
		}
		for base := 1 << low; base < len(re); base += 2 << low {
			for i := base; i < base+1<<low; i++ {
				re[i], im[i] = -re[i], -im[i]
			}
		}
	}
}
