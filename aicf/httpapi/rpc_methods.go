package httpapi

import (
	"context"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// The parameters that several methods have, with every spelling.
var (
	paramJob      = []string{"jobId", "job_id", "taskId", "task_id", "id"}
	paramProvider = []string{"providerId", "provider_id", "provider", "id"}
	paramOffset   = []string{"offset"}
	paramLimit    = []string{"limit"}
	paramCursor   = []string{"cursor"}
	paramKind     = []string{"kind", "capability"}
	paramStatus   = []string{"status"}
	paramAsker    = []string{"requester", "caller"}
)

const (
	maxOffset = 10_000 // rows that a list may skip; a cursor goes further
	maxPage   = 500
)

// rpcTable lists the methods of POST /rpc.
var rpcTable = []*method{
	{[]string{"aicf.listProviders"}, anyone, [][]string{paramOffset, paramLimit, paramCursor, paramKind, {"region"}, paramStatus}, (*Server).rpcProviders},
	{[]string{"aicf.getProvider"}, anyone, [][]string{paramProvider}, (*Server).rpcProvider},
	{[]string{"aicf.listJobs"}, anyone, [][]string{paramKind, paramStatus, {"providerId", "provider_id", "provider"}, paramAsker, paramOffset, paramLimit, paramCursor}, (*Server).rpcJobs},
	{[]string{"cap.listJobs"}, anyone, [][]string{paramKind, paramStatus, paramLimit, paramCursor, paramAsker}, (*Server).rpcJobList},
	{[]string{"aicf.getJob", "aicf.jobGet", "aicf.jobStatus", "cap.getJob"}, anyone, [][]string{paramJob}, (*Server).rpcJob},
	{[]string{"aicf.getBalance"}, anyone, [][]string{{"providerId", "provider_id", "provider", "account", "id"}}, (*Server).rpcBalance},
	{[]string{"aicf.claimPayout"}, signed, [][]string{paramProvider, {"uptoEpoch", "upto_epoch", "epoch"}}, (*Server).rpcClaim},
	{[]string{"aicf.queueSubmit", "aicf.enqueue", "aicf.submitJob"}, member, [][]string{{"kind"}, {"payload"}, {"job"}}, (*Server).rpcSubmit},
	{[]string{"cap.enqueueQuantum", "aicf.queueSubmitQuantum"}, member,
		[][]string{{"circuit"}, {"shots"}, {"fee", "fee_units"}, {"metadata", "tags"}, {"trapsRatioBps", "traps_ratio_bps"}, {"caller"}, {"priority"}, {"ttl_s"}}, (*Server).rpcEnqueue},
	{[]string{"cap.getResult"}, member, [][]string{paramJob}, (*Server).rpcResult},

	{[]string{"explorer_list_quantum_jobs"}, anyone, [][]string{paramLimit, paramOffset}, (*Server).rpcExplore},
	{[]string{"explorer_get_quantum_job"}, anyone, [][]string{paramJob}, (*Server).rpcExploreJob},
	{[]string{"explorer_list_job_results"}, anyone, [][]string{paramJob}, (*Server).rpcExploreResults},
	{[]string{"explorer_get_result"}, anyone, [][]string{paramJob, {"worker_id", "workerId", "providerId", "provider_id"}}, (*Server).rpcExploreResult},
}

// rpcMethods finds a method by any of its names.
var rpcMethods = func() map[string]*method {
	out := map[string]*method{}
	for _, m := range rpcTable {
		for _, name := range m.names {
			out[name] = m
		}
	}
	return out
}()

// quantumOnly reports whether a filter by kind leaves anything: there are quantum jobs alone.
func (p *params) quantumOnly() bool {
	kind := strings.ToUpper(p.text("kind", 16))
	if kind != "" && kind != lineageKind && kind != "AI" {
		p.wrong("kind", "is %q, want AI or QUANTUM", kind)
	}
	return kind != "AI"
}

// rows is a page by offset.
type rows struct {
	Items      any     `json:"items"`
	NextOffset uint64  `json:"nextOffset"` // offset + number of items
	Jobs       any     `json:"jobs,omitempty"`
	NextCursor *string `json:"nextCursor,omitempty"` // absent on the last page, or where offset was given
}

// paging reads where a page begins and how long it is.
func (p *params) paging(fallback uint64) (offset uint64, after string, limit int) {
	offset, limit = p.uint("offset", 0, maxOffset), int(p.uint("limit", fallback, maxPage))
	if limit == 0 && p.bad == nil {
		p.wrong("limit", "is 0, want 1..%d", maxPage)
	}
	after = p.text("cursor", 64)
	if offset > 0 && after != "" {
		p.wrong("offset", "and cursor exclude each other")
	}
	return offset, after, limit
}

func (s *Server) rpcProviders(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	offset, text, limit := p.paging(100)
	quantum, region, status := p.quantumOnly(), p.text("region", 256), strings.ToLower(p.text("status", 32))
	after, err := digest.Digest{}, error(nil)
	if text != "" {
		if after, err = digest.Parse(text); err != nil {
			p.wrong("cursor", "%v; take nextCursor of the page before", err)
		}
	}
	if p.bad != nil {
		return nil, p.bad
	}
	out, skip := []*lineageProvider{}, offset
	for quantum && len(out) < limit {
		page, err := s.cfg.Network.Providers(ctx, after, maxPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			after = page[i].ID
			if status != "" && string(page[i].State) != status || region != "" && !contains(page[i].Regions, region) {
				continue
			}
			if skip > 0 {
				skip--
			} else if out = append(out, ofProvider(&page[i])); len(out) == limit {
				break
			}
		}
		if len(page) < maxPage {
			break
		}
	}
	answer := rows{Items: out, NextOffset: offset + uint64(len(out))}
	if len(out) == limit {
		next := out[limit-1].ID.String()
		answer.NextCursor = &next
	}
	return answer, nil
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (s *Server) rpcProvider(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	id := p.needHash("providerId")
	if p.bad != nil {
		return nil, p.bad
	}
	out, err := s.cfg.Network.Provider(ctx, id)
	if err != nil {
		return nil, err
	}
	return ofProvider(out), nil
}

// lineageStates are the names by which older clients ask for states, in lower case.
var lineageStates = map[string]aicf.JobState{"": "", "queued": aicf.Queued, "enqueued": aicf.Queued, "leased": aicf.Leased, "assigned": aicf.Leased, "completed": aicf.Completed,
	"failed": aicf.Failed, "expired": aicf.Expired, "cancelled": aicf.Cancelled, "canceled": aicf.Cancelled}

// listed is the page of jobs that the parameters ask for, and the cursor behind it.
func (s *Server) listed(ctx context.Context, p *params, fallback uint64) (out []*lineageJob, offset uint64, next string, err error) {
	offset, text, limit := p.paging(fallback)
	status := strings.ToLower(p.text("status", 32))
	f := aicf.JobFilter{Provider: p.hash("providerId"), Requester: p.hash("requester"), Limit: limit}
	var known bool
	if f.State, known = lineageStates[status]; !known {
		p.wrong("status", "is %q, want queued, leased, completed, expired, failed or cancelled", status)
	}
	quantum := p.quantumOnly()
	after, bad := cursor(text)
	if bad != nil {
		p.wrong("cursor", "is no cursor; take nextCursor of the page before")
	}
	if p.bad != nil {
		return nil, 0, "", p.bad
	}
	out = []*lineageJob{}
	if !quantum {
		return out, offset, "", nil
	}
	for skip := offset; ; {
		f.After, f.Limit = after, limit
		if skip > 0 {
			f.Limit = int(min(skip, maxPage))
		}
		page, err := s.cfg.Network.Jobs(ctx, f)
		if err != nil {
			return nil, 0, "", err
		}
		after = page.Next
		if skip > 0 {
			skip -= uint64(len(page.Items))
			if after == 0 {
				return out, offset, "", nil
			}
			continue
		}
		for i := range page.Items {
			out = append(out, ofJob(&page.Items[i]))
		}
		return out, offset, pageEnd(after), nil
	}
}

func (s *Server) rpcJobs(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	jobs, offset, next, err := s.listed(ctx, p, 100)
	if err != nil {
		return nil, err
	}
	answer := rows{Items: jobs, NextOffset: offset + uint64(len(jobs)), Jobs: jobs}
	if next != "" {
		answer.NextCursor = &next
	}
	return answer, nil
}

func (s *Server) rpcJobList(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	jobs, _, _, err := s.listed(ctx, p, 50)
	return jobs, err
}

func (s *Server) rpcExplore(ctx context.Context, c aicf.Call, p *params) (any, error) {
	return s.rpcJobList(ctx, c, p)
}

func (s *Server) rpcJob(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	id := p.needHash("jobId")
	if p.bad != nil {
		return nil, p.bad
	}
	j, err := s.cfg.Network.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	return ofJob(j), nil
}

// rpcExploreJob is rpcJob for a client that wants an empty object for a job that nobody knows.
func (s *Server) rpcExploreJob(ctx context.Context, c aicf.Call, p *params) (any, error) {
	j, err := s.rpcJob(ctx, c, p)
	if aicf.CodeOf(err) == aicf.NotFound {
		return struct{}{}, nil
	}
	return j, err
}

// exploredResult is one result that came in for a job, accepted or not.
type exploredResult struct {
	JobID      digest.Digest       `json:"job_id"`
	WorkerID   digest.Digest       `json:"worker_id"`
	LeaseID    digest.Digest       `json:"lease_id"`
	Fence      uint64              `json:"fence"`
	Status     aicf.LeaseState     `json:"status"`
	ReceivedAt float64             `json:"received_at"` // Unix seconds
	Bundle     digest.Digest       `json:"bundle,omitzero"`
	Outcome    *aicf.ResultOutcome `json:"outcome,omitempty"`
}

func (s *Server) explored(ctx context.Context, p *params) ([]exploredResult, error) {
	id := p.needHash("jobId")
	if p.bad != nil {
		return nil, p.bad
	}
	handed, err := s.cfg.Network.HandedIn(ctx, id)
	if err != nil && aicf.CodeOf(err) != aicf.NotFound {
		return nil, err
	}
	out := []exploredResult{}
	for i := range handed {
		l := &handed[i].Lease
		r := exploredResult{JobID: l.JobID, WorkerID: l.ProviderID, LeaseID: l.ID, Fence: l.Fence, Status: l.State, ReceivedAt: float64(l.ReceivedMS) / 1000, Bundle: handed[i].Bundle, Outcome: handed[i].Outcome}
		if r.Outcome != nil {
			r.Outcome.Receipt = aicf.Receipt{} // it is the provider's, and unsigned here
		}
		out = append(out, r)
	}
	return out, nil
}

func (s *Server) rpcExploreResults(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	return s.explored(ctx, p)
}

// rpcExploreResult gives a worker's newest result, an empty object where there is none.
func (s *Server) rpcExploreResult(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	worker := p.needHash("worker_id")
	all, err := s.explored(ctx, p)
	if err != nil {
		return nil, err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].WorkerID == worker {
			return all[i], nil
		}
	}
	return struct{}{}, nil
}
