package network

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// replay is what the event log says, read once from its start.
type replay struct {
	head     digest.Digest
	events   uint64
	broken   string // gap or wrong hash
	unfinal  string // a final state that changed
	balances map[store.Account]aicf.Amount
	states   map[string]map[digest.Digest]string
}

// finals are the states that never change, by what has them.
var finals = map[string][]string{
	"job":   {string(aicf.Completed), string(aicf.Failed), string(aicf.Expired), string(aicf.Cancelled)},
	"lease": {string(aicf.LeaseCompleted), string(aicf.LeaseRejected), string(aicf.LeaseReleased), string(aicf.LeaseLapsed), string(aicf.LeaseTimedOut)},
	"slash": {string(aicf.SlashExecuted), string(aicf.SlashReversed)}, "claim": {string(aicf.ClaimPaid), string(aicf.ClaimRefused)},
	"payout": {string(aicf.PayoutPaid), string(aicf.PayoutFailed)},
}

// replayPage is how many events are read at once.
const replayPage = 1000

func replayAll(t *store.Tx) (*replay, error) {
	r := &replay{balances: map[store.Account]aicf.Amount{}, states: map[string]map[digest.Digest]string{}}
	for {
		list, err := store.Events(t, r.events, replayPage)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if err := r.add(&list[i]); err != nil {
				return nil, err
			}
		}
		if len(list) < replayPage {
			return r, nil
		}
	}
}

func (r *replay) add(e *aicf.Event) error {
	r.events++
	h, err := store.EventHash(e, r.head)
	if err != nil {
		return err
	}
	if (e.Seq != r.events || h != e.Hash) && r.broken == "" {
		r.broken = fmt.Sprintf("event %d is number %d of the log, with hash %s instead of %s", e.Seq, r.events, e.Hash, h)
	}
	r.events, r.head = e.Seq, e.Hash
	var d store.Data
	if err := json.Unmarshal(e.Data, &d); err != nil {
		return fmt.Errorf("event %d: %w", e.Seq, err)
	}
	for _, m := range d.Moves {
		r.balances[m.From] -= m.Amount
		r.balances[m.To] += m.Amount
	}
	for _, c := range d.States {
		if r.states[c.Of] == nil {
			r.states[c.Of] = map[digest.Digest]string{}
		}
		old := r.states[c.Of][c.ID]
		if slices.Contains(finals[c.Of], old) && old != c.To && r.unfinal == "" {
			r.unfinal = fmt.Sprintf("event %d makes %s %s %s, which was %s", e.Seq, c.Of, c.ID, c.To, old)
		}
		r.states[c.Of][c.ID] = c.To
	}
	return nil
}

func (s *Service) checkFinal(_ *store.Tx, _ *epoch.Term, r *replay) error {
	if r.unfinal != "" {
		return breachf("%s", r.unfinal)
	}
	return nil
}

type balanceRow struct {
	_       struct{}      `db:"account"`
	Owner   digest.Digest `db:"owner"`
	Kind    string        `db:"kind"`
	Debits  aicf.Amount   `db:"debits"`
	Credits aicf.Amount   `db:"credits"`
}

// stateTables are where states lie.
var stateTables = map[string]string{"job": "job", "lease": "lease", "provider": "provider", "slash": "slash", "payout": "payout", "claim": "claim_line"}

func (s *Service) checkReplay(t *store.Tx, _ *epoch.Term, r *replay) error {
	seq, hash := t.Head()
	if r.broken != "" {
		return breachf("%s", r.broken)
	}
	if seq != r.events || hash != r.head {
		return breachf("the log ends with event %d, the head says %d", r.events, seq)
	}
	rows, err := store.Select[balanceRow](t, "")
	if err != nil {
		return err
	}
	for _, b := range rows {
		a := store.Account{Owner: b.Owner, Kind: b.Kind}
		if r.balances[a] != b.Credits-b.Debits {
			return breachf("account %s of %s has %d, the log says %d", b.Kind, b.Owner, b.Credits-b.Debits, r.balances[a])
		}
		delete(r.balances, a)
	}
	if len(r.balances) > 0 {
		return breachf("the log moves %d accounts that do not exist", len(r.balances))
	}
	for of, table := range stateTables {
		columns := "id, state"
		if of == "claim" { // the log does not say yet what a settlement in progress has written
			columns = "claim, CASE WHEN state = 'claimable' AND " + settle.Untold + " THEN 'accrued' ELSE state END"
		}
		n := 0
		err := store.Pairs(t, "SELECT "+columns+" FROM "+table, func(id digest.Digest, state string) error {
			n++
			if want := r.states[of][id]; want != state {
				return breachf("%s %s is %s, the log says %q", of, id, state, want)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if n != len(r.states[of]) {
			return breachf("%d rows of %s, the log knows %d", n, table, len(r.states[of]))
		}
	}
	return nil
}

// stateHash is a hash of balances and states that is equal on both engines.
func stateHash(t *store.Tx) (digest.Digest, error) {
	var b bytes.Buffer
	rows, err := store.Select[balanceRow](t, "ORDER BY owner, kind")
	if err != nil {
		return digest.Digest{}, err
	}
	slices.SortFunc(rows, func(x, y balanceRow) int { // collations differ
		if c := bytes.Compare(x.Owner[:], y.Owner[:]); c != 0 {
			return c
		}
		return bytes.Compare([]byte(x.Kind), []byte(y.Kind))
	})
	for _, r := range rows {
		fmt.Fprintf(&b, "%s %s %d %d\n", r.Owner, r.Kind, r.Debits, r.Credits)
	}
	for _, table := range []string{"job", "lease", "provider", "slash", "payout"} {
		if err := store.Pairs(t, "SELECT id, state FROM "+table+" ORDER BY id", func(id digest.Digest, state string) error {
			_, err := fmt.Fprintf(&b, "%s %s %s\n", table, id, state)
			return err
		}); err != nil {
			return digest.Digest{}, err
		}
	}
	return digest.Sum(b.Bytes()), nil
}

func (s *Service) checkQuota(t *store.Tx, term *epoch.Term, _ *replay) error {
	var most uint64
	if err := t.Scan("SELECT coalesce(max(running), 0) FROM provider", nil, &most); err != nil {
		return err
	}
	bound := uint64(0) // policies change while leases run: the widest counts
	if err := s.cal.Each(t, func(p *aicf.Policy) { bound = max(bound, p.Quotas.LeasesMaxConcurrent.Quantum) }); err != nil {
		return err
	}
	if most > bound {
		return breachf("a provider runs %d leases, the policies allow %d", most, bound)
	}
	return nil
}

func (s *Service) checkSlashes(t *store.Tx, term *epoch.Term, _ *replay) error {
	rows, err := store.Select[epoch.Row](t, "WHERE slashed > 0")
	if err != nil {
		return err
	}
	for _, e := range rows {
		p, err := s.cal.PolicyOf(t, e.Policy)
		if err != nil {
			return err
		}
		if bound := aicf.Amount(p.Slashing.Bounds.MaxPenaltyPerEpoch); e.Slashed > bound {
			return breachf("epoch %d slashed %d, the bound is %d", e.Number, e.Slashed, bound)
		}
	}
	return nil
}

// checkBatches recomputes root and batch of settled epochs from their lines.
func (s *Service) checkBatches(t *store.Tx, _ *epoch.Term, _ *replay) error {
	rows, err := store.Select[epoch.Row](t, "WHERE state = 'settled' ORDER BY number")
	if err != nil {
		return err
	}
	for i := range rows {
		root, batch, err := settle.Recompute(t, &rows[i])
		if err != nil {
			return err
		}
		if root != rows[i].Root || batch != rows[i].Batch {
			return breachf("epoch %d has root %s, its lines give %s", rows[i].Number, rows[i].Root, root)
		}
	}
	return nil
}

// checkPrices prices every line again by its policy.
func (s *Service) checkPrices(t *store.Tx, _ *epoch.Term, _ *replay) error {
	for after := uint64(0); ; {
		lines, err := store.Select[settle.Line](t, "WHERE seq > ? ORDER BY seq LIMIT ?", after, replayPage)
		if err != nil || len(lines) == 0 {
			return err
		}
		for _, l := range lines {
			after = l.Seq
			p, err := s.cal.PolicyOf(t, l.Policy)
			if errors.Is(err, store.ErrNone) {
				return breachf("the policy %s of job %s is gone", l.Policy, l.Job)
			} else if err != nil {
				return err
			}
			gross, shares, err := queue.Price(p, l.Payable)
			if err != nil {
				return err
			}
			if gross != l.Gross || [3]aicf.Amount{aicf.Amount(shares.Provider), aicf.Amount(shares.Treasury), aicf.Amount(shares.Miner)} != [3]aicf.Amount{l.Share, l.Treasury, l.Miner} {
				return breachf("job %s was priced %d, its policy says %d", l.Job, l.Gross, gross)
			}
		}
	}
}
