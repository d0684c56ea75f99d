package queue

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Bounds of a pass.
const (
	maxClasses = 256 // kinds of jobs that are looked at
	slack      = 16  // jobs of a class beyond the waiting providers, for exclusions
)

// Match gives each waiting provider its open offer, or matches it: one pass of
// economics.Assign over what waits, in the order of the policy's weights, with
// the beacon value as seed. The answer is by place in waiting; nil means none,
// for the reason that is recorded.
func Match(t *store.Tx, term *epoch.Term, waiting []digest.Digest, entropy io.Reader) ([]*LeaseRow, error) {
	out := make([]*LeaseRow, len(waiting))
	var rows []*registry.Row
	var staked []aicf.Amount
	known, err := registry.FindAll(t, waiting)
	if err != nil {
		return nil, err
	}
	bonded, err := registry.StakedAll(t, waiting)
	if err != nil {
		return nil, err
	}
	for i, id := range waiting {
		r := known[id]
		if r == nil || slices.Index(waiting, id) < i {
			continue
		}
		if out[i], err = openOffer(t, r); err != nil {
			return nil, err
		}
		if out[i] != nil {
			continue
		}
		s := bonded[id]
		if reason := registry.First(r, s, term, t.NowMS()); reason != "" {
			if err := registry.Note(t, r, reason); err != nil {
				return nil, err
			}
			continue
		}
		rows, staked = append(rows, r), append(staked, s)
	}
	given := map[digest.Digest]*LeaseRow{}
	if len(rows) > 0 {
		if given, err = pass(t, term, rows, staked, entropy); err != nil {
			return nil, err
		}
	}
	for i, id := range waiting {
		if l := given[id]; l != nil {
			out[i] = l
		} else if first := slices.Index(waiting, id); first < i { // asks twice at once
			out[i] = out[first]
		}
	}
	return out, nil
}

// openOffer is the provider's offer while it has not lapsed.
func openOffer(t *store.Tx, r *registry.Row) (*LeaseRow, error) {
	if r.OfferID.IsZero() {
		return nil, nil
	}
	l, err := FindLease(t, r.OfferID)
	if err != nil {
		return nil, err
	}
	if l.State == aicf.LeaseOffered && l.ExpiresMS > t.NowMS() {
		return l, nil
	}
	if l.State == aicf.LeaseOffered {
		if err := Lapse(t, l); err != nil {
			return nil, err
		}
		r.Running--
	}
	r.OfferID = digest.Digest{}
	_, err = t.Exec("UPDATE provider SET offer_id = NULL WHERE id = ? AND offer_id = ?", r.ID, l.ID)
	return nil, err
}

// candidate is what a pass needs of a job.
type candidate struct {
	_           struct{}      `db:"job"`
	Seq         uint64        `db:"seq"`
	ID          digest.Digest `db:"id"`
	Class       string        `db:"class"`
	Priority    uint64        `db:"priority"`
	Payable     uint64        `db:"payable"`
	Units       uint64        `db:"units"`
	Escrow      aicf.Amount   `db:"escrow"`
	Attempt     uint64        `db:"attempt"`
	Policy      digest.Digest `db:"policy"`
	SubmittedMS int64         `db:"submitted_ms"`
	ExpiresMS   int64         `db:"expires_ms"`
	LeaseID     digest.Digest `db:"lease_id"` // of the attempt before
}

// classes lists the kinds of jobs that are queued, by index seeks.
func classes(t *store.Tx) (out []string, err error) {
	last := ""
	for first := true; len(out) < maxClasses; first = false {
		q := "SELECT class FROM job WHERE state = 'queued' AND class > ? ORDER BY class LIMIT 1"
		if first {
			q = "SELECT class FROM job WHERE state = 'queued' AND class >= ? ORDER BY class LIMIT 1"
		}
		switch err := t.Scan(q, []any{last}, &last); {
		case errors.Is(err, store.ErrNone):
			return out, nil
		case err != nil:
			return nil, err
		}
		out = append(out, last)
	}
	return out, nil
}

// heads are the limits of head's statements. SQLite plans a statement anew for each value of
// a limit that is a parameter.
var heads = []int{slack + 1, slack + 8, slack + 32, slack + 64}

// head is the first n queued jobs of a class.
func head(t *store.Tx, class string, n int) ([]candidate, error) {
	most := n
	if i := slices.IndexFunc(heads, func(h int) bool { return h >= n }); i >= 0 {
		most = heads[i]
	}
	list, err := store.Select[candidate](t, fmt.Sprintf("WHERE state = 'queued' AND class = ? ORDER BY priority DESC, seq LIMIT %d", most), class)
	return list[:min(n, len(list))], err
}

func fitsClass(r *registry.Row, class string, runners map[digest.Digest]bool) string {
	plain, sealed := strings.CutSuffix(class, sealedClass)
	region, algorithm, _ := strings.Cut(plain, "|")
	switch {
	case sealed && !runners[r.ID]:
		return registry.FilterRunner
	case region != "" && !slices.Contains(r.RegionList(), region):
		return registry.FilterRegion
	case algorithm != "" && !slices.Contains(r.AlgorithmList(), algorithm):
		return registry.FilterAlgorithm
	}
	return ""
}

// enrolled are the rows with a runner that lives, looked up only where some class wants
// one.
func enrolled(t *store.Tx, classes []string, rows []*registry.Row) (map[digest.Digest]bool, error) {
	if !slices.ContainsFunc(classes, func(c string) bool { return strings.HasSuffix(c, sealedClass) }) {
		return nil, nil
	}
	out := map[digest.Digest]bool{}
	for _, r := range rows {
		runner, err := registry.RunnerOf(t, r.ID, t.NowMS())
		if err != nil {
			return nil, err
		}
		out[r.ID] = runner != nil
	}
	return out, nil
}

// pass matches rows, which passed the provider's filters.
func pass(t *store.Tx, term *epoch.Term, rows []*registry.Row, staked []aicf.Amount, entropy io.Reader) (map[digest.Digest]*LeaseRow, error) {
	all, err := classes(t)
	if err != nil {
		return nil, err
	}
	runners, err := enrolled(t, all, rows)
	if err != nil {
		return nil, err
	}
	reasons := map[digest.Digest]string{}
	jobs := map[string]*candidate{}
	var order []*candidate
	for _, class := range all {
		if !slices.ContainsFunc(rows, func(r *registry.Row) bool {
			no := fitsClass(r, class, runners)
			if no != "" && reasons[r.ID] == "" {
				reasons[r.ID] = no
			}
			return no == ""
		}) {
			continue
		}
		list, err := head(t, class, len(rows)+slack)
		if err != nil {
			return nil, err
		}
		for i := range list {
			if list[i].ExpiresMS > t.NowMS() {
				jobs[list[i].ID.String()] = &list[i]
				order = append(order, &list[i])
			}
		}
	}
	a, err := assign(t, term, rows, staked, runners, jobs, order, reasons)
	if err != nil {
		return nil, err
	}
	given, named := map[digest.Digest]*LeaseRow{}, map[string]*registry.Row{}
	for _, r := range rows {
		named[r.ID.String()] = r
	}
	var offers []LeaseRow
	var taken []*candidate
	var holders []*registry.Row
	for _, pair := range a.Assignments {
		r := named[pair.ProviderID]
		l, err := offer(t, term, r, jobs[pair.TaskID], entropy)
		if err != nil {
			return nil, err
		}
		offers, taken, holders = append(offers, *l), append(taken, jobs[pair.TaskID]), append(holders, r)
	}
	if err := offered(t, offers, taken, holders); err != nil {
		return nil, err
	}
	for i := range offers {
		given[offers[i].Provider] = &offers[i]
	}
	for _, r := range rows {
		if given[r.ID] != nil {
			continue
		}
		reason := reasons[r.ID]
		if reason == "" {
			reason = registry.FilterNoJob
			if len(order) > 0 {
				reason = registry.FilterOutbid
			}
		}
		if err := registry.Note(t, r, reason); err != nil {
			return nil, err
		}
	}
	return given, nil
}

// assign runs the pure rule. reasons gets the last job filter that kept each
// provider from a job.
func assign(t *store.Tx, term *epoch.Term, rows []*registry.Row, staked []aicf.Amount, runners map[digest.Digest]bool, jobs map[string]*candidate, order []*candidate, reasons map[digest.Digest]string) (*economics.Assignment, error) {
	excluded := map[digest.Digest]map[digest.Digest]bool{}
	for _, c := range order {
		if c.Attempt == 0 {
			continue
		}
		list, err := store.Select[exclusion](t, "WHERE job_id = ?", c.ID)
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			if excluded[c.ID] == nil {
				excluded[c.ID] = map[digest.Digest]bool{}
			}
			excluded[c.ID][e.Provider] = true
		}
	}
	providers := make([]economics.Provider, len(rows))
	for i, r := range rows {
		providers[i] = economics.Provider{ID: r.ID.String(), Stake: uint64(staked[i]), Health: new(big.Rat).SetFrac64(int64(r.HealthPPM), 1_000_000), Caps: []string{"quantum"}, Quota: 1,
			Fits: func(j *economics.Job) string {
				no := fits(term, r, jobs[j.TaskID], runners, excluded)
				if no != "" {
					reasons[r.ID] = no
				}
				return no
			}}
	}
	return economics.Assign(economics.AssignmentSeed(term.Value, term.Policy.Assignment.FairnessShuffleRounds), providers, weighted(term, order, t.NowMS()))
}

func fits(term *epoch.Term, r *registry.Row, c *candidate, runners map[digest.Digest]bool, excluded map[digest.Digest]map[digest.Digest]bool) string {
	if no := fitsClass(r, c.Class, runners); no != "" {
		return no
	}
	switch {
	case excluded[c.ID][r.ID]:
		return registry.FilterExcluded
	case r.UnitsIn(term.Epoch)+c.Payable > term.Policy.Quotas.UnitsPerEpochMax.Quantum:
		return registry.FilterUnits
	case r.MinPricePPM > 0 && c.Payable*1_000_000 < c.Units*r.MinPricePPM:
		return registry.FilterPrice
	}
	return ""
}

type exclusion struct {
	_        struct{}      `db:"excluded"`
	Job      digest.Digest `db:"job_id"`
	Provider digest.Digest `db:"provider_id"`
}

// weighted ranks jobs: priority/9, price over the highest price, and age over
// the time to live, each times its weight.
func weighted(term *epoch.Term, order []*candidate, nowMS int64) []economics.Job {
	highest := aicf.Amount(1)
	for _, c := range order {
		highest = max(highest, c.Escrow)
	}
	w := term.Policy.Assignment.Weights
	weight := func(d aicf.Decimal, num, den int64) *big.Rat {
		return new(big.Rat).Mul(new(big.Rat).SetFrac64(int64(d), aicf.Nano), new(big.Rat).SetFrac64(num, max(1, den)))
	}
	out := make([]economics.Job, len(order))
	for i, c := range order {
		p := weight(w.Priority, int64(c.Priority), maxPriority)
		p.Add(p, weight(w.Fee, int64(c.Escrow), int64(highest)))
		p.Add(p, weight(w.Age, nowMS-c.SubmittedMS, c.ExpiresMS-c.SubmittedMS))
		out[i] = economics.Job{TaskID: c.ID.String(), Kind: "quantum", Priority: p}
	}
	return out
}

// Columns of what a pass writes into jobs and providers.
var (
	takenColumns = []store.Column{{Name: "seq", Type: "{int}"}, {Name: "was", Type: "{int}"}, {Name: "fence", Type: "{int}"}, {Name: "provider", Type: "{bytes}"}, {Name: "lease", Type: "{bytes}"}}
	heldColumns  = []store.Column{{Name: "id", Type: "{bytes}"}, {Name: "lease", Type: "{bytes}"}, {Name: "running", Type: "{int}"}, {Name: "epoch", Type: "{int}"}, {Name: "units", Type: "{int}"}}
)

// stillQueued is job.state = 'queued' as a check only: PostgreSQL, which believes that few
// jobs are queued until it has counted them, would otherwise walk the whole queue.
const stillQueued = "coalesce(job.state, '') = 'queued'"

// offered writes the leases of a pass, their jobs and holders, and their events.
func offered(t *store.Tx, offers []LeaseRow, taken []*candidate, holders []*registry.Row) error {
	jobs, providers := make([][]any, len(offers)), make([][]any, len(offers))
	for i := range offers {
		l, r := &offers[i], holders[i]
		jobs[i] = []any{l.JobSeq, taken[i].Attempt, l.Fence, l.Provider, l.ID}
		providers[i] = []any{r.ID, r.OfferID, r.Running, r.QuotaEpoch, r.QuotaUnits}
	}
	n, err := t.UpdateAll(takenColumns, " job SET state = 'offered', attempt = v.fence, provider_id = v.provider, lease_id = v.lease FROM v WHERE job.seq = v.seq AND "+stillQueued+" AND job.attempt = v.was", jobs)
	if err != nil {
		return err
	}
	if n != int64(len(jobs)) {
		return aicf.Refuse(aicf.Conflict, "%d of %d jobs are not queued any more", int64(len(jobs))-n, len(jobs))
	}
	if _, err := t.UpdateAll(heldColumns, " provider SET offer_id = v.lease, running = v.running, quota_epoch = v.epoch, quota_units = v.units, reason = '' FROM v WHERE provider.id = v.id", providers); err != nil {
		return err
	}
	if err := store.InsertAll(t, offers); err != nil {
		return err
	}
	return t.AppendAll(len(offers), func(i int) store.Note {
		l := &offers[i]
		t.Became("job", l.JobID, string(aicf.Offered))
		t.Became("lease", l.ID, string(aicf.LeaseOffered))
		return l.note(aicf.EvOffered, offerInfo{hex.EncodeToString(l.Beacon), l.ExpiresMS, l.Round, l.Units})
	})
}

// offerInfo is what the event of an offer says.
type offerInfo struct {
	Beacon    string `json:"beacon"`
	ExpiresMS int64  `json:"expires_ms"`
	Round     uint64 `json:"round"`
	Units     uint64 `json:"units"`
}

// offer makes the lease of an assignment, which its caller writes.
func offer(t *store.Tx, term *epoch.Term, r *registry.Row, c *candidate, entropy io.Reader) (*LeaseRow, error) {
	l := &LeaseRow{JobSeq: c.Seq, JobID: c.ID, Provider: r.ID, Fence: c.Attempt + 1, State: aicf.LeaseOffered, Round: term.ValueRound, Beacon: term.Value, OfferedMS: t.NowMS(),
		TTLMS: int64(term.Rules.LeaseTTLMS), ExpiresMS: t.NowMS() + int64(term.Rules.OfferTTLMS), Units: c.Payable}
	var err error
	if l.ID, err = transcript.LeaseID(term.ChainID, l.JobID, l.Provider, l.Fence); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(entropy, l.Nonce[:]); err != nil {
		return nil, err
	}
	_, shares, err := Price(term.Policy, c.Payable)
	if err != nil {
		return nil, err
	}
	l.Pay = aicf.Amount(shares.Provider)
	r.OfferID, r.Running, r.QuotaUnits, r.QuotaEpoch = l.ID, r.Running+1, r.UnitsIn(term.Epoch)+l.Units, term.Epoch
	return l, nil
}
