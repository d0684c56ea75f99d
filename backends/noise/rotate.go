package noise

// turn applies the rotations of R to a real or imaginary part, qubits ascending;
// tangents behind a frame bit have the other sign.
func (ly *layer) turn(v []float32, x uint64) {
	for q := 0; q < len(ly.tan); {
		n := min(len(ly.tan)-q, 3)
		var t [3]float32
		for k, a := range ly.tan[q:][:n] {
			if t[k] = a; x>>(q+k)&1 == 1 {
				t[k] = -a
			}
		}
		switch {
		case t == [3]float32{}:
		case n == 1:
			rotate1(v, 1<<q, t[0])
		case n == 2:
			rotate2(v, 1<<q, t[0], t[1])
		default:
			rotate3(v, 1<<q, t[0], t[1], t[2])
		}
		q += n
	}
}

// rotate1 is y0 = x0 - t·x1, y1 = x1 + t·x0 on pairs at distance h.
func rotate1(v []float32, h int, t float32) {
	for ; len(v) >= 2*h; v = v[2*h:] {
		x0 := v[:h]
		x1 := v[h:][:len(x0)]
		for i, a := range x0 {
			b := x1[i]
			x0[i], x1[i] = a-float32(t*b), b+float32(t*a)
		}
	}
}

// rotate2 is rotate1 at distance h, then at 2h.
func rotate2(v []float32, h int, t, u float32) {
	for ; len(v) >= 4*h; v = v[4*h:] {
		x0 := v[:h]
		x1 := v[h:][:len(x0)]
		x2 := v[2*h:][:len(x0)]
		x3 := v[3*h:][:len(x0)]
		for i, a := range x0 {
			b, c, d := x1[i], x2[i], x3[i]
			a, b = a-float32(t*b), b+float32(t*a)
			c, d = c-float32(t*d), d+float32(t*c)
			x0[i], x2[i] = a-float32(u*c), c+float32(u*a)
			x1[i], x3[i] = b-float32(u*d), d+float32(u*b)
		}
	}
}

// rotate3 is rotate2 at distance h, then rotate1 at 4h.
func rotate3(v []float32, h int, t, u, w float32) {
	for ; len(v) >= 8*h; v = v[8*h:] {
		x0 := v[:h]
		x1 := v[h:][:len(x0)]
		x2 := v[2*h:][:len(x0)]
		x3 := v[3*h:][:len(x0)]
		x4 := v[4*h:][:len(x0)]
		x5 := v[5*h:][:len(x0)]
		x6 := v[6*h:][:len(x0)]
		x7 := v[7*h:][:len(x0)]
		for i, a := range x0 {
			b, c, d, e, f, g, k := x1[i], x2[i], x3[i], x4[i], x5[i], x6[i], x7[i]
			a, b = a-float32(t*b), b+float32(t*a)
			c, d = c-float32(t*d), d+float32(t*c)
			e, f = e-float32(t*f), f+float32(t*e)
			g, k = g-float32(t*k), k+float32(t*g)
			a, c = a-float32(u*c), c+float32(u*a)
			b, d = b-float32(u*d), d+float32(u*b)
			e, g = e-float32(u*g), g+float32(u*e)
			f, k = f-float32(u*k), k+float32(u*f)
			x0[i], x4[i] = a-float32(w*e), e+float32(w*a)
			x1[i], x5[i] = b-float32(w*f), f+float32(w*b)
			x2[i], x6[i] = c-float32(w*g), g+float32(w*c)
			x3[i], x7[i] = d-float32(w*k), k+float32(w*d)
		}
	}
}
