package traps

// trapH is kind A with only H in its dressing: every qubit meets an even number
// of H, and the CZ act on basis states. The gates say nothing about S.
var trapH = family{name: "trap_h", mix: Mix{A: 1}, about: "even numbers of H on every qubit; the whole register must match",
	draw: func(g *Generator, _ int, _, _ []byte) byte {
		g.match([2]uint8{gateH: cH, gateS: cI}, [2]uint8{gateH: cH, gateS: cI})
		return 0
	}}
