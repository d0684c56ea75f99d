package transcript

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

// recursiveRoot is RFC 6962 §2.1 read literally.
func recursiveRoot(data [][]byte) digest.Digest {
	switch len(data) {
	case 0:
		return digest.Sum(nil)
	case 1:
		return digest.SumParts([]byte{0}, data[0])
	}
	k := 1
	for 2*k < len(data) {
		k *= 2
	}
	l, r := recursiveRoot(data[:k]), recursiveRoot(data[k:])
	return digest.SumParts([]byte{1}, l[:], r[:])
}

func TestTreeAndProofs(t *testing.T) {
	for n := range 70 {
		var tree Tree
		var data [][]byte
		var leaves []digest.Digest
		for i := range n {
			d := []byte{byte(i), byte(n)}
			data, leaves = append(data, d), append(leaves, LeafHash(d))
			tree.Append(d)
		}
		root := recursiveRoot(data)
		require.Equal(t, root, tree.Root(), n)
		require.EqualValues(t, n, tree.Size())
		for i := range n {
			path, err := InclusionProof(leaves, i)
			require.NoError(t, err)
			require.NoError(t, VerifyInclusion(root, leaves[i], uint64(i), uint64(n), path))
			if n == 1 {
				continue
			}
			for _, other := range []uint64{uint64(i+1) % uint64(n), uint64(n)} {
				require.ErrorIs(t, VerifyInclusion(root, leaves[i], other, uint64(n), path), ErrInclusion)
			}
			require.ErrorIs(t, VerifyInclusion(root, leaves[i], uint64(i), uint64(n), path[1:]), ErrInclusion)
			require.ErrorIs(t, VerifyInclusion(root, leaves[i], uint64(i), uint64(n), append(path, root)), ErrInclusion)
			path[0][3] ^= 1
			require.ErrorIs(t, VerifyInclusion(root, leaves[i], uint64(i), uint64(n), path), ErrInclusion)
		}
		_, err := InclusionProof(leaves, n)
		require.ErrorIs(t, err, ErrInclusion)
	}
}

func testOutcomes(width, slots uint64) *Outcomes {
	r := rand.New(rand.NewPCG(width, slots))
	stride := Stride(width)
	o := &Outcomes{Width: width, Slots: slots, Rows: make([]byte, int(slots)*stride), Presence: AllPresent(slots)}
	for i := range o.Rows {
		o.Rows[i] = byte(r.Uint32())
		if i%stride == stride-1 && width%8 != 0 {
			o.Rows[i] &= 1<<(width%8) - 1
		}
	}
	return o
}

func TestOutcomesRoot(t *testing.T) {
	o := testOutcomes(20, 150)
	o.Presence[1] &^= 4 // slot 10
	clear(o.Rows[30:33])
	require.EqualValues(t, 149, o.Executed())
	root, err := o.Root()
	require.NoError(t, err)

	// The leaves written out by hand from the definition.
	var data [][]byte
	for first := uint64(0); first < 150; first += 64 {
		n := min(64, 150-first)
		b := binary.BigEndian.AppendUint64(nil, first)
		b = binary.BigEndian.AppendUint64(b, n)
		b = append(b, o.Rows[first*3:(first+n)*3]...)
		bits := make([]byte, (n+7)/8)
		for i := range n {
			if first+i != 10 {
				bits[i/8] |= 1 << (i % 8)
			}
		}
		data = append(data, append(b, bits...))
	}
	require.Equal(t, recursiveRoot(data), root)
	path, err := o.Proof(2)
	require.NoError(t, err)
	require.NoError(t, VerifyInclusion(root, LeafHash(o.Leaf(2)), 2, 3, path))

	b, err := o.MarshalBinary()
	require.NoError(t, err)
	back, err := ParseOutcomes(b)
	require.NoError(t, err)
	require.Equal(t, o, back)
}

func TestOutcomesRefusals(t *testing.T) {
	for name, spoil := range map[string]func(*Outcomes){
		"absent with bits":     func(o *Outcomes) { o.Presence[0] &^= 1; o.Rows[0] |= 1 },
		"presence above slots": func(o *Outcomes) { o.Presence[1] |= 0x80 },
		"bit above width":      func(o *Outcomes) { o.Rows[1] |= 0x80 },
		"row missing":          func(o *Outcomes) { o.Rows = o.Rows[2:] },
		"half a row":           func(o *Outcomes) { o.Rows = o.Rows[1:] },
		"presence missing":     func(o *Outcomes) { o.Presence = o.Presence[1:] },
		"no slots":             func(o *Outcomes) { o.Slots = 0 },
		"too many slots":       func(o *Outcomes) { o.Slots = MaxShots + 1 },
		"width zero":           func(o *Outcomes) { o.Width = 0 },
		"too wide":             func(o *Outcomes) { o.Width = MaxWidth + 1 },
	} {
		o := testOutcomes(9, 12)
		spoil(o)
		_, err := o.Root()
		require.ErrorIs(t, err, ErrFrame, name)
	}
}

func TestHistOfRowsEqualsCounting(t *testing.T) {
	for _, width := range []uint64{1, 3, 8, 20, 63, 64, 65, 100} {
		o := testOutcomes(width, 500)
		if width > 8 { // make repeats
			copy(o.Rows[Stride(width)*100:], o.Rows[:Stride(width)*50])
		}
		h, err := HistOfRows(width, o.Rows)
		require.NoError(t, err)
		n := map[string]uint64{}
		for i := 0; i < len(o.Rows); i += Stride(width) {
			n[string(o.Rows[i:i+Stride(width)])]++
		}
		var rows [][]byte
		var counts []uint64
		for k, c := range n {
			rows, counts = append(rows, []byte(k)), append(counts, c)
		}
		g, err := HistOfCounts(width, rows, counts)
		require.NoError(t, err)
		require.Equal(t, g, h)
		require.Len(t, h.Bins, len(n))
		shots, ok := h.Shots()
		require.True(t, ok)
		require.EqualValues(t, 500, shots)
		_, err = h.Digest()
		require.NoError(t, err)
	}
}

func TestHistRefusals(t *testing.T) {
	one, two := Bin{[]byte{1}, 1}, Bin{[]byte{2}, 1}
	for name, h := range map[string]*Hist{
		"width 0":    {Width: 0},
		"too wide":   {Width: MaxWidth + 1},
		"unsorted":   {Width: 3, Bins: []Bin{two, one}},
		"repeated":   {Width: 3, Bins: []Bin{one, one}},
		"count zero": {Width: 3, Bins: []Bin{{[]byte{1}, 0}}},
		"high bit":   {Width: 3, Bins: []Bin{{[]byte{8}, 1}}},
		"key length": {Width: 3, Bins: []Bin{{[]byte{0, 1}, 1}}},
		"overflow":   {Width: 3, Bins: []Bin{{[]byte{1}, 1 << 63}, {[]byte{2}, 1 << 63}}},
	} {
		_, err := h.Digest()
		require.ErrorIs(t, err, ErrFrame, name)
	}
	_, err := HistOfRows(3, []byte{8})
	require.ErrorIs(t, err, ErrFrame)
	_, err = HistOfCounts(3, [][]byte{{1}, {1}}, []uint64{1, 1})
	require.ErrorIs(t, err, ErrFrame)
	_, err = HistOfCounts(3, [][]byte{{1}}, nil)
	require.ErrorIs(t, err, ErrFrame)
}

func FuzzParseOutcomes(f *testing.F) {
	b, err := testOutcomes(9, 12).MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := ParseOutcomes(b)
		if err != nil {
			return
		}
		again, err := o.MarshalBinary()
		if err != nil || !slices.Equal(again, b) {
			t.Fatalf("%x parses but writes as %x (%v)", b, again, err)
		}
	})
}

func BenchmarkOutcomesRoot(b *testing.B) {
	o := testOutcomes(20, 1<<20)
	b.SetBytes(int64(len(o.Rows)))
	for b.Loop() {
		if _, err := o.Root(); err != nil {
			b.Fatal(err)
		}
	}
}
