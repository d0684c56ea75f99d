package circuit

// Angle is a rotation angle as an integer fraction of two turns: 4π = 2^64, so
// that the sign of a spin-1/2 rotation survives (2π is not 0). π/2 is 1<<61.
// Angles that enter through a front end have their low 12 bits zero (unit
// 4π/2^52, decision B1); sums, differences and negations keep that property.
type Angle uint64

// Common angles.
const (
	HalfPi Angle = 1 << 61 // π/2
	Pi     Angle = 1 << 62 // π
	TwoPi  Angle = 1 << 63 // 2π
)

// angleMask clears the bits below the resolution of decision B1.
const angleMask = ^Angle(0xfff)

// mod2Pi reduces to [0, 2π).
func (a Angle) mod2Pi() Angle { return a & (TwoPi - 1) }
