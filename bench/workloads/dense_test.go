package workloads

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/bench/peers"
)

// TestMain lets the test binary stand in for a peer: peer NAME LIE.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "peer" {
		standIn(os.Args[2], os.Args[3] == "lie")
		return
	}
	os.Exit(m.Run())
}

// standIn is a peer that multiplies matrices; a lying one halves probabilities
// and draws the same outcome again and again.
func standIn(name string, lie bool) {
	var circuits []peers.Circuit
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var r struct {
			Op, Path, Kind, Precision string
			Reps, Shots               int
			States                    []uint64
		}
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return
		}
		a := map[string]any{}
		switch r.Op {
		case "hello":
			a["version"], a["detail"], a["settings"] = "1", r.Precision, settings(name, r.Kind)
		case "load":
			circuits = readCircuits(r.Path)
		case "time":
			times := make([]float64, r.Reps)
			for i := range times {
				times[i] = 1
			}
			a["seconds"], a["cpu"] = times, times
		case "probabilities":
			a["probabilities"] = someProbabilities(circuits[0], r.States, lie)
		case "samples":
			a["samples"] = someSamples(circuits[0], r.Shots, lie)
		case "memory":
			a["bytes"] = 5
		}
		b, err := json.Marshal(a)
		if err != nil {
			return
		}
		fmt.Println(string(b))
	}
}

// settings: stim takes Clifford circuits, two others state vectors.
func settings(name, kind string) []string {
	switch {
	case name == "stim" && kind == "clifford":
		return []string{"sampler"}
	case name == "qsim" && kind == "noise":
		return []string{"noise"}
	case (name == "qsim" || name == "lightning") && kind == "state":
		return []string{"a", "b"}
	}
	return nil
}

func readCircuits(path string) []peers.Circuit {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var file struct {
		Circuits []struct {
			Qubits int
			Ops    [][]json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil
	}
	var out []peers.Circuit
	for _, c := range file.Circuits {
		p := peers.Circuit{Qubits: c.Qubits}
		for _, raw := range c.Ops {
			var op peers.Op
			for i, to := range []any{&op.Gate, &op.Qubits, &op.Params} {
				if i < len(raw) && json.Unmarshal(raw[i], to) != nil {
					return nil
				}
			}
			p.Ops = append(p.Ops, op)
		}
		out = append(out, p)
	}
	return out
}

func someProbabilities(c peers.Circuit, states []uint64, lie bool) []float64 {
	v, out := dense(c), make([]float64, len(states))
	for i, x := range states {
		out[i] = real(v[x])*real(v[x]) + imag(v[x])*imag(v[x])
		if lie {
			out[i] /= 2
		}
	}
	return out
}

func someSamples(c peers.Circuit, shots int, lie bool) []string {
	r, out := rand.New(rand.NewPCG(1, 2)), make([]string, shots)
	v := dense(trajectory(c, r))
	for i := range out {
		if i > 0 && c.Ops[1].Gate == "depolarize" {
			v = dense(trajectory(c, r))
		}
		u, x := r.Float64(), 0
		for ; x < len(v)-1; x++ {
			if u -= real(v[x])*real(v[x]) + imag(v[x])*imag(v[x]); u < 0 {
				break
			}
		}
		row := make([]byte, (c.Qubits+7)/8)
		for b := range row {
			row[b] = byte(x >> (8 * b))
		}
		if out[i] = hex.EncodeToString(row); lie {
			out[i] = out[0]
		}
	}
	return out
}

// dense is the state by definition: each gate as a matrix on its qubits.
func dense(c peers.Circuit) []complex128 {
	v := make([]complex128, 1<<c.Qubits)
	v[0] = 1
	for _, op := range c.Ops {
		t := op.Qubits[len(op.Qubits)-1]
		switch op.Gate {
		case "swap":
			for x := range v {
				a, b := op.Qubits[0], op.Qubits[1]
				if x>>a&1 == 1 && x>>b&1 == 0 {
					y := x ^ 1<<a ^ 1<<b
					v[x], v[y] = v[y], v[x]
				}
			}
			continue
		case "fsim":
			sin, cos := math.Sincos(op.Params[0])
			for x := range v {
				switch a, b := op.Qubits[0], op.Qubits[1]; {
				case x>>a&1 == 1 && x>>b&1 == 0:
					y := x ^ 1<<a ^ 1<<b
					v[x], v[y] = complex(cos, 0)*v[x]-complex(0, sin)*v[y], complex(cos, 0)*v[y]-complex(0, sin)*v[x]
				case x>>a&1 == 1:
					v[x] *= cmplx.Exp(complex(0, -op.Params[1]))
				}
			}
			continue
		}
		m := oneQubit(op)
		for x := range v {
			if x>>t&1 == 1 {
				continue
			}
			on := true
			for _, q := range op.Qubits[:len(op.Qubits)-1] {
				on = on && x>>q&1 == 1
			}
			if y := x | 1<<t; on {
				v[x], v[y] = m[0]*v[x]+m[1]*v[y], m[2]*v[x]+m[3]*v[y]
			}
		}
	}
	return v
}

// oneQubit is the matrix on the last operand.
func oneQubit(op peers.Op) [4]complex128 {
	e := func(x float64) complex128 { return cmplx.Exp(complex(0, x)) }
	h, i := complex(math.Sqrt2/2, 0), complex(0, 1)
	switch op.Gate {
	case "u3":
		c, s := complex(math.Cos(op.Params[0]/2), 0), complex(math.Sin(op.Params[0]/2), 0)
		return [4]complex128{c, -e(op.Params[2]) * s, e(op.Params[1]) * s, e(op.Params[1]+op.Params[2]) * c}
	case "h":
		return [4]complex128{h, h, h, -h}
	case "x", "cx":
		return [4]complex128{0, 1, 1, 0}
	case "z", "cz", "mcz":
		return [4]complex128{1, 0, 0, -1}
	case "s":
		return [4]complex128{1, 0, 0, i}
	case "t":
		return [4]complex128{1, 0, 0, e(math.Pi / 4)}
	case "sx":
		return [4]complex128{(1 + i) / 2, (1 - i) / 2, (1 - i) / 2, (1 + i) / 2}
	case "sy":
		return [4]complex128{(1 + i) / 2, (-1 - i) / 2, (1 + i) / 2, (1 + i) / 2}
	case "p", "cp":
		return [4]complex128{1, 0, 0, e(op.Params[0])}
	}
	return [4]complex128{}
}

func TestDense(t *testing.T) {
	v := dense(peers.Circuit{Qubits: 2, Ops: []peers.Op{{Gate: "h", Qubits: []int{0}}, {Gate: "cx", Qubits: []int{0, 1}}}})
	require.InDelta(t, 0.5, real(v[3])*real(v[3]), 1e-12)
	require.Zero(t, v[1])
}

// trajectory draws the errors of a circuit with noise.
func trajectory(c peers.Circuit, r *rand.Rand) peers.Circuit {
	out := peers.Circuit{Qubits: c.Qubits}
	for _, op := range c.Ops {
		if op.Gate != "depolarize" {
			out.Ops = append(out.Ops, op)
			continue
		}
		if r.Float64() < op.Params[0] {
			for _, g := range [][]string{{"x"}, {"z"}, {"x", "z"}}[r.IntN(3)] {
				out.Ops = append(out.Ops, peers.Op{Gate: g, Qubits: op.Qubits})
			}
		}
	}
	return out
}
