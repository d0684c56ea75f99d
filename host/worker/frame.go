package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"unicode/utf8"

	"github.com/animicaorg/engine/abi"
)

// A frame is a header of 32 bytes (magic, type, three zero bytes, u64 sequence
// number, u32 length of meta, u32 zero, u64 length of body), meta, body; all
// integers little-endian. Bodies are the module, or streams one behind the other.
const (
	frameMagic  = "QXW1"
	frameHeader = 32
	maxMeta     = 16 << 10
)

type frameType byte

const (
	frameHello  frameType = 1
	frameReady  frameType = 2
	frameCall   frameType = 3
	frameResult frameType = 4
)

// ErrFrame is wrapped by every refusal of a frame.
var ErrFrame = errors.New("malformed worker frame")

func writeFrame(w io.Writer, t frameType, seq uint64, meta []byte, body [][]byte) error {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	h := make([]byte, 0, frameHeader+len(meta))
	h = append(h, frameMagic...)
	h = append(h, byte(t), 0, 0, 0)
	h = binary.LittleEndian.AppendUint64(h, seq)
	h = binary.LittleEndian.AppendUint32(h, uint32(len(meta)))
	h = binary.LittleEndian.AppendUint32(h, 0)
	h = binary.LittleEndian.AppendUint64(h, uint64(size))
	bufs := net.Buffers{append(h, meta...)}
	for _, b := range body {
		if len(b) > 0 { // an empty write can block
			bufs = append(bufs, b)
		}
	}
	_, err := bufs.WriteTo(w)
	return err
}

// readFrame returns sequence number, meta and the length of the body, which the
// caller reads. io.EOF means that no frame began.
func readFrame(r io.Reader, want frameType) (seq uint64, meta *metaReader, body uint64, err error) {
	var h [frameHeader]byte
	if _, err = io.ReadFull(r, h[:]); err != nil {
		return 0, nil, 0, err
	}
	n := binary.LittleEndian.Uint32(h[16:])
	if string(h[:4]) != frameMagic || h[4] != byte(want) || h[5]|h[6]|h[7] != 0 || binary.LittleEndian.Uint32(h[20:]) != 0 || n > maxMeta {
		return 0, nil, 0, fmt.Errorf("header % x, want type %d: %w", h[:8], want, ErrFrame)
	}
	b := make([]byte, n)
	if _, err = io.ReadFull(r, b); err != nil {
		return 0, nil, 0, noEOF(err)
	}
	return binary.LittleEndian.Uint64(h[8:]), &metaReader{b: b}, binary.LittleEndian.Uint64(h[24:]), nil
}

// noEOF keeps io.EOF for the end between frames.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// metaReader reads the meta part; the first mistake sticks.
type metaReader struct {
	b   []byte
	bad bool
}

func (m *metaReader) take(n int) []byte {
	if m.bad || n > len(m.b) {
		m.bad = true
		return make([]byte, min(n, 8))
	}
	b := m.b[:n]
	m.b = m.b[n:]
	return b
}

func (m *metaReader) u8() byte    { return m.take(1)[0] }
func (m *metaReader) u16() uint16 { return binary.LittleEndian.Uint16(m.take(2)) }
func (m *metaReader) u32() uint32 { return binary.LittleEndian.Uint32(m.take(4)) }
func (m *metaReader) u64() uint64 { return binary.LittleEndian.Uint64(m.take(8)) }

func (m *metaReader) text(limit int) string {
	n := int(m.u16())
	if n > limit {
		m.bad = true
	}
	if m.bad {
		return ""
	}
	b := m.take(n)
	if m.bad || !utf8.Valid(b) {
		m.bad = true
		return ""
	}
	return string(b)
}

func appendText(b []byte, s string) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

// table reads a list of streams: ids first..last ascending, each length at most
// limit, all together exactly the body.
func (m *metaReader) table(first, last int, limit, total, body uint64) ([]Output, error) {
	n := int(m.u8())
	list := make([]Output, 0, min(n, last-first+1))
	at, sum := first, uint64(0)
	for range n {
		id, size := int(m.u8()), m.u64()
		if m.bad || id < at || id > last || size > limit || sum+size > total {
			return nil, fmt.Errorf("stream %d of %d bytes: %w", id, size, ErrFrame)
		}
		at, sum = id+1, sum+size
		list = append(list, Output{Stream: id, Size: size})
	}
	if m.bad || len(m.b) != 0 || sum != body {
		return nil, fmt.Errorf("streams of %d bytes in a body of %d: %w", sum, body, ErrFrame)
	}
	return list, nil
}

// readStreams reads the bodies of a table.
func readStreams(r io.Reader, list []Output) (map[int][]byte, error) {
	m := make(map[int][]byte, len(list))
	for _, o := range list {
		b := make([]byte, o.Size)
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, noEOF(err)
		}
		m[o.Stream] = b
	}
	return m, nil
}

func appendTable(b []byte, list []Output) []byte {
	b = append(b, byte(len(list)))
	for _, o := range list {
		b = append(b, byte(o.Stream))
		b = binary.LittleEndian.AppendUint64(b, o.Size)
	}
	return b
}

// Output is one stream of a frame.
type Output struct {
	Stream int
	Size   uint64
	Chunks [][]byte
}

// sortedInputs lists input streams by number, so that equal calls are equal frames.
func sortedInputs(in map[int][]byte) []Output {
	var list []Output
	for i := range abi.MaxInput + 1 {
		if b, ok := in[i]; ok {
			list = append(list, Output{Stream: i, Size: uint64(len(b)), Chunks: [][]byte{b}})
		}
	}
	return list
}

func bodies(list []Output) [][]byte {
	var all [][]byte
	for _, o := range list {
		all = append(all, o.Chunks...)
	}
	return all
}
