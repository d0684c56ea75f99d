package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
)

// Return values of the imports.
const (
	errStream = -1
	errMemory = -2
	errOffset = -3
	errLimit  = -4
)

// chunkSize is the unit in which outputs grow, so that a large output is never
// copied to a larger buffer.
const chunkSize = 1 << 20

// streams is the state of one call: inputs, outputs, the error record. It
// implements Imports.
type streams struct {
	limits   Limits
	in       map[int][]byte
	out      [abi.MaxOutput + 1][][]byte
	size     [abi.MaxOutput + 1]uint64
	written  [abi.MaxOutput + 1]bool
	total    uint64
	failed   bool
	code     int32
	message  string
	broken   string // first breach of the contract
	overflow bool   // an output went above its limit
}

// window returns mem[ptr:ptr+n] if it lies inside mem.
func window(mem []byte, ptr, n uint32) ([]byte, bool) {
	end := uint64(ptr) + uint64(n)
	if end > uint64(len(mem)) {
		return nil, false
	}
	return mem[ptr:end:end], true
}

// InLen implements Imports.
func (s *streams) InLen(stream uint32) int64 {
	b, ok := s.input(stream)
	if !ok {
		return errStream
	}
	return int64(len(b))
}

func (s *streams) input(stream uint32) ([]byte, bool) {
	if stream > abi.MaxInput {
		return nil, false
	}
	b, ok := s.in[int(stream)]
	return b, ok
}

// InRead implements Imports.
func (s *streams) InRead(mem []byte, stream uint32, off int64, ptr, n uint32) int32 {
	b, ok := s.input(stream)
	if !ok {
		return errStream
	}
	if off < 0 {
		return errOffset
	}
	w, ok := window(mem, ptr, n)
	if !ok {
		return errMemory
	}
	if off >= int64(len(b)) {
		return 0
	}
	return int32(copy(w, b[off:]))
}

// OutWrite implements Imports. A refused write leaves the stream as it was.
func (s *streams) OutWrite(mem []byte, stream, ptr, n uint32) int32 {
	if stream < abi.FirstOutput || stream > abi.MaxOutput {
		return errStream
	}
	w, ok := window(mem, ptr, n)
	if !ok {
		return errMemory
	}
	if s.size[stream]+uint64(n) > s.limits.OutputBytes || s.total+uint64(n) > 2*s.limits.OutputBytes {
		s.overflow = true
		return errLimit
	}
	s.written[stream] = true
	s.size[stream] += uint64(n)
	s.total += uint64(n)
	s.append(stream, w)
	return int32(n)
}

func (s *streams) append(stream uint32, w []byte) {
	chunks := s.out[stream]
	for len(w) > 0 {
		last := len(chunks) - 1
		if last < 0 || len(chunks[last]) == cap(chunks[last]) {
			chunks = append(chunks, make([]byte, 0, max(min(len(w), chunkSize), chunkSize/16)))
			last++
		}
		n := min(len(w), cap(chunks[last])-len(chunks[last]))
		chunks[last] = append(chunks[last], w[:n]...)
		w = w[n:]
	}
	s.out[stream] = chunks
}

// Fail implements Imports.
func (s *streams) Fail(mem []byte, code int32, ptr, n uint32) {
	w, ok := window(mem, ptr, n)
	switch {
	case s.failed:
		s.breach("fail was called twice")
	case !ok:
		s.breach("fail: the message is outside the memory")
	case n > abi.MaxFailMessage || !utf8.Valid(w):
		s.breach("fail: the message is longer than %d bytes or not UTF-8", abi.MaxFailMessage)
	case code < 1 || code > abi.MaxDomainCode:
		s.breach("fail: code %d is outside 1..%d", code, abi.MaxDomainCode)
	default:
		s.failed, s.code, s.message = true, code, string(w)
	}
}

// Log implements Imports. Messages are dropped: nothing that a guest says may
// leave a job's record but its outputs.
func (s *streams) Log([]byte, int32, uint32, uint32) {}

func (s *streams) breach(format string, args ...any) {
	if s.broken == "" {
		s.broken = fmt.Sprintf(format, args...)
	}
}

// run executes one call and classifies its end.
func (s *streams) run(ctx context.Context, inst Instance, c *Call) *Result {
	*s = streams{limits: s.limits, in: c.In}
	left := Meter{Fuel: int64(c.Fuel), Depth: meter.Depth}
	ret, err := inst.Call(ctx, c.Export, c.Args, &left)
	r := &Result{Seq: c.Seq, Fuel: uint64(meter.Used(int64(c.Fuel), left.Fuel)), Depth: left.Depth}
	r.Class, r.Code, r.Message = s.classify(ret, err, left)
	mem := inst.Memory()
	r.MemoryPages = uint32(len(mem) >> 16)
	if c.HashMemory {
		r.MemoryHash = digest.Sum(mem)
	}
	if r.Class == abi.OK {
		for i := range s.out {
			if s.written[i] {
				r.Out = append(r.Out, Output{Stream: i, Chunks: s.out[i], Size: s.size[i]})
			}
		}
	}
	*s = streams{limits: s.limits}
	return r
}

// classify says how a call ended. What the guest did to the contract before a
// trap counts before the trap.
func (s *streams) classify(ret int32, err error, left Meter) (abi.Class, int32, string) {
	var trap *Trap
	end := meter.EndOf(left.Fuel, left.Depth)
	switch {
	case err != nil && !errors.As(err, &trap):
		return abi.Infra, 0, clip(err.Error())
	case trap != nil && end == meter.GrowthRefused:
		return abi.Infra, 0, "the engine refused to grow the memory below its maximum"
	case trap != nil && trap.Stack:
		return abi.Infra, 0, "the engine's stack ended before the budget of depth"
	case trap == nil && (end != meter.Ordinary && end != meter.OutOfFuel || left.Depth != meter.Depth):
		return abi.Infra, 0, fmt.Sprintf("the engine returned with %d fuel and %d depth left", left.Fuel, left.Depth)
	case s.broken != "":
		return abi.ABIViolation, 0, s.broken
	case s.overflow:
		return abi.OutputLimit, 0, fmt.Sprintf("an output is longer than %d bytes, or all are longer than twice that", s.limits.OutputBytes)
	case end == meter.OutOfFuel:
		return abi.OutOfFuel, 0, "the budget of fuel is used up"
	case trap != nil && end == meter.TooDeep:
		return abi.Depth, 0, "calls are nested too deep"
	case trap != nil:
		return abi.Trap, 0, clip(trap.Reason)
	case ret < 0 || ret > abi.MaxDomainCode:
		return abi.ABIViolation, 0, fmt.Sprintf("return value %d is outside 0..%d", ret, abi.MaxDomainCode)
	case ret == 0 && s.failed:
		return abi.ABIViolation, 0, "the guest called fail and then returned 0"
	case ret == 0:
		return abi.OK, 0, ""
	case s.failed:
		return abi.DomainError, s.code, s.message
	}
	return abi.DomainError, ret, ""
}

// clip makes a message fit a frame: valid UTF-8 of at most MaxFailMessage bytes.
func clip(s string) string {
	if len(s) > abi.MaxFailMessage {
		s = s[:abi.MaxFailMessage]
	}
	return strings.ToValidUTF8(s, "")
}
