package statevector

// Rotations y0 = x0 - t·x1, y1 = x1 + t·x0 on pairs of real numbers. Every
// product is rounded before it is added (decision B4): float64(x*y) keeps compilers
// from fusing it. Real and imaginary parts never mix, so each is one call.
//
// The pair of qubit q is (i, i + 2^q). Kernels of two and three qubits do the
// same operations in the same order as one qubit after the other.

// rotate applies tan[k] to qubit q+k of buf for k ascending. The length of buf
// is a multiple of 2^(q+len(tan)).
func rotate(buf []float64, q int, tan []float64) {
	for len(tan) > 0 {
		n := min(len(tan), 3)
		rotateGroup(buf, q, tan[:n])
		q, tan = q+n, tan[n:]
	}
}

// rotateGroup takes up to three qubits. A qubit with t = 0 changes nothing.
func rotateGroup(buf []float64, q int, tan []float64) {
	used, last := 0, 0
	for k, t := range tan {
		if t != 0 {
			used, last = used+1, k
		}
	}
	switch {
	case used == 0:
	case used == 1:
		rotate1(buf, 1<<(q+last), tan[last])
	case len(tan) == 2:
		rotate2(buf, 1<<q, tan[0], tan[1])
	case q == 0:
		rotate3low(buf, tan[0], tan[1], tan[2])
	default:
		rotate3(buf, 1<<q, tan[0], tan[1], tan[2])
	}
}

func rotate1(buf []float64, s int, t float64) {
	for ; len(buf) >= 2*s && s > 0; buf = buf[2*s:] {
		x0 := buf[:s]
		x1 := buf[s : 2*s][:len(x0)]
		for i, a0 := range x0 {
			a1 := x1[i]
			x0[i], x1[i] = a0-float64(t*a1), a1+float64(t*a0)
		}
	}
}

func rotate2(buf []float64, s int, t0, t1 float64) {
	for ; len(buf) >= 4*s && s > 0; buf = buf[4*s:] {
		x0 := buf[:s]
		x1 := buf[s : 2*s][:len(x0)]
		x2 := buf[2*s : 3*s][:len(x0)]
		x3 := buf[3*s : 4*s][:len(x0)]
		for i := range x0 {
			a0, a1, a2, a3 := x0[i], x1[i], x2[i], x3[i]
			a0, a1 = a0-float64(t0*a1), a1+float64(t0*a0)
			a2, a3 = a2-float64(t0*a3), a3+float64(t0*a2)
			a0, a2 = a0-float64(t1*a2), a2+float64(t1*a0)
			a1, a3 = a1-float64(t1*a3), a3+float64(t1*a1)
			x0[i], x1[i], x2[i], x3[i] = a0, a1, a2, a3
		}
	}
}

func rotate3(buf []float64, s int, t0, t1, t2 float64) {
	for ; len(buf) >= 8*s && s > 0; buf = buf[8*s:] {
		x0 := buf[:s]
		x1 := buf[s : 2*s][:len(x0)]
		x2 := buf[2*s : 3*s][:len(x0)]
		x3 := buf[3*s : 4*s][:len(x0)]
		x4 := buf[4*s : 5*s][:len(x0)]
		x5 := buf[5*s : 6*s][:len(x0)]
		x6 := buf[6*s : 7*s][:len(x0)]
		x7 := buf[7*s : 8*s][:len(x0)]
		for i := range x0 {
			a0, a1, a2, a3, a4, a5, a6, a7 := x0[i], x1[i], x2[i], x3[i], x4[i], x5[i], x6[i], x7[i]
			a0, a1 = a0-float64(t0*a1), a1+float64(t0*a0)
			a2, a3 = a2-float64(t0*a3), a3+float64(t0*a2)
			a4, a5 = a4-float64(t0*a5), a5+float64(t0*a4)
			a6, a7 = a6-float64(t0*a7), a7+float64(t0*a6)
			a0, a2 = a0-float64(t1*a2), a2+float64(t1*a0)
			a1, a3 = a1-float64(t1*a3), a3+float64(t1*a1)
			a4, a6 = a4-float64(t1*a6), a6+float64(t1*a4)
			a5, a7 = a5-float64(t1*a7), a7+float64(t1*a5)
			a0, a4 = a0-float64(t2*a4), a4+float64(t2*a0)
			a1, a5 = a1-float64(t2*a5), a5+float64(t2*a1)
			a2, a6 = a2-float64(t2*a6), a6+float64(t2*a2)
			a3, a7 = a3-float64(t2*a7), a7+float64(t2*a3)
			x0[i], x1[i], x2[i], x3[i], x4[i], x5[i], x6[i], x7[i] = a0, a1, a2, a3, a4, a5, a6, a7
		}
	}
}

// rotate3low is rotate3 with s = 1.
func rotate3low(buf []float64, t0, t1, t2 float64) {
	for ; len(buf) >= 8; buf = buf[8:] {
		x := buf[:8:8]
		a0, a1, a2, a3, a4, a5, a6, a7 := x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7]
		a0, a1 = a0-float64(t0*a1), a1+float64(t0*a0)
		a2, a3 = a2-float64(t0*a3), a3+float64(t0*a2)
		a4, a5 = a4-float64(t0*a5), a5+float64(t0*a4)
		a6, a7 = a6-float64(t0*a7), a7+float64(t0*a6)
		a0, a2 = a0-float64(t1*a2), a2+float64(t1*a0)
		a1, a3 = a1-float64(t1*a3), a3+float64(t1*a1)
		a4, a6 = a4-float64(t1*a6), a6+float64(t1*a4)
		a5, a7 = a5-float64(t1*a7), a7+float64(t1*a5)
		a0, a4 = a0-float64(t2*a4), a4+float64(t2*a0)
		a1, a5 = a1-float64(t2*a5), a5+float64(t2*a1)
		a2, a6 = a2-float64(t2*a6), a6+float64(t2*a2)
		a3, a7 = a3-float64(t2*a7), a7+float64(t2*a3)
		x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7] = a0, a1, a2, a3, a4, a5, a6, a7
	}
}

// multiply sets x = x·t, complex, element by element.
func multiply(xr, xi, tr, ti []float64) {
	xi, tr, ti = xi[:len(xr)], tr[:len(xr)], ti[:len(xr)]
	for i, a := range xr {
		b, c, d := xi[i], tr[i], ti[i]
		xr[i], xi[i] = float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	}
}

// scaleInto sets y = x·(c + id), complex.
func scaleInto(yr, yi, xr, xi []float64, c, d float64) {
	yi, xr, xi = yi[:len(yr)], xr[:len(yr)], xi[:len(yr)]
	for i := range yr {
		a, b := xr[i], xi[i]
		yr[i], yi[i] = float64(a*c)-float64(b*d), float64(a*d)+float64(b*c)
	}
}
