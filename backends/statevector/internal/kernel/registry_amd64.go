//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// machine lists the kernels of amd64 that CPU and operating system support.
func machine() []Kernel {
	var out []Kernel
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasBMI1 && cpu.X86.HasBMI2 && cpu.X86.HasPOPCNT {
		out = append(out, &avx512)
	}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && cpu.X86.HasBMI2 {
		out = append(out, &avx2)
	}
	return out
}

var avx512 = assembled{
	name: "avx512",
	// Measured: without lanes a layer of up to two qubits waits for memory only.
	split: [2][MaxRotated + 1][3]int{
		{{}, {1}, {2}, {3}, {2, 2}, {2, 3}, {2, 4}, {3, 4}, {2, 3, 3}},
		{{}, {1}, {2}, {3}, {4}, {1, 4}, {2, 4}, {3, 4}, {4, 4}},
	},
	diagonal:       diagonalAVX512,
	diagonalSigned: diagonalSignedAVX512,
	rotate: []func(*float32, uint64, *uint64, *float32){
		rotate1AVX512, rotate2AVX512, rotate3AVX512, rotate4AVX512},
	fused: []func(*float32, *float32, uint64, *float32, uint64, *uint64, *float32){
		fused1AVX512, fused2AVX512, fused3AVX512},
	prefetch: prefetchAMD64, gather: gatherAVX512, scatter: scatterAVX512, outer: outerAVX512, weights: weightsAVX512, squares: squaresAVX512, probe: probeAVX512,
	products: []func(*float32, *float32, *float32, *uint8, *uint32, uint64, *float32, uint64, *uint64, *float32){
		product0AVX512, product1AVX512, product2AVX512, product3AVX512},
	splitProduct: [MaxRotated + 1][3]int{{}, {1}, {2}, {3}, {2, 2}, {2, 3}, {3, 3}, {3, 4}, {2, 3, 3}},
	spread:       spreadAVX512, running: runningAVX512, sinCos: sinCosAVX512, tangents: tangentsAVX512,
	draw: drawAMD64, locate: locateAMD64, drawRows: drawRowsAMD64,
	exchange: newExchangers(4, 16, exchangers[float32, uint32]{blocks: exchangeBlocksAVX512, mixed: exchangeMixedAVX512, lanes: exchangeLanesAVX512}),
}

var avx2 = assembled{
	name: "avx2",
	split: [2][MaxRotated + 1][3]int{
		{{}, {1}, {2}, {3}, {2, 2}, {3, 2}, {3, 3}, {3, 2, 2}, {3, 3, 2}},
		{{}, {1}, {2}, {3}, {2, 2}, {3, 2}, {3, 3}, {3, 2, 2}, {3, 3, 2}},
	},
	diagonal:       diagonalAVX2,
	diagonalSigned: diagonalSignedAVX2,
	rotate: []func(*float32, uint64, *uint64, *float32){
		rotate1AVX2, rotate2AVX2, rotate3AVX2},
	prefetch: prefetchAMD64, gather: gatherAVX2, scatter: scatterAVX2, outer: outerAVX2, weights: weightsAVX2, squares: squaresAVX2, probe: probeAVX2,
	draw: drawAMD64, locate: locateAMD64, drawRows: drawRowsAMD64,
	exchange: newExchangers(4, 8, exchangers[float32, uint32]{blocks: exchangeBlocksAVX2, mixed: exchangeMixedAVX2, lanes: exchangeLanesAVX2}),
}
