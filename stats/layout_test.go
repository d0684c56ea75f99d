package stats

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLayoutOfTheGuide(t *testing.T) {
	l := NewLayout(4096, 100_000)
	require.Equal(t, Layout{Slots: 4096, Traps: 410, Windows: 64}, l)
	var first []uint64
	six, seven := 0, 0
	for j := range l.Windows {
		lo, hi := l.Window(j)
		require.Equal(t, [2]uint64{64 * j, 64 * (j + 1)}, [2]uint64{lo, hi})
		switch l.TrapsIn(j) {
		case 6:
			six++
		case 7:
			seven++
		}
		if j < 10 {
			first = append(first, l.TrapsIn(j))
		}
	}
	require.Equal(t, []int{38, 26}, []int{six, seven})
	require.Equal(t, []uint64{6, 6, 7, 6, 7, 6, 6, 7, 6, 7}, first)
}

// Windows tile the slots, hold no more traps than slots, and hold them all.
func TestLayoutSums(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	check := func(slots, ppm uint64) {
		l := NewLayout(slots, ppm)
		var end, traps uint64
		for j := range l.Windows {
			lo, hi := l.Window(j)
			require.Equal(t, end, lo)
			require.LessOrEqual(t, l.TrapsIn(j), hi-lo, "%+v window %d", l, j)
			end, traps = hi, traps+l.TrapsIn(j)
		}
		require.Equal(t, slots, end)
		require.Equal(t, l.Traps, traps, "%+v", l)
		require.LessOrEqual(t, l.Traps, slots)
		lo, hi := l.Window(l.Windows)
		require.Equal(t, []uint64{slots, slots, 0}, []uint64{lo, hi, l.TrapsIn(^uint64(0))})
	}
	for range 2000 {
		check(r.Uint64N(6000), r.Uint64N(Million+1))
		check(r.Uint64(), r.Uint64N(Million+1))
	}
	for _, slots := range []uint64{0, 1, 63, 64, 127, 128, 4095, 4097, ^uint64(0)} {
		for _, ppm := range []uint64{0, 1, 999_999, Million, 2 * Million, ^uint64(0)} {
			check(slots, ppm)
		}
	}
}

// 323 slots, 322 of them traps, in 5 windows: plain rounding would put 65 traps
// into the 64 slots of window 2.
func TestLayoutNearlyAllTraps(t *testing.T) {
	l := NewLayout(323, 996_000)
	require.Equal(t, Layout{Slots: 323, Traps: 322, Windows: 5}, l)
	var got []uint64
	for j := range l.Windows {
		got = append(got, l.TrapsIn(j))
	}
	require.Equal(t, []uint64{64, 64, 64, 65, 65}, got)
}

func TestZeroLayout(t *testing.T) {
	var l Layout
	lo, hi := l.Window(0)
	require.Equal(t, []uint64{0, 0, 0}, []uint64{lo, hi, l.TrapsIn(0)})
}
