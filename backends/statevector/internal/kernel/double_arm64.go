//go:build !purego

package kernel

// doubles lists the assembled Doubles of arm64.
func doubles() []Double { return []Double{&doubleNEON} }

var doubleNEON = assembled64{
	name:     neon.name,
	split:    neon.split,
	diagonal: diagonalD128, diagonalSigned: diagonalSignedD128, outer: outerD128,
	rotate:   []rotate64{rotate1D128, rotate2D128},
	exchange: newExchangers(8, 2, exchangers[float64, uint64]{blocks: exchangeBlocksD128}),
}

//go:noescape
func diagonalD128(x *float64, f *float64, n uint64, t *float64, mask uint64)

//go:noescape
func diagonalSignedD128(x *float64, f *float64, n uint64, t *float64, mask uint64, block *uint64, lane *uint64)

//go:noescape
func rotate1D128(x *float64, bytes uint64, stride *uint64, t *float64)

//go:noescape
func rotate2D128(x *float64, bytes uint64, stride *uint64, t *float64)

//go:noescape
func exchangeBlocksD128(x *float64, bytes uint64, mask uint64, o0 uint64, o1 uint64, cos *float64, sin *float64)

//go:noescape
func outerD128(f *float64, v *float64, s *float64, pattern *uint8, patterns *uint64, n uint64)
