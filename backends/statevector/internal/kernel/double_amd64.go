//go:build !purego

package kernel

// doubles lists the assembled Doubles of this machine.
func doubles() (out []Double) {
	for _, k := range machine() {
		switch k.Name() {
		case avx512.name:
			out = append(out, &doubleAVX512)
		case avx2.name:
			out = append(out, &doubleAVX2)
		}
	}
	return out
}

var doubleAVX512 = assembled64{
	name:     avx512.name,
	split:    avx512.split,
	diagonal: diagonalD512, diagonalSigned: diagonalSignedD512, outer: outerD512,
	fused:    []fused64{fused1D512, fused2D512},
	rotate:   []rotate64{rotate1D512, rotate2D512, rotate3D512, rotate4D512},
	exchange: newExchangers(8, 8, exchangers[float64, uint64]{blocks: exchangeBlocksD512, mixed: exchangeMixedD512, lanes: exchangeLanesD512}),
}

var doubleAVX2 = assembled64{
	name:     avx2.name,
	split:    avx2.split,
	diagonal: diagonalD256, diagonalSigned: diagonalSignedD256, outer: outerD256,
	rotate:   []rotate64{rotate1D256, rotate2D256, rotate3D256},
	exchange: newExchangers(8, 4, exchangers[float64, uint64]{blocks: exchangeBlocksD256, mixed: exchangeMixedD256, lanes: exchangeLanesD256}),
}
