package stabilizer

import (
	"context"
	"math/bits"

	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
)

// matrix is n rows of stride words over GF(2). Its left part, columns 0 to cols-1,
// is reduced; the rest is carried along.
type matrix struct {
	k               kernel.Kernel
	n, stride, cols int
	rows            []uint64
	table           []uint64
}

// wideRow is the number of words from which rows are whole vectors and table
// look-ups pay.
const wideRow = 4

// reset makes a zero matrix whose rows have at least the given number of words.
func (m *matrix) reset(k kernel.Kernel, n, cols, words int) {
	if words >= wideRow {
		words = (words + 7) &^ 7
	}
	m.k, m.n, m.cols, m.stride = k, n, cols, words
	m.rows = cleared(m.rows, n*words)
}

func (m *matrix) row(i int) []uint64 { return m.rows[i*m.stride:][:m.stride] }

func add(a, b []uint64) {
	b = b[:len(a)]
	for i := range a {
		a[i] ^= b[i]
	}
}

func (m *matrix) swap(i, j int) {
	if i == j {
		return
	}
	a, b := m.row(i), m.row(j)[:m.stride]
	for k := range a {
		a[k], b[k] = b[k], a[k]
	}
}

// reduce brings the left part to the reduced echelon form with highest columns
// first: the first rank rows have leading bits that descend and that no other row
// has; other rows are 0 there. Rows move.
func (m *matrix) reduce(ctx context.Context) (rank int, err error) {
	if m.stride < wideRow {
		for q := m.cols - 1; q >= 0 && rank < m.n; q-- {
			rank += m.pivot(rank, q)
		}
		return rank, ctx.Err()
	}
	m.table = cleared(m.table, 256*m.stride)
	for c := (m.cols - 1) / 8; c >= 0 && rank < m.n; c-- {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		rank += m.strip(rank, c)
	}
	return rank, nil
}

// pivot brings a row from first on with bit q to place first and clears the bit in
// all others.
func (m *matrix) pivot(first, q int) int {
	k, s := q/64, q%64
	for i := first; i < m.n; i++ {
		if m.rows[i*m.stride+k]>>s&1 == 0 {
			continue
		}
		m.swap(first, i)
		p := m.row(first)
		for j := range m.n {
			if j != first && m.rows[j*m.stride+k]>>s&1 == 1 {
				add(m.row(j), p)
			}
		}
		return 1
	}
	return 0
}

// strip reduces the eight columns of byte c with rows from first on: the method of
// four Russians (Arlazarov et al. 1970; Albrecht, Bard and Hart, "Algorithm 898",
// ACM TOMS 37, 2010). It returns the number of new pivots.
func (m *matrix) strip(first, c int) int {
	word, shift := c/8, 8*(c%8)
	at := func(i int) byte { return byte(m.rows[i*m.stride+word] >> shift) }
	var lead [8]byte // of pivot row first+p
	found := 0
	for i := first; i < m.n && found < 8; i++ {
		v := at(i)
		for p := range found {
			if v&lead[p] != 0 {
				v ^= at(first + p)
			}
		}
		if v == 0 {
			continue
		}
		row := m.row(i)
		for p := range found {
			if at(i)&lead[p] != 0 {
				add(row, m.row(first+p))
			}
		}
		m.swap(first+found, i)
		lead[found] = 1 << (bits.Len8(v) - 1)
		for p := range found { // its leading bit goes out of earlier ones
			if at(first+p)&lead[found] != 0 {
				add(m.row(first+p), m.row(first+found))
			}
		}
		found++
	}
	if found > 0 {
		m.order(first, lead[:found])
		m.clear(first, c, lead[:found])
	}
	return found
}

// order sorts pivot rows: highest leading bit first.
func (m *matrix) order(first int, lead []byte) {
	for i := range lead {
		for j := i + 1; j < len(lead); j++ {
			if lead[j] > lead[i] {
				lead[i], lead[j] = lead[j], lead[i]
				m.swap(first+i, first+j)
			}
		}
	}
}

// clear removes leading bits from all rows but the pivots, with a table of the
// sums of pivot rows.
func (m *matrix) clear(first, c int, lead []byte) {
	var index [256]uint16 // 0 throughout, as long as the table is made
	for p := range lead {
		half := m.stride << p
		copy(m.table[half:2*half], m.table[:half])
		m.k.AddRows(m.table[half:2*half], m.stride, c, &index, m.row(first+p))
	}
	for v := range index {
		for p, b := range lead {
			if byte(v)&b != 0 {
				index[v] |= 1 << p
			}
		}
	}
	m.k.AddRows(m.rows[:first*m.stride], m.stride, c, &index, m.table)
	m.k.AddRows(m.rows[(first+len(lead))*m.stride:], m.stride, c, &index, m.table)
}
