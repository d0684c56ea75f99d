package web

import (
	"net/http"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// pageSize is how many rows a list shows.
const pageSize = 50

type overviewData struct {
	*aicf.Overview
	SettlesInMS int64 // until the epoch's last round ends, at the policy's pace
	Waiting     uint64
	Live        uint64
	Active      uint64
	All         uint64 // providers that are not retired
	Recent      []aicf.Job
	Events      []aicf.Event
}

func (s *site) overview(r *http.Request, v *view) (any, error) {
	o, err := s.Network.Overview(r.Context())
	if err != nil {
		return nil, err
	}
	d := &overviewData{Overview: o, SettlesInMS: int64((o.EpochRounds - min(o.RoundInEpoch, o.EpochRounds)) * o.RoundMS), Waiting: o.Queued + o.Delayed, Live: o.Offered + o.Leased + o.Verifying, Active: o.Providers[aicf.Active]}
	for state, n := range o.Providers {
		if state != aicf.Retired {
			d.All += n
		}
	}
	jobs, err := s.Network.Jobs(r.Context(), aicf.JobFilter{State: aicf.Completed, Newest: true, Limit: 30})
	if err != nil {
		return nil, err
	}
	d.Recent = jobs.Items
	d.Events, err = s.newestEvents(r, v.Head, 200, 12)
	return d, err
}

// newestEvents lists at most n of the last look events, heartbeats left out, newest first.
func (s *site) newestEvents(r *http.Request, head uint64, look, n int) (out []aicf.Event, err error) {
	list, err := s.Network.Events(r.Context(), head-min(head, uint64(look)), look)
	for _, e := range slices.Backward(list) {
		if len(out) < n && e.Type != aicf.EvHeartbeat && e.Type != aicf.EvRound {
			out = append(out, e)
		}
	}
	return out, err
}

type listData[T any] struct {
	Items []T
	Next  string // cursor of the following page; empty on the last
}

func (s *site) providers(r *http.Request, _ *view) (any, error) {
	var after digest.Digest
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if after, err = digest.Parse(text); err != nil {
			return nil, aicf.Refuse(aicf.SchemaError, "after: %v", err)
		}
	}
	items, err := s.Network.Providers(r.Context(), after, pageSize)
	d := &listData[aicf.Provider]{Items: items}
	if len(items) == pageSize {
		d.Next = items[pageSize-1].ID.String()
	}
	return d, err
}

type providerData struct {
	*aicf.Provider
	Eligibility *aicf.Eligibility
	Balance     *aicf.Balance
	Windows     []aicf.Window // newest first
	Jobs        []aicf.Job
	Slashes     []aicf.Slash
	Payouts     []aicf.Payout
}

func (s *site) provider(r *http.Request, v *view) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	d := &providerData{}
	var jobs *aicf.JobPage
	var slashes *aicf.SlashPage
	for _, step := range []func() error{
		func() (err error) { d.Provider, err = s.Network.Provider(ctx, id); return err },
		func() (err error) { d.Eligibility, err = s.Network.Eligibility(ctx, id, v.Now); return err },
		func() (err error) { d.Balance, err = s.Network.Balance(ctx, id); return err },
		func() (err error) { d.Windows, err = s.Network.Windows(ctx, id, 30); return err },
		func() (err error) {
			jobs, err = s.Network.Jobs(ctx, aicf.JobFilter{Provider: id, Newest: true, Limit: 25})
			return err
		},
		func() (err error) {
			slashes, err = s.Network.Slashes(ctx, aicf.SlashFilter{Provider: id, Limit: 100})
			return err
		},
		func() (err error) { d.Payouts, err = s.Network.Payouts(ctx, id, 25); return err },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	d.Jobs, d.Slashes = jobs.Items, slashes.Items
	v.Title = "Provider " + short(id)
	return d, nil
}

type jobsData struct {
	listData[aicf.Job]
	Status string
	States []aicf.JobState
}

var jobStates = []aicf.JobState{aicf.Queued, aicf.Offered, aicf.Leased, aicf.Verifying, aicf.Completed, aicf.Failed, aicf.Expired, aicf.Cancelled}

func (s *site) jobs(r *http.Request, _ *view) (any, error) {
	after, err := cursor(r, "after")
	if err != nil {
		return nil, err
	}
	d := &jobsData{Status: r.URL.Query().Get("status"), States: jobStates}
	page, err := s.Network.Jobs(r.Context(), aicf.JobFilter{State: aicf.JobState(d.Status), After: after, Newest: true, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	d.Items = page.Items
	if page.Next > 0 {
		d.Next = digits(page.Next)
	}
	return d, nil
}

type queueData struct {
	*aicf.Overview
	Waiting []aicf.Job
	Running []aicf.Job
	More    bool // further jobs wait
}

func (s *site) queue(r *http.Request, _ *view) (any, error) {
	d := &queueData{}
	var err error
	if d.Overview, err = s.Network.Overview(r.Context()); err != nil {
		return nil, err
	}
	waiting, err := s.Network.Jobs(r.Context(), aicf.JobFilter{State: aicf.Queued, Limit: 2 * pageSize})
	if err != nil {
		return nil, err
	}
	d.Waiting, d.More = waiting.Items, waiting.Next > 0
	for _, state := range []aicf.JobState{aicf.Offered, aicf.Leased, aicf.Verifying} {
		page, err := s.Network.Jobs(r.Context(), aicf.JobFilter{State: state, Limit: pageSize})
		if err != nil {
			return nil, err
		}
		d.Running = append(d.Running, page.Items...)
	}
	return d, nil
}

func (s *site) settlements(r *http.Request, _ *view) (any, error) {
	return s.Network.Epochs(r.Context(), 2*pageSize)
}

type settlementData struct {
	*aicf.Epoch
	Dust aicf.Amount // gross that none of the shares got: must be 0
}

func (s *site) settlement(r *http.Request, v *view) (any, error) {
	n, err := parseDigits(r.PathValue("n"))
	if err != nil {
		return nil, err
	}
	e, err := s.Network.Epoch(r.Context(), n)
	if err != nil {
		return nil, err
	}
	v.Title = "Epoch " + digits(n)
	return &settlementData{e, e.Gross - e.Provider - e.Treasury - e.Miner}, nil
}

type ledgerData struct {
	*aicf.TrialBalance
	Audit     *aicf.Audit
	Broken    int
	Transfers []aicf.Transfer
	Next      string
}

func (s *site) ledger(r *http.Request, _ *view) (any, error) {
	before, err := cursor(r, "before")
	if err != nil {
		return nil, err
	}
	d := &ledgerData{}
	if d.TrialBalance, err = s.Network.Ledger(r.Context()); err != nil {
		return nil, err
	}
	if d.Audit, err = s.Network.Inspect(r.Context()); err != nil {
		return nil, err
	}
	for _, i := range d.Audit.Invariants {
		if !i.OK {
			d.Broken++
		}
	}
	var next uint64
	d.Transfers, next, err = s.Network.Transfers(r.Context(), before, pageSize)
	if next > 0 {
		d.Next = digits(next)
	}
	return d, err
}

func (s *site) disputes(r *http.Request, _ *view) (any, error) {
	after, err := cursor(r, "after")
	if err != nil {
		return nil, err
	}
	page, err := s.Network.Slashes(r.Context(), aicf.SlashFilter{After: after, Limit: pageSize})
	if err != nil {
		return nil, err
	}
	d := &listData[aicf.Slash]{Items: page.Items}
	if page.Next > 0 {
		d.Next = digits(page.Next)
	}
	return d, nil
}

type disputeData struct {
	*aicf.Slash
	Transfers []aicf.Transfer
}

func (s *site) dispute(r *http.Request, v *view) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	d := &disputeData{}
	if d.Slash, err = s.Network.Slash(r.Context(), id); err != nil {
		return nil, err
	}
	v.Title = "Dispute " + short(id)
	d.Transfers, err = s.Network.TransfersAbout(r.Context(), id)
	return d, err
}

type policyData struct {
	Hash     digest.Digest
	Document string
	Next     *aicf.Policy
	Changes  []aicf.Change
}

func (s *site) policy(r *http.Request, _ *view) (any, error) {
	active, next, hash, err := s.Network.Policy(r.Context())
	if err != nil {
		return nil, err
	}
	raw, err := yaml.Marshal(active)
	d := &policyData{Hash: hash, Document: string(raw), Next: next}
	if next != nil {
		d.Changes = aicf.Diff(active, next)
	}
	return d, err
}

func (s *site) events(r *http.Request, v *view) (any, error) {
	after, err := cursor(r, "after")
	if err != nil {
		return nil, err
	}
	if r.URL.Query().Get("after") == "" {
		after = v.Head - min(v.Head, pageSize)
	}
	list, err := s.Network.Events(r.Context(), after, pageSize)
	d := &listData[aicf.Event]{Items: list}
	if len(list) == pageSize {
		d.Next = digits(list[pageSize-1].Seq)
	}
	return d, err
}
