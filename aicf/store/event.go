package store

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Move is a transfer as an event records it.
type Move struct {
	From   Account     `json:"from"`
	To     Account     `json:"to"`
	Amount aicf.Amount `json:"amount"`
	Reason string      `json:"reason"`
}

// Account names a balance.
type Account struct {
	Owner digest.Digest `json:"owner"`
	Kind  string        `json:"kind"`
}

// StateChange is a transition as an event records it.
type StateChange struct {
	Of string        `json:"of"` // job, lease, provider, claim, slash, payout
	ID digest.Digest `json:"id"`
	To string        `json:"to"`
}

// Note is an event without what the store adds.
type Note struct {
	Type                   string
	Provider, Job, LeaseID digest.Digest
	JobSeq                 uint64 // the job's number; 0: it is looked up
	Fence                  uint64
	Info                   any // JSON object; nil: none
}

// eventData is an event's data: enough to rebuild balances and states.
type eventData struct {
	Moves  []Move        `json:"moves,omitempty"`
	States []StateChange `json:"states,omitempty"`
	Info   any           `json:"info,omitempty"`
}

// Data is eventData as read back.
type Data struct {
	Moves  []Move          `json:"moves"`
	States []StateChange   `json:"states"`
	Info   json.RawMessage `json:"info"`
}

// Moved records a transfer for the next event; package ledger calls it. It
// returns the transfer's place.
func (t *Tx) Moved(m Move) (event uint64, pos int) {
	t.moves = append(t.moves, m)
	return t.Seq(), len(t.moves) - 1
}

// Became records a transition for the next event.
func (t *Tx) Became(of string, id digest.Digest, to string) {
	t.states = append(t.states, StateChange{of, id, to})
}

// EventHash is the hash of an event behind prev.
func EventHash(e *aicf.Event, prev digest.Digest) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/event").U64(1, e.Seq).U64(2, uint64(e.TSMS)).Text(3, e.Type).H32(4, digest.Sum(e.Data)).H32(5, prev).
		OptionalH32(6, e.ProviderID).OptionalH32(7, e.JobID).OptionalH32(8, e.LeaseID).U64(9, e.Fence).Sum()
}

// Append writes an event with the transfers and transitions since the one
// before.
func (t *Tx) Append(n Note) (*aicf.Event, error) {
	r, err := t.next(n)
	if err != nil {
		return nil, err
	}
	if err := Insert(t, r); err != nil {
		return nil, err
	}
	e := r.event()
	return &e, nil
}

// AppendAll writes n events, many in a statement. note is called for each in
// order, and may record transitions for it.
func (t *Tx) AppendAll(n int, note func(i int) Note) error {
	rows := make([]eventRow, 0, min(n, pageOfEvents))
	for i := range n {
		r, err := t.next(note(i))
		if err != nil {
			return err
		}
		if rows = append(rows, *r); len(rows) == cap(rows) || i == n-1 {
			if err := InsertAll(t, rows); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return nil
}

// pageOfEvents bounds what AppendAll holds.
const pageOfEvents = 1024

// next makes the row of the next event, which its caller writes.
func (t *Tx) next(n Note) (*eventRow, error) {
	data, err := json.Marshal(eventData{t.moves, t.states, n.Info})
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", n.Type, err)
	}
	e := &aicf.Event{Seq: t.Seq(), TSMS: t.now, Type: n.Type, ProviderID: n.Provider, JobID: n.Job, LeaseID: n.LeaseID, Fence: n.Fence, Data: data}
	if e.Hash, err = EventHash(e, t.head.hash); err != nil {
		return nil, fmt.Errorf("event %s: %w", n.Type, err)
	}
	if n.JobSeq == 0 && !n.Job.IsZero() {
		if err := t.Scan("SELECT seq FROM job WHERE id = ?", []any{n.Job}, &n.JobSeq); err != nil && !errors.Is(err, ErrNone) {
			return nil, err
		}
	}
	t.head.seq, t.head.hash, t.moves, t.states = e.Seq, e.Hash, nil, nil
	t.events++
	if t.keep {
		t.log = append(t.log, *e)
	}
	return &eventRow{Seq: e.Seq, TSMS: e.TSMS, Type: e.Type, Provider: e.ProviderID, Job: e.JobID, Lease: e.LeaseID, JobSeq: n.JobSeq, Fence: e.Fence, Data: string(data), Hash: e.Hash}, nil
}

type eventRow struct {
	_        struct{}      `db:"event"`
	Seq      uint64        `db:"seq"`
	TSMS     int64         `db:"ts_ms"`
	Type     string        `db:"type"`
	Provider digest.Digest `db:"provider_id"`
	Job      digest.Digest `db:"job_id"`
	Lease    digest.Digest `db:"lease_id"`
	JobSeq   uint64        `db:"job_seq"`
	Fence    uint64        `db:"fence"`
	Data     string        `db:"data"`
	Hash     digest.Digest `db:"hash"`
}

func (r *eventRow) event() aicf.Event {
	return aicf.Event{Seq: r.Seq, TSMS: r.TSMS, Type: r.Type, ProviderID: r.Provider, JobID: r.Job, LeaseID: r.Lease, Fence: r.Fence, Data: json.RawMessage(r.Data), Hash: r.Hash}
}

// Events reads at most limit events behind after, in order.
func Events(t *Tx, after uint64, limit int) ([]aicf.Event, error) {
	return events(Select[eventRow](t, "WHERE seq > ? ORDER BY seq LIMIT ?", after, limit))
}

// JobEvents reads the events of the job with a number in order.
func JobEvents(t *Tx, job uint64) ([]aicf.Event, error) {
	return events(Select[eventRow](t, "WHERE job_seq = ? AND job_seq > 0 ORDER BY seq", job))
}

func events(rows []eventRow, err error) ([]aicf.Event, error) {
	out := make([]aicf.Event, len(rows))
	for i := range rows {
		out[i] = rows[i].event()
	}
	return out, err
}
