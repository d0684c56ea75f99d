package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"strconv"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
)

type jobBody struct {
	RawBody []byte `contentType:"application/json" doc:"the guide's job document (section 5.1), or {job, region, priority, …} around it"`
}

func (s *Server) submit(ctx context.Context, c aicf.Call, in *jobBody) (*answer[aicf.Submitted], error) {
	j, err := submission(in.RawBody)
	if err != nil {
		return nil, err
	}
	return give(s.cfg.Network.Submit(ctx, c, *j))
}

// submission reads a job document, bare or with what the buyer wishes besides.
func submission(raw []byte) (*aicf.JobSubmission, error) {
	node, err := strictjson.Parse(raw, jsonLimits)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err)
	}
	bare := false
	for _, m := range node.Members {
		bare = bare || m.Key == "job_id"
	}
	j := &aicf.JobSubmission{}
	if bare {
		j.Job = raw
		return j, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(j); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).Try("send the guide's job document, or {\"job\": …} with region, algorithm, priority, ttl_ms, accept_insufficient, trap_policy")
	}
	if len(j.Job) == 0 {
		return nil, aicf.Refuse(aicf.SchemaError, "is missing").In("/job").Try("send the guide's job document")
	}
	return j, nil
}

type jobQuery struct {
	Status    string        `query:"status" enum:"queued,delayed,offered,leased,verifying,completed,failed,expired,cancelled"`
	Provider  digest.Digest `query:"provider"`
	Requester digest.Digest `query:"requester"`
	Kind      string        `query:"kind" enum:"quantum"`
	Order     string        `query:"order" enum:"oldest,newest" default:"oldest" doc:"of submission"`
	Cursor    string        `query:"cursor" doc:"next of the page before"`
	Limit     int           `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// cursor reads the cursor of a page.
func cursor(text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, aicf.Refuse(aicf.SchemaError, "%.40q is no cursor", text).In("cursor").Try("take next of the page before")
	}
	return n, nil
}

func pageEnd(next uint64) string {
	if next == 0 {
		return ""
	}
	return strconv.FormatUint(next, 10)
}

func (s *Server) jobs(ctx context.Context, _ aicf.Call, in *jobQuery) (*answer[aicf.Page[aicf.Job]], error) {
	after, err := cursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := s.cfg.Network.Jobs(ctx, aicf.JobFilter{State: aicf.JobState(in.Status), Provider: in.Provider, Requester: in.Requester, After: after, Limit: in.Limit, Newest: in.Order == "newest"})
	if err != nil {
		return nil, err
	}
	out := aicf.Page[aicf.Job]{Items: page.Items, Next: pageEnd(page.Next)}
	if out.Items == nil {
		out.Items = []aicf.Job{}
	}
	return &answer[aicf.Page[aicf.Job]]{out}, nil
}

func (s *Server) job(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Job], error) {
	return give(s.cfg.Network.Job(ctx, in.ID))
}

func (s *Server) timeline(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Timeline], error) {
	return give(s.cfg.Network.Timeline(ctx, in.ID))
}

func (s *Server) explain(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.StatementLine], error) {
	return give(s.cfg.Network.Explain(ctx, in.ID))
}

func (s *Server) cancel(ctx context.Context, c aicf.Call, in *named) (*answer[aicf.Job], error) {
	return give(s.cfg.Network.Cancel(ctx, c, in.ID))
}
