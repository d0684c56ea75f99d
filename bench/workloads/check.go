package workloads

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/bench/peers"
)

// ErrDisagree: engine and peer do not compute the same thing, so their times
// must not be compared.
var ErrDisagree = errors.New("engine and peer disagree")

// highest is the number of the highest bit, or -1.
func highest(x []uint64) int {
	for i := len(x) - 1; i >= 0; i-- {
		if x[i] != 0 {
			return 64*i + bits.Len64(x[i]) - 1
		}
	}
	return -1
}

// checkedStates is how many basis states are compared: half of them outcomes
// that the engine drew, from the first on again where it drew fewer, half fixed.
const checkedStates = 16

// checkState compares probabilities of the first circuit.
func (s *stateSide) check(ctx context.Context, p *peers.Peer, name, setting string) error {
	n, states := s.circuits[0].Qubits, s.statesToCheck()
	theirs, err := p.Probabilities(ctx, name, setting, states)
	if err != nil {
		return err
	}
	ours, err := s.probabilities(ctx, states)
	if err != nil {
		return err
	}
	return compare(p.Name, setting, n, states, ours, theirs)
}

func (s *stateSide) statesToCheck() []uint64 {
	n, row := s.circuits[0].Qubits, len(s.rows[0])/s.w.shots
	states := make([]uint64, checkedStates)
	for i := range states {
		if states[i] = uint64(i*i*i*i+i) & (1<<n - 1); i%2 == 0 {
			states[i] = 0
			for b := range row {
				states[i] |= uint64(s.rows[0][i%s.w.shots*row+b]) << (8 * b)
			}
		}
	}
	return states
}

// probabilities runs the first circuit once more.
func (s *stateSide) probabilities(ctx context.Context, states []uint64) (out []float64, err error) {
	err = s.batch.Each(ctx, 1, s.circuits[0].Qubits, func(m *statevector.Series, _ int) error {
		st, err := m.Run(ctx, s.circuits[0], s.w.phases...)
		if err == nil {
			out, err = probabilities(st, states)
		}
		return err
	})
	return out, err
}

func probabilities(s *statevector.State, states []uint64) ([]float64, error) {
	all, out := s.Probabilities(), make([]float64, len(states))
	if len(all) != 1<<s.Width() {
		return nil, fmt.Errorf("%d probabilities of %d qubits", len(all), s.Width())
	}
	for i, x := range states {
		out[i] = all[x]
	}
	return out, nil
}

// compare allows what float32 amplitudes lose: a hundredth of a probability,
// and a thousandth of the mean one.
func compare(peer, setting string, width int, states []uint64, ours, theirs []float64) error {
	for i, x := range states {
		if math.Abs(ours[i]-theirs[i]) > 0.01*max(ours[i], theirs[i])+math.Ldexp(0.001, -width) {
			return fmt.Errorf("%w: probability of state %d is %g, %s at %s says %g", ErrDisagree, x, ours[i], peer, setting, theirs[i])
		}
	}
	return nil
}

// check demands that the peer's outcomes lie in the engine's affine space and
// span it: more than k + 40 random members of a space of dimension k span less
// with probability 2^-40. A peer of state vectors is asked for probabilities.
func (s *affineSide) check(ctx context.Context, p *peers.Peer, name, setting string) error {
	a, err := s.space(ctx)
	if err != nil {
		return err
	}
	if p.Name != "stim" {
		states := []uint64{0, 1, 1<<s.circuit.Qubits - 1, 5}
		theirs, err := p.Probabilities(ctx, name, setting, states)
		if err != nil {
			return err
		}
		ours := make([]float64, len(states))
		for i, x := range states {
			row := make([]byte, 8)
			for b := range row {
				row[b] = byte(x >> (8 * b))
			}
			if contains(a, row) {
				ours[i] = math.Ldexp(1, -a.K())
			}
		}
		return compare(p.Name, setting, s.circuit.Qubits, states, ours, theirs)
	}
	rows, err := p.Samples(ctx, name, setting, a.K()+41)
	if err != nil {
		return err
	}
	for i, r := range rows {
		if len(r) != (a.Width+7)/8 || !contains(a, r) {
			return fmt.Errorf("%w: outcome %d of %s is impossible here", ErrDisagree, i, p.Name)
		}
	}
	if k := dimension(rows); k != a.K() {
		return fmt.Errorf("%w: outcomes of %s span %d dimensions, here %d", ErrDisagree, p.Name, k, a.K())
	}
	return nil
}

// dimension of the affine space that rows span.
func dimension(rows [][]byte) int {
	byLead := map[int][]uint64{}
	for _, r := range rows[1:] {
		x := make([]uint64, (len(r)+7)/8)
		for i := range r {
			x[i/8] |= uint64(r[i]^rows[0][i]) << (8 * (i % 8))
		}
		for lead := highest(x); lead >= 0; lead = highest(x) {
			b := byLead[lead]
			if b == nil {
				byLead[lead] = x
				break
			}
			for i, v := range b {
				x[i] ^= v
			}
		}
	}
	return len(byLead)
}
