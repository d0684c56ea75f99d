package noise

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

func TestSnapshot(t *testing.T) {
	m := model(t, mixed)
	require.Equal(t, 4, len(m.Rules))
	require.Equal(t, Rule{Gate: "cx", Qubits: []int{0, 1}, PairDepolarizing: 0.2, AmplitudeDamping: 0.1}, m.Rules[0])
	require.Equal(t, Qubit{T1: 500, OneZero: 0.2}, m.of(1))
	require.Equal(t, 800.0, m.of(7).T2)
	require.Equal(t, "sha3-256:a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"[:9], m.ID[:9])
	require.Len(t, m.ID, 9+64)
	require.NotEqual(t, m.ID, model(t, mixed+" ").ID)
	rule := func(g circuit.Gate, q ...uint16) *Rule {
		op := circuit.Op{Gate: g, NQ: uint8(len(q))}
		copy(op.Q[:], q)
		return m.find(&op)
	}
	require.Same(t, &m.Rules[0], rule(circuit.CX, 0, 1))
	require.Same(t, &m.Rules[0], rule(circuit.CX, 1, 0))
	require.Same(t, &m.Rules[1], rule(circuit.CX, 1, 2))
	require.Same(t, &m.Rules[1], rule(circuit.CZ, 0, 1))
	require.Same(t, &m.Rules[2], rule(circuit.Reset, 0))
	require.Same(t, &m.Rules[3], rule(circuit.H, 0))
	require.Nil(t, model(t, `{"format":"noise/v1","gates":[{"gate":"any"}]}`).find(&circuit.Op{Gate: circuit.Reset, NQ: 1}))
}

// refused maps a document to a piece of its refusal.
var refused = map[string]string{
	`{}`:                          "/format: is missing",
	`{"format":"noise/v2"}`:       "/format: is \"noise/v2\"",
	`{"format":"noise/v1"} x`:     "data behind the value",
	`{"format":"noise/v1","t":1}`: "/t: unknown member",
	`{"format":"noise/v1","device":"` + strings.Repeat("x", 201) + `"}`:                                  "201 bytes, limit 200",
	`{"format":"noise/v1","gates":[{}]}`:                                                                 "/gates/0/gate: is missing",
	`{"format":"noise/v1","gates":[{"gate":"warp"}]}`:                                                    "no gate has this name",
	`{"format":"noise/v1","gates":[{"gate":"measure"}]}`:                                                 "no gate has this name",
	`{"format":"noise/v1","gates":[{"gate":"h","depolarizing":1.5}]}`:                                    "/gates/0/depolarizing: want a number 0..1",
	`{"format":"noise/v1","gates":[{"gate":"h","depolarizing":-0.1}]}`:                                   "want a number 0..1",
	`{"format":"noise/v1","gates":[{"gate":"h","depolarizing":"0.1"}]}`:                                  "want a number 0..1",
	`{"format":"noise/v1","gates":[{"gate":"h","amplitude_damping":0.` + strings.Repeat("1", 39) + `}]}`: "at most 40 characters",
	`{"format":"noise/v1","gates":[{"gate":"h","duration_ns":1e400}]}`:                                   "want a number 0..1e+12",
	`{"format":"noise/v1","gates":[{"gate":"h","pair_depolarizing":0.1}]}`:                               `is not for "h"`,
	`{"format":"noise/v1","gates":[{"gate":"any","pair_depolarizing":0.1}]}`:                             `is not for "any"`,
	`{"format":"noise/v1","gates":[{"gate":"cx","qubits":[0]}]}`:                                         "/gates/0/qubits: names 1 qubits",
	`{"format":"noise/v1","gates":[{"gate":"cx","qubits":[2,2]}]}`:                                       "names 2 qubits",
	`{"format":"noise/v1","gates":[{"gate":"any","qubits":[]}]}`:                                         "names 0 qubits",
	`{"format":"noise/v1","gates":[{"gate":"any","qubits":[4096]}]}`:                                     "want an integer 0..4095",
	`{"format":"noise/v1","gates":[{"gate":"any","qubits":[1,2,3,4,5]}]}`:                                "5 elements, limit 4",
	`{"format":"noise/v1","gates":[{"gate":"cx","qubits":[1,0]},{"gate":"cx","qubits":[0,1]}]}`:          "/gates/1: an earlier rule",
	`{"format":"noise/v1","gates":[` + strings.Repeat(`{},`, MaxRules) + `{}]}`:                          "16385 elements, limit 16384",
	`{"format":"noise/v1","qubits":[{"t1_ns":1,"t2_ns":2.1}]}`:                                           "/qubits/0/t2_ns: is more than twice",
	`{"format":"noise/v1","qubits":[{},{}]}`:                                                             "has an entry already",
	`{"format":"noise/v1","qubits":[{"qubit":3},{"qubit":3}]}`:                                           "/qubits/1: the qubit has an entry already",
	`{"format":"noise/v1","qubits":[{"qubit":4096}]}`:                                                    "want an integer 0..4095",
	`{"format":"noise/v1","qubits":[` + strings.Repeat(`{},`, circuit.MaxQubits+1) + `{}]}`:              "4098 elements, limit 4097",
	`{"format":"noise/v1","qubits":[{"qubit":[[1]]}]}`:                                                   "nested deeper than 4",
	`{"format":"noise/v1","gates":[` + strings.Repeat(`0,`, 10*MaxRules+8*circuit.MaxQubits) + `0]}`:     "more than 196608 values",
	strings.Repeat(" ", MaxBytes) + `{"format":"noise/v1"}`:                                              "limit 4194304",
}

func TestSnapshotRefusals(t *testing.T) {
	for doc, want := range refused {
		_, err := Parse([]byte(doc))
		require.ErrorIs(t, err, ErrSnapshot, "%.80s", doc)
		require.ErrorContains(t, err, want, "%.80s", doc)
	}
}

// FuzzSnapshot: what is accepted has numbers in range and can be compiled.
func FuzzSnapshot(f *testing.F) {
	f.Add([]byte(mixed))
	f.Add([]byte(depolarizing))
	for doc := range refused {
		if len(doc) < 300 {
			f.Add([]byte(doc))
		}
	}
	c := parseQASM(f, dynamic)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrSnapshot)
			return
		}
		s, err := New(c, m)
		require.NoError(t, err)
		for _, x := range s.p.sites {
			require.True(t, x.p > 0 && x.p <= 1 && x.keep >= 0, "%+v", x)
		}
		for _, r := range s.p.final {
			require.True(t, r.p[0] >= 0 && r.p[0] <= 1)
		}
	})
}
