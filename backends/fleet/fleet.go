package fleet

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
)

// Name is the backend's name.
const Name = "fleet"

// ErrDisagree says that two workers gave different rows for one piece. One of them is
// broken or lies; the message names both.
var ErrDisagree = errors.New("workers disagree")

// Config makes a Fleet. Durations of zero take the default.
type Config struct {
	Conn *nats.Conn
	// Like is what the fleet stands for: the simulator whose numeric version its workers
	// must have and whose device frame goes into the transcript.
	Like backends.Backend
	// Prefix of the subjects; "" is [DefaultPrefix].
	Prefix string
	// Slots of a piece; 0 lets the number of workers and the largest message decide.
	Slots int
	// Wait is how long a run goes on without any worker, default 5 s.
	Wait time.Duration
	// Look is the time between two questions who is there, default 250 ms. A worker that
	// does not answer MissedLooks of them is taken for dead.
	Look time.Duration
	// Budget is the time after which an unanswered piece is sent to another worker as
	// well, default 30 s.
	Budget time.Duration
	// Now is the clock for Budget; nil: time.Now. It decides where a piece runs, never what
	// comes out.
	Now func() time.Time
	Log *slog.Logger
	// Observer hears of workers and pieces; nil: nobody. It decides nothing.
	Observer Observer
}

// Observer is told what a fleet does. Runs call it at the same time.
type Observer interface {
	Workers(n int)            // that a run counts on, when that changes
	Chunk(took time.Duration) // from the last sending of a piece to its first answer
}

// MissedLooks is how many questions a worker may leave unanswered.
const MissedLooks = 4

// Fleet implements backends.Backend.
type Fleet struct{ cfg Config }

var _ backends.Backend = (*Fleet)(nil)

// New returns a fleet on an open connection, which the caller closes.
func New(cfg Config) *Fleet {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&cfg.Wait, 5*time.Second)
	set(&cfg.Look, 250*time.Millisecond)
	set(&cfg.Budget, 30*time.Second)
	cfg.Prefix = orDefault(cfg.Prefix)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Fleet{cfg}
}

// Name implements backends.Backend.
func (*Fleet) Name() string { return Name }

// Capabilities implements backends.Backend: those of the simulator, because the rows are.
func (f *Fleet) Capabilities(ctx context.Context) (backends.Capabilities, error) {
	caps, err := f.cfg.Like.Capabilities(ctx)
	if err == nil && !caps.Simulator {
		err = fmt.Errorf("fleet: %s is no simulator: %w", f.cfg.Like.Name(), backends.ErrUnsupported)
	}
	return caps, err
}

// Close implements backends.Backend; the connection is the caller's.
func (*Fleet) Close() error { return nil }

// Run implements backends.Backend. emit is called by this goroutine alone.
func (f *Fleet) Run(ctx context.Context, b *backends.Batch, emit backends.Emit) error {
	if err := b.Validate(); err != nil {
		return err
	}
	caps, err := f.Capabilities(ctx)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	raw := encodeHead(b)
	r := &run{
		f: f, b: b, emit: emit, id: newID(), version: caps.NumericVersion, subjects: subjects{f.cfg.Prefix},
		head: digest.Sum(raw), workers: map[string]*member{}, strangers: map[string]string{},
	}
	stop, err := r.open(raw)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	defer stop()
	return r.loop(ctx)
}

// open subscribes to answers and serves the head.
func (r *run) open(raw []byte) (stop func(), err error) {
	c, size := r.f.cfg.Conn, payload(r.f.cfg.Conn)
	if size < workHead+r.rowSize() {
		return nil, fmt.Errorf("a slot of %d bytes does not fit a message of %d; raise max_payload of the NATS server: %w", r.rowSize(), size, backends.ErrUnsupported)
	}
	r.payload, r.inbox = size, c.NewInbox()
	r.answers = make(chan *nats.Msg, 4096)
	answers, err := c.ChanSubscribe(r.inbox+".>", r.answers)
	if err != nil {
		return nil, err
	}
	heads, err := c.Subscribe(r.subjects.head(hex.EncodeToString(r.id[:])), func(m *nats.Msg) {
		var q question
		if err := json.Unmarshal(m.Data, &q); err != nil || q.Head != r.head.String() || q.Offset < 0 || q.Offset > len(raw) {
			return
		}
		if err := m.Respond(raw[q.Offset:min(q.Offset+size, len(raw))]); err != nil {
			r.f.cfg.Log.Warn("head not sent", "error", err)
		}
	})
	if err != nil {
		return nil, errors.Join(err, answers.Unsubscribe())
	}
	return func() {
		err := errors.Join(c.Publish(r.subjects.stop(), r.id[:]), answers.Unsubscribe(), heads.Unsubscribe())
		if err != nil {
			r.f.cfg.Log.Warn("end of run not told", "error", err)
		}
	}, nil
}
