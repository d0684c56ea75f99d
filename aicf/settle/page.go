package settle

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// taken is the state of a line between Take and Tell. It is the row's alone: in the log the
// line has accrued until Tell says that it is claimable, and readers see one or the other
// (see read). All taken lines are of one epoch: while some are untold of the newest settled
// one, else of the oldest open one.
const taken aicf.ClaimState = "taken"

// Take takes at most limit accrued lines of an epoch that is over, or of one before it, in
// their order behind line after. A line that is taken can be held and refused no more. It
// returns the last line that it looked at, 0 when none is behind it; a line that is freed
// behind the last waits for the next epoch. An epoch that is settled takes nothing, nor one
// while lines of the epoch before are untold.
func Take(t *store.Tx, number, after uint64, limit int) (last uint64, err error) {
	const open = "state = 'accrued' AND epoch <= ? AND seq > ?"
	var state aicf.EpochState
	if err := t.Scan("SELECT state FROM epoch WHERE number = ?", []any{number}, &state); err != nil || state != aicf.EpochOpen {
		return 0, err
	}
	if left, err := untold(t); err != nil || left > 0 {
		return 0, err
	}
	err = t.Scan("SELECT seq FROM claim_line WHERE "+open+" ORDER BY seq LIMIT 1 OFFSET ?", []any{number, after, limit - 1}, &last)
	if errors.Is(err, store.ErrNone) {
		_, err = t.Exec("UPDATE claim_line SET state = 'taken', settled = ? WHERE "+open, number+1, number, after)
		return 0, err
	} else if err != nil {
		return 0, err
	}
	_, err = t.Exec("UPDATE claim_line SET state = 'taken', settled = ? WHERE "+open+" AND seq <= ?", number+1, number, after, last)
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
	return sum(t, number, "WHERE state = 'taken' ORDER BY seq")
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

// untold is the number of lines of the newest settled epoch whose own state and event are
// not written.
func untold(t *store.Tx) (n uint64, err error) {
	err = t.Scan("SELECT n FROM tally WHERE name = 'untold_lines'", nil, &n)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return n, err
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

// Tell writes state and event of at most limit lines of a settled epoch, in their order
// behind line after. It returns the last line that it wrote, 0 when none is behind it.
func Tell(t *store.Tx, after uint64, limit int) (last uint64, err error) {
	if left, err := untold(t); err != nil || left == 0 {
		return 0, err
	}
	rows, err := store.Select[toldRow](t, "WHERE state = 'taken' AND seq > ? ORDER BY seq LIMIT ?", after, limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	last = rows[len(rows)-1].Seq
	if _, err := t.Exec("UPDATE claim_line SET state = 'claimable' WHERE state = 'taken' AND seq > ? AND seq <= ?", after, last); err != nil {
		return 0, err
	}
	if err := tell(t, rows); err != nil || len(rows) < limit {
		return 0, err
	}
	return last, nil
}

// tellOf is Tell for the lines of a provider in a settled epoch.
func tellOf(t *store.Tx, provider digest.Digest, number uint64) error {
	rows, err := store.Select[toldRow](t, "WHERE settled = ? AND provider_id = ? AND state = 'taken' ORDER BY seq", number+1, provider)
	if err != nil || len(rows) == 0 {
		return err
	}
	if _, err := t.Exec("UPDATE claim_line SET state = 'claimable' WHERE settled = ? AND provider_id = ? AND state = 'taken'", number+1, provider); err != nil {
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
