package fleet

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
)

// Worker runs pieces for the coordinators of one NATS cluster.
type Worker struct {
	Conn    *nats.Conn
	Backend backends.Backend // a simulator; results of others are not a function of the batch
	Threads int              // goroutines per piece; 0: one per CPU
	Memory  uint64           // bytes that a piece may hold; 0: what the batch says
	Prefix  string           // "" is DefaultPrefix
	Log     *slog.Logger     // nil: silent

	id      string
	version int
	mu      sync.Mutex
	heads   []cachedHead // newest last
	running map[[16]byte]context.CancelFunc
	stopped [][16]byte // runs that ended, newest last
}

type cachedHead struct {
	sum   digest.Digest
	batch *backends.Batch
}

const (
	keepHeads   = 4
	keepStopped = 256
	// queueLength is how many pieces may wait in a worker; a coordinator sends two.
	queueLength = 64
	headTimeout = 10 * time.Second
)

// Serve works until ctx ends. It answers "who" also while a piece runs.
func (w *Worker) Serve(ctx context.Context) error {
	caps, err := w.Backend.Capabilities(ctx)
	if err != nil {
		return err
	}
	if !caps.Simulator {
		return fmt.Errorf("worker: %s is no simulator, and only a simulator gives the same rows anywhere: %w", w.Backend.Name(), backends.ErrUnsupported)
	}
	id := newID()
	w.id, w.version, w.running = hex.EncodeToString(id[:]), caps.NumericVersion, map[[16]byte]context.CancelFunc{}
	if w.Log == nil {
		w.Log = slog.New(slog.DiscardHandler)
	}
	s := subjects{orDefault(w.Prefix)}
	queue := make(chan *nats.Msg, queueLength)
	var subs []*nats.Subscription
	subscribe := func(subject string, handle nats.MsgHandler) error {
		sub, err := w.Conn.Subscribe(subject, handle)
		subs = append(subs, sub)
		return err
	}
	defer func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // the connection may be gone
		}
	}()
	err = errors.Join(
		subscribe(s.who(), w.answer),
		subscribe(s.stop(), w.stop),
		subscribe(s.worker(w.id), func(m *nats.Msg) {
			select {
			case queue <- m:
			default: // the coordinator sends it elsewhere when it gets no answer
			}
		}),
		w.Conn.Flush(),
	)
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	w.Log.Info("worker ready", "worker", w.id, "threads", backends.Threads(w.Threads))
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-queue:
			w.piece(ctx, s, m)
		}
	}
}

func orDefault(prefix string) string {
	if prefix == "" {
		return DefaultPrefix
	}
	return prefix
}

func (w *Worker) answer(m *nats.Msg) {
	raw, err := json.Marshal(presence{Protocol, w.id, w.version, backends.Threads(w.Threads)})
	if err == nil {
		err = m.Respond(raw)
	}
	if err != nil {
		w.Log.Warn("presence not sent", "error", err)
	}
}

// stop ends a run's piece and forgets those that wait.
func (w *Worker) stop(m *nats.Msg) {
	if len(m.Data) != 16 {
		return
	}
	run := [16]byte(m.Data)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = append(w.stopped, run)
	if len(w.stopped) > keepStopped {
		w.stopped = w.stopped[1:]
	}
	if cancel := w.running[run]; cancel != nil {
		cancel()
	}
}

// begin registers a piece of a run; ok is false when the run has ended.
func (w *Worker) begin(ctx context.Context, run [16]byte) (context.Context, func(), bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.stopped {
		if s == run {
			return nil, nil, false
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	w.running[run] = cancel
	return ctx, func() {
		cancel()
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, run)
	}, true
}

func (w *Worker) piece(ctx context.Context, s subjects, m *nats.Msg) {
	item, err := decodeWork(m.Data)
	if err != nil {
		w.Log.Warn("piece refused", "error", err)
		return
	}
	ctx, end, ok := w.begin(ctx, item.run)
	if !ok {
		return
	}
	defer end()
	answer := w.execute(ctx, s, item)
	if ctx.Err() != nil {
		return
	}
	if answer.class != classDone {
		w.Log.Warn("piece failed", "piece", item.piece, "error", answer.detail)
	}
	if err := m.Respond(answer.encode()); err != nil {
		w.Log.Warn("result not sent", "piece", item.piece, "error", err)
	}
}

// execute runs a piece; its failures become a class.
func (w *Worker) execute(ctx context.Context, s subjects, item *work) *result {
	answer := &result{run: item.run, piece: item.piece, first: item.first, n: item.rows}
	fail := func(err error) *result {
		answer.class, answer.detail = classOf(err), err.Error()
		return answer
	}
	head, err := w.head(ctx, s, item)
	if err != nil {
		return fail(err)
	}
	b := *head
	b.Threads = w.Threads
	if w.Memory > 0 && (b.MemoryBytes == 0 || w.Memory < b.MemoryBytes) {
		b.MemoryBytes = w.Memory
	}
	b.Rows = &guest.Rows{First: item.first, N: int(item.rows), Locations: b.Skeleton.Locations(), ElemSize: int(item.elem), Data: item.data}
	answer.width = uint32(b.Skeleton.Width)
	if err := b.Validate(); err != nil {
		return fail(err)
	}
	rb, next := guest.RowBytes(b.Skeleton.Width), uint64(0)
	answer.rows, answer.present = make([]byte, b.Rows.N*rb), make([]byte, (b.Rows.N+7)/8)
	err = w.Backend.Run(ctx, &b, func(o *guest.Outcomes) error {
		copy(answer.rows[int(next)*rb:], o.Rows)
		for i := range o.N {
			if at := next + uint64(i); o.Has(i) {
				answer.present[at>>3] |= 1 << (at & 7)
			}
		}
		next += uint64(o.N)
		return nil
	})
	if err == nil && next != uint64(b.Rows.N) {
		err = fmt.Errorf("%s gave %d of %d slots", w.Backend.Name(), next, b.Rows.N)
	}
	if err != nil {
		return fail(err)
	}
	return answer
}

func classOf(err error) uint8 {
	switch {
	case errors.Is(err, backends.ErrBatch):
		return classBatch
	case errors.Is(err, backends.ErrUnsupported):
		return classUnsupported
	case errors.Is(err, backends.ErrTooLarge):
		return classTooLarge
	}
	return classFailed
}

// head returns the batch without rows that a piece belongs to; it is fetched once.
func (w *Worker) head(ctx context.Context, s subjects, item *work) (*backends.Batch, error) {
	for i, h := range w.heads {
		if h.sum == item.head {
			w.heads = append(append(w.heads[:i:i], w.heads[i+1:]...), h)
			return h.batch, nil
		}
	}
	raw, err := fetch(ctx, w.Conn, s.head(hex.EncodeToString(item.run[:])), item.head)
	if err != nil {
		return nil, err
	}
	b, err := decodeHead(raw)
	if err != nil {
		return nil, err
	}
	w.heads = append(w.heads, cachedHead{item.head, b})
	if len(w.heads) > keepHeads {
		w.heads = w.heads[1:]
	}
	return b, nil
}

// fetch asks for a head part by part and checks it against its hash.
func fetch(ctx context.Context, c *nats.Conn, subject string, want digest.Digest) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, headTimeout)
	defer cancel()
	var raw []byte
	for {
		ask, err := json.Marshal(question{want.String(), len(raw)})
		if err != nil {
			return nil, err
		}
		m, err := c.RequestWithContext(ctx, subject, ask)
		if err != nil {
			return nil, fmt.Errorf("fetch the head of the batch: %w", err)
		}
		if len(m.Data) == 0 {
			break
		}
		if raw = append(raw, m.Data...); len(raw) > maxHead {
			return nil, fmt.Errorf("%w: head above %d bytes", ErrFrame, maxHead)
		}
	}
	if got := digest.Sum(raw); got != want {
		return nil, fmt.Errorf("%w: head hashes to %s, the piece names %s", ErrFrame, got, want)
	}
	return raw, nil
}
