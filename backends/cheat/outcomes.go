package cheat

import (
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/seed"
)

// choice says which slots of a batch are invented: slot counts from 0 to n-1,
// word is the slot's own random word.
type choice func(slot, n int, word uint64) bool

func all(int, int, uint64) bool { return true }

// part chooses so many of a hundred slots, each on its own.
func part(percent uint64) choice {
	return func(_, _ int, word uint64) bool { return word < (1<<63)/50*percent }
}

func burst(slot, n int, _ uint64) bool { return slot*64/n >= 20 && slot*64/n < 28 }

func stop(slot, n int, _ uint64) bool { return slot >= n-n/4 }

// choices is where the words of choices begin in the stream, behind all words
// that invented bits can need.
const choices = 1 << 40

// inventing replaces the chosen slots by random bits.
func inventing(c choice) func(*backends.Batch, *seed.ShotWords) (*backends.Batch, outcomes, error) {
	return func(b *backends.Batch, r *seed.ShotWords) (*backends.Batch, outcomes, error) {
		first, n := b.Rows.First, b.Rows.N
		return b, func(o *guest.Outcomes) {
			for i := range o.N {
				slot := o.First + uint64(i)
				if c(int(slot-first), n, r.At(choices+slot)) {
					invent(o, r, i)
				}
			}
		}, nil
	}
}

// invent replaces slot i of o by random bits.
func invent(o *guest.Outcomes, r *seed.ShotWords, i int) {
	row := o.Row(i)
	at := (o.First + uint64(i)) * uint64(len(row)/8+1)
	for k := range row {
		row[k] = byte(r.At(at+uint64(k/8)) >> (8 * (k % 8)))
	}
	if o.Width%8 != 0 {
		row[len(row)-1] &= 1<<(o.Width%8) - 1
	}
	o.Present[i>>3] |= 1 << (i & 7)
}

// replay copies the first outcome of each group of 64.
func replay(o *guest.Outcomes) {
	for i := range o.N {
		copy(o.Row(i), o.Row(i/64*64))
	}
}

// drop loses slots 7, 15, and so on.
func drop(o *guest.Outcomes) {
	for i := range o.N {
		if (o.First+uint64(i))%8 == 7 {
			o.Present[i>>3] &^= 1 << (i & 7)
			clear(o.Row(i))
		}
	}
}

// shuffle gives every slot of a group the outcome of the slot before it.
func shuffle(o *guest.Outcomes) {
	rb := guest.RowBytes(o.Width)
	if o.N < 2 {
		return
	}
	last := append([]byte(nil), o.Row(o.N-1)...)
	copy(o.Rows[rb:], o.Rows[:rb*(o.N-1)])
	copy(o.Row(0), last)
}
