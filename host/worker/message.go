package worker

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
)

// MaxModule bounds the metered module in a hello frame.
const MaxModule = 64 << 20

// MaxCode bounds the native code in a hello or a ready frame; more is not kept.
const MaxCode = 256 << 20

// InputStreams is how many times the limit of one input all inputs of a call may
// hold together.
const InputStreams = 4

// Limits of one guest, in the hello frame.
type Limits struct {
	MemoryPages uint32 // pages of 64 KiB
	InputBytes  uint64 // of one input stream
	OutputBytes uint64 // of one output stream; all together twice that
	DataBytes   uint64 // writable memory of the worker process; 0: no limit
}

// Hello is the first frame: limits and module. An empty module asks for Ready only.
type Hello struct {
	Seq     uint64
	Runtime string
	Limits
	Module []byte
	// KeepCode asks for native code in Ready. Code is what an earlier worker
	// returned for this very module, or empty.
	KeepCode bool
	Code     []byte
}

// WriteHello writes h.
func WriteHello(w io.Writer, h *Hello) error {
	m := appendText(nil, h.Runtime)
	m = binary.LittleEndian.AppendUint32(m, h.MemoryPages)
	for _, v := range []uint64{h.InputBytes, h.OutputBytes, h.DataBytes} {
		m = binary.LittleEndian.AppendUint64(m, v)
	}
	m = append(m, flag(h.KeepCode))
	m = binary.LittleEndian.AppendUint64(m, uint64(len(h.Code)))
	return writeFrame(w, frameHello, h.Seq, m, [][]byte{h.Module, h.Code})
}

// ReadHello reads a hello frame.
func ReadHello(r io.Reader) (*Hello, error) {
	seq, m, body, err := readFrame(r, frameHello)
	if err != nil {
		return nil, err
	}
	h := &Hello{Seq: seq, Runtime: m.text(64)}
	h.MemoryPages, h.InputBytes, h.OutputBytes, h.DataBytes = m.u32(), m.u64(), m.u64(), m.u64()
	keep, code := m.u8(), m.u64()
	if m.bad || len(m.b) != 0 || keep > 1 || code > MaxCode || keep == 0 && code > 0 || body < code || body-code > MaxModule {
		return nil, fmt.Errorf("hello with a body of %d bytes, %d of them code: %w", body, code, ErrFrame)
	}
	h.KeepCode = keep == 1
	for _, part := range []struct {
		to *[]byte
		n  uint64
	}{{&h.Module, body - code}, {&h.Code, code}} {
		*part.to = make([]byte, part.n)
		if _, err := io.ReadFull(r, *part.to); err != nil {
			return nil, noEOF(err)
		}
	}
	return h, nil
}

// Status of a Ready frame.
const (
	ReadyOK       = 0
	ReadyRejected = 1 // the engine refuses the module
	ReadyFailed   = 2 // the worker cannot work
)

// Ready answers a hello.
type Ready struct {
	Seq     uint64
	Status  byte
	Sandbox Sandbox
	Message string
	Code    []byte // new native code, if asked for; empty where the given one was used
}

// WriteReady writes r.
func WriteReady(w io.Writer, r *Ready) error {
	m := []byte{r.Status, r.Sandbox.bits(), byte(r.Sandbox.Landlock)}
	return writeFrame(w, frameReady, r.Seq, appendText(m, clip(r.Message)), [][]byte{r.Code})
}

// ReadReady reads a ready frame; keep tells whether native code was asked for.
func ReadReady(r io.Reader, keep bool) (*Ready, error) {
	seq, m, body, err := readFrame(r, frameReady)
	if err != nil {
		return nil, err
	}
	a := &Ready{Seq: seq, Status: m.u8(), Sandbox: sandboxOf(m.u8(), m.u8()), Message: m.text(abi.MaxFailMessage)}
	if m.bad || len(m.b) != 0 || body > MaxCode || body != 0 && (!keep || a.Status != ReadyOK) || a.Status > ReadyFailed {
		return nil, fmt.Errorf("ready with %d bytes of code: %w", body, ErrFrame)
	}
	a.Code = make([]byte, body)
	if _, err := io.ReadFull(r, a.Code); err != nil {
		return nil, noEOF(err)
	}
	return a, nil
}

// maxArgs and maxExport bound a call frame.
const (
	maxArgs   = 16
	maxExport = 64
)

// Call asks for one call of an export.
type Call struct {
	Seq    uint64
	Export string
	Args   []uint64
	In     map[int][]byte
	Fuel   uint64 // budget, below 2^63
	// HashMemory asks for the digest of the guest's memory.
	HashMemory bool
}

// WriteCall writes c.
func WriteCall(w io.Writer, c *Call) error {
	m := appendText(nil, c.Export)
	m = binary.LittleEndian.AppendUint64(m, c.Fuel)
	m = append(m, flag(c.HashMemory), byte(len(c.Args)))
	for _, a := range c.Args {
		m = binary.LittleEndian.AppendUint64(m, a)
	}
	list := sortedInputs(c.In)
	return writeFrame(w, frameCall, c.Seq, appendTable(m, list), bodies(list))
}

// ReadCall reads a call frame.
func ReadCall(r io.Reader, l Limits) (*Call, error) {
	seq, m, body, err := readFrame(r, frameCall)
	if err != nil {
		return nil, err
	}
	c := &Call{Seq: seq, Export: m.text(maxExport), Fuel: m.u64()}
	hash, n := m.u8(), m.u8()
	if n > maxArgs || hash > 1 || c.Fuel > math.MaxInt64 {
		return nil, fmt.Errorf("%d arguments, %d fuel: %w", n, c.Fuel, ErrFrame)
	}
	c.HashMemory = hash == 1
	for range n {
		c.Args = append(c.Args, m.u64())
	}
	list, err := m.table(0, abi.MaxInput, l.InputBytes, InputStreams*l.InputBytes, body)
	if err != nil {
		return nil, err
	}
	c.In, err = readStreams(r, list)
	return c, err
}

// Result answers a call.
type Result struct {
	Seq         uint64
	Class       abi.Class
	Code        int32
	Fuel        uint64 // used
	Depth       int32  // left
	MemoryPages uint32
	MemoryHash  digest.Digest // zero unless asked for
	Message     string
	Out         []Output
}

// WriteResult writes r.
func WriteResult(w io.Writer, r *Result) error {
	m := []byte{byte(r.Class)}
	m = binary.LittleEndian.AppendUint32(m, uint32(r.Code))
	m = binary.LittleEndian.AppendUint64(m, r.Fuel)
	m = binary.LittleEndian.AppendUint32(m, uint32(r.Depth))
	m = binary.LittleEndian.AppendUint32(m, r.MemoryPages)
	m = append(m, r.MemoryHash[:]...)
	m = appendText(m, clip(r.Message))
	return writeFrame(w, frameResult, r.Seq, appendTable(m, r.Out), bodies(r.Out))
}

// ReadResult reads a result frame, which the supervisor trusts no more than the
// guest: it must answer the call, and class, code, meter and streams must fit
// together.
func ReadResult(r io.Reader, c *Call, l Limits) (*Result, map[int][]byte, error) {
	got, m, body, err := readFrame(r, frameResult)
	if err != nil {
		return nil, nil, err
	}
	a := &Result{Seq: got, Class: abi.Class(m.u8()), Code: int32(m.u32()), Fuel: m.u64(), Depth: int32(m.u32()), MemoryPages: m.u32()}
	copy(a.MemoryHash[:], m.take(len(a.MemoryHash)))
	a.Message = m.text(abi.MaxFailMessage)
	if m.bad || got != c.Seq {
		return nil, nil, fmt.Errorf("result of call %d, want %d: %w", got, c.Seq, ErrFrame)
	}
	switch a.Class {
	case abi.OK, abi.DomainError, abi.Trap, abi.OutOfFuel, abi.Depth, abi.ABIViolation, abi.OutputLimit, abi.Infra:
	default:
		return nil, nil, fmt.Errorf("result of %v: %w", a.Class, ErrFrame)
	}
	if domain := a.Class == abi.DomainError; domain != (a.Code != 0) || a.Code < 0 || a.Code > abi.MaxDomainCode || a.MemoryPages > l.MemoryPages || a.Class != abi.OK && body != 0 {
		return nil, nil, fmt.Errorf("result %v with code %d, %d pages, %d bytes: %w", a.Class, a.Code, a.MemoryPages, body, ErrFrame)
	}
	if err := a.checkMeter(c); err != nil {
		return nil, nil, err
	}
	if a.Out, err = m.table(abi.FirstOutput, abi.MaxOutput, l.OutputBytes, 2*l.OutputBytes, body); err != nil {
		return nil, nil, err
	}
	out, err := readStreams(r, a.Out)
	return a, out, err
}

// checkMeter holds what is said of fuel, depth and memory against the class.
func (r *Result) checkMeter(c *Call) error {
	ok := r.Fuel <= c.Fuel && r.Depth <= meter.Depth && (c.HashMemory || r.MemoryHash.IsZero())
	switch r.Class {
	case abi.OK, abi.DomainError:
		ok = ok && r.Depth == meter.Depth
	case abi.OutOfFuel:
		ok = ok && r.Fuel == c.Fuel
	case abi.Depth:
		ok = ok && r.Depth < 0
	case abi.Trap:
		ok = ok && r.Depth >= 0
	}
	if !ok {
		return fmt.Errorf("result %v with %d of %d fuel used and %d depth left: %w", r.Class, r.Fuel, c.Fuel, r.Depth, ErrFrame)
	}
	return nil
}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}
