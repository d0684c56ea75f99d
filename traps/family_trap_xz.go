package traps

// trapXZ runs random Paulis (the pads) through the skeleton on |0> and |+>; no
// two |+> ever meet in a CZ, so the state stays a product and the pads are all
// that moves.
var trapXZ = family{name: "trap_xz", mix: Mix{A: 1}, about: "random Paulis through the skeleton on |0> and |+>; the whole register must match",
	draw: func(g *Generator, _ int, _, _ []byte) byte {
		s := &g.plan.Skeleton
		plus := g.draw
		g.stream.FillUniform(plus, 2)
		for _, layer := range s.Layers {
			for _, p := range layer {
				if plus[p.A]&plus[p.B] == 1 {
					plus[p.B] = 0
				}
			}
		}
		clear(g.base)
		if len(s.Layers) > 0 {
			last := g.base[len(s.Layers)*s.Width:]
			for q, h := range plus {
				if h == 1 {
					g.base[q], last[q] = cH, cH
				}
			}
		}
		return 0
	}}
