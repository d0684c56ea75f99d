package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/animicaorg/engine/aicf"
)

// told is an event as streams send it.
type told struct {
	seq  uint64
	kind string
	raw  []byte
}

// tail reads the log once for all streams that have reached its end. While one of them
// listens a single goroutine waits for commits; an event costs one query, one encoding and
// one write a listener, and listeners that wait have neither lock nor timer.
type tail struct {
	head    func(context.Context) (uint64, error)
	read    func(ctx context.Context, after uint64, limit int) ([]aicf.Event, error)
	changed func() <-chan struct{} // closed by the next commit of this process
	over    func() bool            // the service drains
	log     *slog.Logger

	mu        sync.Mutex
	listeners int
	now       *follower
	stop      context.CancelFunc
}

// follower is the tail's look at the log while somebody listens.
type follower struct {
	*tail
	at atomic.Pointer[sight]
}

// sight is the end of the log at one moment. It never changes.
type sight struct {
	frames []told        // of the newest events, without a gap
	last   uint64        // number of the newest event
	beats  uint64        // how often streams were to show that they live
	over   bool          // streams are to end
	next   chan struct{} // closed when there is a newer sight
}

// join takes part; the caller calls leave when it goes.
func (t *tail) join(ctx context.Context) (f *follower, leave func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners == 0 {
		head, err := t.head(ctx)
		if err != nil {
			return nil, nil, err
		}
		t.now = &follower{tail: t}
		t.now.at.Store(&sight{last: head, next: make(chan struct{})})
		var own context.Context
		own, t.stop = context.WithCancel(context.WithoutCancel(ctx))
		go t.now.follow(own)
	}
	t.listeners++
	return t.now, t.leave, nil
}

func (t *tail) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners--; t.listeners == 0 {
		t.stop()
	}
}

// follow looks behind every commit of this process, and at times for those of others, until
// ctx ends.
func (f *follower) follow(ctx context.Context) {
	beat, poll := time.NewTicker(keepAlive), time.NewTicker(pollEvery)
	defer beat.Stop()
	defer poll.Stop()
	for {
		changed := f.changed()
		now := f.at.Load()
		page, err := f.page(ctx, now.last)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			f.log.Error("event stream", "error", err)
			changed = nil // the next poll tries again
		}
		if len(page) > 0 {
			frames := append(now.frames, page...) // who holds now sees its own length
			if len(frames) > 2*eventPage {
				frames = append([]told(nil), frames[len(frames)-eventPage:]...)
			}
			f.show(sight{frames: frames, last: page[len(page)-1].seq, beats: now.beats})
			if len(page) == eventPage {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-poll.C:
		case <-beat.C:
			now = f.at.Load()
			f.show(sight{frames: now.frames, last: now.last, beats: now.beats + 1})
		}
		if f.over() {
			f.show(sight{over: true})
			return
		}
	}
}

// show replaces the sight and wakes everybody.
func (f *follower) show(s sight) {
	s.next = make(chan struct{})
	close(f.at.Swap(&s).next)
}

// page reads and encodes at most eventPage events behind after.
func (t *tail) page(ctx context.Context, after uint64) ([]told, error) {
	list, err := t.read(ctx, after, eventPage)
	if err != nil {
		return nil, err
	}
	page := make([]told, len(list))
	for i := range list {
		raw, err := json.Marshal(&list[i])
		if err != nil {
			return nil, err
		}
		page[i] = told{list[i].Seq, list[i].Type, fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", list[i].Seq, list[i].Type, raw)}
	}
	return page, nil
}

// behind are the events behind after; whole is false when some of them are too old to be in
// sight: they are in the log.
func (s *sight) behind(after uint64) (frames []told, whole bool) {
	switch {
	case after >= s.last:
		return nil, true
	case len(s.frames) == 0 || s.frames[0].seq > after+1:
		return nil, false
	}
	return s.frames[after+1-s.frames[0].seq:], true
}
