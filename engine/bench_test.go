package engine_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/plugins/embedded"
)

// BenchmarkGuideJob runs the guide's job (20 × 120, 4096 slots, a tenth traps)
// and reports its phases in milliseconds.
func BenchmarkGuideJob(b *testing.B) {
	c, _ := embedded.Lookup("layered")
	tr, _ := embedded.Lookup("accredit")
	h, err := host.New(host.Config{})
	if err != nil {
		b.Fatal(err)
	}
	phase := map[string]time.Duration{}
	for b.Loop() {
		began := time.Now()
		lap := func(name string) { now := time.Now(); phase[name] += now.Sub(began); began = now }
		g, err := engine.OpenGuests(context.Background(), h, c.Bytes, tr.Bytes)
		if err != nil {
			b.Fatal(err)
		}
		lap("open")
		j, err := engine.OpenJournal(filepath.Join(b.TempDir(), "journal"))
		if err != nil {
			b.Fatal(err)
		}
		cfg := config(b, sim.New())
		cfg.Compiler, cfg.Traps, cfg.Modules, cfg.Journal = g.Compiler, g.Traps, g.Modules, j
		cfg.Progress = func(s engine.Stage, done, total uint64) {
			if done == 0 {
				lap("before " + string(s))
			}
		}
		e, err := engine.New(cfg)
		if err != nil {
			b.Fatal(err)
		}
		p, err := e.Plan(context.Background(), task(b, 20, 120, 4096, 100_000))
		if err != nil {
			b.Fatal(err)
		}
		lap("slots checked, X")
		if _, err := e.Run(context.Background(), p); err != nil {
			b.Fatal(err)
		}
		lap("run end")
		_ = j.Close()
		if err := g.Close(); err != nil {
			b.Fatal(err)
		}
		lap("close")
	}
	for name, d := range phase {
		b.ReportMetric(float64(d.Milliseconds())/float64(b.N), name2unit(name))
	}
}

func name2unit(s string) string {
	out := []byte(s)
	for i, c := range out {
		if c == ' ' || c == ',' {
			out[i] = '-'
		}
	}
	return string(out) + "-ms"
}
