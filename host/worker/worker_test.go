package worker

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/stretchr/testify/require"
)

var testLimits = Limits{MemoryPages: 4, InputBytes: 100, OutputBytes: 50}

func encoded(t testing.TB, write func(io.Writer) error) []byte {
	var b bytes.Buffer
	require.NoError(t, write(&b))
	return b.Bytes()
}

func sampleCall(sizes ...int) *Call {
	c := &Call{Seq: 9, Export: "qx_generate", Args: []uint64{1 << 40, 7}, In: map[int][]byte{}, Fuel: 1000, HashMemory: true}
	for i, n := range sizes {
		c.In[i*3] = bytes.Repeat([]byte{byte(i)}, n)
	}
	return c
}

func sampleResult(sizes ...int) *Result {
	r := &Result{Seq: 9, Class: abi.OK, Fuel: 1000, Depth: meter.Depth, MemoryPages: 2, MemoryHash: digest.Sum(nil), Message: "words"}
	for i, n := range sizes {
		r.Out = append(r.Out, Output{Stream: abi.FirstOutput + i, Size: uint64(n), Chunks: [][]byte{make([]byte, n/2), make([]byte, n-n/2)}})
	}
	return r
}

// TestFrames: what is written reads back; every truncation is an error that is
// not a clean end.
func TestFrames(t *testing.T) {
	hello := &Hello{Seq: 1, Runtime: "wazero", Limits: testLimits, Module: []byte("module"), KeepCode: true, Code: []byte("code")}
	ready := &Ready{Seq: 1, Sandbox: Sandbox{Limits: true, Orphan: true, Landlock: 7}, Message: "no", Code: []byte("code")}
	call := sampleCall(100, 0, 1)
	frames := map[string]struct {
		b    []byte
		read func(io.Reader) (any, error)
		want any
	}{
		"hello": {encoded(t, func(w io.Writer) error { return WriteHello(w, hello) }), func(r io.Reader) (any, error) { return ReadHello(r) }, hello},
		"ready": {encoded(t, func(w io.Writer) error { return WriteReady(w, ready) }), func(r io.Reader) (any, error) { return ReadReady(r, true) }, ready},
		"call":  {encoded(t, func(w io.Writer) error { return WriteCall(w, call) }), func(r io.Reader) (any, error) { return ReadCall(r, testLimits) }, call},
		"result": {encoded(t, func(w io.Writer) error { return WriteResult(w, sampleResult(50, 3)) }), func(r io.Reader) (any, error) {
			_, out, err := ReadResult(r, sampleCall(), testLimits)
			return out, err
		}, map[int][]byte{16: make([]byte, 50), 17: make([]byte, 3)}},
	}
	for name, f := range frames {
		got, err := f.read(bytes.NewReader(f.b))
		require.NoError(t, err, name)
		require.Equal(t, f.want, got, name)
		for n := 1; n < len(f.b); n++ {
			_, err := f.read(bytes.NewReader(f.b[:n]))
			require.Error(t, err)
			require.False(t, errors.Is(err, io.EOF), "%s cut at %d: %v", name, n, err)
		}
		_, err = f.read(bytes.NewReader(nil))
		require.ErrorIs(t, err, io.EOF, name)
	}
}

// TestFrameLimits: each limit at n and n+1, refused before the body is read.
func TestFrameLimits(t *testing.T) {
	readCall := func(c *Call) error {
		_, err := ReadCall(bytes.NewReader(encoded(t, func(w io.Writer) error { return WriteCall(w, c) })), testLimits)
		return err
	}
	require.NoError(t, readCall(sampleCall(100, 100, 100, 100)))
	require.ErrorIs(t, readCall(sampleCall(101)), ErrFrame)
	require.ErrorIs(t, readCall(sampleCall(100, 100, 100, 100, 1)), ErrFrame)
	for _, n := range []int{maxArgs, maxArgs + 1} {
		c := sampleCall()
		c.Args = make([]uint64, n)
		require.Equal(t, n > maxArgs, readCall(c) != nil)
	}
	for _, n := range []int{maxExport, maxExport + 1} {
		c := sampleCall()
		c.Export = string(bytes.Repeat([]byte("x"), n))
		require.Equal(t, n > maxExport, readCall(c) != nil)
	}
	readResult := func(r *Result) error {
		_, _, err := ReadResult(bytes.NewReader(encoded(t, func(w io.Writer) error { return WriteResult(w, r) })), sampleCall(), testLimits)
		return err
	}
	require.NoError(t, readResult(sampleResult(50, 50)))
	require.ErrorIs(t, readResult(sampleResult(51)), ErrFrame)
	require.ErrorIs(t, readResult(sampleResult(50, 50, 1)), ErrFrame)
	hello := encoded(t, func(w io.Writer) error { return WriteHello(w, &Hello{}) })
	binary.LittleEndian.PutUint64(hello[24:], MaxModule+1)
	_, err := ReadHello(bytes.NewReader(hello))
	require.ErrorIs(t, err, ErrFrame)
	for name, h := range map[string]*Hello{"code without asking": {Module: []byte("m"), Code: []byte("c")}} {
		_, err := ReadHello(bytes.NewReader(encoded(t, func(w io.Writer) error { return WriteHello(w, h) })))
		require.ErrorIs(t, err, ErrFrame, name)
	}
	for _, r := range []*Ready{{Code: []byte("c")}, {Status: ReadyRejected, Code: []byte("c")}} {
		b := encoded(t, func(w io.Writer) error { return WriteReady(w, r) })
		_, err := ReadReady(bytes.NewReader(b), r.Status != ReadyOK)
		require.ErrorIs(t, err, ErrFrame, "code that was not asked for, or of a module that was refused")
	}
	big := encoded(t, func(w io.Writer) error { return WriteReady(w, &Ready{}) })
	binary.LittleEndian.PutUint64(big[24:], MaxCode+1)
	_, err = ReadReady(bytes.NewReader(big), true)
	require.ErrorIs(t, err, ErrFrame)
	for _, n := range []uint32{maxMeta, maxMeta + 1} {
		b := encoded(t, func(w io.Writer) error { return WriteReady(w, &Ready{}) })
		binary.LittleEndian.PutUint32(b[16:], n)
		_, err := ReadReady(bytes.NewReader(b), false)
		require.Equal(t, n > maxMeta, errors.Is(err, ErrFrame), "%v", err)
	}
}

// TestResultMeter: a result whose meter does not go with its class or with the
// call is refused.
func TestResultMeter(t *testing.T) {
	full := int32(meter.Depth)
	for i, row := range []struct {
		class abi.Class
		fuel  uint64
		depth int32
		hash  digest.Digest
		ok    bool
	}{
		{abi.OK, 1000, full, digest.Digest{}, true}, {abi.OK, 0, full, digest.Digest{1}, true}, {abi.OK, 1001, full, digest.Digest{}, false}, {abi.OK, 1, full - 1, digest.Digest{}, false},
		{abi.OutOfFuel, 1000, 0, digest.Digest{}, true}, {abi.OutOfFuel, 999, 0, digest.Digest{}, false},
		{abi.Depth, 10, -1, digest.Digest{}, true}, {abi.Depth, 10, 0, digest.Digest{}, false},
		{abi.Trap, 10, 0, digest.Digest{}, true}, {abi.Trap, 10, -1, digest.Digest{}, false}, {abi.Trap, 10, full + 1, digest.Digest{}, false},
		{abi.ABIViolation, 10, -1, digest.Digest{}, true},
	} {
		r := &Result{Seq: 9, Class: row.class, Fuel: row.fuel, Depth: row.depth, MemoryHash: row.hash}
		b := encoded(t, func(w io.Writer) error { return WriteResult(w, r) })
		got, _, err := ReadResult(bytes.NewReader(b), sampleCall(), testLimits)
		require.Equal(t, row.ok, err == nil, "row %d: %v", i, err)
		if row.ok {
			require.Equal(t, r.Fuel, got.Fuel)
			require.Equal(t, r.Depth, got.Depth)
			require.Equal(t, r.MemoryHash, got.MemoryHash)
		}
	}
	c := sampleCall()
	c.HashMemory = false
	_, _, err := ReadResult(bytes.NewReader(encoded(t, func(w io.Writer) error { return WriteResult(w, sampleResult(1)) })), c, testLimits)
	require.ErrorIs(t, err, ErrFrame, "a digest that was not asked for")
}

// TestChunks: outputs of every size come out as they went in.
func TestChunks(t *testing.T) {
	mem := make([]byte, 3*chunkSize)
	for i := range mem {
		mem[i] = byte(i * 7)
	}
	for _, sizes := range [][]int{{0}, {1}, {1, 0, 2}, {chunkSize/16 + 1, chunkSize, 5}, {3 * chunkSize}, {chunkSize - 1, 2, chunkSize}} {
		s := &streams{limits: Limits{OutputBytes: 10 * chunkSize}}
		var want []byte
		for _, n := range sizes {
			require.Equal(t, int32(n), s.OutWrite(mem, 16, 0, uint32(n)))
			want = append(want, mem[:n]...)
		}
		require.True(t, bytes.Equal(want, bytes.Join(s.out[16], nil)))
		require.Equal(t, uint64(len(want)), s.size[16])
	}
}

// FuzzFrames: no bytes make a reader panic or hold more than its limits.
func FuzzFrames(f *testing.F) {
	f.Add(encoded(f, func(w io.Writer) error { return WriteHello(w, &Hello{Runtime: "wazero", Module: []byte("m")}) }))
	f.Add(encoded(f, func(w io.Writer) error { return WriteReady(w, &Ready{Message: "m"}) }))
	f.Add(encoded(f, func(w io.Writer) error { return WriteCall(w, sampleCall(1, 2, 3)) }))
	f.Add(encoded(f, func(w io.Writer) error { return WriteResult(w, sampleResult(1, 2)) }))
	f.Fuzz(func(t *testing.T, b []byte) {
		ReadHello(bytes.NewReader(b))
		ReadReady(bytes.NewReader(b), true)
		if c, err := ReadCall(bytes.NewReader(b), testLimits); err == nil {
			again, err := ReadCall(bytes.NewReader(encoded(t, func(w io.Writer) error { return WriteCall(w, c) })), testLimits)
			require.NoError(t, err)
			require.Equal(t, c, again)
		}
		r, out, err := ReadResult(bytes.NewReader(b), sampleCall(), testLimits)
		if err == nil {
			require.Equal(t, len(r.Out), len(out))
			require.True(t, r.Class == abi.OK || r.Code != 0 || r.Class != abi.DomainError)
		}
	})
}
