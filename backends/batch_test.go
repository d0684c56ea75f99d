package backends

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// TestDriverView holds decision C1: a backend gets skeleton, palette, rows, Meta
// and what drives a local run. A new field is a decision, so the list is literal.
func TestDriverView(t *testing.T) {
	var fields []string
	var walk func(prefix string, typ reflect.Type)
	walk = func(prefix string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Array {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct {
			fields = append(fields, prefix)
			return
		}
		for i := range typ.NumField() {
			walk(strings.TrimPrefix(prefix+"."+typ.Field(i).Name, "."), typ.Field(i).Type)
		}
	}
	walk("", reflect.TypeFor[Batch]())
	require.Equal(t, []string{
		"Skeleton.Width", "Skeleton.Layers.A", "Skeleton.Layers.B",
		"Palette.Theta", "Palette.Phi", "Palette.Lambda",
		"Rows.First", "Rows.N", "Rows.Locations", "Rows.ElemSize", "Rows.Data",
		"Meta.JobID", "Meta.LeaseID", "Key", "Threads", "MemoryBytes",
	}, fields)
	for _, f := range fields {
		for _, secret := range []string{"seed", "root", "role", "kind", "trap", "pad", "window", "mask", "parity", "hidden", "module"} {
			require.NotContains(t, strings.ToLower(f), secret)
		}
	}
}

func TestShotWords(t *testing.T) {
	for width, want := range map[int]int{1: 1, 63: 1, 64: 1, 65: 2, 128: 2, 4096: 64} {
		require.Equal(t, want, ShotWords(width))
	}
}

func TestWideIndexes(t *testing.T) {
	b := &Batch{Skeleton: circuit.Skeleton{Width: 1}, Rows: &guest.Rows{N: 1, Locations: 1, ElemSize: 4, Data: []byte{0, 0, 1, 0}}}
	for i := range circuit.Angle(1<<16 + 1) {
		b.Palette = append(b.Palette, circuit.U3Angles{Theta: 1 << 50, Phi: i << 12})
	}
	require.NoError(t, b.Validate())
	require.Equal(t, circuit.U3Angles{Theta: 1 << 50, Phi: 1 << 28}, b.Layered(0).U[0])
	b.Rows.Data[0] = 1
	require.EqualError(t, b.Validate(), "slot 0 location 0: index outside the palette of 65537: malformed batch")
	b.Rows.ElemSize, b.Rows.Data = 2, []byte{0, 0}
	require.ErrorIs(t, b.Validate(), ErrBatch)
}

// FuzzValidate builds a batch from bytes, mostly wrong. What Validate lets pass
// must be safe to expand into valid circuits.
func FuzzValidate(f *testing.F) {
	f.Add(3, []byte{0, 1, 1, 2}, []byte{0, 0, 0, 1, 2, 3, 4, 0, 0}, uint64(0), 2, 9, 2, []byte{0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(1, []byte{}, []byte{0, 0, 0}, uint64(0), 1, 1, 2, []byte{0, 0})
	f.Add(2, []byte{0, 1}, []byte{0, 0, 0, 2, 1, 1}, uint64(guest.MaxShots-1), 1, 4, 2, []byte{0, 0, 1, 0, 1, 0, 0, 0})
	f.Add(math.MinInt, []byte{1}, []byte{1}, uint64(math.MaxUint64), math.MaxInt, -1, 0, []byte{1})
	f.Fuzz(func(t *testing.T, width int, pairs, palette []byte, first uint64, n, locations, elem int, data []byte) {
		b := &Batch{Skeleton: circuit.Skeleton{Width: width}, Rows: &guest.Rows{First: first, N: n, Locations: locations, ElemSize: elem, Data: data}}
		for i := 0; i+2 <= len(pairs); i += 2 {
			b.Skeleton.Layers = append(b.Skeleton.Layers, []circuit.Pair{{A: uint16(pairs[i]), B: uint16(pairs[i+1])}})
		}
		for i := 0; i+3 <= len(palette); i += 3 {
			b.Palette = append(b.Palette, circuit.U3Angles{Theta: circuit.Angle(palette[i]) << 59, Phi: circuit.Angle(palette[i+1]) << 58, Lambda: circuit.Angle(palette[i+2]) << 58})
		}
		if err := b.Validate(); err != nil {
			require.ErrorIs(t, err, ErrBatch)
			return
		}
		for i := range b.Rows.N {
			require.NoError(t, b.Layered(i).Validate())
		}
	})
}
