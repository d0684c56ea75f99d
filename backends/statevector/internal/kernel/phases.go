package kernel

import (
	"math"
	"math/bits"
	"unsafe"
)

func (generic) Spread(out []float32, s []float64, stages []Stage) {
	spreadFrom(s, 1, stages)
	for i, x := range s[:2<<len(stages)] {
		out[i] = float32(x)
	}
}

// spreadFrom does stages where s has n complex numbers already.
func spreadFrom(s []float64, n int, stages []Stage) {
	for i := range stages {
		st := &stages[i]
		low, high := s[:2*n], s[2*n:][:2*n]
		if st.Copy == 1 {
			copy(high, low)
		} else {
			for i := 0; i+1 < len(low) && i+1 < len(high); i += 2 {
				x, y := low[i], low[i+1]
				high[i], high[i+1] = float64(x*st.Cos)-float64(y*st.Sin), float64(x*st.Sin)+float64(y*st.Cos)
			}
		}
		if st.Mask != 0 {
			negate(high, st.Mask)
		}
		n *= 2
	}
}

// spreadTwo does the first two stages.
func spreadTwo(s *[8]float64, a, b *Stage) {
	s[2], s[3] = a.times(s[0], s[1])
	s[4], s[5] = b.times(s[0], s[1])
	x, y := b.times(s[2], s[3])
	flip := b.Mask << 63 // of number 1, all others have no bits of a mask
	s[6] = math.Float64frombits(math.Float64bits(x) ^ flip)
	s[7] = math.Float64frombits(math.Float64bits(y) ^ flip)
}

// times is x+iy times the phase, or a copy.
func (st *Stage) times(x, y float64) (re, im float64) {
	if st.Copy == 1 {
		return x, y
	}
	return float64(x*st.Cos) - float64(y*st.Sin), float64(x*st.Sin) + float64(y*st.Cos)
}

// negate flips the sign of the complex numbers i whose bits in mask are odd.
func negate(s []float64, mask uint64) {
	for i, x := range s {
		flip := uint64(bits.OnesCount64(uint64(i/2)&mask)) << 63
		s[i] = math.Float64frombits(math.Float64bits(x) ^ flip)
	}
}

func (a *assembled) Spread(out []float32, s []float64, stages []Stage) {
	const scalar = 2 // stages before vectors are full: those of spreadTwo
	if a.spread == nil || len(stages) < scalar {
		Generic.Spread(out, s, stages)
		return
	}
	_, _ = out[:2<<len(stages)], s[:2<<len(stages)]
	spreadTwo((*[8]float64)(s), &stages[0], &stages[1])
	rest := stages[scalar:]
	a.spread(&out[0], &s[0], 1<<scalar, (*byte)(unsafe.Pointer(unsafe.SliceData(rest))), uint64(len(rest)))
}

// SinCos of the generic kernel knows nothing.
func (generic) SinCos(_, _ []float64, _ []uint64, unsure []uint8) {
	for i := range unsure {
		unsure[i] = 0xff
	}
}

func (a *assembled) SinCos(sin, cos []float64, angles []uint64, unsure []uint8) {
	if a.sinCos == nil {
		Generic.SinCos(sin, cos, angles, unsure)
		return
	}
	if n := len(angles) / 8; n > 0 {
		_, _, _ = sin[:8*n], cos[:8*n], unsure[:n]
		a.sinCos(&sin[0], &cos[0], &angles[0], uint64(n), &unsure[0])
	}
}

// Bits of a binary64 below those of a binary32, and the margin of a tangent.
const (
	below32      = 1<<29 - 1
	half32       = 1 << 28
	tangentUnits = 8
)

func (generic) Tangents(tan []float32, sin, cos []float64, unsure []uint8) {
	for i, s := range sin {
		t := s / cos[i]
		tan[i] = float32(t)
		d := int64(math.Float64bits(t)&below32) - half32
		if i%8 == 0 {
			unsure[i/8] = 0
		}
		if -tangentUnits <= d && d <= tangentUnits || t == 0 {
			unsure[i/8] |= 1 << (i % 8)
		}
	}
}

func (a *assembled) Tangents(tan []float32, sin, cos []float64, unsure []uint8) {
	if a.tangents == nil {
		Generic.Tangents(tan, sin, cos, unsure)
		return
	}
	if n := len(sin) / 8; n > 0 {
		_, _, _ = tan[:8*n], cos[:8*n], unsure[:n]
		a.tangents(&tan[0], &sin[0], &cos[0], uint64(n), &unsure[0])
	}
}
