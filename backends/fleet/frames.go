package fleet

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
)

// Protocol is the version of the messages; SPEC.md has its history.
const Protocol = 1

// ErrFrame is wrapped by every refusal of a message.
var ErrFrame = errors.New("malformed fleet message")

const (
	magicHead   = "qfl1head"
	magicWork   = "qfl1work"
	magicResult = "qfl1done"

	maxHead   = 1 << 29 // 16 Mi triples are 384 MiB
	maxLabel  = 256
	maxDetail = 1024
)

// head is what all pieces of a batch share.
func encodeHead(b *backends.Batch) []byte {
	out := []byte(magicHead)
	out = binary.LittleEndian.AppendUint32(out, uint32(b.Skeleton.Width))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(b.Skeleton.Layers)))
	for _, layer := range b.Skeleton.Layers {
		out = binary.LittleEndian.AppendUint32(out, uint32(len(layer)))
		for _, p := range layer {
			out = binary.LittleEndian.AppendUint16(out, p.A)
			out = binary.LittleEndian.AppendUint16(out, p.B)
		}
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(len(b.Palette)))
	for _, u := range b.Palette {
		out = binary.LittleEndian.AppendUint64(out, uint64(u.Theta))
		out = binary.LittleEndian.AppendUint64(out, uint64(u.Phi))
		out = binary.LittleEndian.AppendUint64(out, uint64(u.Lambda))
	}
	for _, label := range []string{b.Meta.JobID, b.Meta.LeaseID} {
		out = append(binary.LittleEndian.AppendUint16(out, uint16(len(label))), label...)
	}
	out = append(out, b.Key[:]...)
	return binary.LittleEndian.AppendUint64(out, b.MemoryBytes)
}

// decodeHead reads a head into a batch without rows; Batch.Validate judges the rest.
func decodeHead(raw []byte) (*backends.Batch, error) {
	c := &cursor{what: "head", b: raw}
	c.magic(magicHead)
	b := &backends.Batch{}
	b.Skeleton.Width = int(c.u32("width", circuit.MaxLayeredWidth))
	layers := c.u32("layers", circuit.MaxLayeredLayers)
	for range c.fits("layers", uint64(layers), 4) {
		n := c.u32("pairs", uint32(b.Skeleton.Width))
		layer := make([]circuit.Pair, c.fits("pairs", uint64(n), 4))
		for i := range layer {
			layer[i] = circuit.Pair{A: c.u16(), B: c.u16()}
		}
		b.Skeleton.Layers = append(b.Skeleton.Layers, layer)
	}
	palette := c.u32("palette", 1<<24)
	b.Palette = make([]circuit.U3Angles, c.fits("palette", uint64(palette), 24))
	for i := range b.Palette {
		b.Palette[i].Theta, b.Palette[i].Phi, b.Palette[i].Lambda = circuit.Angle(c.u64()), circuit.Angle(c.u64()), circuit.Angle(c.u64())
	}
	b.Meta.JobID, b.Meta.LeaseID = c.label(), c.label()
	copy(b.Key[:], c.take("key", 16))
	b.MemoryBytes = c.u64()
	return b, c.end()
}

// work is one piece: rows of consecutive slots.
type work struct {
	head  digest.Digest
	run   [16]byte
	piece uint32
	first uint64
	rows  uint32
	elem  uint8
	data  []byte
}

func (w *work) encode() []byte {
	out := append([]byte(magicWork), w.head[:]...)
	out = append(out, w.run[:]...)
	out = binary.LittleEndian.AppendUint32(out, w.piece)
	out = binary.LittleEndian.AppendUint64(out, w.first)
	out = binary.LittleEndian.AppendUint32(out, w.rows)
	return append(append(out, w.elem), w.data...)
}

// workHead is the size of a work message without rows.
const workHead = len(magicWork) + 32 + 16 + 4 + 8 + 4 + 1

func decodeWork(raw []byte) (*work, error) {
	c := &cursor{what: "work", b: raw}
	c.magic(magicWork)
	w := &work{}
	copy(w.head[:], c.take("head", 32))
	copy(w.run[:], c.take("run", 16))
	w.piece = c.u32("piece", 1<<31)
	w.first = c.u64()
	w.rows = c.u32("rows", guest.MaxShots)
	if b := c.take("size of an index", 1); b != nil {
		w.elem = b[0]
	}
	if c.err != nil {
		return nil, c.err
	}
	w.data = c.b
	return w, nil
}

// Outcomes of a piece, by class.
const (
	classDone        = 0
	classBatch       = 1 // no worker may run it
	classUnsupported = 2
	classTooLarge    = 3 // for this worker's memory
	classFailed      = 4 // here and now; another may
	classes          = 5
)

// result is the answer to one piece.
type result struct {
	run     [16]byte
	piece   uint32
	class   uint8
	detail  string
	first   uint64
	n       uint32
	width   uint32
	rows    []byte
	present []byte
}

func (r *result) encode() []byte {
	out := append([]byte(magicResult), r.run[:]...)
	out = binary.LittleEndian.AppendUint32(out, r.piece)
	out = append(out, r.class)
	if r.class != classDone {
		return append(out, r.detail[:min(len(r.detail), maxDetail)]...)
	}
	out = binary.LittleEndian.AppendUint64(out, r.first)
	out = binary.LittleEndian.AppendUint32(out, r.n)
	out = binary.LittleEndian.AppendUint32(out, r.width)
	return append(append(out, r.rows...), r.present...)
}

func decodeResult(raw []byte) (*result, error) {
	c := &cursor{what: "result", b: raw}
	c.magic(magicResult)
	r := &result{}
	copy(r.run[:], c.take("run", 16))
	r.piece = c.u32("piece", 1<<31)
	if b := c.take("class", 1); b != nil {
		r.class = b[0]
	}
	if c.err != nil {
		return nil, c.err
	}
	if r.class >= classes {
		return nil, fmt.Errorf("%w: result: class %d is not known", ErrFrame, r.class)
	}
	if r.class != classDone {
		if len(c.b) > maxDetail {
			return nil, fmt.Errorf("%w: result: detail of %d bytes, at most %d", ErrFrame, len(c.b), maxDetail)
		}
		r.detail = string(c.b)
		return r, nil
	}
	r.first = c.u64()
	r.n = c.u32("slots", guest.MaxShots)
	r.width = c.u32("width", circuit.MaxLayeredWidth)
	r.rows = c.take("rows", uint64(r.n)*uint64(guest.RowBytes(int(r.width))))
	r.present = c.take("presence", (uint64(r.n)+7)/8)
	return r, c.end()
}

// outcomes is the result as the engine takes it, checked for the bits that must be zero.
func (r *result) outcomes() (*guest.Outcomes, error) {
	o := &guest.Outcomes{First: r.first, N: int(r.n), Width: int(r.width), Rows: r.rows, Present: r.present}
	parsed, err := guest.ParseOutcomes(o.Append(nil), o.Width)
	if err != nil {
		return nil, fmt.Errorf("%w: result: %v", ErrFrame, err)
	}
	return parsed, nil
}

// cursor reads a message; after the first error it yields zeros.
type cursor struct {
	what string
	b    []byte
	err  error
}

func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: %s: %s", ErrFrame, c.what, fmt.Sprintf(format, args...))
	}
	c.b = nil
}

func (c *cursor) take(field string, n uint64) []byte {
	if c.err != nil {
		return nil
	}
	if uint64(len(c.b)) < n {
		c.fail("%s needs %d bytes, %d are left", field, n, len(c.b))
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) magic(want string) {
	if got := c.take("magic", uint64(len(want))); c.err == nil && string(got) != want {
		c.fail("starts with %q, want %q", got, want)
	}
}

func (c *cursor) u16() uint16 {
	if b := c.take("number", 2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) u32(field string, most uint32) uint32 {
	b := c.take(field, 4)
	if b == nil {
		return 0
	}
	n := binary.LittleEndian.Uint32(b)
	if n > most {
		c.fail("%s is %d, at most %d", field, n, most)
		return 0
	}
	return n
}

func (c *cursor) u64() uint64 {
	if b := c.take("number", 8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// fits returns n if n items of at least size bytes are left, before anything is allocated.
func (c *cursor) fits(field string, n, size uint64) uint64 {
	if c.err == nil && n*size > uint64(len(c.b)) {
		c.fail("%d %s need %d bytes, %d are left", n, field, n*size, len(c.b))
	}
	if c.err != nil {
		return 0
	}
	return n
}

func (c *cursor) label() string {
	n := uint64(c.u16())
	if n > maxLabel {
		c.fail("label of %d bytes, at most %d", n, maxLabel)
	}
	return string(c.take("label", n))
}

func (c *cursor) end() error {
	if c.err == nil && len(c.b) != 0 {
		c.fail("%d bytes after the end", len(c.b))
	}
	return c.err
}
