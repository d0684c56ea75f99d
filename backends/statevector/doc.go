// Package statevector simulates circuits by holding all 2^n amplitudes, in pure
// Go.
//
// It promises that amplitudes, probabilities and samples are a function of the
// circuit and the numeric version alone: the same bits on every platform, kernel
// and compiler option, for any number of threads and any chunk of shots. SPEC.md
// lists the numeric versions and where each is stated. Amplitudes carry the global
// phase of the given u3 gates, each the matrix of OpenQASM 2.
//
// It does not choose between methods, it reads no clock and no file, and it
// takes the memory it may use as a number from its caller.
package statevector

import "fmt"

// NumericVersion names the arithmetic of Simulate. A change of any constant or
// order in its page of SPEC.md is a new version.
const NumericVersion = 1

// TrajectoryNumeric names the arithmetic of Trajectories in Complex64,
// TrajectoryNumeric128 that in Complex128.
const (
	TrajectoryNumeric    = "numeric/0-trajectories"
	TrajectoryNumeric128 = "numeric/0-complex128"
)

// Precision selects the amplitude type. Each is a numeric version of its own.
type Precision uint8

// Precisions; the zero value is the default.
const (
	Complex64  Precision = 0
	Complex128 Precision = 1
)

// String returns the name of the amplitude type.
func (p Precision) String() string {
	if p == Complex128 {
		return "complex128"
	}
	return "complex64"
}

// Numeric returns the text that stands for the arithmetic in a device
// description: "numeric/1", or "numeric/1-complex128".
func (p Precision) Numeric() string {
	if p == Complex128 {
		return fmt.Sprintf("numeric/%d-complex128", NumericVersion)
	}
	return fmt.Sprintf("numeric/%d", NumericVersion)
}

// float is the type of a real or imaginary part of a trajectory.
type float interface{ float32 | float64 }
