package abitest

import (
	"context"
	"fmt"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// Cost is what one call of the guide's job took: 20 qubits, 120 layers, 4096
// slots, a tenth of them traps.
type Cost struct {
	Export      string
	Fuel        uint64        // used, in units of the host's meter
	Budget      uint64        // fuel that the call was given
	OutputBytes int           // of all streams
	MemoryPages uint32        // pages of 64 KiB afterwards
	Duration    time.Duration // on this machine, for people only
}

// meteredCaller notes what calls cost.
type meteredCaller struct {
	abi.Caller
	costs []Cost
}

func (m *meteredCaller) Call(ctx context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	o, err := m.Caller.Call(ctx, export, args, in)
	if err != nil {
		return nil, err
	}
	c := Cost{Export: export, Fuel: o.Fuel, Budget: o.Budget, MemoryPages: o.MemoryPages, Duration: o.Duration}
	for _, b := range o.Out {
		c.OutputBytes += len(b)
	}
	m.costs = append(m.costs, c)
	return o, nil
}

// Costs runs the guide's job on a guest, on an instance of its own, and returns
// what each call took. A guest that cannot run it is no conforming one.
func Costs(ctx context.Context, g Guest) ([]Cost, error) {
	var m meteredCaller
	err := g.with(ctx, func(c abi.Caller) error {
		m.Caller = c
		if g.Kind == abi.KindCompiler {
			_, _, err := abi.Compiler{Caller: &m}.Compile(ctx, guideCircuit(), guest.Target{})
			return err
		}
		r, err := newJob(20, 60, 4096, 100_000).generated(ctx, &m)
		if err != nil {
			return err
		}
		_, _, err = r.judge(ctx, ideal(r.hidden))
		return err
	})
	if err != nil {
		return m.costs, fmt.Errorf("20 qubits, 120 layers, 4096 slots: %w", err)
	}
	return m.costs, nil
}

// guideCircuit is 60 layers of u3 and CZ on 20 qubits, in the order of layers.
func guideCircuit() *circuit.Circuit {
	c := &circuit.Circuit{Qubits: 20, Clbits: 20}
	for j := range 60 {
		for q := range 20 {
			n := uint64(1000*j + 10*q)
			c.Ops = append(c.Ops, u3(q, angle(n), angle(n+1), angle(n+2)))
		}
		for q := j % 2; q+1 < 20; q += 2 {
			c.Ops = append(c.Ops, cz(q, q+1))
		}
	}
	return c
}

// GuideCheck is the name of the check that runs Costs.
const GuideCheck = "the guide's job"

// guide: the guide's job fits the limits of a host, or is refused in order by a
// library for other jobs.
func guide(ctx context.Context, g Guest) error {
	_, err := Costs(ctx, g)
	if abi.ClassOf(err) == abi.DomainError && g.Kind == abi.KindTraps {
		return fmt.Errorf("%w: %w", err, ErrSkip)
	}
	return err
}
