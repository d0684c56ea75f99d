package noise

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/strictjson"
)

// ErrSnapshot is wrapped by every refusal of Parse.
var ErrSnapshot = errors.New("invalid calibration snapshot")

// Format is the value of the member "format".
const Format = "noise/v1"

// Limits of a snapshot.
const (
	MaxBytes = 4 << 20
	MaxRules = 1 << 14
	maxText  = 200
	maxNS    = 1e12 // of a duration or a relaxation time
)

// Rule is the noise after gates of one kind.
type Rule struct {
	Gate             string  // a gate's name, "1q" to "4q" for all unitary gates on so many qubits, or "any"
	Qubits           []int   // ascending: exactly these operands, in any order; empty: all
	Depolarizing     float64 // 0..1: chance of X, Y or Z (a third each), on each operand by itself
	PairDepolarizing float64 // 0..1: chance of one of the 15 Paulis other than I on both operands of a gate on two qubits
	AmplitudeDamping float64 // 0..1: γ on each operand, K0 = diag(1, √(1-γ)), K1 = √γ·|0⟩⟨1|
	PhaseDamping     float64 // 0..1: λ on each operand: coherences shrink by √(1-λ)
	DurationNS       float64 // nanoseconds over which operands relax by their T1 and T2; 0: none
}

// Qubit is what is known of one qubit.
type Qubit struct {
	T1, T2           float64 // nanoseconds; 0: no relaxation; T2 ≤ 2·T1 where both are given
	ZeroOne, OneZero float64 // 0..1: chance to read 1 where 0 was measured, 0 where 1 was
}

// Model is a calibration snapshot.
type Model struct {
	Device   string // free text
	ID       string // calibration_id: "sha3-256:" and the hash of the document's bytes
	Rules    []Rule // the first rule that fits a gate is the one that counts
	Qubits   map[int]Qubit
	Default  Qubit // of qubits that are not in Qubits
	relevant map[string]int
}

// Parse reads a snapshot. Unknown members, repeated entries, numbers out of range
// and rules that can never apply are refused.
func Parse(b []byte) (*Model, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: MaxBytes, Depth: 4, Values: 10*MaxRules + 8*circuit.MaxQubits})
	c.Only("format", "device", "gates", "qubits")
	c.Member("format").OneOf(Format)
	m := &Model{Qubits: map[int]Qubit{}, relevant: map[string]int{}}
	if d, ok := c.Optional("device"); ok {
		m.Device = d.Text(maxText)
	}
	if g, ok := c.Optional("gates"); ok {
		for _, r := range g.Items(MaxRules) {
			m.rule(r)
		}
	}
	if q, ok := c.Optional("qubits"); ok {
		seen := map[int]bool{}
		for _, x := range q.Items(circuit.MaxQubits + 1) {
			m.qubit(x, seen)
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	h := sha3.Sum256(b)
	m.ID = "sha3-256:" + hex.EncodeToString(h[:])
	return m, nil
}

func (m *Model) rule(c strictjson.Cursor) {
	c.Only("gate", "qubits", "depolarizing", "pair_depolarizing", "amplitude_damping", "phase_damping", "duration_ns")
	r := Rule{
		Gate: c.Member("gate").Text(maxText), Depolarizing: optional(c, "depolarizing", 1), PairDepolarizing: optional(c, "pair_depolarizing", 1),
		AmplitudeDamping: optional(c, "amplitude_damping", 1), PhaseDamping: optional(c, "phase_damping", 1), DurationNS: optional(c, "duration_ns", maxNS),
	}
	operands := operandsOf(r.Gate)
	if operands < 0 {
		c.Member("gate").Fail("the name of a gate or of reset, 1q, 2q, 3q, 4q, or any", "no gate has this name")
	}
	if list, ok := c.Optional("qubits"); ok {
		for _, x := range list.Items(circuit.MaxOpQubits) {
			r.Qubits = append(r.Qubits, int(x.Uint(0, circuit.MaxQubits-1)))
		}
		slices.Sort(r.Qubits)
		n := len(r.Qubits)
		if n == 0 || operands > 0 && n != operands || len(slices.Compact(slices.Clone(r.Qubits))) != n {
			list.Fail("leave the member out for all qubits", "names %d qubits, want the gate's operands, each once", n)
		}
	}
	if r.PairDepolarizing > 0 && operands != 2 {
		c.Member("pair_depolarizing").Fail("2q or the name of a gate on two qubits", "is not for %q", r.Gate)
	}
	key := ruleKey(r.Gate, r.Qubits)
	if _, dup := m.relevant[key]; dup {
		c.Fail("the first rule that fits counts", "an earlier rule has the same gate and qubits")
		return
	}
	m.relevant[key] = len(m.Rules)
	m.Rules = append(m.Rules, r)
}

// operandsOf is the number of operands of gates that a rule names: 0 any number,
// -1 no such gate.
func operandsOf(name string) int {
	switch name {
	case "any":
		return 0
	case "1q", "2q", "3q", "4q":
		return int(name[0] - '0')
	}
	g, ok := circuit.GateByName(name)
	if !ok || !g.Info().Unitary() && g != circuit.Reset {
		return -1
	}
	return g.Info().Qubits
}

func (m *Model) qubit(c strictjson.Cursor, seen map[int]bool) {
	c.Only("qubit", "t1_ns", "t2_ns", "readout_0to1", "readout_1to0")
	at := -1
	if x, ok := c.Optional("qubit"); ok {
		at = int(x.Uint(0, circuit.MaxQubits-1))
	}
	q := Qubit{optional(c, "t1_ns", maxNS), optional(c, "t2_ns", maxNS), optional(c, "readout_0to1", 1), optional(c, "readout_1to0", 1)}
	if q.T1 > 0 && q.T2 > 2*q.T1 {
		c.Member("t2_ns").Fail("T2 is at most twice T1", "is more than twice t1_ns")
	}
	if seen[at] {
		c.Fail("one entry per qubit, one without \"qubit\" for all others", "the qubit has an entry already")
	}
	if seen[at] = true; at < 0 {
		m.Default = q
		return
	}
	m.Qubits[at] = q
}

// optional reads a member that is 0 where it is absent.
func optional(c strictjson.Cursor, key string, hi float64) float64 {
	x, ok := c.Optional(key)
	if !ok {
		return 0
	}
	n := x.Node()
	if n == nil {
		return 0
	}
	v, err := strconv.ParseFloat(n.Text, 64)
	if n.Kind != strictjson.Number || len(n.Text) > 40 || err != nil || v < 0 || v > hi {
		x.Fail("", "want a number 0..%g of at most 40 characters", hi)
		return 0
	}
	return v + 0
}

// of returns what is known of qubit q.
func (m *Model) of(q int) Qubit {
	if x, ok := m.Qubits[q]; ok {
		return x
	}
	return m.Default
}

func ruleKey(gate string, qubits []int) string {
	b := []byte(gate)
	for _, q := range qubits {
		b = strconv.AppendInt(append(b, ' '), int64(q), 10)
	}
	return string(b)
}

// find returns the first rule that fits an operation, or nil.
func (m *Model) find(op *circuit.Op) *Rule {
	info := op.Gate.Info()
	names := []string{info.Name, strconv.Itoa(info.Qubits) + "q", "any"}
	if op.Gate == circuit.Reset {
		names = names[:1]
	}
	qubits := make([]int, op.NQ)
	for k := range qubits {
		qubits[k] = int(op.Q[k])
	}
	slices.Sort(qubits)
	best := len(m.Rules)
	for _, n := range names {
		for _, on := range [][]int{nil, qubits} {
			if i, ok := m.relevant[ruleKey(n, on)]; ok {
				best = min(best, i)
			}
		}
	}
	if best == len(m.Rules) {
		return nil
	}
	return &m.Rules[best]
}
