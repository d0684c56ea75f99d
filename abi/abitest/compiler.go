package abitest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

var compilerChecks = []Check{
	{"compiling is a function of its inputs", compilePure},
	{"the layered circuit means the circuit", meaning},
	{"circuits on coupled devices", coupled},
	{"circuits that cannot be compiled", uncompilable},
	{"compile and lying inputs", compileLies},
	{GuideCheck, guide},
}

// sample is a circuit with the target it is compiled for.
type sample struct {
	name   string
	c      *circuit.Circuit
	target guest.Target
}

func u3(q int, t, p, l circuit.Angle) circuit.Op {
	return circuit.Op{Gate: circuit.U3, NQ: 1, Q: [4]uint16{uint16(q)}, Params: [4]circuit.Angle{t, p, l}}
}

func cz(a, b int) circuit.Op {
	return circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{uint16(a), uint16(b)}}
}

func measure(q, c int) circuit.Op {
	return circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [4]uint16{uint16(q)}, Clbit: uint32(c)}
}

func line(w int) (e []circuit.Pair) {
	for q := range w - 1 {
		e = append(e, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
	}
	return e
}

// hadamard is H up to phase.
func hadamard(q int) circuit.Op { return u3(q, circuit.HalfPi, 0, circuit.Pi) }

func samples() []sample {
	bell := &circuit.Circuit{Qubits: 2, Clbits: 2, Ops: []circuit.Op{hadamard(0), hadamard(1), cz(0, 1), hadamard(1), measure(0, 1), measure(1, 0)}}
	bare := &circuit.Circuit{Qubits: 3, Clbits: 0, Ops: []circuit.Op{u3(0, angle(1), angle(2), angle(3)), {Gate: circuit.Barrier}, cz(0, 2), u3(2, angle(4), angle(5), angle(6))}}
	part := &circuit.Circuit{Qubits: 3, Clbits: 5, Ops: []circuit.Op{hadamard(1), cz(1, 2), hadamard(2), measure(2, 4)}}
	idle := &circuit.Circuit{Qubits: 1, Clbits: 1, Ops: []circuit.Op{measure(0, 0)}}
	random := &circuit.Circuit{Qubits: 5, Clbits: 5}
	for i := range uint64(60) {
		n := mix64(7000 + i)
		a, b := int(n%5), int(n>>8%5)
		if n>>16&1 == 0 || a == b {
			random.Ops = append(random.Ops, u3(a, angle(n), angle(n+1), angle(n+2)))
		} else {
			random.Ops = append(random.Ops, cz(a, b))
		}
	}
	for q := range 5 {
		random.Ops = append(random.Ops, measure(q, 4-q))
	}
	layers := &circuit.Circuit{Qubits: 4, Clbits: 4} // what optimisers look for: gates that merge and cancel
	for i := range uint64(24) {
		a := int(i % 3)
		q := circuit.HalfPi * circuit.Angle(mix64(i)%8)
		layers.Ops = append(layers.Ops, cz(a, a+1), u3(a, q, 0, circuit.HalfPi*circuit.Angle(mix64(i+50)%8)), cz(a, a+1), cz(a+1, a), u3(a+1, 0, angle(i), 0))
	}
	return []sample{{"bell", bell, guest.Target{}}, {"no measurement", bare, guest.Target{}}, {"one measurement", part, guest.Target{}}, {"one qubit", idle, guest.Target{}},
		{"random", random, guest.Target{}}, {"layers", layers, guest.Target{}}}
}

// routed are circuits whose gates do not fit the device's couplings as they stand.
func routed() []sample {
	var list []sample
	for _, s := range samples() {
		if s.c.Qubits > 2 {
			list = append(list, sample{s.name + " on a line", s.c, guest.Target{Width: s.c.Qubits, Edges: line(s.c.Qubits)}})
		}
	}
	return append(list, sample{"bell on a longer line", samples()[0].c, guest.Target{Width: 4, Edges: line(4)}})
}

// compilePure: the same circuit and target give the same bytes in any instance.
func compilePure(ctx context.Context, g Guest) error {
	first := map[string][]byte{}
	for range 2 {
		err := g.with(ctx, func(c abi.Caller) error {
			for range 2 {
				for _, s := range samples() {
					_, b, err := abi.Compiler{Caller: c}.Compile(ctx, s.c, s.target)
					if err != nil {
						return fmt.Errorf("%s: %w", s.name, err)
					}
					if first[s.name] == nil {
						first[s.name] = b
					}
					if !bytes.Equal(first[s.name], b) {
						return fmt.Errorf("%s compiles to different bytes", s.name)
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// meaning: both circuits give each result with the same probability.
func meaning(ctx context.Context, g Guest) error {
	return g.with(ctx, func(c abi.Caller) error {
		for _, s := range samples() {
			if err := s.means(ctx, c); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	})
}

func (s *sample) means(ctx context.Context, c abi.Caller) error {
	l, _, err := abi.Compiler{Caller: c}.Compile(ctx, s.c, s.target)
	if err != nil {
		return err
	}
	want, got := circuitResults(s.c), layeredResults(l)
	for k := range want {
		if d := want[k] - got[k]; d > 1e-9 || d < -1e-9 {
			return fmt.Errorf("result %b has probability %.9f, compiled %.9f", k, want[k], got[k])
		}
	}
	return nil
}

// coupled: a compiler that routes does it right; one that does not refuses what
// does not fit.
func coupled(ctx context.Context, g Guest) error {
	list, refused := routed(), 0
	err := g.with(ctx, func(c abi.Caller) error {
		for _, s := range list {
			err := s.means(ctx, c)
			if err != nil && abi.ClassOf(err) != abi.DomainError {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			if err != nil {
				refused++
			}
		}
		return nil
	})
	if err == nil && refused > 0 {
		return fmt.Errorf("%d of %d circuits are refused, so it serves devices that couple what the circuit does: %w", refused, len(list), ErrSkip)
	}
	return err
}

// uncompilable: what does not fit the target is refused, never changed.
func uncompilable(ctx context.Context, g Guest) error {
	two := &circuit.Circuit{Qubits: 2, Clbits: 2, Ops: []circuit.Op{hadamard(0), cz(0, 1)}}
	three := &circuit.Circuit{Qubits: 3, Clbits: 3, Ops: []circuit.Op{cz(0, 1), cz(1, 2)}}
	return g.with(ctx, func(c abi.Caller) error {
		for _, s := range []sample{{"narrow target", two, guest.Target{Width: 1}}, {"islands", three, guest.Target{Width: 4, Edges: []circuit.Pair{{A: 0, B: 1}, {A: 2, B: 3}}}}} {
			in, err := guest.AppendCircuit(nil, s.c)
			if err != nil {
				return err
			}
			if err := refused(ctx, c, compileCall(in, s.target)); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
		return nil
	})
}

func compileCall(in []byte, t guest.Target) call {
	return call{abi.ExportCompile, nil, map[int][]byte{abi.StreamCircuit: in, abi.StreamTarget: guest.AppendTarget(nil, t)},
		func(out map[int][]byte) error { _, err := guest.ParseLayered(out[abi.StreamResult]); return err }}
}

// compileLies feeds changed circuits and targets.
func compileLies(ctx context.Context, g Guest) error {
	for _, s := range samples() {
		in, err := guest.AppendCircuit(nil, s.c)
		if err != nil {
			return err
		}
		if err := lies(ctx, g, compileCall(in, s.target)); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}
