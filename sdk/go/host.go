//go:build wasip1

package qx1

import (
	"runtime/debug"
	"unsafe"
)

// A guest has 16 MiB; the collector keeps the heap well below.
func init() {
	debug.SetGCPercent(30)
	debug.SetMemoryLimit(10 << 20)
}

//go:wasmimport qx1 in_len
func inLen(stream int32) int64

//go:wasmimport qx1 in_read
func inRead(stream int32, off int64, p unsafe.Pointer, n int32) int32

//go:wasmimport qx1 out_write
func outWrite(stream int32, p unsafe.Pointer, n int32) int32

//go:wasmimport qx1 fail
func fail(code int32, p unsafe.Pointer, n int32)

//go:wasmimport qx1 log
func logLine(level int32, p unsafe.Pointer, n int32)

type imports struct{}

func (imports) in(stream int) []byte {
	n := inLen(int32(stream))
	if n < 0 {
		return nil
	}
	b := make([]byte, n)
	for at := int64(0); at < n; {
		step := inRead(int32(stream), at, unsafe.Pointer(&b[at]), int32(min(n-at, 1<<20)))
		if step <= 0 {
			return nil
		}
		at += int64(step)
	}
	return b
}

func (imports) out(stream int, b []byte) error {
	if len(b) > 0 && outWrite(int32(stream), unsafe.Pointer(&b[0]), int32(len(b))) != int32(len(b)) {
		return Refuse(HostRefused, "the host refused output: output limit")
	}
	return nil
}

func (imports) log(text string) {
	b := []byte(text)
	if len(b) > 0 {
		logLine(0, unsafe.Pointer(&b[0]), int32(len(b)))
	}
}

// Run is the body of an export: it runs f on the host's streams and returns the
// export's result.
func Run(f func(*Call) error) int32 {
	err := f(&Call{imports{}})
	if err == nil {
		return 0
	}
	x := failure(err)
	b := append([]byte(x.Message), 0)
	fail(x.Code, unsafe.Pointer(&b[0]), int32(len(b)-1))
	return x.Code
}
