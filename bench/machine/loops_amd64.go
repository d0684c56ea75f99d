package machine

import (
	"unsafe"

	"golang.org/x/sys/cpu"
)

// Loops of loops_amd64.s; each turn is 12 vector operations.
//
//go:noescape
func fma32AVX512(turns int)

//go:noescape
func fma64AVX512(turns int)

//go:noescape
func fma32AVX2(turns int)

//go:noescape
func fma64AVX2(turns int)

// updateAVX512 and updateAVX2 add 0 to n bytes from p on, n a multiple of stride.
//
//go:noescape
func updateAVX512(p unsafe.Pointer, n int)

//go:noescape
func updateAVX2(p unsafe.Pointer, n int)

func loops() kernel {
	const vectors = fmaTurns * 12
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ:
		return kernel{
			"avx512", func() { fma32AVX512(fmaTurns) }, func() { fma64AVX512(fmaTurns) }, vectors * 16, vectors * 8,
			func(b []byte) { updateAVX512(unsafe.Pointer(unsafe.SliceData(b)), len(b)) },
		}
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return kernel{
			"avx2", func() { fma32AVX2(fmaTurns) }, func() { fma64AVX2(fmaTurns) }, vectors * 8, vectors * 4,
			func(b []byte) { updateAVX2(unsafe.Pointer(unsafe.SliceData(b)), len(b)) },
		}
	}
	return generic()
}
