package kernel

import "math"

// Exchange rotates pairs of amplitudes whose numbers differ in bits Low < High of
// the number within the buffer (bits 0 to 3 are lanes): y0 = fma(-Sin, x1, Cos·x0),
// y1 = fma(Sin, x0, Cos·x1), real and imaginary parts alike. Where Even is false,
// bit Low is 1 and bit High 0 in x0; where it is true, both are 0 in x0. Other
// amplitudes stay.
type Exchange struct {
	Low, High int
	Even      bool
	Cos, Sin  float32
}

// Exchange64 is Exchange in binary64.
type Exchange64 struct {
	Low, High int
	Even      bool
	Cos, Sin  float64
}

// inside panics where the bits are outside of a buffer of n numbers.
func inside(low, high, n int) {
	if low < 0 || low >= high || high > 40 || n%(Block<<max(high-3, 0)) != 0 {
		panic("kernel: qubits of an exchange outside of the buffer")
	}
}

// pairs calls f for the places of the real parts of x0 and x1.
func pairs(low, high int, even bool, n int, f func(i0, i1 int)) {
	inside(low, high, n)
	both := 1<<low | 1<<high
	first := 1 << low
	if even {
		first = 0
	}
	for i := 0; i < n/2; i++ {
		if i&both == first {
			j := i ^ both
			f(i/Lanes*Block+i%Lanes, j/Lanes*Block+j%Lanes)
		}
	}
}

func (generic) Exchange(x []float32, e *Exchange) {
	pairs(e.Low, e.High, e.Even, len(x), func(i, j int) {
		for range 2 {
			x0, x1 := x[i], x[j]
			x[i], x[j] = fma32(-e.Sin, x1, float32(e.Cos*x0)), fma32(e.Sin, x0, float32(e.Cos*x1))
			i, j = i+Lanes, j+Lanes
		}
	})
}

func (generic64) Exchange(x []float64, e *Exchange64) {
	pairs(e.Low, e.High, e.Even, len(x), func(i, j int) {
		for range 2 {
			x0, x1 := x[i], x[j]
			x[i], x[j] = math.FMA(-e.Sin, x1, float64(e.Cos*x0)), math.FMA(e.Sin, x0, float64(e.Cos*x1))
			i, j = i+Lanes, j+Lanes
		}
	})
}
