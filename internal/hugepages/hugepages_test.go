package hugepages

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 3, 16, 1000, Size/4 - 1, Size / 4, Size/4 + 1, 3*Size/4 + 7} {
		one[float32](t, n)
		one[float64](t, n)
	}
	if !large(Size) {
		return
	}
	_, err := Make[float64](1 << 56)
	require.Error(t, err, "more than there is")
}

func one[T Number](t *testing.T, n int) {
	for range 2 { // what was freed dirty comes back clean
		x, err := Make[T](n)
		require.NoError(t, err)
		require.Len(t, x, n)
		require.Zero(t, uintptr(unsafe.Pointer(unsafe.SliceData(x)))%64)
		for i := range x {
			if x[i] != 0 {
				t.Fatalf("element %d of %d is %v", i, n, x[i])
			}
			x[i] = 1
		}
		Free(x)
	}
}
