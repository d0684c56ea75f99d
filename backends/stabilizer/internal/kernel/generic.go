package kernel

import "encoding/binary"

// Generic is the definition, in Go alone.
var Generic Kernel = generic{}

type generic struct{}

func (generic) Name() string { return "generic" }

func (generic) Gates(xz, sign []uint64, ops []Op, masks []Masks) {
	const size = 2 * Slice
	s := (*[Slice]uint64)(sign)
	for _, op := range ops {
		p := (*[size]uint64)(xz[size*int(op>>16&0xffff):])
		if op&0xffff == CZ {
			q := (*[size]uint64)(xz[size*int(op>>32&0xffff):])
			for i := range Slice {
				a, b := p[i], q[i]
				s[i] ^= a & b & (p[Slice+i] ^ q[Slice+i])
				p[Slice+i] ^= b
				q[Slice+i] ^= a
			}
			continue
		}
		m := &masks[op&0xffff]
		for i := range Slice {
			a, b := p[i], p[Slice+i]
			s[i] ^= a&m.SX ^ b&m.SZ ^ a&b&m.SXZ
			p[i], p[Slice+i] = a&m.XX^b&m.ZX, a&m.XZ^b&m.ZZ
		}
	}
}

func (generic) AddRows(rows []uint64, stride, column int, index *[256]uint16, table []uint64) {
	for ; len(rows) >= stride; rows = rows[stride:] {
		t := int(index[byte(rows[column/8]>>(8*(column%8)))])
		if t == 0 && zero(table[:stride]) {
			continue
		}
		row := rows[:stride]
		for i, x := range table[t*stride:][:stride] {
			row[i] ^= x
		}
	}
}

func zero(x []uint64) bool {
	for _, v := range x {
		if v != 0 {
			return false
		}
	}
	return true
}

func (generic) Compile(a *Affine) Map { return NewTables(a) }

// NewTables makes the tables of a.
func NewTables(a *Affine) *Tables {
	m := &Tables{a: a, w: len(a.Ref), bits: 8}
	if m.w > wideTables {
		m.bits = 4
	}
	groups := (len(a.Basis) + m.bits - 1) / m.bits
	m.table = make([]uint64, groups<<m.bits*m.w)
	for g := range groups {
		t := m.table[g<<m.bits*m.w:]
		for b := range m.bits {
			if g*m.bits+b >= len(a.Basis) { // bits beyond the basis select nothing
				copy(t[m.w<<b:m.w<<(b+1)], t[:m.w<<b])
				continue
			}
			for v := range 1 << b {
				for i, x := range a.Basis[g*m.bits+b] {
					t[(1<<b+v)*m.w+i] = t[v*m.w+i] ^ x
				}
			}
		}
		if m.w == 1 {
			m.short = append(m.short, [256]uint64(t))
		}
	}
	return m
}

// wideTables is the number of words of a vector above which tables take four bits,
// so that they stay below ten megabytes.
const wideTables = 16

// Tables is a Map of table look-ups: for each group g of bits of randomness and value v, the sum of the
// basis vectors that v selects, at word (g<<bits+v)·w.
type Tables struct {
	a       *Affine
	w, bits int // words of a vector; bits of a group
	table   []uint64
	short   [][256]uint64 // the same where w is 1
}

func (m *Tables) Rows(dst []byte, words []uint64, s *Scratch) {
	rb, k := m.a.Bytes, m.a.Words
	if m.w == 1 {
		m.shortRows(dst, words)
		return
	}
	if len(s.words) < m.w {
		s.words = make([]uint64, m.w)
	}
	out := s.words[:m.w]
	for ; len(dst) >= rb; dst, words = dst[rb:], words[k:] {
		m.Outcome(words, out)
		putRow(dst[:rb], out)
	}
}

// Outcome writes the sum that the words of a shot select to out, which has as many
// words as a vector.
func (m *Tables) Outcome(words, out []uint64) {
	copy(out, m.a.Ref)
	t, mask := m.table, 1<<m.bits-1
	for bit := 0; bit < len(m.a.Basis); bit += m.bits {
		v := int(words[bit/64]>>(bit%64)) & mask
		for i, x := range t[v*m.w:][:m.w] {
			out[i] ^= x
		}
		t = t[m.w<<m.bits:]
	}
}

// shortRows writes eight bytes where there is room: the next row overwrites what
// is too much.
func (m *Tables) shortRows(dst []byte, words []uint64) {
	rb, k, ref := m.a.Bytes, m.a.Words, m.a.Ref[0]
	for ; len(dst) >= rb; dst, words = dst[rb:], words[k:] {
		x, r := ref, words[0]
		for t := range m.short {
			x ^= m.short[t][byte(r)]
			r >>= 8
		}
		if len(dst) >= 8 {
			binary.LittleEndian.PutUint64(dst, x)
			continue
		}
		for i := range rb {
			dst[i] = byte(x >> (8 * i))
		}
	}
}

func putRow(row []byte, out []uint64) {
	for len(row) >= 8 {
		binary.LittleEndian.PutUint64(row, out[0])
		row, out = row[8:], out[1:]
	}
	for i := range row {
		row[i] = byte(out[0] >> (8 * i))
	}
}
