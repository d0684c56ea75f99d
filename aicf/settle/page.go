package settle

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Take writes the state of a line once and for all, as claimable; from which moment on that
// counts, and what the log says meanwhile, is a matter of its epoch:
//
//	its epoch is open            the line counts as accrued, and the log says so
//	its epoch is settled         it is claimable; the log says so of those up to told_line
//
// told_line is a tally that counts while untold_lines is above 0.

// Unsettled selects, of claimable lines, those whose epoch is not settled yet.
const Unsettled = "settled > (SELECT coalesce(max(number), -1) + 1 FROM epoch WHERE state = 'settled')"

// Untold selects, of claimable lines, those of whom the log does not say it yet.
const Untold = "(" + Unsettled + " OR settled = (SELECT coalesce(max(number), -1) + 1 FROM epoch WHERE state = 'settled') AND seq > (SELECT coalesce(max(n), 0) FROM tally WHERE name = 'told_line')" +
	" AND 0 < (SELECT coalesce(max(n), 0) FROM tally WHERE name = 'untold_lines'))"

// Take takes at most limit accrued lines of an epoch that is over, or of one before it, in
// their order behind line after. A line that is taken can be held and refused no more. It
// returns the last line that it looked at, 0 when none is behind it; a line that is freed
// behind the last waits for the next epoch. An epoch that is settled takes nothing, nor one
// while lines of the epoch before are untold.
func Take(t *store.Tx, number, after uint64, limit int) (last uint64, err error) {
	const open = "state IN ('accrued', 'held') AND state = 'accrued' AND epoch <= ? AND seq > ?"
	var state aicf.EpochState
	if err := t.Scan("SELECT state FROM epoch WHERE number = ?", []any{number}, &state); err != nil || state != aicf.EpochOpen {
		return 0, err
	}
	if left, err := untold(t); err != nil || left > 0 {
		return 0, err
	}
	err = t.Scan("SELECT seq FROM claim_line WHERE "+open+" ORDER BY seq LIMIT 1 OFFSET ?", []any{number, after, limit - 1}, &last)
	if errors.Is(err, store.ErrNone) {
		_, err = t.Exec("UPDATE claim_line SET state = 'claimable', settled = ? WHERE "+open, number+1, number, after)
		return 0, err
	} else if err != nil {
		return 0, err
	}
	_, err = t.Exec("UPDATE claim_line SET state = 'claimable', settled = ? WHERE "+open+" AND seq <= ?", number+1, number, after, last)
	return last, err
}

// Sums are what the lines of an epoch add up to.
type Sums struct {
	Epoch  uint64
	claims uint64
	gross  aicf.Amount
	order  []digest.Digest // providers as they come
	parts  map[digest.Digest]*[3]aicf.Amount
	root   digest.Digest
}

// leafRow is what of a line its leaf and the sums say.
type leafRow struct {
	_         struct{}      `db:"claim_line"`
	Claim     digest.Digest `db:"claim"`
	Job       digest.Digest `db:"job_id"`
	Provider  digest.Digest `db:"provider_id"`
	Nullifier digest.Digest `db:"nullifier"`
	Payable   uint64        `db:"payable"`
	Gross     aicf.Amount   `db:"gross"`
	Share     aicf.Amount   `db:"provider"`
	Treasury  aicf.Amount   `db:"treasury"`
	Miner     aicf.Amount   `db:"miner"`
	Policy    digest.Digest `db:"policy"`
}

// Sum adds up the lines that the settlement of an open epoch has taken.
func Sum(t *store.Tx, number uint64) (*Sums, error) {
	return sum(t, number, "WHERE state = 'claimable' AND settled = ? ORDER BY seq", number+1)
}

func sum(t *store.Tx, number uint64, clause string, args ...any) (*Sums, error) {
	s := &Sums{Epoch: number, parts: map[digest.Digest]*[3]aicf.Amount{}}
	var tree transcript.Tree
	err := store.Each(t, func(l *leafRow) error {
		leaf, err := (&Line{Claim: l.Claim, Job: l.Job, Provider: l.Provider, Nullifier: l.Nullifier, Payable: l.Payable, Gross: l.Gross, Share: l.Share, Treasury: l.Treasury, Miner: l.Miner, Policy: l.Policy}).Leaf(number)
		if err != nil {
			return err
		}
		tree.Append(leaf)
		p := s.parts[l.Provider]
		if p == nil {
			p = &[3]aicf.Amount{}
			s.parts[l.Provider], s.order = p, append(s.order, l.Provider)
		}
		for k, v := range [3]aicf.Amount{l.Share, l.Treasury, l.Miner} {
			p[k] += v // each is at most what escrow held
		}
		s.claims++
		s.gross += l.Gross
		return nil
	}, clause, args...)
	s.root = tree.Root()
	return s, err
}

// untold is the number of lines of the newest settled epoch of which the log does not say
// that they are claimable.
func untold(t *store.Tx) (uint64, error) { return tally(t, "untold_lines") }

func tally(t *store.Tx, name string) (n uint64, err error) {
	err = t.Scan("SELECT n FROM tally WHERE name = ?", []any{name}, &n)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return n, err
}

// settled is the number of the newest settled epoch; ok is false when there is none.
func settled(t *store.Tx) (number uint64, ok bool, err error) {
	err = t.Scan("SELECT number FROM epoch WHERE state = 'settled' ORDER BY number DESC LIMIT 1", nil, &number)
	if errors.Is(err, store.ErrNone) {
		return 0, false, nil
	}
	return number, err == nil, err
}

// toldRow is what of a line its event says.
type toldRow struct {
	_        struct{}      `db:"claim_line"`
	Seq      uint64        `db:"seq"`
	Claim    digest.Digest `db:"claim"`
	JobSeq   uint64        `db:"job_seq"`
	Job      digest.Digest `db:"job_id"`
	Lease    digest.Digest `db:"lease_id"`
	Provider digest.Digest `db:"provider_id"`
	Settled  uint64        `db:"settled"`
	Share    aicf.Amount   `db:"provider"`
}

// Tell writes the events of at most limit lines of the newest settled epoch, in their order.
// It answers whether some may be left.
func Tell(t *store.Tx, limit int) (more bool, err error) {
	if left, err := untold(t); err != nil || left == 0 {
		return false, err
	}
	number, _, err := settled(t)
	if err != nil {
		return false, err
	}
	after, err := tally(t, "told_line")
	if err != nil {
		return false, err
	}
	rows, err := store.Select[toldRow](t, "WHERE state = 'claimable' AND settled = ? AND seq > ? ORDER BY seq LIMIT ?", number+1, after, limit)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	if _, err := t.Exec("UPDATE tally SET n = ? WHERE name = 'told_line'", rows[len(rows)-1].Seq); err != nil {
		return false, err
	}
	return len(rows) == limit, tell(t, rows)
}

// tellOf is Tell for the lines of a provider in a settled epoch. Its caller gives them
// another state, so that Tell passes them over.
func tellOf(t *store.Tx, provider digest.Digest, number uint64) error {
	if left, err := untold(t); err != nil || left == 0 {
		return err
	}
	if newest, ok, err := settled(t); err != nil || !ok || newest != number {
		return err
	}
	after, err := tally(t, "told_line")
	if err != nil {
		return err
	}
	rows, err := store.Select[toldRow](t, "WHERE settled = ? AND provider_id = ? AND state = 'claimable' AND seq > ? ORDER BY seq", number+1, provider, after)
	if err != nil || len(rows) == 0 {
		return err
	}
	return tell(t, rows)
}

// settledInfo is what the event of a settled line says.
type settledInfo struct {
	Epoch    uint64      `json:"epoch"`
	Provider aicf.Amount `json:"provider"`
}

func tell(t *store.Tx, rows []toldRow) error {
	if _, err := t.Exec("UPDATE tally SET n = n - ? WHERE name = 'untold_lines'", len(rows)); err != nil {
		return err
	}
	return t.AppendAll(len(rows), func(i int) store.Note {
		l := &rows[i]
		t.Became("claim", l.Claim, string(aicf.ClaimClaimable))
		return store.Note{Type: aicf.EvSettled, Provider: l.Provider, Job: l.Job, JobSeq: l.JobSeq, LeaseID: l.Lease, Info: settledInfo{l.Settled - 1, l.Share}}
	})
}
