package circuit

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// ionqNames are the gates of IonQ's QIS gate set that are used here.
var ionqNames = map[Gate]string{X: "x", Y: "y", Z: "z", H: "h", S: "s", Sdg: "si", T: "t", Tdg: "ti", SX: "v", SXdg: "vi", RX: "rx", RY: "ry", RZ: "rz", CX: "cnot", Swap: "swap"}

// ionq writes ionq.circuit.v0 with QIS gates. IonQ measures every qubit at the
// end, qubit i into bit i.
func (c *Circuit) ionq() ([]byte, error) {
	c = c.Explicit()
	of, err := c.finalMeasures(string(FormatIonQ))
	if err != nil {
		return nil, err
	}
	for k, q := range of {
		if k != q || c.Clbits != c.Qubits {
			return nil, unsupported(string(FormatIonQ), len(c.Ops), "measurement other than of every qubit into the bit of its number")
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\"format\": \"ionq.circuit.v0\", \"gateset\": \"qis\", \"qubits\": %d, \"circuit\": [", c.Qubits)
	n := 0
	for _, op := range c.Ops {
		if op.Gate == Measure || op.Gate == Barrier || op.Gate == ID {
			continue
		}
		reduce(op, func(g Gate) bool { return ionqNames[g] != "" }, func(op Op) {
			if n++; n > 1 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "\n  {\"gate\": %q", ionqNames[op.Gate])
			switch op.Gate {
			case CX:
				fmt.Fprintf(&b, ", \"control\": %d, \"target\": %d", op.Q[0], op.Q[1])
			case Swap:
				fmt.Fprintf(&b, ", \"targets\": [%d, %d]", op.Q[0], op.Q[1])
			default:
				fmt.Fprintf(&b, ", \"target\": %d", op.Q[0])
			}
			if gateTable[op.Gate].Params > 0 {
				fmt.Fprintf(&b, ", \"rotation\": %s", op.Params[0].Text())
			}
			b.WriteByte('}')
		})
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// iqm writes prx and cz on qubits QB1, QB2, … in the form of iqm-client 36
// (name, locus, args; radians). u3(θ,φ,λ) is Rz(φ+λ)·prx(θ, π/2-λ): the Rz goes
// through the CZs into the phases of later prx and is dropped before a
// measurement. Key c_k belongs to bit k.
func (c *Circuit) iqm() ([]byte, error) {
	c = c.Explicit()
	low, err := c.Lower()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("{\"name\": \"circuit\", \"instructions\": [")
	n := 0
	instruction := func(name, args string, q ...uint16) {
		locus := make([]string, len(q))
		for i, k := range q {
			locus[i] = fmt.Sprintf("\"QB%d\"", k+1)
		}
		if n++; n > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "\n  {\"name\": %q, \"locus\": [%s], \"args\": {%s}}", name, strings.Join(locus, ", "), args)
	}
	all := make([]uint16, c.Qubits)
	for q := range all {
		all[q] = uint16(q)
	}
	frame, measured := make([]Angle, c.Qubits), make([]bool, c.Clbits)
	for i, op := range low.Ops {
		if op.Cond != 0 {
			return nil, unsupported(string(FormatIQM), i, "a condition on measured bits")
		}
		q := op.Q[0]
		switch op.Gate {
		case U3:
			u := U3Angles{op.Params[0], op.Params[1], op.Params[2] + frame[q]}.Normal()
			frame[q] = u.Phi + u.Lambda
			if u.Theta != 0 {
				instruction("prx", fmt.Sprintf("\"angle\": %s, \"phase\": %s", u.Theta.Text(), (HalfPi-u.Lambda).Text()), q)
			}
		case Barrier:
			over := op.Q[:op.NQ]
			if op.NQ == 0 {
				over = all
			}
			instruction("barrier", "", over...)
		case Reset:
			frame[q] = 0
			instruction("reset", "", q)
		case Measure:
			if measured[op.Clbit] {
				return nil, unsupported(string(FormatIQM), i, "a second measurement into bit %d", op.Clbit)
			}
			measured[op.Clbit], frame[q] = true, 0
			instruction("measure", fmt.Sprintf("\"key\": \"c_%d\"", op.Clbit), q)
		default:
			instruction("cz", "", q, op.Q[1])
		}
	}
	b.WriteString("\n]}\n")
	return b.Bytes(), nil
}

// qirNames are the functions __quantum__qis__…__body that are used here;
// Sdg and Tdg are …__adj.
var qirNames = map[Gate]string{X: "x__body", Y: "y__body", Z: "z__body", H: "h__body", S: "s__body", Sdg: "s__adj", T: "t__body", Tdg: "t__adj",
	RX: "rx__body", RY: "ry__body", RZ: "rz__body", CX: "cnot__body", CZ: "cz__body", Swap: "swap__body"}

func qirPtr(n int) string {
	if n == 0 {
		return "null"
	}
	return fmt.Sprintf("inttoptr (i64 %d to ptr)", n)
}

// qir writes the base profile of QIR 2.0 (opaque pointers): gates, then
// measurements, then the record of all bits, bit 0 first.
func (c *Circuit) qir() ([]byte, error) {
	c = c.Explicit()
	of, err := c.finalMeasures(string(FormatQIR))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for k, q := range of {
		if q < 0 {
			return nil, unsupported(string(FormatQIR), len(c.Ops), "bit %d, which is never measured", k)
		}
		label := fmt.Sprintf("c_%d", k)
		fmt.Fprintf(&b, "@%d = internal constant [%d x i8] c\"%s\\00\"\n", k, len(label)+1, label)
	}
	fmt.Fprintf(&b, "@%d = internal constant [2 x i8] c\"c\\00\"\n", c.Clbits)
	b.WriteString("\ndefine i64 @main() #0 {\nentry:\n  call void @__quantum__rt__initialize(ptr null)\n  br label %body\n\nbody:\n")
	var used [numGates]bool
	for _, op := range c.Ops {
		if op.Gate == Measure || op.Gate == Barrier || op.Gate == ID {
			continue
		}
		reduce(op, func(g Gate) bool { return qirNames[g] != "" }, func(op Op) {
			used[op.Gate] = true
			fmt.Fprintf(&b, "  call void @__quantum__qis__%s(", qirNames[op.Gate])
			if gateTable[op.Gate].Params > 0 {
				fmt.Fprintf(&b, "double %s, ", llvmDouble(op.Params[0].Radians()))
			}
			for i, q := range op.Q[:op.NQ] {
				b.WriteString(comma(i) + "ptr " + qirPtr(int(q)))
			}
			b.WriteString(")\n")
		})
	}
	b.WriteString("  br label %measurements\n\nmeasurements:\n")
	for k, q := range of {
		fmt.Fprintf(&b, "  call void @__quantum__qis__mz__body(ptr %s, ptr writeonly %s)\n", qirPtr(q), qirPtr(k))
	}
	fmt.Fprintf(&b, "  br label %%output\n\noutput:\n  call void @__quantum__rt__array_record_output(i64 %d, ptr @%d)\n", c.Clbits, c.Clbits)
	for k := range of {
		fmt.Fprintf(&b, "  call void @__quantum__rt__result_record_output(ptr %s, ptr @%d)\n", qirPtr(k), k)
	}
	b.WriteString("  ret i64 0\n}\n\n")
	for g := range numGates {
		if used[g] {
			sig := strings.Repeat("ptr, ", gateTable[g].Qubits-1) + "ptr"
			if gateTable[g].Params > 0 {
				sig = "double, " + sig
			}
			fmt.Fprintf(&b, "declare void @__quantum__qis__%s(%s)\n", qirNames[g], sig)
		}
	}
	fmt.Fprintf(&b, qirTail, c.Qubits, c.Clbits)
	return b.Bytes(), nil
}

// llvmDouble is a double constant by its bits, which every reader takes alike.
func llvmDouble(f float64) string {
	return "0x" + strings.ToUpper(fmt.Sprintf("%016s", strconv.FormatUint(math.Float64bits(f), 16)))
}

const qirTail = `declare void @__quantum__qis__mz__body(ptr, ptr writeonly) #1
declare void @__quantum__rt__initialize(ptr)
declare void @__quantum__rt__array_record_output(i64, ptr)
declare void @__quantum__rt__result_record_output(ptr, ptr)

attributes #0 = { "entry_point" "qir_profiles"="base_profile" "output_labeling_schema"="c" "required_num_qubits"="%d" "required_num_results"="%d" }
attributes #1 = { "irreversible" }

!llvm.module.flags = !{!0, !1, !2, !3}

!0 = !{i32 1, !"qir_major_version", i32 2}
!1 = !{i32 7, !"qir_minor_version", i32 0}
!2 = !{i32 1, !"dynamic_qubit_management", i1 false}
!3 = !{i32 1, !"dynamic_result_management", i1 false}
`
