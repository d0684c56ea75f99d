package circuit

import (
	"encoding/hex"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample has every kind of operation and condition.
func sample() *Circuit {
	c := &Circuit{Qubits: 6, Clbits: 5, Conds: []Cond{
		{Terms: []CondTerm{{Bits: []uint32{2, 0}, Value: 1}}},
		{Terms: []CondTerm{{Bits: []uint32{3}, Value: 0, Negate: true}, {Bits: []uint32{0, 1, 2}, Value: 5, Negate: true}}},
	}, QRegs: []Register{{"a", 2}, {"b", 4}}, CRegs: []Register{{"c", 5}}}
	for _, g := range Gates() {
		p := make([]Angle, g.Info().Params)
		for i := range p {
			p[i] = Angle(7*i+3) << 50
		}
		c.add(g, p, []int{5, 0, 3}[:g.Info().Qubits]...)
	}
	c.add(Barrier, nil)
	c.add(Barrier, nil, 4, 2)
	c.add(Reset, nil, 1)
	c.Ops = append(c.Ops, Op{Gate: Measure, NQ: 1, Q: [4]uint16{3}, Clbit: 4})
	for k := range 3 {
		op := gateOp(X, nil, k)
		op.Cond = uint32(2 - k%2)
		c.Ops = append(c.Ops, op)
	}
	return c
}

func TestCanonicalGolden(t *testing.T) {
	b, err := sample().CanonicalBytes()
	require.NoError(t, err)
	const path = "testdata/canonical.hex"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(b)+"\n"), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), hex.EncodeToString(b)+"\n", "the canonical form changed")
	back, err := ParseCanonical(b)
	require.NoError(t, err)
	again, err := back.CanonicalBytes()
	require.NoError(t, err)
	require.Equal(t, b, again)
	require.Equal(t, len(sample().Ops), len(back.Ops))
}

// TestCanonicalByHand spells the bytes of a Bell pair out.
func TestCanonicalByHand(t *testing.T) {
	c := &Circuit{Qubits: 2}
	c.add(H, nil, 0)
	c.add(CP, []Angle{HalfPi}, 0, 1)
	b, err := c.CanonicalBytes()
	require.NoError(t, err)
	want := "51434201" + "00000002" + "00000002" + "00000000" + "00000004" +
		"09010000" + "1f0200000001" + "2000000000000000" + "0101000000000000" + "0101000100000001"
	require.Equal(t, want, hex.EncodeToString(b))
	require.NoError(t, c.Validate())
	require.False(t, c.Measured())
	explicit := c.Explicit()
	h1, _ := c.Hash()
	h2, err := explicit.Hash()
	require.NoError(t, err)
	require.Equal(t, h1, h2, "an implied measurement equals a written one")
}

func TestCanonicalIgnoresNamesAndUnusedConditions(t *testing.T) {
	want, err := sample().Hash()
	require.NoError(t, err)
	c := sample()
	c.QRegs, c.CRegs = nil, []Register{{"x", 1}, {"y", 4}}
	c.Conds = append([]Cond{{Terms: []CondTerm{{Bits: []uint32{4}, Value: 1}}}}, c.Conds...)
	c.Conds[1].Terms[0] = CondTerm{Bits: []uint32{0, 2}, Value: 2}
	c.Conds[2].Terms[0], c.Conds[2].Terms[1] = c.Conds[2].Terms[1], CondTerm{Bits: []uint32{3}, Value: 1}
	for i := range c.Ops {
		if c.Ops[i].Cond != 0 {
			c.Ops[i].Cond++
		}
		if c.Ops[i].Gate == Barrier && c.Ops[i].NQ == 2 {
			c.Ops[i].Q = [4]uint16{2, 4}
		}
	}
	got, err := c.Hash()
	require.NoError(t, err)
	require.Equal(t, want, got)
	for name, change := range map[string]func(c *Circuit){
		"operand order": func(c *Circuit) { o := &c.Ops[1]; o.Q[0], o.Q[1] = o.Q[1], o.Q[0] },
		"angle":         func(c *Circuit) { c.Ops[0].Params[0] += 1 << 12 },
		"gate":          func(c *Circuit) { c.Ops[2].Gate = X },
		"clbits":        func(c *Circuit) { c.Clbits++ },
		"qubits":        func(c *Circuit) { c.Qubits++ },
		"condition":     func(c *Circuit) { c.Conds[0].Terms[0].Negate = true },
		"order":         func(c *Circuit) { c.Ops[0], c.Ops[1] = c.Ops[1], c.Ops[0] },
		"barrier":       func(c *Circuit) { c.Ops = c.Ops[:len(c.Ops)-1] },
	} {
		c := sample()
		change(c)
		got, err := c.Hash()
		require.NoError(t, err, name)
		require.NotEqual(t, want, got, name)
	}
}

func TestParseCanonicalRefusesEveryFlip(t *testing.T) {
	good, err := sample().CanonicalBytes()
	require.NoError(t, err)
	for n := range good {
		_, err := ParseCanonical(good[:n])
		require.ErrorIs(t, err, ErrCanonical, "%d bytes", n)
	}
	_, err = ParseCanonical(append(append([]byte{}, good...), 0))
	require.ErrorIs(t, err, ErrCanonical)
	for i := range good {
		for bit := range 8 {
			b := append([]byte{}, good...)
			b[i] ^= 1 << bit
			c, err := ParseCanonical(b)
			if err != nil {
				require.ErrorIs(t, err, ErrCanonical)
				continue
			}
			again, err := c.CanonicalBytes()
			require.NoError(t, err)
			require.Equal(t, b, again)
		}
	}
}

func TestValidateRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for name, change := range map[string]func(c *Circuit){
		"no qubits":          func(c *Circuit) { c.Qubits = 0 },
		"many qubits":        func(c *Circuit) { c.Qubits = MaxQubits + 1 },
		"many clbits":        func(c *Circuit) { c.Clbits = MaxClbits + 1 },
		"negative clbits":    func(c *Circuit) { c.Clbits = -1 },
		"unknown gate":       func(c *Circuit) { c.Ops[0].Gate = numGates },
		"operand count":      func(c *Circuit) { c.Ops[0].NQ++ },
		"unused operand":     func(c *Circuit) { c.Ops[0].Q[3] = 1 },
		"qubit out of range": func(c *Circuit) { c.Ops[0].Q[0] = 6 },
		"repeated qubit":     func(c *Circuit) { c.Ops[1].Q[1] = c.Ops[1].Q[0] },
		"off the grid":       func(c *Circuit) { c.Ops[0].Params[0] |= Angle(1 + r.IntN(4095)) },
		"unused parameter":   func(c *Circuit) { c.Ops[0].Params[3] = 1 << 12 },
		"unused clbit":       func(c *Circuit) { c.Ops[0].Clbit = 1 },
		"condition number":   func(c *Circuit) { c.Ops[0].Cond = 3 },
		"empty condition":    func(c *Circuit) { c.Conds[0].Terms = nil },
		"condition bit":      func(c *Circuit) { c.Conds[0].Terms[0].Bits = []uint32{5} },
		"condition twice":    func(c *Circuit) { c.Conds[0].Terms[0].Bits = []uint32{1, 1} },
		"condition value":    func(c *Circuit) { c.Conds[0].Terms[0].Value = 4 },
		"registers":          func(c *Circuit) { c.QRegs[0].Size = 3 },
		"register size":      func(c *Circuit) { c.CRegs[0].Size = 0 },
	} {
		c := sample()
		require.NoError(t, c.Validate())
		change(c)
		require.ErrorIs(t, c.Validate(), ErrInvalid, name)
		_, err := c.Hash()
		require.ErrorIs(t, err, ErrInvalid, name)
		_, err = c.Lower()
		require.ErrorIs(t, err, ErrInvalid, name)
	}
}

func TestDepthAndClifford(t *testing.T) {
	c := &Circuit{Qubits: 3, Clbits: 1}
	c.add(H, nil, 0)
	c.add(H, nil, 1)
	require.Equal(t, 1, c.Depth())
	c.add(Barrier, nil, 0, 2)
	c.add(S, nil, 2)
	require.Equal(t, 2, c.Depth(), "a barrier makes qubit 2 wait")
	c.add(Reset, nil, 2)
	c.Ops = append(c.Ops, Op{Gate: Measure, NQ: 1, Q: [4]uint16{2}})
	c.Conds = []Cond{{Terms: []CondTerm{{Bits: []uint32{0}, Value: 1}}}}
	c.Ops = append(c.Ops, Op{Gate: X, NQ: 1, Q: [4]uint16{1}, Cond: 1})
	require.Equal(t, 3, c.Depth(), "x waits for the measured bit")
	require.True(t, c.IsClifford())
	c.add(RZZ, []Angle{HalfPi}, 0, 1)
	c.add(CP, []Angle{Pi}, 0, 1)
	c.add(ECR, nil, 0, 1)
	require.True(t, c.IsClifford())
	for _, op := range []Op{gateOp(T, nil, 0), gateOp(CCX, nil, 0, 1, 2), gateOp(CH, nil, 0, 1), gateOp(CP, []Angle{HalfPi}, 0, 1), gateOp(RX, []Angle{1 << 60}, 0)} {
		d := &Circuit{Qubits: 3, Ops: []Op{op}}
		require.False(t, d.IsClifford(), op.Gate.String())
	}
}

func FuzzParseCanonical(f *testing.F) {
	b, _ := sample().CanonicalBytes()
	f.Add(b)
	f.Add(b[:40])
	f.Add([]byte("QCB\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseCanonical(b)
		if err != nil {
			return
		}
		again, err := c.CanonicalBytes()
		if err != nil || string(again) != string(b) {
			t.Fatalf("accepted bytes re-encode to others: %v", err)
		}
		if _, err := c.Lower(); err != nil {
			t.Fatal(err)
		}
		c.Depth()
		c.IsClifford()
	})
}
