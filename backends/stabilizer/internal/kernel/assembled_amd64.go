//go:build !purego

package kernel

import (
	"encoding/binary"
	"math/bits"
)

// assembled is a Kernel made of assembly routines. Pointers lead to as many
// elements as the generic kernel would touch; the methods check that.
type assembled struct {
	name       string
	gates      func(xz, sign, ops *uint64, n uint64, masks *uint64)
	addRows    func(rows *uint64, n, stride, column uint64, index *uint16, table *uint64)
	planes     func(in *byte, words *uint64)
	widePlanes func(in *byte, words *uint64, w, used uint64)
	rows       func(dst, out *byte, w, rb uint64)
	shortRows  func(dst, out *byte, rb uint64, compact *byte)
	multiply   func(out, in *byte, program *uint64, planes uint64)
	block      func(program []uint64, plane int, matrix uint64) []uint64
	keyStream  func(dst, keys *byte, first, n uint64) // nil: the standard library's
}

func (a *assembled) Name() string { return a.name }

func (a *assembled) Gates(xz, sign []uint64, ops []Op, masks []Masks) {
	if len(ops) == 0 {
		return
	}
	a.gates(&xz[0], &sign[:Slice][0], (*uint64)(&ops[0]), uint64(len(ops)), &masks[0].XX)
}

func (a *assembled) AddRows(rows []uint64, stride, column int, index *[256]uint16, table []uint64) {
	n := len(rows) / stride
	if n == 0 {
		return
	}
	checkRows(stride, column, index, table)
	a.addRows(&rows[0], uint64(n), uint64(8*stride), uint64(column), &index[0], &table[0])
}

// runBlocks is how many blocks the keystream routine makes at a time.
const runBlocks = 16

func (a *assembled) Stream(dst []uint64, k *Stream, first uint64) {
	// Counters up to 2^64 are the standard library's business.
	n := len(dst) / (2 * runBlocks)
	if a.keyStream == nil || first/2 > 1<<62 {
		n = 0
	}
	if n > 0 {
		a.keyStream(bytesOf(dst), &k.keys[0], first/2, uint64(n))
	}
	if n *= 2 * runBlocks; n < len(dst) {
		Generic.Stream(dst[n:], k, first+uint64(n))
	}
}

// tile is the number of shots that a routine does at once; a plane is a byte of
// each.
const tile = 256

// planeMap is an Affine as 8×8 blocks between planes of bytes.
type planeMap struct {
	k         *assembled
	w, rb, ow int // words of a shot; bytes, words of a row
	inWords   int // words of a shot that are used
	program   []uint64
	compact   [16]byte
}

func (a *assembled) Compile(f *Affine) Map {
	m := &planeMap{k: a, w: f.Words, rb: f.Bytes, ow: (f.Bytes + 7) / 8, inWords: max((len(f.Basis)+63)/64, 1)}
	planes := (len(f.Basis) + 7) / 8
	for i := range f.Bytes {
		ref := f.Ref[i/8] >> (8 * (i % 8)) & 0xff
		at := len(m.program)
		m.program = append(m.program, 0, ref*0x0101010101010101)
		for p := range planes {
			if b := blockOf(f.Basis[8*p:min(8*p+8, len(f.Basis))], i); b != 0 {
				m.program[at]++
				m.program = a.block(m.program, p, b)
			}
		}
	}
	for i := range m.compact {
		m.compact[i] = 0x80
		if i < 2*m.rb {
			m.compact[i] = byte(i/m.rb*8 + i%m.rb)
		}
	}
	return m
}

// blockOf gives byte i of up to eight vectors as a matrix: vector j is column j,
// and row r, which makes bit r, is byte 7-r (the order of GF2P8AFFINEQB).
func blockOf(basis [][]uint64, i int) (m uint64) {
	k, shift := i/8, 8*(i%8)
	for j, b := range basis {
		m |= b[k] >> shift & 0xff << (8 * j)
	}
	return bits.ReverseBytes64(transpose8(m))
}

// transpose8 swaps bit i of byte j with bit j of byte i (Warren, Hacker's Delight,
// section 7-3).
func transpose8(x uint64) uint64 {
	t := (x ^ x>>7) & 0x00aa00aa00aa00aa
	x ^= t ^ t<<7
	t = (x ^ x>>14) & 0x0000cccc0000cccc
	x ^= t ^ t<<14
	t = (x ^ x>>28) & 0x00000000f0f0f0f0
	return x ^ t ^ t<<28
}

func appendMatrix(program []uint64, plane int, matrix uint64) []uint64 {
	return append(program, uint64(plane)*tile, matrix)
}

// appendTables appends the products with the sixteen low and the sixteen high
// halves of a byte.
func appendTables(program []uint64, plane int, matrix uint64) []uint64 {
	var t [32]byte
	for v := range 16 {
		for r := range 8 {
			row := byte(matrix >> (8 * (7 - r)))
			t[v] |= parity(row&byte(v)) << r
			t[16+v] |= parity(row&byte(v<<4)) << r
		}
	}
	program = append(program, uint64(plane)*tile)
	for i := 0; i < len(t); i += 8 {
		program = append(program, binary.LittleEndian.Uint64(t[i:]))
	}
	return program
}

func parity(b byte) byte {
	b ^= b >> 4
	b ^= b >> 2
	return (b ^ b>>1) & 1
}

// spill is how far behind a tile of rows the routines write.
const spill = 16

func (s *Scratch) grow(m *planeMap) {
	if n := tile * 8 * m.inWords; len(s.in) < n {
		s.in = make([]byte, n)
	}
	if n := tile * 8 * m.ow; len(s.out) < n {
		s.out = make([]byte, n)
	}
	if n := tile*m.rb + spill; len(s.rows) < n {
		s.rows = make([]byte, n)
	}
	if n := tile * m.w; len(s.words) < n {
		s.words = make([]uint64, n)
	}
}

func (m *planeMap) Rows(dst []byte, words []uint64, s *Scratch) {
	s.grow(m)
	for len(dst) > 0 {
		size := min(len(dst), tile*m.rb)
		shots := size / m.rb
		w := words[:shots*m.w]
		if shots < tile {
			w = s.words[:tile*m.w]
			clear(w[copy(w, words[:shots*m.w]):])
		}
		if len(dst) >= tile*m.rb+spill {
			m.tile(dst, w, s)
		} else {
			m.tile(s.rows, w, s)
			copy(dst[:size], s.rows)
		}
		dst, words = dst[size:], words[shots*m.w:]
	}
}

// tile does tile shots; dst has room for the spill.
func (m *planeMap) tile(dst []byte, words []uint64, s *Scratch) {
	if m.w == 1 {
		m.k.planes(&s.in[0], &words[:tile][0])
	} else {
		m.wide(words, s)
	}
	m.k.multiply(&s.out[0], &s.in[0], &m.program[0], uint64(m.rb))
	if m.ow == 1 {
		m.k.shortRows(&dst[0], &s.out[0], uint64(m.rb), &m.compact[0])
	} else {
		m.k.rows(&dst[0], &s.out[0], uint64(m.ow), uint64(m.rb))
	}
}

// wide splits shots of several words, those that are used.
func (m *planeMap) wide(words []uint64, s *Scratch) {
	_, _ = words[:tile*m.w], s.in[:tile*8*m.inWords]
	m.k.widePlanes(&s.in[0], &words[0], uint64(m.w), uint64(m.inWords))
}
