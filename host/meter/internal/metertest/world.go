package metertest

import "fmt"

// World is the other side of the imports: streams, and a log of every call.
type World struct {
	In    map[uint32][]byte
	Out   map[uint32][]byte
	Log   []string
	Quiet bool // no log: for large jobs
}

// NewWorld makes a world with the given inputs.
func NewWorld(in map[uint32][]byte) *World { return &World{In: in, Out: map[uint32][]byte{}} }

// Call is one import call. Functions that ABI qx1 does not know return zeros.
func (w *World) Call(mem []byte, name string, a []uint64) []uint64 {
	if !w.Quiet {
		w.Log = append(w.Log, fmt.Sprint(name, a))
	}
	switch name {
	case "in_len":
		if b, ok := w.In[uint32(a[0])]; ok {
			return []uint64{uint64(len(b))}
		}
		return []uint64{^uint64(0)}
	case "in_read":
		return []uint64{uint64(uint32(w.read(mem, uint32(a[0]), int64(a[1]), uint32(a[2]), uint32(a[3]))))}
	case "out_write":
		return []uint64{uint64(uint32(w.write(mem, uint32(a[0]), uint32(a[1]), uint32(a[2]))))}
	case "fail", "log":
		return nil
	}
	return []uint64{0}
}

func (w *World) read(mem []byte, stream uint32, off int64, ptr, n uint32) int32 {
	b, ok := w.In[stream]
	switch {
	case !ok:
		return -1
	case off < 0:
		return -3
	case uint64(ptr)+uint64(n) > uint64(len(mem)):
		return -2
	}
	return int32(copy(mem[ptr:ptr+n], b[min(off, int64(len(b))):]))
}

func (w *World) write(mem []byte, stream, ptr, n uint32) int32 {
	switch {
	case stream < 16 || stream > 31:
		return -1
	case uint64(ptr)+uint64(n) > uint64(len(mem)):
		return -2
	case len(w.Out[stream])+int(n) > 1<<24:
		return -4
	}
	w.Out[stream] = append(w.Out[stream], mem[ptr:ptr+n]...)
	return int32(n)
}
