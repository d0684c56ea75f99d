// Package kernel holds the loops over bits of the stabilizer simulator: gates on
// slices of a tableau, row additions of an elimination, the keystream, and the
// map from random bits to rows of outcomes.
//
// It promises that every kernel gives the same bits as Generic, which is the
// definition: all of it is arithmetic over GF(2) and AES. It does not decide what
// to compute, and apart from Best and Find it reads nothing of the machine. Build
// tag purego leaves Generic alone.
package kernel

//go:generate go -C ../../../../_asm run ./stabilizer -out ../backends/stabilizer/internal/kernel/kernel_amd64.s -stubs ../backends/stabilizer/internal/kernel/stubs_amd64.go -pkg kernel

// Slice is the number of words of X parts, and of Z parts, of a qubit in a slice
// of a tableau.
const Slice = 8

// Masks is what a one-qubit gate does to 64 generators: words that are all ones
// or all zeros. X' = X&XX ^ Z&ZX, Z' = X&XZ ^ Z&ZZ; the sign flips by
// X&SX ^ Z&SZ ^ X&Z&SXZ.
type Masks struct {
	XX, ZX, XZ, ZZ, SX, SZ, SXZ uint64
	_                           uint64
}

// Op is a gate: a mask set and a qubit, sixteen bits each; or, with set CZ, two
// qubits.
type Op uint64

// CZ is the mask set of an Op that is not a one-qubit gate.
const CZ = 0xffff

// Single is mask set g on qubit q.
func Single(g, q int) Op { return Op(g) | Op(q)<<16 }

// Pair is CZ on p and q.
func Pair(p, q int) Op { return CZ | Op(p)<<16 | Op(q)<<32 }

// A Kernel does the loops. Methods keep no state; a Kernel is safe for many
// goroutines.
type Kernel interface {
	// Name is "generic", "avx2", "avx512" or "neon".
	Name() string
	// Gates applies ops in order to one slice: qubit q has X parts at words
	// 2·Slice·q and Z parts Slice words later; sign has Slice words. Mask sets are
	// in masks, qubits inside xz.
	Gates(xz, sign []uint64, ops []Op, masks []Masks)
	// AddRows adds to each row of stride words (a multiple of 8) the row of table
	// that index says for the row's byte number column.
	AddRows(rows []uint64, stride, column int, index *[256]uint16, table []uint64)
	// Compile prepares an affine map for Rows.
	Compile(a *Affine) Map
	// Stream sets dst to words first, first+1, … of the keystream. Both are even.
	Stream(dst []uint64, k *Stream, first uint64)
}

// Affine maps words of random bits to rows of bytes: row = Ref plus, for each bit
// j of the words (bit j%64 of word j/64) that is set, Basis[j]. Words is the
// number of words of a shot, at least one per 64 vectors; Bytes that of a row.
// Vectors have as many words as Bytes need.
type Affine struct {
	Words, Bytes int
	Ref          []uint64
	Basis        [][]uint64
}

// Map is a compiled Affine; it may be used by many goroutines at once, each with
// a Scratch of its own.
type Map interface {
	// Rows writes a row for each shot. len(dst)/Bytes is their number, and words
	// are theirs.
	Rows(dst []byte, words []uint64, s *Scratch)
}

// Scratch is the memory of one goroutine that calls Rows.
type Scratch struct {
	in, out, rows []byte
	words         []uint64
}
