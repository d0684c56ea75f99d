package stabilizer

import (
	"context"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer/internal/kernel"
)

// Outcome writes the outcome that the words of a shot select into out, which has
// one word per 64 qubits: bit j of words (bit j%64 of word j/64) adds basis
// vector j. len(words) is backends.ShotWords(Width).
func (a *Affine) Outcome(words, out []uint64) {
	copy(out, a.Ref)
	for j, b := range a.Basis {
		m := -(words[j/64] >> (j % 64) & 1)
		for i, v := range b {
			out[i] ^= v & m
		}
	}
}

// Sampler is Outcome for many shots whose words lie apart. It may be used by many
// goroutines at once.
type Sampler struct {
	a *Affine
	t *kernel.Tables // nil where it does not pay; outcomes do not depend on it
}

// tableShots is how many shots pay for tables.
const tableShots = 512

// Sampler prepares for about as many shots as given.
func (a *Affine) Sampler(shots int) *Sampler {
	s := &Sampler{a: a}
	if shots >= tableShots {
		s.t = kernel.NewTables(&kernel.Affine{Words: len(a.Ref), Bytes: guest.RowBytes(a.Width), Ref: a.Ref, Basis: a.Basis})
	}
	return s
}

// Outcome is Affine.Outcome.
func (s *Sampler) Outcome(words, out []uint64) {
	if s.t == nil {
		s.a.Outcome(words, out)
	} else {
		s.t.Outcome(words, out)
	}
}

// Shots writes the rows of many shots. It may be used by many goroutines at
// once, each with a Draw of its own.
type Shots struct {
	words, bytes int // of a shot, of a row
	m            kernel.Map
	k            kernel.Kernel
	stream       *kernel.Stream
}

// Draw is the memory of one goroutine that draws shots.
type Draw struct {
	words   []uint64
	scratch kernel.Scratch
}

// Shots draws shots of key's stream: shot i uses words [i·k, (i+1)·k), k =
// backends.ShotWords(Width). source says which qubit goes to each bit of a row,
// -1 meaning that the bit is 0; nil is every qubit to its own bit.
func (a *Affine) Shots(key [16]byte, source []int) (*Shots, error) {
	return a.shots(a.routines(), key, source)
}

func (a *Affine) shots(k kernel.Kernel, key [16]byte, source []int) (*Shots, error) {
	stream, err := kernel.NewStream(key)
	if err != nil {
		return nil, err
	}
	m := &kernel.Affine{Words: backends.ShotWords(a.Width), Bytes: guest.RowBytes(a.Width), Ref: a.Ref, Basis: a.Basis}
	if source != nil {
		m.Bytes, m.Ref, m.Basis = guest.RowBytes(len(source)), routed(a.Ref, source), make([][]uint64, len(a.Basis))
		for j, b := range a.Basis {
			m.Basis[j] = routed(b, source)
		}
	}
	return &Shots{words: m.Words, bytes: m.Bytes, m: k.Compile(m), k: k, stream: stream}, nil
}

// routed is a vector with bit b taken from bit source[b].
func routed(v []uint64, source []int) []uint64 {
	out := make([]uint64, (len(source)+63)/64)
	for b, q := range source {
		if q >= 0 {
			out[b/64] |= v[q/64] >> (q % 64) & 1 << (b % 64)
		}
	}
	return out
}

// drawWords is how many words of randomness are made at a time: they stay in a
// first-level cache.
const drawWords = 2048

// Rows writes the rows of shots first, first+1, … to dst, guest.RowBytes of the
// row's bits each, little-endian.
func (s *Shots) Rows(dst []byte, first uint64, d *Draw) {
	if s.bytes == 0 {
		return
	}
	shots := max(drawWords/s.words&^255, 256)
	if len(d.words) < shots*s.words+2 {
		d.words = make([]uint64, shots*s.words+2)
	}
	for len(dst) > 0 {
		n := min(shots, len(dst)/s.bytes)
		w := first * uint64(s.words)
		odd := w & 1 // the stream starts at even words
		words := d.words[:uint64(n*s.words)+odd]
		s.k.Stream(words, s.stream, w-odd)
		s.m.Rows(dst[:n*s.bytes], words[odd:], &d.scratch)
		dst, first = dst[n*s.bytes:], first+uint64(n)
	}
}

// sampleChunk is the number of shots between looks at a context.
const sampleChunk = 1 << 14

// Sample returns the rows of shots first, …, first+n-1, guest.RowBytes(Width)
// bytes each.
func (a *Affine) Sample(ctx context.Context, key [16]byte, first uint64, n int) ([]byte, error) {
	s, err := a.Shots(key, nil)
	if err != nil {
		return nil, err
	}
	rows, d := make([]byte, n*s.bytes), new(Draw)
	for i := 0; i < n; i += sampleChunk {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.Rows(rows[i*s.bytes:min(i+sampleChunk, n)*s.bytes], first+uint64(i), d)
	}
	return rows, nil
}
