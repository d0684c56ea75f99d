package qx1_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	qx1 "github.com/animicaorg/engine/sdk/go"
)

// TestTry: what an export writes comes back by stream, what it refuses as a failure
// that an error record can hold.
func TestTry(t *testing.T) {
	out, failure := qx1.Try(qx1.Describe("traps", "x", "1"), nil)
	require.Nil(t, failure)
	require.Equal(t, "abi=1\nkind=traps\nname=x\nversion=1\n", string(out[qx1.Result]))
	for name, c := range map[string]struct {
		err     error
		code    int32
		message string
	}{
		"failure":   {qx1.Refuse(qx1.Unsupported, "%d qubits", 3), 3, "3 qubits"},
		"wrapped":   {fmt.Errorf("above: %w", qx1.Refuse(qx1.TooLarge, "too large")), 2, "too large"},
		"any error": {errors.New("broken"), qx1.BadInput, "broken"},
		"code 0":    {qx1.Refuse(0, "x"), 1, "x"},
		"code high": {qx1.Refuse(1<<20, "x"), 0x7fff, "x"},
		"no UTF-8":  {errors.New("a\xff"), 1, "a?"},
		"long":      {errors.New(strings.Repeat("ä", 600)), 1, strings.Repeat("ä", 512)},
		"no output": {nil, 1, "stream 3 is no output"},
	} {
		_, failure := qx1.Try(func(call *qx1.Call) error {
			if c.err == nil {
				return call.Out(3, []byte("x"))
			}
			return c.err
		}, nil)
		require.Equal(t, &qx1.Failure{Code: c.code, Message: c.message}, failure, name)
	}
}

// TestShape: traps spread over windows, never more than slots, all placed.
func TestShape(t *testing.T) {
	for _, c := range []struct{ shots, ppm, traps uint64 }{{1, 0, 0}, {1, 1, 1}, {63, 500_000, 32}, {64, 1_000_000, 64}, {4096, 100_000, 410}, {4097, 999_999, 4097}, {guest.MaxShots, 1_000_000, guest.MaxShots}} {
		p := &guest.Plan{Skeleton: circuit.Skeleton{Width: 1}, Shots: c.shots, RatioPPM: c.ppm}
		qx1.Shape(p)
		sum := uint64(0)
		for j, n := range p.WindowTraps {
			sum += uint64(n)
			require.LessOrEqual(t, uint64(n), p.WindowStart(j+1)-p.WindowStart(j))
		}
		require.Equal(t, c.traps, p.Traps)
		require.Equal(t, c.traps, sum, "%d shots, %d ppm", c.shots, c.ppm)
	}
}

// TestLimits: a circuit that a trap library's memory does not hold is refused.
func TestLimits(t *testing.T) {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 2, Layers: make([][]circuit.Pair, qx1.MaxLocations/2-1)}, Clbits: 2, Measure: []int{0, 1}}
	in := func() map[int][]byte {
		l.U = make([]circuit.U3Angles, l.Locations())
		pol := guest.Policy{AlphaE: 1, AlphaA: 1, AlphaB: 1, TMinAlpha: 1, TMinBeta: 1}
		return map[int][]byte{0: guest.Header{Shots: 1}.Append(nil), 1: guest.AppendLayered(nil, l), 5: pol.Append(make([]byte, 32))}
	}
	read := func(c *qx1.Call) error { _, err := qx1.ReadInputs(c); return err }
	_, failure := qx1.Try(read, in())
	require.Nil(t, failure)
	l.Layers = append(l.Layers, nil)
	_, failure = qx1.Try(read, in())
	require.Equal(t, int32(qx1.TooLarge), failure.Code)
	short := in()
	short[5] = short[5][:95]
	_, failure = qx1.Try(read, short)
	require.Contains(t, failure.Message, "96 bytes")
}

// TestSource: operations that have no layered form are refused.
func TestSource(t *testing.T) {
	op := func(g circuit.Gate, n uint8, q0, q1 uint16, clbit uint32) circuit.Op {
		return circuit.Op{Gate: g, NQ: n, Q: [4]uint16{q0, q1}, Clbit: clbit}
	}
	try := func(t guest.Target, ops ...circuit.Op) *qx1.Failure {
		b, err := guest.AppendCircuit(nil, &circuit.Circuit{Qubits: 3, Clbits: 2, Ops: ops})
		if err != nil {
			return &qx1.Failure{Message: err.Error()}
		}
		_, failure := qx1.Try(func(c *qx1.Call) error { _, err := qx1.ReadSource(c); return err }, map[int][]byte{1: b, 2: guest.AppendTarget(nil, t)})
		return failure
	}
	m := circuit.Measure
	require.Nil(t, try(guest.Target{}, op(circuit.U3, 1, 2, 0, 0), op(circuit.CZ, 2, 0, 1, 0), op(m, 1, 0, 0, 1), op(m, 1, 1, 0, 0)))
	require.Nil(t, try(guest.Target{Width: 4096}))
	for name, f := range map[string]*qx1.Failure{
		"narrow device":      try(guest.Target{Width: 2}),
		"edge outside":       try(guest.Target{Width: 3, Edges: []circuit.Pair{{A: 0, B: 3}}}),
		"qubit outside":      try(guest.Target{}, op(circuit.U3, 1, 3, 0, 0)),
		"clbit outside":      try(guest.Target{}, op(m, 1, 0, 0, 2)),
		"clbit twice":        try(guest.Target{}, op(m, 1, 0, 0, 1), op(m, 1, 1, 0, 1)),
		"qubit twice":        try(guest.Target{}, op(m, 1, 0, 0, 0), op(m, 1, 0, 0, 1)),
		"gate behind":        try(guest.Target{}, op(m, 1, 0, 0, 0), op(circuit.CZ, 2, 0, 1, 0)),
		"cz with itself":     try(guest.Target{}, op(circuit.CZ, 2, 1, 1, 0)),
		"clbit of a gate":    try(guest.Target{}, op(circuit.U3, 1, 1, 0, 1)),
		"angle of measure":   try(guest.Target{}, circuit.Op{Gate: m, NQ: 1, Params: [4]circuit.Angle{1 << 13}}),
		"angle off its grid": try(guest.Target{}, circuit.Op{Gate: circuit.U3, NQ: 1, Params: [4]circuit.Angle{1}}),
	} {
		require.NotNil(t, f, name)
		require.NotEmpty(t, f.Message, name)
	}
}
