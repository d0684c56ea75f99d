package backendtest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

// tb is what a check needs of *testing.T.
type tb interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// check is one demand.
type check struct {
	name      string
	simulator bool // only for backends that say they are one
	run       func(tb, backends.Backend)
}

var checks = []check{
	{"capabilities", false, checkCapabilities},
	{"known outcomes", false, checkKnownOutcomes},
	{"slot order", false, checkSlotOrder},
	{"malformed batches", false, checkMalformed},
	{"emit error", false, checkEmitError},
	{"cancellation", false, checkCancellation},
	{"threads", true, checkThreads},
	{"chunks", true, checkChunks},
	{"pads", true, checkPads},
	{"key", true, checkKey},
	{"memory", true, checkMemory},
}

// Run runs the suite; open returns a fresh backend, which Run closes.
func Run(t *testing.T, open func(t *testing.T) backends.Backend) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			be := open(t)
			caps, err := be.Capabilities(t.Context())
			require.NoError(t, err)
			if caps.Simulator || !c.simulator {
				c.run(t, be)
			}
			require.NoError(t, be.Close())
		})
	}
}

func checkCapabilities(t tb, be backends.Backend) {
	require.NotEmpty(t, be.Name())
	c, err := be.Capabilities(t.Context())
	require.NoError(t, err)
	require.NotZero(t, c.MaxShots)
	require.GreaterOrEqual(t, c.MaxWidth, 0)
	require.NotEmpty(t, c.Device.Vendor, "D names a vendor")
	require.NotEmpty(t, c.Device.Family)
	for i, e := range c.Edges {
		require.Less(t, e.A, e.B, "edge %d", i)
	}
	again, err := be.Capabilities(t.Context())
	require.NoError(t, err)
	require.Equal(t, c, again)
}

// mixed is a job in small: padded copies of one circuit, with Clifford slots of
// their own between them.
func mixed(seed uint64, slots int) *backends.Batch {
	r, s := Stream(seed), Brickwork(5, 4)
	target := RandomTriples(r, s, false)
	var all [][]circuit.U3Angles
	for i := range slots {
		u := target
		if i%7 == 3 {
			u = RandomTriples(r, s, true)
		}
		u, _ = Pad(r, s, u)
		all = append(all, u)
	}
	b := Build(s, all)
	b.Key = [16]byte{byte(seed), 7}
	return b
}

// checkKnownOutcomes: X and Z on chosen qubits between CZs, a Bell pair, and a
// circuit that undoes itself have outcomes that nobody may get wrong.
func checkKnownOutcomes(t tb, be backends.Backend) {
	s := circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 0, B: 1}}}}
	id, x := circuit.U3Angles{}, circuit.U3Angles{Theta: circuit.Pi, Lambda: circuit.Pi}.Normal()
	h := circuit.U3Angles{Theta: circuit.HalfPi, Lambda: circuit.Pi}.Normal()
	some := circuit.U3Angles{Theta: 0x1234567 << 36, Phi: 0x2345678 << 34, Lambda: 0x3456789 << 34}.Normal()
	back := circuit.U3Angles{Theta: -some.Theta, Phi: -some.Lambda, Lambda: -some.Phi}.Normal()
	rows := func(r []byte) []byte { return slices.Compact(slices.Clone(r)) }
	for name, c := range map[string]struct {
		u    []circuit.U3Angles
		want []byte
	}{
		"nothing":      {[]circuit.U3Angles{id, id, id, id, id, id, id, id, id}, []byte{0}},
		"x":            {[]circuit.U3Angles{id, x, x, id, id, x, id, id, id}, []byte{2}},
		"cnot":         {[]circuit.U3Angles{x, h, id, id, h, id, id, id, x}, []byte{7}},
		"there, back":  {[]circuit.U3Angles{some, some, some, id, id, id, back, back, back}, []byte{0}},
		"cz undone":    {[]circuit.U3Angles{h, h, x, id, id, id, h, h, id}, []byte{4}},
		"phase to bit": {[]circuit.U3Angles{h, x, id, h, id, id, id, id, id}, []byte{3}},
	} {
		b := Build(s, slices.Repeat([][]circuit.U3Angles{c.u}, 40))
		got, err := Collect(t.Context(), be, b)
		require.NoError(t, err, name)
		require.Equal(t, c.want, rows(got), name)
	}
	bell := Build(circuit.Skeleton{Width: 2, Layers: [][]circuit.Pair{{{A: 0, B: 1}}}}, slices.Repeat([][]circuit.U3Angles{{h, h, id, h}}, 300))
	got, err := Collect(t.Context(), be, bell)
	require.NoError(t, err)
	count := [4]int{}
	for _, r := range got {
		count[r]++
	}
	require.Zero(t, count[1]+count[2])
	require.InDelta(t, 150, count[0], 90) // ten standard deviations
}

func checkSlotOrder(t tb, be backends.Backend) {
	id, x := circuit.U3Angles{}, circuit.U3Angles{Theta: circuit.Pi, Lambda: circuit.Pi}.Normal()
	var slots [][]circuit.U3Angles
	var want []byte
	for i := range 700 { // slot i has the low bits of i·37 as its outcome
		u, v := make([]circuit.U3Angles, 9), byte(i*37)
		for q := range u {
			if u[q] = id; q < 8 && v>>q&1 == 1 {
				u[q] = x
			}
		}
		slots, want = append(slots, u), append(want, v, 0)
	}
	b := Build(circuit.Skeleton{Width: 9}, slots)
	b.Rows.First = 11
	got, err := Collect(t.Context(), be, b)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func checkMalformed(t tb, be backends.Backend) {
	for name, spoil := range Malformations() {
		b := mixed(2, 9)
		spoil(b)
		err := be.Run(t.Context(), b, func(*guest.Outcomes) error {
			t.Errorf("%s: an outcome came", name)
			return nil
		})
		require.ErrorIs(t, err, backends.ErrBatch, name)
	}
}

// Malformations spoil a valid batch of at least two slots, two triples and two
// CZ layers, each in one way.
func Malformations() map[string]func(b *backends.Batch) {
	return map[string]func(b *backends.Batch){
		"no width":          func(b *backends.Batch) { b.Skeleton.Width = 0 },
		"huge width":        func(b *backends.Batch) { b.Skeleton.Width = circuit.MaxLayeredWidth + 1 },
		"pair out of range": func(b *backends.Batch) { b.Skeleton.Layers = [][]circuit.Pair{{{A: 0, B: 99}}} },
		"layer missing":     func(b *backends.Batch) { b.Skeleton.Layers = b.Skeleton.Layers[1:] },
		"no palette":        func(b *backends.Batch) { b.Palette = nil },
		"palette order":     func(b *backends.Batch) { slices.Reverse(b.Palette) },
		"palette repeat":    func(b *backends.Batch) { b.Palette[1] = b.Palette[0] },
		"palette form":      func(b *backends.Batch) { b.Palette[len(b.Palette)-1].Theta = circuit.Pi + 1<<12 },
		"palette grid":      func(b *backends.Batch) { b.Palette[len(b.Palette)-1].Lambda++ },
		"no rows":           func(b *backends.Batch) { b.Rows = nil },
		"no slots":          func(b *backends.Batch) { b.Rows.N, b.Rows.Data = 0, nil },
		"negative slots":    func(b *backends.Batch) { b.Rows.N = -1 },
		"too many slots":    func(b *backends.Batch) { b.Rows.First = guest.MaxShots },
		"short rows":        func(b *backends.Batch) { b.Rows.Data = b.Rows.Data[:len(b.Rows.Data)-1] },
		"missing row":       func(b *backends.Batch) { b.Rows.N++ },
		"locations":         func(b *backends.Batch) { b.Rows.Locations-- },
		"element size":      func(b *backends.Batch) { b.Rows.ElemSize = 4 },
		"index":             func(b *backends.Batch) { b.Rows.Data[len(b.Rows.Data)-1] = 0xff },
	}
}

func checkEmitError(t tb, be backends.Backend) {
	stop, calls := errors.New("enough"), 0
	err := be.Run(t.Context(), mixed(3, 600), func(*guest.Outcomes) error {
		calls++
		return stop
	})
	require.ErrorIs(t, err, stop)
	require.Equal(t, 1, calls)
	_, err = Collect(t.Context(), be, mixed(3, 600))
	require.NoError(t, err, "a stopped run leaves the backend usable")
}

func checkCancellation(t tb, be backends.Backend) {
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	err := be.Run(ctx, mixed(4, 1500), func(o *guest.Outcomes) error {
		calls++
		cancel()
		require.Less(t, o.N, 1500, "a batch of this size comes in pieces")
		return nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, 1, calls)
	_, err = Collect(ctx, be, mixed(4, 20))
	require.ErrorIs(t, err, context.Canceled)
}
