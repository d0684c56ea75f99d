package exec

import "github.com/animicaorg/engine/internal/hugepages"

// floats returns n zeros on the heap at a multiple of 64 bytes.
func floats(n int) []float32 { return hugepages.Heap[float32](n) }

// allocate returns n zeros, on huge pages where there are many.
func allocate(n int) ([]float32, error) { return hugepages.Make[float32](n) }

// release undoes allocate.
func release(x []float32) { hugepages.Free(x) }

// mapped reports whether allocate took x from outside of the heap.
func mapped(x []float32) bool { return hugepages.Mapped(x) }
