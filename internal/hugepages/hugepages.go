// Package hugepages allocates large arrays of numbers outside of the heap: the
// system hands out their zeros page by page as they are first touched, so that no
// allocation takes long, and on huge pages where it can.
//
// It promises zeros and alignment, not that pages are huge, and it never frees
// what it was not told to: the garbage collector does not see these arrays.
package hugepages

import "unsafe"

// Size is the size of a huge page, from which arrays lie outside of the heap.
const Size = 2 << 20

// Number is what arrays hold.
type Number interface{ ~float32 | ~float64 }

// Make returns n zeros that start at a multiple of 64 bytes. Free gives them back.
func Make[T Number](n int) ([]T, error) {
	var x T
	bytes := n * int(unsafe.Sizeof(x))
	if !large(bytes) {
		return Heap[T](n), nil
	}
	b, err := allocate((bytes + Size - 1) &^ (Size - 1))
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/int(unsafe.Sizeof(x)))[:n], nil
}

// Free undoes Make. The array, which begins where Make's did, must not be used
// again; an array on the heap is left to the garbage collector.
func Free[T Number](x []T) {
	if x = x[:cap(x)]; Mapped(x) {
		release(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0]))))
	}
}

// Mapped reports whether Make took x from outside of the heap. x begins where Make's
// did.
func Mapped[T Number](x []T) bool {
	var one T
	return large(cap(x) * int(unsafe.Sizeof(one)))
}

// Heap returns n zeros on the heap at a multiple of 64 bytes.
func Heap[T Number](n int) []T {
	const line = 64
	var x T
	size := int(unsafe.Sizeof(x))
	b := make([]T, n+line/size)
	skip := int(-uintptr(unsafe.Pointer(&b[0]))%line) / size
	return b[skip:][:n:n]
}
