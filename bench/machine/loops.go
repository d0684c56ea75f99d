package machine

import "math"

// kernel is one set of measuring loops.
type kernel struct {
	name                         string
	fma32, fma64                 func()
	fmasPerCall32, fmasPerCall64 float64
	update                       func([]byte) // reads and writes every byte; a multiple of stride
}

const (
	stride   = 512  // bytes of one iteration of update
	fmaTurns = 4096 // iterations of one call
)

// generic is what Go compiles to without vectors. Its figures are a lower bound
// of the machine's.
func generic() kernel {
	const each = fmaTurns * 8
	return kernel{"go", genericFMA, genericFMA, each, each, genericUpdate}
}

var zero float64 // never written; the compiler does not know

func genericFMA() {
	var a, b, c, d, e, f, g, h float64
	x, y := zero, zero
	for range fmaTurns {
		a, b, c, d = math.FMA(x, y, a), math.FMA(x, y, b), math.FMA(x, y, c), math.FMA(x, y, d)
		e, f, g, h = math.FMA(x, y, e), math.FMA(x, y, f), math.FMA(x, y, g), math.FMA(x, y, h)
	}
	if a+b+c+d+e+f+g+h != 0 {
		panic("bench/machine: a sum of zeros is not zero")
	}
}

func genericUpdate(b []byte) {
	for i := range b {
		b[i]++
	}
}
