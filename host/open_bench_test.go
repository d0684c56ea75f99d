package host

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// BenchmarkWorker splits the cost of opening a guest, in milliseconds: starting a
// worker process until its sandbox is up, the same with a module to compile, and
// with its native code at hand.
func BenchmarkWorker(b *testing.B) {
	c, err := OpenCodeCache(filepath.Join(b.TempDir(), "cache"), filepath.Join(b.TempDir(), "key"), bytes.NewReader(make([]byte, codeKeySize)))
	require.NoError(b, err)
	for _, row := range []struct {
		name string
		code *CodeCache
		open bool
	}{{"spawn", nil, false}, {"compile", nil, true}, {"cached", c, true}} {
		b.Run(row.name, func(b *testing.B) {
			h, err := New(Config{Code: row.code})
			require.NoError(b, err)
			m, err := h.Load(b.Context(), answering(5), abi.KindTraps)
			require.NoError(b, err)
			best := time.Duration(1 << 62)
			for b.Loop() {
				start := time.Now()
				if row.open {
					i, err := m.Open(context.Background())
					require.NoError(b, err)
					best = min(best, time.Since(start))
					require.NoError(b, i.Close())
					continue
				}
				p, err := h.start(context.Background(), "")
				require.NoError(b, err)
				_, err = p.hello(context.Background(), &worker.Hello{Limits: worker.Limits{DataBytes: defaultWorker}})
				require.NoError(b, err)
				best = min(best, time.Since(start))
				p.end()
			}
			b.ReportMetric(best.Seconds()*1e3, "best-ms")
		})
	}
}
