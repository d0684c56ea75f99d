package statevector

import (
	"context"
	"testing"

	"github.com/animicaorg/engine/circuit"
)

func BenchmarkGrover12(b *testing.B) {
	c, err := circuit.Generate("grover_demo", 12, 0, [32]byte{})
	if err != nil {
		b.Fatal(err)
	}
	ops, phases := withoutLadders(c.Ops)
	var s *State
	for b.Loop() {
		p, err := FromGates(12, ops, phases)
		if err != nil {
			b.Fatal(err)
		}
		if s, err = Simulate(context.Background(), p, Options{Threads: 1, Reuse: s}); err != nil {
			b.Fatal(err)
		}
		s.Sample([16]byte{}, 0, 4096)
	}
	b.Log(s.Norm())
}

func withoutLadders(in []circuit.Op) (ops []circuit.Op, phases []Phase) {
	for _, op := range in {
		if op.NQ == 1 {
			ops = append(ops, op)
		} else if n := len(phases); n == 0 || phases[n-1].Before != len(ops) {
			phases = append(phases, Phase{Before: len(ops), Qubits: 1<<12 - 1, Angle: circuit.Pi})
		}
	}
	return ops, phases
}

func BenchmarkGrover12Parse(b *testing.B) {
	c, err := circuit.Generate("grover_demo", 12, 0, [32]byte{})
	if err != nil {
		b.Fatal(err)
	}
	ops, phases := withoutLadders(c.Ops)
	for b.Loop() {
		if _, err := FromGates(12, ops, phases); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFourier20(b *testing.B) {
	c, err := circuit.Generate("qft_small", 20, 0, [32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	var s *State
	for b.Loop() {
		p, err := FromOps(20, c.Ops)
		if err != nil {
			b.Fatal(err)
		}
		if s, err = Simulate(context.Background(), p, Options{Threads: 1, Reuse: s}); err != nil {
			b.Fatal(err)
		}
		s.Sample([16]byte{}, 0, 4096)
	}
}
