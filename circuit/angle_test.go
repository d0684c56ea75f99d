package circuit

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func mustAngle(t testing.TB, x float64) Angle {
	t.Helper()
	a, err := AngleFromRadians(x)
	require.NoError(t, err)
	return a
}

func TestAngleOfCommonValues(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want Angle
	}{
		{0, 0}, {math.Copysign(0, -1), 0}, {math.Pi / 2, HalfPi}, {0.5 * math.Pi, 1 << 61}, {1.5707963267948966, 1 << 61},
		{math.Pi, Pi}, {2 * math.Pi, TwoPi}, {-2 * math.Pi, TwoPi}, {4 * math.Pi, 0}, {-math.Pi, 3 << 62}, {-math.Pi / 4, 15 << 60},
		{3 * math.Pi / 8, 3 << 59}, {math.Pi / (1 << 40), 1 << 22}, {math.Pi / (1 << 50), 1 << 12},
		{5 * math.Pi / 2, 5 << 61}, {4 * math.Pi / (1 << 52), 1 << 12}, {5e-324, 0}, {1e-300, 0},
		{1.39e-15, 0}, {1.40e-15, 1 << 12}, // half a unit is 1.395e-15
	} {
		require.Equal(t, c.want, mustAngle(t, c.x), "%v", c.x)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := AngleFromRadians(x)
		require.ErrorIs(t, err, ErrAngle)
	}
}

// TestAngleFastPathIsTheDefinition compares the 128-bit routine with the big
// integers at random magnitudes and around the rounding boundaries.
func TestAngleFastPathIsTheDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	fast := 0
	check := func(x float64) {
		b := math.Float64bits(x)
		e := int(b>>52&0x7ff) - 1075
		m := b&(1<<52-1) | 1<<52
		if n, ok := angleUnits(m, e); ok {
			fast++
			require.Equal(t, angleUnitsExact(m, e), n&(1<<52-1), "%v", x)
		}
	}
	for range 20000 {
		check(math.Ldexp(1+r.Float64(), r.IntN(90)-62))
		unit := math.Ldexp(math.Pi, -50)
		x := (float64(r.Uint64N(1<<52)) + 0.5) * unit // near a tie
		check(x)
		check(math.Nextafter(x, 0))
	}
	require.Greater(t, fast, 50000)
	for range 2000 { // the slow path over the whole range
		x := math.Ldexp(1+r.Float64(), r.IntN(1020)+4)
		mustAngle(t, x)
	}
}

func TestAngleTextReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	longest := 0
	for i := range 20000 {
		a := randomAngle(r)
		if i < 4 {
			a = Angle(i) << 62
		}
		require.Equal(t, a, mustAngle(t, a.Radians()), "%x", uint64(a))
		v, err := strconv.ParseFloat(a.Text(), 64)
		require.NoError(t, err)
		require.Equal(t, a, mustAngle(t, v), "%x %s", uint64(a), a.Text())
		longest = max(longest, len(a.Text()))
	}
	require.LessOrEqual(t, longest, 24)
	require.Equal(t, "1.570796326794897", HalfPi.Text())
	for a, want := range map[Angle]string{HalfPi: "pi/2", 7 << 61: "-pi/2", 3 << 60: "3*pi/4", Pi: "pi", TwoPi: "-2*pi", 0: "0", 1 << 52: "pi/1024", 1 << 51: (Angle(1) << 51).Text()} {
		require.Equal(t, want, a.PiText())
	}
}

func FuzzAngleFromRadians(f *testing.F) {
	for _, x := range []float64{0, 1, math.Pi, -math.Pi / 3, 1e22, 1e308, 5e-324, math.Inf(1)} {
		f.Add(x)
	}
	f.Fuzz(func(t *testing.T, x float64) {
		a, err := AngleFromRadians(x)
		if err != nil {
			return
		}
		b, _ := AngleFromRadians(-x)
		if a != -b || a&^angleMask != 0 {
			t.Fatalf("%v: %x and %x", x, uint64(a), uint64(b))
		}
		if back, _ := AngleFromRadians(a.Radians()); back != a {
			t.Fatalf("%v: %x comes back as %x", x, uint64(a), uint64(back))
		}
	})
}

func BenchmarkAngleFromRadians(b *testing.B) {
	x := 0.1
	for b.Loop() {
		_, _ = AngleFromRadians(x)
		x += 1e-3
	}
}
