package workloads

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/animicaorg/engine/bench/peers"
	"github.com/animicaorg/engine/circuit"
)

// crews keeps the peers' processes from one workload to the next.
type crews struct {
	env     *peers.Environment
	dir     string
	running map[string]*peers.Peer
	loaded  map[*peers.Peer]bool
}

// get returns a process, started if need be.
func (c *crews) get(name string, threads, index int, passive bool) (*peers.Peer, error) {
	key := fmt.Sprint(name, " ", threads, " ", index, " ", passive)
	if p := c.running[key]; p != nil {
		return p, nil
	}
	p, err := c.env.Start(name, threads, passive)
	if err != nil {
		return nil, err
	}
	if c.running == nil {
		c.running, c.loaded = map[string]*peers.Peer{}, map[*peers.Peer]bool{}
	}
	c.running[key] = p
	return p, nil
}

// start returns the processes of a peer for a trial, with the circuits loaded.
// A batch has as many processes as files, of one thread each.
func (c *crews) start(ctx context.Context, t *trial, name string, passive bool) ([]*peers.Peer, peers.About, error) {
	threads := t.threads
	if len(t.files) > 1 {
		threads = 1
	}
	var crew []*peers.Peer
	var about peers.About
	for i, file := range t.files {
		p, err := c.get(name, threads, i, passive)
		if err != nil {
			return nil, about, err
		}
		if about, err = p.Hello(ctx, t.w.kind, t.w.precisionName(), t.w.shots); err != nil || len(about.Settings) == 0 {
			return nil, about, err
		}
		if err := p.Load(ctx, circuitName, file); err != nil {
			return nil, about, err
		}
		c.loaded[p] = true
		crew = append(crew, p)
	}
	return crew, about, nil
}

// drop makes all peers forget the circuits.
func (c *crews) drop(ctx context.Context) {
	for p := range c.loaded {
		if err := p.Drop(ctx, circuitName); err != nil {
			c.forget([]*peers.Peer{p}) // it is gone; the next workload starts another
		}
	}
	clear(c.loaded)
}

// forget ends processes.
func (c *crews) forget(crew []*peers.Peer) {
	for key, p := range c.running {
		if slices.Contains(crew, p) {
			_ = p.Close()
			delete(c.running, key)
			delete(c.loaded, p)
		}
	}
}

func (c *crews) close() {
	for _, p := range c.running {
		_ = p.Close()
	}
	clear(c.running)
}

// cpu is the processor time of all peers.
func (c *crews) cpu() time.Duration {
	var sum time.Duration
	for _, p := range c.running {
		sum += p.CPU()
	}
	return sum
}

// circuitFiles writes the peers' form: one file, or for a batch one for each
// thread.
func (r *Runner) circuitFiles(w *Workload, c []*circuit.Circuit, threads int) ([]string, error) {
	files := min(threads, len(c))
	share := make([][]peers.Circuit, files)
	for i := range c {
		form, err := w.peerForm(c[i])
		if err != nil {
			return nil, err
		}
		share[i%files] = append(share[i%files], form)
	}
	paths := make([]string, files)
	for i := range share {
		var err error
		if paths[i], err = r.writeFile("circuit-*.json", nil); err != nil {
			return nil, err
		}
		if err := peers.WriteCircuits(paths[i], share[i]); err != nil {
			return nil, err
		}
	}
	return paths, nil
}

func (w *Workload) peerForm(c *circuit.Circuit) (peers.Circuit, error) {
	if w.native != nil {
		return w.native()
	}
	return translate(c)
}
