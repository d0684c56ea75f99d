package zoo

import (
	"math/bits"

	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
)

// words is a stream of random 64-bit words, one per (seed, label, index).
type words struct {
	from *seed.ShotWords
	buf  [1024]uint64
	at   int    // next of buf
	next uint64 // word number behind buf
}

func newWords(root [32]byte, label string, index uint64) (*words, error) {
	var key [16]byte
	seed.NewStream(root, label, index).Fill(key[:])
	from, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	return &words{from: from, at: 1024}, nil
}

func (w *words) word() uint64 {
	if w.at == len(w.buf) {
		w.from.Fill(w.buf[:], w.next)
		w.next += uint64(len(w.buf))
		w.at = 0
	}
	w.at++
	return w.buf[w.at-1]
}

// below is an integer below n; its bias of n/2^64 is far below what any count of
// jobs can show.
func (w *words) below(n uint64) uint64 {
	hi, _ := bits.Mul64(w.word(), n)
	return hi
}

// lanes is a word in which each bit is 1 with chance c, one lane apart from the
// other: the binary digits of c against random digits until every lane differs.
func (w *words) lanes(c chance) (out uint64) {
	if c == 0 {
		return 0
	}
	open := ^uint64(0)
	for digit := uint64(1) << 63; digit != 0 && open != 0; digit >>= 1 {
		r := w.word()
		if uint64(c)&digit != 0 {
			out |= open &^ r
			open &= r
		} else {
			open &^= r
		}
	}
	return out
}

// rare is lanes for a small chance at the cost of one word most of the time: the
// word names the first lane that is 1, if any; the lanes behind it are drawn.
type rare struct {
	c     chance
	first [lanesPerBlock]uint64 // chance in 2^-64 that the first 1 is at this lane or before
}

func newRare(c chance) *rare {
	r := &rare{c: c}
	p, none := float64(c)/(1<<63)/2, 1.0
	for i := range r.first {
		none = float64(none * (1 - p))
		r.first[i] = uint64(toChance(1 - none))
	}
	return r
}

func (w *words) rareLanes(r *rare) uint64 {
	v := w.word()
	if v >= r.first[len(r.first)-1] {
		return 0
	}
	i := 0
	for v >= r.first[i] {
		i++
	}
	return 1<<i | w.lanes(r.c)&(^uint64(1)<<i)
}

// trit is, per lane, a uniform Pauli that is not the identity.
func (w *words) trit() (x, z uint64) {
	for open := ^uint64(0); open != 0; open &^= x | z {
		x |= w.word() & open
		z |= w.word() & open
	}
	return x, z
}

// chance is a probability in units of 2^-64.
type chance uint64

// ppb makes a chance of parts per billion; one whole counts as just below.
func ppb(p uint64) chance {
	if p >= stats.Ppb {
		return ^chance(0)
	}
	q, _ := bits.Div64(p, 0, stats.Ppb)
	return chance(q)
}
