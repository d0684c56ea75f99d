package guest

import (
	"encoding/binary"
	"testing"

	"github.com/animicaorg/engine/circuit"
	"github.com/stretchr/testify/require"
)

func sampleLayered() *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {}, {{A: 0, B: 2}}}}, Clbits: 2, Measure: []int{1, circuit.NoClbit, 0}}
	for i := range l.Locations() {
		l.U = append(l.U, circuit.U3Angles{Theta: circuit.HalfPi, Phi: circuit.Angle(i) << 20, Lambda: circuit.Pi}.Normal())
	}
	return l
}

func samplePlan() *Plan {
	l := sampleLayered()
	return &Plan{Skeleton: l.Skeleton, Palette: circuit.NewPalette(l.U), Policy: Policy{1000, 1000, 1000, 500000, 400000, 100000, 1000000, 1000},
		Shots: 100, RatioPPM: 100000, Traps: 10, N1: 12, N2: 2, PA: 999, PB: 999, NA: 8, NB: 2, CA: 7, CB: 1, TMin: 4, MixA: 3, MixB: 1, HGlobal: 5, HCusum: 6,
		WindowTraps: []uint32{10}, IncPassA: [Grid]int64{-1, -2, -3, -4, -5}}
}

func sampleRows(p *Plan) *Rows {
	r := &Rows{First: 2, N: 3, Locations: p.Skeleton.Locations(), ElemSize: 2}
	for i := range r.N * r.Locations {
		r.Data = binary.LittleEndian.AppendUint16(r.Data, uint16(i%len(p.Palette)))
	}
	return r
}

func sampleHidden() *Hidden {
	return &Hidden{First: 2, N: 3, Width: 3, Kind: []byte{0, 1, 2}, Window: []uint32{0, 0, 0}, Pad: []byte{1, 2, 7}, Mask: []byte{0, 7, 5}, Parity: []byte{0, 0, 1}}
}

func sampleOutcomes() *Outcomes {
	return &Outcomes{N: 3, Width: 3, Rows: []byte{1, 0, 7}, Present: []byte{5}}
}

func sampleVerdict() *Verdict {
	return &Verdict{Decision: DecisionPass, Shots: 100, Judged: 100, Traps: 10, NA: 8, KA: 8, NB: 2, KB: 1, FirstBad: NoWindow, TrapPass: 100, WindowTraps: []uint32{10}, WindowPass: []uint32{9}}
}

// TestFormsRoundTrip also changes every single byte: each change must be refused
// or give another message, so that an encoding is unique.
func TestFormsRoundTrip(t *testing.T) {
	p := samplePlan()
	forms := map[string]struct {
		bytes []byte
		again func([]byte) ([]byte, error)
	}{
		"layered": {AppendLayered(nil, sampleLayered()), func(b []byte) ([]byte, error) {
			l, err := ParseLayered(b)
			if err != nil {
				return nil, err
			}
			return AppendLayered(nil, l), nil
		}},
		"plan": {p.Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParsePlan(b)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"rows": {sampleRows(p).Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParseRows(b, p)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"hidden": {sampleHidden().Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParseHidden(b, 3)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"outcomes": {sampleOutcomes().Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParseOutcomes(b, 3)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"verdict": {sampleVerdict().Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParseVerdict(b)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"header": {Header{4096, 100000}.Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParseHeader(b)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
		"policy": {p.Policy.Append(nil), func(b []byte) ([]byte, error) {
			v, err := ParsePolicy(b)
			if err != nil {
				return nil, err
			}
			return v.Append(nil), nil
		}},
	}
	for name, f := range forms {
		got, err := f.again(f.bytes)
		require.NoError(t, err, name)
		require.Equal(t, f.bytes, got, name)
		for i := range f.bytes {
			for _, flip := range []byte{1, 0x80, 0xff} {
				b := append([]byte(nil), f.bytes...)
				b[i] ^= flip
				if got, err := f.again(b); err == nil {
					require.Equal(t, b, got, "%s byte %d", name, i)
				} else {
					require.ErrorIs(t, err, ErrForm, name)
				}
			}
			_, err := f.again(f.bytes[:i])
			require.ErrorIs(t, err, ErrForm, "%s cut at %d", name, i)
		}
		_, err = f.again(append(append([]byte(nil), f.bytes...), 0))
		require.ErrorIs(t, err, ErrForm, name)
	}
}

func TestCircuitForm(t *testing.T) {
	c := &circuit.Circuit{Qubits: 2, Clbits: 2, Ops: []circuit.Op{
		{Gate: circuit.U3, NQ: 1, Params: [4]circuit.Angle{1 << 20, 2 << 20, 3 << 20}},
		{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{0, 1}}, {Gate: circuit.Barrier}, {Gate: circuit.Measure, NQ: 1, Q: [4]uint16{1}, Clbit: 1}}}
	b, err := AppendCircuit(nil, c)
	require.NoError(t, err)
	got, err := ParseCircuit(b)
	require.NoError(t, err)
	require.Equal(t, c, got)
	c.Ops[0].Cond = 1
	_, err = AppendCircuit(nil, c)
	require.ErrorContains(t, err, "conditional")
	c.Ops[0] = circuit.Op{Gate: 200}
	_, err = AppendCircuit(nil, c)
	require.ErrorContains(t, err, "lowered form")
}

func FuzzForms(f *testing.F) {
	p := samplePlan()
	f.Add(AppendLayered(nil, sampleLayered()))
	f.Add(p.Append(nil))
	f.Add(sampleRows(p).Append(nil))
	f.Add(sampleHidden().Append(nil))
	f.Add(sampleOutcomes().Append(nil))
	f.Add(sampleVerdict().Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ParseLayered(b); err == nil {
			require.Equal(t, b, AppendLayered(nil, l))
		}
		if v, err := ParsePlan(b); err == nil {
			require.Equal(t, b, v.Append(nil))
		}
		if v, err := ParseRows(b, p); err == nil {
			require.Equal(t, b, v.Append(nil))
		}
		if v, err := ParseHidden(b, 3); err == nil {
			require.Equal(t, b, v.Append(nil))
		}
		if v, err := ParseOutcomes(b, 3); err == nil {
			require.Equal(t, b, v.Append(nil))
		}
		if v, err := ParseVerdict(b); err == nil {
			require.Equal(t, b, v.Append(nil))
		}
		_, _ = ParseCircuit(b)
	})
}
