package driver

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// rolling hashes the bodies of a result stream once a message: SHA3-256 over
// "engine.driver.v1/results\x00" and, for each body, u64 first, u32 n, u32 length
// of rows, u32 length of present, then rows, present, counts as u64 and
// probabilities as their binary64 bits; all little-endian.
type rolling struct{ h hash.Hash }

func newRolling() rolling {
	h := sha3.New256()
	h.Write([]byte("engine.driver.v1/results\x00"))
	return rolling{h}
}

func (r rolling) add(b *driverv1.ResultBody) {
	var head [20]byte
	binary.LittleEndian.PutUint64(head[:], b.First)
	binary.LittleEndian.PutUint32(head[8:], b.N)
	binary.LittleEndian.PutUint32(head[12:], uint32(len(b.Rows)))
	binary.LittleEndian.PutUint32(head[16:], uint32(len(b.Present)))
	r.h.Write(head[:])
	r.h.Write(b.Rows)
	r.h.Write(b.Present)
	var v [8]byte
	for _, c := range b.Counts {
		binary.LittleEndian.PutUint64(v[:], c)
		r.h.Write(v[:])
	}
	for _, p := range b.Probabilities {
		binary.LittleEndian.PutUint64(v[:], math.Float64bits(p))
		r.h.Write(v[:])
	}
}

// Finished is what a trailer says beside the hash.
type Finished struct {
	CalibrationID string
	Started, Done *timestamppb.Timestamp // nil: not known
}

// SendRows answers Results of kind PER_SHOT: o holds all outcomes of the job from
// slot 0 on, from is the first wanted slot, maxBytes the most rows of a message
// (0: ChunkBytes).
func SendRows(send func(*driverv1.ResultChunk) error, o *guest.Outcomes, from uint64, maxBytes int, f Finished) error {
	if from > uint64(o.N) {
		return &Error{Code: ProgramInvalid, Field: "from_slot", VendorMessage: fmt.Sprintf("slot %d of %d", from, o.N)}
	}
	if err := sendHeader(send, driverv1.ResultKind_RESULT_KIND_PER_SHOT, o.Width, uint64(o.N), from); err != nil {
		return err
	}
	all := allPresent(o)
	rb, sum := guest.RowBytes(o.Width), newRolling()
	step := max(8, messageBytes(maxBytes)/rb&^7)
	for i := int(from); i < o.N; {
		n := min(step, o.N-i)
		body := &driverv1.ResultBody{First: uint64(i), N: uint32(n), Rows: o.Rows[i*rb : (i+n)*rb]}
		if !all {
			body.Present = make([]byte, (n+7)/8)
			for k := range n {
				if o.Has(i + k) {
					body.Present[k>>3] |= 1 << (k & 7)
				}
			}
		}
		sum.add(body)
		if err := send(&driverv1.ResultChunk{Part: &driverv1.ResultChunk_Body{Body: body}}); err != nil {
			return err
		}
		i += n
	}
	return sendTrailer(send, sum, uint64(o.N)-from, f)
}

// Pair is an outcome and what belongs to it.
type Pair struct {
	Row         []byte // ceil(width/8) bytes
	Count       uint64
	Probability float64
}

// SendPairs answers Results of the kinds that are not per shot. Pairs go out in
// the order given; total is the number of shots, 0 where none took place.
func SendPairs(send func(*driverv1.ResultChunk) error, kind driverv1.ResultKind, width int, total uint64, pairs []Pair, from uint64, f Finished) error {
	if from > uint64(len(pairs)) {
		return &Error{Code: ProgramInvalid, Field: "from_slot", VendorMessage: fmt.Sprintf("pair %d of %d", from, len(pairs))}
	}
	if err := sendHeader(send, kind, width, total, from); err != nil {
		return err
	}
	sum := newRolling()
	for i := int(from); i < len(pairs); {
		n := min(4096, max(1, ChunkBytes/guest.RowBytes(width)), len(pairs)-i)
		body := &driverv1.ResultBody{First: uint64(i), N: uint32(n)}
		for _, p := range pairs[i : i+n] {
			body.Rows = append(body.Rows, p.Row...)
			if kind == driverv1.ResultKind_RESULT_KIND_COUNTS {
				body.Counts = append(body.Counts, p.Count)
			} else {
				body.Probabilities = append(body.Probabilities, p.Probability)
			}
		}
		sum.add(body)
		if err := send(&driverv1.ResultChunk{Part: &driverv1.ResultChunk_Body{Body: body}}); err != nil {
			return err
		}
		i += n
	}
	return sendTrailer(send, sum, uint64(len(pairs))-from, f)
}

func sendHeader(send func(*driverv1.ResultChunk) error, kind driverv1.ResultKind, width int, total, from uint64) error {
	return send(&driverv1.ResultChunk{Part: &driverv1.ResultChunk_Header{Header: &driverv1.ResultHeader{Kind: kind, Width: uint32(width), Total: total, From: from}}})
}

func sendTrailer(send func(*driverv1.ResultChunk) error, sum rolling, n uint64, f Finished) error {
	return send(&driverv1.ResultChunk{Part: &driverv1.ResultChunk_Trailer{Trailer: &driverv1.ResultTrailer{
		RollingSha3: sum.h.Sum(nil), Total: n, CalibrationId: f.CalibrationID, StartedAt: f.Started, FinishedAt: f.Done}}})
}

func messageBytes(n int) int {
	if n < 1 || n > ChunkBytes {
		return ChunkBytes
	}
	return n
}

func allPresent(o *guest.Outcomes) bool {
	for _, b := range o.Present[:o.N/8] {
		if b != 0xff {
			return false
		}
	}
	for i := o.N &^ 7; i < o.N; i++ {
		if !o.Has(i) {
			return false
		}
	}
	return true
}

// checker follows a result stream on the receiving side. After a nil from next
// for every chunk and done, the stream was whole and in order.
type checker struct {
	header  *driverv1.ResultHeader
	trailer *driverv1.ResultTrailer
	sum     rolling
	next    uint64
	rows    uint64
	shots   uint64
}

func broken(format string, args ...any) error {
	return fmt.Errorf("results: %s: %w", fmt.Sprintf(format, args...), ErrBroken)
}

func (c *checker) take(chunk *driverv1.ResultChunk, from uint64) error {
	switch {
	case c.trailer != nil:
		return broken("a chunk after the trailer")
	case c.header == nil:
		return c.takeHeader(chunk.GetHeader(), from)
	case chunk.GetBody() != nil:
		return c.takeBody(chunk.GetBody())
	case chunk.GetTrailer() != nil:
		return c.takeTrailer(chunk.GetTrailer())
	}
	return broken("a second header or an empty chunk")
}

func (c *checker) takeHeader(h *driverv1.ResultHeader, from uint64) error {
	switch {
	case h == nil:
		return broken("the first chunk is not a header")
	case h.Kind < driverv1.ResultKind_RESULT_KIND_PER_SHOT || h.Kind > driverv1.ResultKind_RESULT_KIND_RESAMPLED:
		return broken("kind %d", h.Kind)
	case h.Width < 1 || h.Width > maxWidth:
		return broken("width %d", h.Width)
	case h.Total > maxSlots:
		return broken("total %d", h.Total)
	case h.From != from:
		return broken("begins at %d, asked for %d", h.From, from)
	}
	c.header, c.sum, c.next = h, newRolling(), from
	return nil
}

func (c *checker) takeBody(b *driverv1.ResultBody) error {
	rb := guest.RowBytes(int(c.header.Width))
	perShot := c.header.Kind == driverv1.ResultKind_RESULT_KIND_PER_SHOT
	n := int(b.N)
	switch {
	case b.First != c.next:
		return broken("body begins at %d, want %d", b.First, c.next)
	case len(b.Rows) > ChunkBytes:
		return broken("a body of %d bytes, at most %d", len(b.Rows), ChunkBytes)
	case n < 1 || n > maxSlots || len(b.Rows) != n*rb:
		return broken("%d bytes for %d rows of %d", len(b.Rows), n, rb)
	case perShot && uint64(n) > c.header.Total-c.next:
		return broken("more than %d outcomes", c.header.Total)
	case len(b.Present) != 0 && (!perShot || len(b.Present) != (n+7)/8):
		return broken("%d presence bytes for %d rows", len(b.Present), n)
	case len(b.Present) != 0 && n&7 != 0 && b.Present[n>>3]>>(n&7) != 0:
		return broken("presence bits beyond %d rows", n)
	case c.header.Kind == driverv1.ResultKind_RESULT_KIND_COUNTS != (len(b.Counts) == n) || !(len(b.Counts) == 0 || len(b.Counts) == n):
		return broken("%d counts for %d rows", len(b.Counts), n)
	}
	if pad := c.header.Width & 7; pad != 0 {
		for i := rb - 1; i < len(b.Rows); i += rb {
			if b.Rows[i]>>pad != 0 {
				return broken("bits beyond the width in row %d", b.First+uint64(i/rb))
			}
		}
	}
	for _, k := range b.Counts {
		if c.shots += k; k > maxSlots || c.shots > c.header.Total {
			return broken("counts add up to more than %d", c.header.Total)
		}
	}
	if c.header.Kind >= driverv1.ResultKind_RESULT_KIND_PROBABILITIES {
		if len(b.Probabilities) != n {
			return broken("%d probabilities for %d rows", len(b.Probabilities), n)
		}
		for _, p := range b.Probabilities {
			if !(p >= 0 && p <= 1) {
				return broken("probability %v", p)
			}
		}
	}
	c.sum.add(b)
	c.next += uint64(n)
	c.rows += uint64(n)
	return nil
}

func (c *checker) takeTrailer(t *driverv1.ResultTrailer) error {
	switch {
	case t.Total != c.rows:
		return broken("the trailer says %d rows, %d came", t.Total, c.rows)
	case c.header.Kind == driverv1.ResultKind_RESULT_KIND_PER_SHOT && c.next != c.header.Total:
		return broken("ended at slot %d of %d", c.next, c.header.Total)
	case string(t.RollingSha3) != string(c.sum.h.Sum(nil)):
		return broken("the trailer's hash is not that of the bodies")
	}
	c.trailer = t
	return nil
}

func (c *checker) done() error {
	if c.trailer == nil {
		return broken("ended without a trailer after %d rows", c.rows)
	}
	return nil
}

// Count makes the histogram of outcomes, rows ascending by their bytes from the
// highest bit on. Absent outcomes are left out.
func Count(o *guest.Outcomes) []Pair {
	n := map[string]uint64{}
	for i := range o.N {
		if o.Has(i) {
			n[string(o.Row(i))]++
		}
	}
	out := make([]Pair, 0, len(n))
	for row, k := range n {
		out = append(out, Pair{Row: []byte(row), Count: k})
	}
	slices.SortFunc(out, func(a, b Pair) int {
		for i := len(a.Row) - 1; i >= 0; i-- {
			if a.Row[i] != b.Row[i] {
				return int(a.Row[i]) - int(b.Row[i])
			}
		}
		return 0
	})
	return out
}
