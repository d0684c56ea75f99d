// Package kernel holds the loops over amplitudes of numeric version 1.
//
// It promises that every kernel gives the same bits as Generic, which is the
// definition, for every input without NaN or infinity: each amplitude sees the
// same sequence of binary32 multiplications and fused multiply-adds, whatever
// the width of a vector.
//
// It does not decide what to compute, it starts no goroutine, and apart from
// Best and Find it reads nothing of the machine. Build tag purego leaves
// Generic alone.
package kernel

//go:generate go -C ../../../../_asm run ./statevector -out ../backends/statevector/internal/kernel/kernel_amd64.s -stubs ../backends/statevector/internal/kernel/stubs_amd64.go -pkg kernel

// Lanes is the number of amplitudes of a block: Lanes real parts, then Lanes
// imaginary parts, consecutive in memory.
const Lanes = 16

// Block is the number of float32 in a block.
const Block = 2 * Lanes

// blockBytes is the size of a block in bytes.
const blockBytes = 4 * Block

// A Kernel does sweeps over whole blocks. Lengths are multiples of Block and
// not 0. Methods keep no state; a Kernel is safe for many goroutines.
type Kernel interface {
	// Name is "generic", "avx2", "avx512" or "neon".
	Name() string
	// Split says how n qubits that are not lanes, ascending, are best distributed
	// over one Layer and up to two Rotates. It never matters to results.
	Split(n int, lanes bool) [3]int
	// Layer multiplies x by f amplitude by amplitude, with signs of f flipped as s
	// says (nil: none), then rotates the lane qubits of t, then the qubits of r,
	// which are not lanes (nil: none).
	Layer(x, f []float32, s *Signs, t *LaneTans, r *Rotation)
	// Rotate rotates qubits that are not lanes.
	Rotate(x []float32, r *Rotation)
	// Gather copies rows of len(buf)/len(off) floats at byte offsets off of mem
	// into buf; Scatter copies them back.
	Gather(buf, mem []float32, off []uint64)
	Scatter(buf, mem []float32, off []uint64)
	// Prefetch hints that a Gather of rows of so many floats will follow.
	Prefetch(mem []float32, off []uint64, row int)
	// Outer writes the table f = v·s of a diagonal.
	Outer(f []float32, o *Outer)
	// Fold multiplies block b of a table by s[2b] + i·s[2b+1] in the lanes whose
	// bit lane is 1.
	Fold(f, s []float32, lane int)
	// Weights writes the sum of Weight over each of len(w) equal parts of x.
	Weights(w []uint64, x []float32)
	// Squares writes the Weight of each amplitude of x.
	Squares(w []uint64, x []float32)
	// Probe does n times ProbeLength fused multiply-adds of 16 numbers that do not
	// wait for each other: the machine's limit, for benchmarks.
	Probe(n uint64)
}

// Signs flips signs: amplitude l of block b has sign bit Block[b] ^ Lane[l].
// Words are 0 or 1<<31.
type Signs struct {
	Block []uint32
	Lane  [Lanes]uint32
}

// LaneTans rotates lane qubits: those in Mask, ascending.
type LaneTans struct {
	Mask uint64
	// T is the tangent of half the angle, per lane: element 16·k+l belongs to qubit
	// k and lane l and is negative where bit k of l is 0.
	T [4 * Lanes]float32
}

// Set adds lane qubit k.
func (t *LaneTans) Set(k int, tan float32) {
	t.Mask |= 1 << k
	for l := range Lanes {
		t.T[k*Lanes+l] = tan
		if l>>k&1 == 0 {
			t.T[k*Lanes+l] = -tan
		}
	}
}

// Rotation rotates N (1 to 4) qubits, ascending: qubit i pairs blocks Stride[i]
// bytes apart, and T[i] is the tangent of half its angle.
type Rotation struct {
	N      int
	Stride [4]uint64
	T      [4]float32
}

// ProbeLength is the number of operations on 16 numbers in a round of Probe.
const ProbeLength = 12

// MaxRotated is the most qubits that are not lanes, in a Layer and two Rotates.
const MaxRotated = 8

// Add appends the qubit that is bit of the block number. It reports false when
// there is no room.
func (r *Rotation) Add(bit int, tan float32) bool {
	if r.N == len(r.T) {
		return false
	}
	r.Stride[r.N], r.T[r.N] = blockBytes<<bit, tan
	r.N++
	return true
}

// Outer is a diagonal as a product: amplitude l of block b is V[l]·S[b] with
// V's sign flipped where lane set Pattern[b] has odd parity on l.
type Outer struct {
	V       [Block]float32
	S       []float32 // re, im per block
	Pattern []uint8   // per block: bit k set flips lanes whose bit k is 1
}
