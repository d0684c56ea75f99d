package settle

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Take marks at most limit accrued lines of an epoch, or of one before it, as taken by its
// settlement, in their order behind line after. A line that is taken can be held and refused
// no more. It returns the last line that it looked at, 0 when none is behind it. A line that
// is freed behind the last waits for the next epoch. An epoch that is settled takes nothing.
func Take(t *store.Tx, number, after uint64, limit int) (last uint64, err error) {
	const open = "state = 'accrued' AND settled = 0 AND epoch <= ? AND seq > ?"
	var state aicf.EpochState
	if err := t.Scan("SELECT state FROM epoch WHERE number = ?", []any{number}, &state); err != nil || state != aicf.EpochOpen {
		return 0, err
	}
	err = t.Scan("SELECT seq FROM claim_line WHERE "+open+" ORDER BY seq LIMIT 1 OFFSET ?", []any{number, after, limit - 1}, &last)
	if errors.Is(err, store.ErrNone) {
		_, err = t.Exec("UPDATE claim_line SET settled = ? WHERE "+open, number+1, number, after)
		return 0, err
	} else if err != nil {
		return 0, err
	}
	_, err = t.Exec("UPDATE claim_line SET settled = ? WHERE "+open+" AND seq <= ?", number+1, number, after, last)
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
	return sum(t, number, "WHERE state = 'accrued' AND +settled = ? ORDER BY seq") // along claim_open: nothing is sorted
}

func sum(t *store.Tx, number uint64, clause string) (*Sums, error) {
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
	}, clause, number+1)
	s.root = tree.Root()
	return s, err
}

// settledUpto is the number behind the newest settled epoch: lines that name it, or less, in
// settled are paid.
func settledUpto(t *store.Tx) (n uint64, err error) {
	err = t.Scan("SELECT number + 1 FROM epoch WHERE state = 'settled' ORDER BY number DESC LIMIT 1", nil, &n)
	if errors.Is(err, store.ErrNone) {
		return 0, nil
	}
	return n, err
}

// untold adds to the number of settled lines whose own event is not written.
func untold(t *store.Tx, lines uint64) error {
	if lines == 0 {
		return nil
	}
	_, err := t.Exec("INSERT INTO tally (name, n) VALUES ('untold_lines', ?) ON CONFLICT (name) DO UPDATE SET n = tally.n + excluded.n", lines)
	return err
}

// toldRow is what of a line its event says.
type toldRow struct {
	_        struct{}      `db:"claim_line"`
	Seq      uint64        `db:"seq"`
	Claim    digest.Digest `db:"claim"`
	Job      digest.Digest `db:"job_id"`
	Lease    digest.Digest `db:"lease_id"`
	Provider digest.Digest `db:"provider_id"`
	Settled  uint64        `db:"settled"`
	Share    aicf.Amount   `db:"provider"`
}

// Tell writes state and event of at most limit lines of settled epochs, and returns of how
// many.
func Tell(t *store.Tx, limit int) (int, error) {
	var left int64
	if err := t.Scan("SELECT n FROM tally WHERE name = 'untold_lines'", nil, &left); errors.Is(err, store.ErrNone) || err == nil && left == 0 {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	upto, err := settledUpto(t)
	if err != nil {
		return 0, err
	}
	rows, err := store.Select[toldRow](t, "WHERE state = 'accrued' AND +settled > 0 AND +settled <= ? ORDER BY seq LIMIT ?", upto, limit)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if _, err := t.Exec("UPDATE claim_line SET state = 'claimable' WHERE state = 'accrued' AND +settled > 0 AND +settled <= ? AND seq <= ?", upto, rows[len(rows)-1].Seq); err != nil {
		return 0, err
	}
	return len(rows), tell(t, rows)
}

// tellOf is Tell for the lines of a provider in a settled epoch.
func tellOf(t *store.Tx, provider digest.Digest, number uint64) error {
	rows, err := store.Select[toldRow](t, "WHERE settled = ? AND provider_id = ? AND state = 'accrued' ORDER BY seq", number+1, provider)
	if err != nil || len(rows) == 0 {
		return err
	}
	if _, err := t.Exec("UPDATE claim_line SET state = 'claimable' WHERE settled = ? AND provider_id = ? AND state = 'accrued'", number+1, provider); err != nil {
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
		return store.Note{Type: aicf.EvSettled, Provider: l.Provider, Job: l.Job, LeaseID: l.Lease, Info: settledInfo{l.Settled - 1, l.Share}}
	})
}
