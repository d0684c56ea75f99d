package fleet

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
)

// credits is how many pieces a worker holds: one runs while the next travels.
const credits = 2

// tries is how many failures of one piece end the run.
const tries = 4

// run is one batch under way. One goroutine owns it.
type run struct {
	f        *Fleet
	b        *backends.Batch
	emit     backends.Emit
	id       [16]byte
	head     digest.Digest
	version  int
	subjects subjects
	payload  int
	inbox    string
	answers  chan *nats.Msg

	workers   map[string]*member
	strangers map[string]string // workers that cannot help, and why
	pieces    []piece
	waiting   []int // pieces to send, first first
	next      int   // piece to emit
	looks     int
}

type member struct {
	id    string
	looks int // last question that it answered
	holds []int
}

type piece struct {
	first, n int
	sent     time.Time // last
	holders  []string
	failures []string
	done     *guest.Outcomes
	by       string
}

func (r *run) rowSize() int { return r.b.Rows.Locations * r.b.Rows.ElemSize }

func (r *run) loop(ctx context.Context) error {
	look := time.NewTicker(r.f.cfg.Look)
	defer look.Stop()
	alone := time.NewTimer(r.f.cfg.Wait)
	defer alone.Stop()
	if err := r.ask(); err != nil {
		return err
	}
	for r.pieces == nil || r.next < len(r.pieces) {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-look.C:
			r.bury()
			err = r.ask()
		case <-alone.C:
			err = r.nobody()
		case m, ok := <-r.answers:
			if !ok {
				return fmt.Errorf("fleet: connection closed: %w", backends.ErrUnavailable)
			}
			err = r.take(m)
		}
		if err == nil {
			err = r.dispatch()
		}
		if err == nil {
			err = r.flush(ctx)
		}
		if err != nil {
			return err
		}
		if len(r.workers) > 0 {
			alone.Reset(r.f.cfg.Wait)
		}
	}
	return nil
}

// ask asks who is there; answers carry the number of the question.
func (r *run) ask() error {
	r.looks++
	return r.f.cfg.Conn.PublishRequest(r.subjects.who(), r.inbox+".who."+strconv.Itoa(r.looks), nil)
}

func (r *run) nobody() error {
	if len(r.strangers) > 0 {
		var why []string
		for id, reason := range r.strangers {
			why = append(why, id[:8]+": "+reason)
		}
		slices.Sort(why)
		return fmt.Errorf("fleet: no worker can run this batch (%s): %w", strings.Join(why, "; "), backends.ErrUnsupported)
	}
	return fmt.Errorf("fleet: no worker answers at %s for %v; start one with engine worker --connect: %w", r.f.cfg.Conn.ConnectedAddr(), r.f.cfg.Wait, backends.ErrUnavailable)
}

// bury takes back the pieces of workers that no longer answer.
func (r *run) bury() {
	for id, m := range r.workers {
		if m.looks+MissedLooks < r.looks {
			r.f.cfg.Log.Warn("worker lost", "worker", id, "pieces", len(m.holds))
			r.drop(m)
		}
	}
}

func (r *run) drop(m *member) {
	delete(r.workers, m.id)
	r.count()
	for _, p := range m.holds {
		r.release(p, m.id)
	}
}

// count tells how many workers there are.
func (r *run) count() {
	if r.f.cfg.Observer != nil {
		r.f.cfg.Observer.Workers(len(r.workers))
	}
}

// release takes a piece from a worker and queues it, in front, if nobody else has it.
func (r *run) release(p int, id string) {
	it := &r.pieces[p]
	it.holders = slices.DeleteFunc(it.holders, func(h string) bool { return h == id })
	if it.done == nil && len(it.holders) == 0 && !slices.Contains(r.waiting, p) {
		r.waiting = slices.Insert(r.waiting, 0, p)
	}
}

// take handles one message: presence, a result, or word that nobody listens.
func (r *run) take(m *nats.Msg) error {
	rest, ok := strings.CutPrefix(m.Subject, r.inbox+".")
	kind, detail, _ := strings.Cut(rest, ".")
	if !ok {
		return nil
	}
	silent := len(m.Data) == 0 && m.Header.Get("Status") == "503"
	switch kind {
	case "who":
		if !silent {
			r.present(m.Data, detail)
		}
	case "done":
		number, id, _ := strings.Cut(detail, ".")
		p, err := strconv.Atoi(number)
		w := r.workers[id]
		if err != nil || p < 0 || p >= len(r.pieces) {
			return nil
		}
		if silent {
			if w != nil {
				r.f.cfg.Log.Warn("worker gone", "worker", id)
				r.drop(w)
			}
			return nil
		}
		return r.result(p, id, m.Data)
	}
	return nil
}

func (r *run) present(raw []byte, look string) {
	number, err := strconv.Atoi(look)
	p, wrong := decodePresence(raw)
	switch {
	case err != nil || wrong != nil:
		r.f.cfg.Log.Warn("presence refused", "error", wrong)
		return
	case p.Protocol != Protocol:
		r.strangers[p.Worker] = fmt.Sprintf("speaks fleet protocol %d, needed is %d", p.Protocol, Protocol)
		return
	case p.NumericVersion != r.version:
		r.strangers[p.Worker] = fmt.Sprintf("computes numeric/%d, needed is numeric/%d", p.NumericVersion, r.version)
		return
	}
	w := r.workers[p.Worker]
	if w == nil {
		if _, barred := r.strangers[p.Worker]; barred {
			return
		}
		w = &member{id: p.Worker}
		r.workers[p.Worker] = w
		r.count()
	}
	w.looks = max(w.looks, number)
}

// result takes the answer to a piece.
func (r *run) result(p int, id string, raw []byte) error {
	if w := r.workers[id]; w != nil {
		w.holds = slices.DeleteFunc(w.holds, func(h int) bool { return h == p })
	}
	it := &r.pieces[p]
	answer, err := decodeResult(raw)
	if err == nil && (answer.run != r.id || answer.piece != uint32(p)) {
		err = fmt.Errorf("%w: result is about another piece", ErrFrame)
	}
	var o *guest.Outcomes
	if err == nil && answer.class == classDone {
		if o, err = answer.outcomes(); err == nil && (o.First != r.b.Rows.First+uint64(it.first) || o.N != it.n || o.Width != r.b.Skeleton.Width) {
			err = fmt.Errorf("%w: result has %d slots of %d qubits from %d", ErrFrame, o.N, o.Width, o.First)
		}
	}
	switch {
	case err != nil:
		// A member that answers rubbish gets no more work in this run.
		r.strangers[id] = err.Error()
		if w := r.workers[id]; w != nil {
			r.drop(w)
		}
		return r.failed(p, id, err.Error())
	case answer.class == classBatch:
		return fmt.Errorf("fleet: worker %s: %s: %w", id, answer.detail, backends.ErrBatch)
	case answer.class == classUnsupported:
		return fmt.Errorf("fleet: worker %s: %s: %w", id, answer.detail, backends.ErrUnsupported)
	case answer.class == classTooLarge:
		return fmt.Errorf("fleet: worker %s: %s: %w", id, answer.detail, backends.ErrTooLarge)
	case answer.class == classFailed:
		return r.failed(p, id, answer.detail)
	}
	if it.done != nil {
		if !bytes.Equal(it.done.Rows, o.Rows) || !bytes.Equal(it.done.Present, o.Present) {
			return fmt.Errorf("fleet: slots %d to %d by worker %s and by worker %s: %w", o.First, o.First+uint64(o.N), it.by, id, ErrDisagree)
		}
		return nil
	}
	it.done, it.by = o, id
	if r.f.cfg.Observer != nil {
		r.f.cfg.Observer.Chunk(r.f.cfg.Now().Sub(it.sent))
	}
	it.holders = slices.DeleteFunc(it.holders, func(h string) bool { return h == id })
	return nil
}

func (r *run) failed(p int, id, detail string) error {
	it := &r.pieces[p]
	it.failures = append(it.failures, id[:min(8, len(id))]+": "+detail)
	if it.done == nil && len(it.failures) >= tries {
		return fmt.Errorf("fleet: slots from %d failed %d times (%s): %w", it.first, tries, strings.Join(it.failures, "; "), backends.ErrUnavailable)
	}
	r.release(p, id)
	return nil
}

// dispatch gives every worker with credit its next piece.
func (r *run) dispatch() error {
	if len(r.workers) == 0 {
		return nil
	}
	if r.pieces == nil {
		r.cut(len(r.workers))
	}
	ids := make([]string, 0, len(r.workers))
	for id := range r.workers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for held := range credits {
		for _, id := range ids {
			w := r.workers[id]
			if len(w.holds) > held {
				continue
			}
			p := r.choose(w)
			if p < 0 {
				continue
			}
			if err := r.send(w, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// choose picks the next piece for a worker: one that waits, else one that another worker
// has had for longer than the budget.
func (r *run) choose(w *member) int {
	for len(r.waiting) > 0 {
		p := r.waiting[0]
		r.waiting = r.waiting[1:]
		if r.pieces[p].done == nil {
			return p
		}
	}
	for p := r.next; p < len(r.pieces); p++ {
		it := &r.pieces[p]
		if it.done == nil && len(it.holders) == 1 && it.holders[0] != w.id && r.f.cfg.Now().Sub(it.sent) > r.f.cfg.Budget {
			return p
		}
	}
	return -1
}

// cut makes pieces: about four for each worker, within a message.
func (r *run) cut(workers int) {
	n := r.b.Rows.N
	size := r.f.cfg.Slots
	if size == 0 {
		size = max((n+4*workers-1)/(4*workers), 64)
	}
	size = max(min(size, (r.payload-workHead)/r.rowSize()), 1)
	for first := 0; first < n; first += size {
		r.waiting = append(r.waiting, len(r.pieces))
		r.pieces = append(r.pieces, piece{first: first, n: min(size, n-first)})
	}
}

func (r *run) send(w *member, p int) error {
	it, rows := &r.pieces[p], r.b.Rows
	item := &work{
		head: r.head, run: r.id, piece: uint32(p), first: rows.First + uint64(it.first), rows: uint32(it.n), elem: uint8(rows.ElemSize),
		data: rows.Data[it.first*r.rowSize():][:it.n*r.rowSize()],
	}
	it.sent = r.f.cfg.Now()
	it.holders = append(it.holders, w.id)
	w.holds = append(w.holds, p)
	reply := r.inbox + ".done." + strconv.Itoa(p) + "." + w.id
	if err := r.f.cfg.Conn.PublishRequest(r.subjects.worker(w.id), reply, item.encode()); err != nil {
		return fmt.Errorf("fleet: send slots from %d to worker %s: %w", it.first, w.id, err)
	}
	return nil
}

// flush hands over what is complete from the front.
func (r *run) flush(ctx context.Context) error {
	for r.next < len(r.pieces) && r.pieces[r.next].done != nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		o := r.pieces[r.next].done
		r.next++
		if err := r.emit(o); err != nil {
			return err
		}
	}
	return nil
}
