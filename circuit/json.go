package circuit

import (
	"fmt"
)

// JSONFormat is the value of the member "format". History: engine-circuit/1
// (November 2026): first.
const JSONFormat = "engine-circuit/1"

// ParseJSON reads the JSON form:
//
//	{"format": "engine-circuit/1", "qubits": 2, "clbits": 2,
//	 "qregs": [{"name": "q", "size": 2}], "cregs": [{"name": "c", "size": 2}],
//	 "ops": [
//	  {"gate": "h", "qubits": [0]},
//	  {"gate": "rx", "qubits": [1], "params": ["pi/2"]},
//	  {"gate": "measure", "qubits": [0], "clbit": 0},
//	  {"gate": "x", "qubits": [1], "if": [{"bits": [0], "equals": 1}]}]}
//
// format comes first; qregs and cregs may be absent, and so may clbits, which is
// then 0. Gates have the names of the gate table. A parameter is a JSON number
// of radians, or a string: decimal radians, a fraction of pi ("3*pi/4", "-pi"),
// or the exact angle "a64:" and 16 hexadecimal digits, whose last three are 0. A
// condition is a list of terms that must all hold, each "equals" or "differs"
// from an integer, bits[0] lowest. A barrier without qubits covers all.
//
// Unknown, repeated and wrongly typed members are refused, and so is everything
// that Circuit.Validate refuses. Limits.SourceBytes, Gates, Qubits, Clbits and
// Conditions apply.
func ParseJSON(src []byte, limits Limits) (*Circuit, error) {
	limits = limits.withDefaults()
	if len(src) > limits.SourceBytes {
		return nil, fmt.Errorf("%d bytes above %d: %w", len(src), limits.SourceBytes, ErrJSON)
	}
	j := &jsonCircuit{jsonReader: jsonReader{src: string(src)}, limits: limits, c: &Circuit{}, conds: map[string]uint32{}}
	j.read()
	if j.err != nil {
		return nil, j.err
	}
	if err := j.c.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJSON, err)
	}
	return j.c, nil
}

type jsonCircuit struct {
	jsonReader
	limits Limits
	c      *Circuit
	conds  map[string]uint32
}

func (j *jsonCircuit) read() {
	first, qubits, ops := true, false, false
	j.object(func(name string) {
		if first != (name == "format") {
			j.fail(`"format" comes first`)
		}
		first = false
		switch name {
		case "format":
			if s := j.str(); s != JSONFormat {
				j.fail("format %q, want %q", s, JSONFormat)
			}
		case "qubits":
			qubits = true
			j.c.Qubits = int(j.uint(uint64(j.limits.Qubits)))
		case "clbits":
			j.c.Clbits = int(j.uint(uint64(j.limits.Clbits)))
		case "qregs":
			j.c.QRegs = j.registers()
		case "cregs":
			j.c.CRegs = j.registers()
		case "ops":
			ops = true
			j.array(j.op)
		default:
			j.fail("unknown member %q", name)
		}
	})
	j.end()
	if !qubits || !ops {
		j.fail(`members "qubits" and "ops" are required`)
	}
}

func (j *jsonCircuit) registers() (regs []Register) {
	j.array(func() {
		var g Register
		j.object(func(name string) {
			switch name {
			case "name":
				g.Name = j.str()
			case "size":
				g.Size = int(j.uint(MaxClbits))
			default:
				j.fail("unknown member %q of a register", name)
			}
		})
		if len(regs) >= MaxClbits {
			j.fail("too many registers")
		}
		regs = append(regs, g)
	})
	return regs
}

func (j *jsonCircuit) op() {
	var op Op
	gate, clbit, nparams, pos := "", false, 0, j.pos
	j.object(func(name string) {
		switch name {
		case "gate":
			gate = j.str()
		case "qubits":
			j.array(func() {
				q := uint16(j.uint(MaxQubits - 1))
				if op.NQ == MaxOpQubits {
					j.fail("more than %d qubits", MaxOpQubits)
					return
				}
				op.Q[op.NQ] = q
				op.NQ++
			})
		case "params":
			j.array(func() {
				a := j.angle()
				if nparams == MaxOpParams {
					j.fail("more than %d parameters", MaxOpParams)
					return
				}
				op.Params[nparams] = a
				nparams++
			})
		case "clbit":
			clbit = true
			op.Clbit = uint32(j.uint(MaxClbits - 1))
		case "if":
			op.Cond = j.cond()
		default:
			j.fail("unknown member %q of an operation", name)
		}
	})
	g, ok := GateByName(gate)
	op.Gate = g
	switch info := g.Info(); {
	case j.err != nil:
		return
	case !ok:
		j.pos = pos
		j.fail("gate %q is not in the table", gate)
	case nparams != info.Params:
		j.pos = pos
		j.fail("%s takes %d parameters, not %d", gate, info.Params, nparams)
	case clbit != (g == Measure):
		j.pos = pos
		j.fail("measure has a clbit, other operations have none")
	case len(j.c.Ops) >= j.limits.Gates:
		j.fail("more than %d operations", j.limits.Gates)
	}
	j.c.Ops = append(j.c.Ops, op)
}

// angle reads a parameter.
func (j *jsonCircuit) angle() Angle {
	s := ""
	if j.peek() == '"' {
		s = j.str()
	} else {
		s = j.number()
	}
	a, err := ParseAngle(s)
	if err != nil {
		j.fail("%q is not an angle", clipText(s, 40))
	}
	return a
}

func (j *jsonCircuit) cond() uint32 {
	var d Cond
	j.array(func() {
		t := CondTerm{}
		values := 0
		j.object(func(name string) {
			switch name {
			case "bits":
				j.array(func() {
					b := uint32(j.uint(MaxClbits - 1))
					if len(t.Bits) >= MaxTermBits {
						j.fail("more than %d bits in a term", MaxTermBits)
						return
					}
					t.Bits = append(t.Bits, b)
				})
			case "equals", "differs":
				values++
				t.Negate = name == "differs"
				t.Value = j.uint(1<<64 - 1)
			default:
				j.fail("unknown member %q of a condition", name)
			}
		})
		if values != 1 {
			j.fail(`a term has one of "equals" and "differs"`)
		}
		if len(d.Terms) >= MaxCondTerms {
			j.fail("more than %d terms", MaxCondTerms)
			return
		}
		d.Terms = append(d.Terms, t)
	})
	key := fmt.Sprint(d)
	if id := j.conds[key]; id != 0 || j.err != nil {
		return id
	}
	if len(j.c.Conds) >= j.limits.Conditions {
		j.fail("more than %d conditions", j.limits.Conditions)
		return 0
	}
	j.c.Conds = append(j.c.Conds, d)
	j.conds[key] = uint32(len(j.c.Conds))
	return j.conds[key]
}
