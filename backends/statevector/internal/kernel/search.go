package kernel

import (
	"encoding/binary"
	"math/bits"
)

// search is a routine of Draw or Locate.
type search func(out, words *uint64, n, total uint64, cum *uint64, guide *uint32, shift, flip uint64)

func (generic) Draw(out, words []uint64, s *Sums, flip uint64) {
	total := s.Last()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		out[i] = uint64(s.Find(at)) ^ flip
	}
}

func (generic) Locate(out, at []uint64, s *Sums, flip uint64) {
	for i, x := range at {
		out[i] = uint64(s.Find(x)) ^ flip
	}
}

// Find returns the place of at, which is below the last sum. Nearly all searches
// end within two steps, which do not branch.
func (s *Sums) Find(at uint64) int {
	g := int(s.Guide[at>>(s.Shift&63)])
	c := s.Cum[g:]
	_, below := bits.Sub64(at, c[0], 0)
	_, below2 := bits.Sub64(at, c[1], 0)
	g += 2 - int(below+below2)
	for s.Cum[g] <= at {
		g++
	}
	return g
}

func (a *assembled) Draw(out, words []uint64, s *Sums, flip uint64) {
	if a.draw == nil {
		Generic.Draw(out, words, s, flip)
		return
	}
	s.search(a.draw, out, words, flip)
}

// Locate trusts at to be below the last sum, as its description asks for.
func (a *assembled) Locate(out, at []uint64, s *Sums, flip uint64) {
	if a.locate == nil {
		Generic.Locate(out, at, s, flip)
		return
	}
	s.search(a.locate, out, at, flip)
}

func (generic) DrawRows(rows []byte, words []uint64, s *Sums, flip uint64) {
	rows, total := rows[:2*len(words)], s.Last()
	for i, w := range words {
		at, _ := bits.Mul64(w, total)
		binary.LittleEndian.PutUint16(rows[2*i:], uint16(uint64(s.Find(at))^flip))
	}
}

func (a *assembled) DrawRows(rows []byte, words []uint64, s *Sums, flip uint64) {
	if a.drawRows == nil {
		Generic.DrawRows(rows, words, s, flip)
		return
	}
	if len(words) == 0 {
		return
	}
	_, _ = rows[:2*len(words)], s.Guide[(s.Last()-1)>>(s.Shift&63)]
	a.drawRows(&rows[0], &words[0], uint64(len(words)), s.Last(), &s.Cum[0], &s.Guide[0], uint64(s.Shift&63), flip)
}

func (s *Sums) search(f search, out, words []uint64, flip uint64) {
	if len(words) == 0 {
		return
	}
	_, _ = out[:len(words)], s.Guide[(s.Last()-1)>>(s.Shift&63)]
	f(&out[0], &words[0], uint64(len(words)), s.Last(), &s.Cum[0], &s.Guide[0], uint64(s.Shift&63), flip)
}
