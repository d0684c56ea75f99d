package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
)

// jobData is a job from its submission to its pay.
type jobData struct {
	*aicf.Job
	MaxLatencyMS int64 // that the buyer asked for; 0: none
	Leases       []aicf.Lease
	Events       []aicf.Event
	Proof        *proofs.Proof // of the last lease that handed one in; nil: none
	ProofLease   *aicf.Lease
	Claim        string
	TEE, QPU     bool
	Line         *aicf.StatementLine // nil: nothing accrued
	Payout       *aicf.Payout        // nil: not claimed
	Transfers    []aicf.Transfer
}

// Late reports whether the result came after the buyer's bound.
func (d *jobData) Late() bool { return d.MaxLatencyMS > 0 && d.LatencyMS > d.MaxLatencyMS }

func (s *site) job(r *http.Request, v *view) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	d := &jobData{}
	if d.Job, err = s.Network.Job(ctx, id); err != nil {
		return nil, err
	}
	v.Title = "Job " + short(id)
	if parsed, err := job.Parse(d.Spec); err == nil {
		d.MaxLatencyMS = int64(parsed.MaxLatencyMS)
	}
	if d.Leases, err = s.Network.JobLeases(ctx, id); err != nil {
		return nil, err
	}
	timeline, err := s.Network.Timeline(ctx, id)
	if err != nil {
		return nil, err
	}
	d.Events = timeline.Events
	if d.Transfers, err = s.Network.TransfersAbout(ctx, id); err != nil {
		return nil, err
	}
	if err := s.proven(r, d); err != nil {
		return nil, err
	}
	return d, s.paid(r, d)
}

// proven reads the proof of the newest lease that has one.
func (s *site) proven(r *http.Request, d *jobData) error {
	for i := len(d.Leases) - 1; i >= 0; i-- {
		raw, err := s.Network.Proof(r.Context(), d.Leases[i].ID)
		if aicf.CodeOf(err) == aicf.NoResultYet {
			continue
		} else if err != nil {
			return err
		}
		p, err := proofs.Decode(raw)
		if err != nil {
			return err // the service took it
		}
		claim, err := p.Claim()
		if err != nil {
			return err
		}
		d.Proof, d.ProofLease, d.Claim = p, &d.Leases[i], claim.String()
		d.TEE, d.QPU = p.Body.Attest.TEE != nil, p.Body.Attest.QPU != nil
		return nil
	}
	return nil
}

// paid reads how the pay came about.
func (s *site) paid(r *http.Request, d *jobData) error {
	line, err := s.Network.Explain(r.Context(), d.ID)
	if aicf.CodeOf(err) == aicf.NotFound {
		return nil
	} else if err != nil {
		return err
	}
	d.Line = line
	if line.State != aicf.ClaimPaid {
		return nil
	}
	list, err := s.Network.Payouts(r.Context(), d.Provider, 500)
	for i := range list {
		if list[i].Epoch == line.Settled {
			d.Payout = &list[i]
		}
	}
	return err
}

// said is the readable part of an event's data: its info.
func said(e aicf.Event) string {
	var d struct {
		Info json.RawMessage `json:"info"`
	}
	if err := json.Unmarshal(e.Data, &d); err != nil || len(d.Info) == 0 {
		return ""
	}
	var members map[string]any
	read := json.NewDecoder(bytes.NewReader(d.Info))
	read.UseNumber()
	if err := read.Decode(&members); err != nil {
		return "" // a list
	}
	return sentence(members)
}

// sentence lists members by name; ids are cut, numbers are whole.
func sentence(members map[string]any) string {
	parts := make([]string, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		switch v := members[name].(type) {
		case string:
			if v == "" {
				continue
			}
			if len(v) == 64 {
				v = v[:10] + "…"
			}
			parts = append(parts, strings.ReplaceAll(name, "_", " ")+" "+v)
		case json.Number, bool:
			parts = append(parts, fmt.Sprint(strings.ReplaceAll(name, "_", " "), " ", v))
		}
	}
	return strings.Join(parts, ", ")
}
