package host_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/hosttest"
	"github.com/animicaorg/engine/host/meter"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// fake is a worker in this process that answers as it likes.
type fake func(conn net.Conn)

func (f fake) Launch(context.Context) (*host.Process, error) {
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer far.Close()
		f(far)
	}()
	return &host.Process{Conn: near, Kill: func() { far.Close() }, Wait: func() error { <-done; return nil }}, nil
}

// result is a frame of type 4.
func result(seq uint64, meta, body []byte) []byte {
	h := Cat([]byte("QXW1\x04\x00\x00\x00"), binary.LittleEndian.AppendUint64(nil, seq), binary.LittleEndian.AppendUint32(nil, uint32(len(meta))), make([]byte, 4),
		binary.LittleEndian.AppendUint64(nil, uint64(len(body))))
	return Cat(h, meta, body)
}

// meta of a result without message: class, code, 77 fuel, full depth, pages, no
// memory digest, one stream.
func resultMeta(class byte, code, pages uint32, stream byte, size uint64) []byte {
	m := binary.LittleEndian.AppendUint32([]byte{class}, code)
	m = binary.LittleEndian.AppendUint64(m, 77)
	m = binary.LittleEndian.AppendUint32(m, meter.Depth)
	m = append(binary.LittleEndian.AppendUint32(m, pages), make([]byte, 32)...)
	return binary.LittleEndian.AppendUint64(append(m, 0, 0, 1, stream), size)
}

// TestHostileWorker: whatever a worker sends is either the one right answer or
// INFRA.
func TestHostileWorker(t *testing.T) {
	good := result(1, resultMeta(1, 0, 1, 16, 3), []byte("abc"))
	answer := func(b []byte) fake {
		return func(conn net.Conn) {
			h, err := worker.ReadHello(conn)
			if err != nil || worker.WriteReady(conn, &worker.Ready{Seq: h.Seq}) != nil {
				return
			}
			if _, err := worker.ReadCall(conn, h.Limits); err != nil {
				return
			}
			conn.Write(b)
		}
	}
	run := func(f fake) (*host.Outcome, error) {
		m := loadWith(t, host.Config{Launcher: f, Limits: host.Limits{OutputBytes: 1000}}, plan(I32(0)))
		inst, err := m.Open(t.Context())
		if err != nil {
			return nil, err
		}
		defer inst.Close()
		return inst.Call(t.Context(), "qx_plan", nil, map[int][]byte{0: []byte("in")})
	}
	o, err := run(answer(good))
	require.NoError(t, err)
	require.Equal(t, []byte("abc"), o.Out[16])
	require.Equal(t, uint64(77), o.Fuel)
	for n := range good {
		_, err := run(answer(good[:n]))
		requireInfra(t, err)
	}
	for name, b := range map[string][]byte{
		"another call":            result(2, resultMeta(1, 0, 1, 16, 3), []byte("abc")),
		"class 0":                 result(1, resultMeta(0, 0, 1, 16, 0), nil),
		"class LOAD_REJECTED":     result(1, resultMeta(8, 0, 1, 16, 0), nil),
		"class 200":               result(1, resultMeta(200, 0, 1, 16, 0), nil),
		"OK with a code":          result(1, resultMeta(1, 4, 1, 16, 3), []byte("abc")),
		"DOMAIN_ERROR without":    result(1, resultMeta(2, 0, 1, 16, 0), nil),
		"code above the range":    result(1, resultMeta(2, 0x8000, 1, 16, 0), nil),
		"trap with output":        result(1, resultMeta(3, 0, 1, 16, 3), []byte("abc")),
		"memory above the limit":  result(1, resultMeta(1, 0, 257, 16, 3), []byte("abc")),
		"an input stream":         result(1, resultMeta(1, 0, 1, 3, 3), []byte("abc")),
		"stream 32":               result(1, resultMeta(1, 0, 1, 32, 3), []byte("abc")),
		"above the output limit":  result(1, resultMeta(1, 0, 1, 16, 1001), make([]byte, 1001)),
		"2^63 bytes":              result(1, resultMeta(1, 0, 1, 16, 1<<63), nil),
		"less than the body":      result(1, resultMeta(1, 0, 1, 16, 2), []byte("abc")),
		"more than the body":      result(1, resultMeta(1, 0, 1, 16, 4), []byte("abc")),
		"fuel above the budget":   result(1, Cat(resultMeta(1, 0, 1, 16, 3)[:5], []byte{255, 255, 255, 255, 255, 255, 255, 127}, resultMeta(1, 0, 1, 16, 3)[13:]), []byte("abc")),
		"depth above the budget":  result(1, Cat(resultMeta(1, 0, 1, 16, 3)[:13], []byte{1, 32, 0, 0}, resultMeta(1, 0, 1, 16, 3)[17:]), []byte("abc")),
		"a digest, unasked":       result(1, Cat(resultMeta(1, 0, 1, 16, 3)[:21], []byte{1}, resultMeta(1, 0, 1, 16, 3)[22:]), []byte("abc")),
		"OUT_OF_FUEL of 77":       result(1, resultMeta(4, 0, 1, 16, 0), nil),
		"meta too short":          result(1, resultMeta(1, 0, 1, 16, 3)[:9], []byte("abc")),
		"meta too long":           result(1, append(resultMeta(1, 0, 1, 16, 3), 0), []byte("abc")),
		"another frame type":      Cat([]byte("QXW1\x02"), good[5:]),
		"reserved bytes":          Cat(good[:5], []byte{1}, good[6:]),
		"another magic":           Cat([]byte("QXW2"), good[4:]),
		"INFRA of the worker":     result(1, resultMeta(9, 0, 1, 16, 0), nil),
		"nothing, and hanging up": nil,
	} {
		_, err := run(answer(b))
		requireInfra(t, err)
		require.Error(t, err, name)
	}
	ready := func(r worker.Ready) fake {
		return func(conn net.Conn) {
			if _, err := worker.ReadHello(conn); err == nil {
				worker.WriteReady(conn, &r)
			}
		}
	}
	for _, f := range []fake{ready(worker.Ready{Seq: 7}), ready(worker.Ready{Status: worker.ReadyFailed, Message: "no"}), ready(worker.Ready{Status: 3}), func(net.Conn) {}} {
		_, err := run(f)
		requireInfra(t, err)
	}
	_, err = run(ready(worker.Ready{Status: worker.ReadyRejected, Message: "types"}))
	require.Equal(t, abi.LoadRejected, abi.ClassOf(err))

	// A worker that never answers is ended by the watchdog.
	m := loadWith(t, host.Config{Clock: clock{time.Hour}, Limits: host.Limits{CallTime: time.Hour}, Launcher: fake(func(conn net.Conn) {
		h, err := worker.ReadHello(conn)
		if err == nil && worker.WriteReady(conn, &worker.Ready{Seq: h.Seq}) == nil {
			io.Copy(io.Discard, conn)
		}
	})}, plan(I32(0)))
	inst := hosttest.Open(t, m)
	_, err = inst.Call(t.Context(), "qx_plan", nil, nil)
	require.ErrorIs(t, err, host.ErrWallTime)
}
