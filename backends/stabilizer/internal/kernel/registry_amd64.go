//go:build !purego

package kernel

import "golang.org/x/sys/cpu"

// machine lists the kernels of amd64 that CPU and operating system support.
func machine() []Kernel {
	var out []Kernel
	if x := &cpu.X86; x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512GFNI && x.HasAVX512VAES {
		out = append(out, &avx512)
	}
	if cpu.X86.HasAVX2 {
		out = append(out, &avx2)
	}
	return out
}

var avx512 = assembled{
	name: "avx512", gates: gatesAVX512, addRows: addRowsAVX512,
	planes: planesAVX512, widePlanes: widePlanesAVX512, rows: rowsAVX512, shortRows: shortRowsAVX512,
	multiply: multiplyAVX512, block: appendMatrix, keyStream: keyStreamAVX512,
}

var avx2 = assembled{
	name: "avx2", gates: gatesAVX2, addRows: addRowsAVX2,
	planes: planesAVX2, widePlanes: widePlanesAVX2, rows: rowsAVX2, shortRows: shortRowsAVX2,
	multiply: multiplyAVX2, block: appendTables,
}
