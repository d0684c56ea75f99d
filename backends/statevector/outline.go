package statevector

import (
	"context"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector/internal/plan"
)

// Outline tells what a plan does, and what it should cost. Bytes are read plus
// written between a core's own caches and what lies behind them; flops count a
// fused multiply-add as two. Both follow from the circuit alone.
type Outline struct {
	Numeric   string        `json:"numeric_version"`
	Width     int           `json:"width"`
	Positions []int         `json:"positions"` // per qubit: its bit in an amplitude's number, 0 to 3 lie within a vector; -1: left out
	CutGates  int           `json:"cut_gates"` // left out, as no measured qubit depends on them
	CutQubits int           `json:"cut_qubits"`
	Start     int           `json:"product_rotations"`
	Steps     int           `json:"diagonals"` // each before rotations, over all passes
	Rotations int           `json:"rotations"` // of single qubits, those of the product state at the start left out
	Exchanges Exchanges     `json:"exchanges"`
	CZs       int           `json:"czs"`
	Phases    int           `json:"phases"`        // other phases on two qubits or more
	Last      int           `json:"last_diagonal"` // CZs and phases that no rotation follows: left out of samples
	Passes    []OutlinePass `json:"passes"`
	Bytes     float64       `json:"bytes"`
	Flops     float64       `json:"flops"`
}

// Exchanges are gates on two qubits that were taken together as one rotation of half
// of the amplitudes. Bytes are read and written within a core's own caches and are
// not in those of the Outline, Flops are.
type Exchanges struct {
	Count int     `json:"count"`
	Bytes float64 `json:"bytes"`
	Flops float64 `json:"flops"`
}

// OutlinePass is one pass over the state: tiles of 2^len(Tile) amplitudes are
// brought near a core, and chunks of each advance by steps.
type OutlinePass struct {
	Tile      []int   `json:"tile"`   // qubits
	Chunks    []int   `json:"chunks"` // per kind of chunk: its number of qubits
	Steps     int     `json:"diagonals"`
	Rotations int     `json:"rotations"`
	Exchanges int     `json:"exchanges"`
	Leaving   int     `json:"leaving"` // CZs and phases with a qubit outside of the chunk
	Bytes     float64 `json:"bytes"`
	Flops     float64 `json:"flops"`
}

// Flops of an amplitude: a complex product by fused multiply-adds, a real rotation of
// both parts, and one with its cosine of half of the amplitudes.
const (
	diagonalFlops = 6
	rotationFlops = 4
	exchangeFlops = 3
)

// Outline plans the program, if that is not done, and describes the plan.
func (p *Program) Outline(ctx context.Context, prec Precision) (*Outline, error) {
	pl, err := p.order(ctx, nil)
	if err != nil {
		return nil, err
	}
	prog := p.phases
	o := &Outline{
		Numeric: p.Numeric(prec), Width: prog.Width, CZs: len(prog.CZs), Phases: len(prog.Terms),
		Last: len(prog.Last.CZs) + len(prog.Last.Terms),
	}
	for q, r := range prog.Rots {
		o.Positions = append(o.Positions, pl.Position(q))
		for k := range r {
			switch {
			case r[k].Rest == 0: // of an exchange
			case k == 0:
				o.Start++
			default:
				o.Rotations++
			}
		}
	}
	for _, a := range prog.Last.Alpha {
		if a != 0 {
			o.Last++
		}
	}
	amplitudes, size := float64(uint64(1)<<pl.Width), 8.0
	if prec == Complex128 {
		size = 16
	}
	o.Bytes, o.Flops = amplitudes*size, 4*amplitudes // the weights are read
	if prec == Complex128 || len(pl.Passes) == 0 || pl.Width <= plan.TileMax {
		o.Bytes += amplitudes * size // the product state is written before the first pass
	}
	for i := range pl.Passes {
		for _, ps := range outlinePass(prog, pl, &pl.Passes[i], prec) {
			ps.Bytes = 2 * amplitudes * size
			ps.Flops = amplitudes * (diagonalFlops*float64(ps.Steps) + rotationFlops*float64(ps.Rotations) + exchangeFlops*float64(ps.Exchanges))
			o.Steps, o.Bytes, o.Flops = o.Steps+ps.Steps, o.Bytes+ps.Bytes, o.Flops+ps.Flops
			o.Passes = append(o.Passes, ps)
		}
	}
	o.Exchanges.Count = len(prog.Pairs)
	o.Exchanges.Bytes, o.Exchanges.Flops = amplitudes*size*float64(len(prog.Pairs)), amplitudes*exchangeFlops*float64(len(prog.Pairs))
	return o, nil
}

// outlinePass describes a pass. States that are one tile, and those of complex128,
// take one pass for each kind of chunk.
func outlinePass(prog *plan.Program, pl *plan.Plan, p *plan.Pass, prec Precision) (out []OutlinePass) {
	split := pl.Width <= plan.TileMax || prec == Complex128
	for i := range p.Subs {
		sub := &p.Subs[i]
		if split || i == 0 {
			local := p.Local
			if split || len(p.Subs) == 1 {
				local = sub.Local
			}
			out = append(out, OutlinePass{Tile: qubitsAt(prog, pl, local)})
		}
		ps := &out[len(out)-1]
		ps.Chunks = append(ps.Chunks, len(sub.Local))
		chunk := uint64(0)
		for _, pos := range sub.Local {
			chunk |= 1 << pos
		}
		for _, st := range sub.Steps {
			ps.Steps++
			ps.Rotations += len(st.Rots) - 2*len(st.Pairs)
			ps.Exchanges += len(st.Pairs)
			ps.Leaving += len(st.Cross)
			for _, id := range st.Terms {
				if pl.Index(prog.Terms[id].Mask)&^chunk != 0 {
					ps.Leaving++
				}
			}
		}
	}
	return out
}

// qubitsAt lists the qubits of positions, ascending.
func qubitsAt(prog *plan.Program, pl *plan.Plan, positions []uint8) []int {
	set := uint64(0)
	for _, p := range positions {
		set |= 1 << p
	}
	out := []int{}
	for m := pl.Qubits(set) & (1<<prog.Width - 1); m != 0; m &= m - 1 {
		out = append(out, bits.TrailingZeros64(m))
	}
	return out
}
