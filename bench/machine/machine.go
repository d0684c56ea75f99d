// Package machine measures what the processor and its memory can do, so that a
// benchmark can say how far it is from the limit.
//
// It promises figures that a tight loop reached here and now: a neighbour that
// takes the cores lowers them, and nothing raises them. They describe one
// moment, and nothing that is hashed or judged uses them.
package machine

import (
	"context"
	"time"
)

// Level is the bandwidth of one working set.
type Level struct {
	Bytes int `json:"bytes"` // in total over all threads
	// BytesPerSecond is read plus written, in place, by all threads together.
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// Limits is what all threads reached together.
type Limits struct {
	Threads int    `json:"threads"`
	Kernel  string `json:"kernel"` // "avx512", "avx2" or "go": the loop that measured
	// FMA32 and FMA64 count single fused multiply-adds a second (two floating
	// point operations each), not vector instructions.
	FMA32 float64 `json:"fma32_per_second"`
	FMA64 float64 `json:"fma64_per_second"`
	// KeyStream is AES-128-CTR in bytes a second: what draws shots.
	KeyStream float64 `json:"key_stream_bytes_per_second"`
	Memory    []Level `json:"memory"` // by ascending size
}

// Sizes of the working sets, from the first-level cache to main memory.
var sizes = []int{32 << 10, 1 << 20, 8 << 20, 32 << 20, 128 << 20, 512 << 20}

// rounds of each measurement; the fastest counts.
const rounds = 5

// roundTime is the least duration of a round.
const roundTime = 10 * time.Millisecond

// Measure takes one to three seconds. threads is at least 1.
func Measure(ctx context.Context, threads int) (*Limits, error) {
	return measure(ctx, threads, sizes)
}

func measure(ctx context.Context, threads int, sizes []int) (*Limits, error) {
	k := loops()
	l := &Limits{Threads: threads, Kernel: k.name}
	l.FMA32 = float64(threads) * k.fmasPerCall32 * fastest(threads, func(int) func() { return k.fma32 })
	l.FMA64 = float64(threads) * k.fmasPerCall64 * fastest(threads, func(int) func() { return k.fma64 })
	l.KeyStream = float64(threads*keyStreamBytes) * fastest(threads, keyStream)
	for _, size := range sizes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		part := size / threads / stride * stride
		buf, free, err := pages(part * threads)
		if err != nil {
			return nil, err
		}
		calls := fastest(threads, func(i int) func() {
			mine := buf[i*part:][:part]
			return func() { k.update(mine) }
		})
		free()
		l.Memory = append(l.Memory, Level{Bytes: size, BytesPerSecond: 2 * float64(part*threads) * calls})
	}
	return l, nil
}

// Bandwidth is that of the smallest measured working set which holds n bytes, or
// of the largest.
func (l *Limits) Bandwidth(n float64) float64 {
	for _, m := range l.Memory {
		if n <= float64(m.Bytes) {
			return m.BytesPerSecond
		}
	}
	if len(l.Memory) == 0 {
		return 0
	}
	return l.Memory[len(l.Memory)-1].BytesPerSecond
}
