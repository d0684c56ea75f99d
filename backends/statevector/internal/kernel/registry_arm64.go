//go:build !purego

package kernel

// machine lists the kernels of arm64: every such CPU has NEON.
func machine() []Kernel { return []Kernel{&neon} }

var neon = assembled{
	name: "neon",
	split: [2][MaxRotated + 1][3]int{
		{{}, {1}, {2}, {2, 1}, {2, 2}, {2, 2, 1}, {2, 2, 2}, {4, 2, 1}, {4, 4}},
		{{}, {1}, {2}, {2, 1}, {2, 2}, {2, 2, 1}, {2, 2, 2}, {4, 2, 1}, {4, 4}},
	},
	diagonal:       diagonalNEON,
	diagonalSigned: diagonalSignedNEON,
	rotate:         []func(*float32, uint64, *uint64, *float32){rotate1NEON, rotate2NEON},
	prefetch:       prefetchNEON, gather: gatherNEON, scatter: scatterNEON,
	outer: outerNEON, weights: weightsNEON, squares: squaresNEON, probe: probeNEON,
	exchange: newExchangers(4, 4, exchangers[float32, uint32]{blocks: exchangeBlocksNEON}),
}

//go:noescape
func diagonalNEON(x *float32, f *float32, n uint64, t *float32, mask uint64)

//go:noescape
func diagonalSignedNEON(x *float32, f *float32, n uint64, t *float32, mask uint64, block *uint32, lane *uint32)

//go:noescape
func rotate1NEON(x *float32, bytes uint64, stride *uint64, t *float32)

//go:noescape
func rotate2NEON(x *float32, bytes uint64, stride *uint64, t *float32)

//go:noescape
func exchangeBlocksNEON(x *float32, bytes uint64, mask uint64, o0 uint64, o1 uint64, cos *float32, sin *float32)

//go:noescape
func gatherNEON(buf *float32, mem *float32, off *uint64, rows uint64, rowBytes uint64)

//go:noescape
func scatterNEON(buf *float32, mem *float32, off *uint64, rows uint64, rowBytes uint64)

//go:noescape
func prefetchNEON(mem *float32, off *uint64, rows uint64, rowBytes uint64)

//go:noescape
func outerNEON(f *float32, v *float32, s *float32, pattern *uint8, patterns *uint32, n uint64)

//go:noescape
func weightsNEON(w *uint64, x *float32, leaves uint64, blocks uint64)

//go:noescape
func squaresNEON(w *uint64, x *float32, n uint64)

//go:noescape
func probeNEON(n uint64)
