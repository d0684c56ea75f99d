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
	// Exchange rotates two qubits together.
	Exchange(x []float32, e *Exchange)
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
	// Product does Outer into table, then Layer without signs and with the lane
	// qubits of mask rotated by the tangents of lanes; table is scratch of x's
	// length, and may be left alone.
	Product(x, table []float32, o *Outer, lanes *[4]float32, mask uint64, r *Rotation)
	// Fused reports that Product leaves its table alone.
	Fused() bool
	// SplitProduct is Split for a Product and up to two Rotates.
	SplitProduct(n int, lanes bool) [3]int
	// Spread multiplies the complex number s[0], s[1] by stages, one after the
	// other: with n numbers so far, number i+n is number i times (Cos, Sin), in
	// binary64 without fused operations, or a copy of it, and its sign is flipped
	// where i&Mask is odd. It rounds all to out; both have 2<<len(stages) elements.
	Spread(out []float32, s []float64, stages []Stage)
	// SinCos writes sines and cosines. Bit i%8 of unsure[i/8] is 0 only where both
	// are what circuit.Angle.SinCos gives. Lengths are equal multiples of 8, that
	// of unsure an eighth.
	SinCos(sin, cos []float64, angles []uint64, unsure []uint8)
	// Tangents writes sin/cos rounded to binary32. Bit i%8 of unsure[i/8] is 1
	// where it is 0, and where 8 units of the last place of the binary64 quotient
	// could change it.
	Tangents(tan []float32, sin, cos []float64, unsure []uint8)
	// Running writes, for each amplitude of x, sum and the Weights up to and with it.
	Running(w []uint64, x []float32, sum uint64)
	// Draw writes the place in s of the upper half of each word times s's last sum,
	// and Locate that of each number, which is below the last sum; both XOR flip.
	Draw(out, words []uint64, s *Sums, flip uint64)
	Locate(out, at []uint64, s *Sums, flip uint64)
	// DrawRows is Draw of the low 16 bits of each place, little-endian; rows has two
	// bytes a word.
	DrawRows(rows []byte, words []uint64, s *Sums, flip uint64)
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

// Stage is one phase of Spread.
type Stage struct {
	Cos, Sin float64
	Mask     uint64
	Copy     uint64 // 1: the phase is none, else 0
}

// Sums is a list of running sums with a guide to search it. The place of a number
// is the first one whose sum exceeds it.
type Sums struct {
	Cum   []uint64 // ascending; then Beyond more of the largest uint64
	Guide []uint32 // the place of j<<Shift
	Shift uint     // below 64
}

// Beyond is the number of elements that a search may look at past the last sum.
const Beyond = 2

// Last is the last sum.
func (s *Sums) Last() uint64 { return s.Cum[len(s.Cum)-1-Beyond] }
