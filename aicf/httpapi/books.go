package httpapi

import (
	"context"
	"encoding/json"

	"github.com/animicaorg/engine/aicf"
)

func (s *Server) overview(ctx context.Context, _ aicf.Call, _ *nothing) (*answer[aicf.Overview], error) {
	return give(s.cfg.Network.Overview(ctx))
}

func (s *Server) ledger(ctx context.Context, _ aicf.Call, _ *nothing) (*answer[aicf.TrialBalance], error) {
	return give(s.cfg.Network.Ledger(ctx))
}

type cursorQuery struct {
	Cursor string `query:"cursor" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) transfers(ctx context.Context, _ aicf.Call, in *cursorQuery) (*answer[aicf.Page[aicf.Transfer]], error) {
	before, err := cursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	items, next, err := s.cfg.Network.Transfers(ctx, before, in.Limit)
	out, err := listing(items, err)
	if err == nil {
		out.Body.Next = pageEnd(next)
	}
	return out, err
}

func (s *Server) windows(ctx context.Context, _ aicf.Call, in *limitedName) (*answer[aicf.Page[aicf.Window]], error) {
	return listing(s.cfg.Network.Windows(ctx, in.ID, in.Limit))
}

func (s *Server) jobLeases(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Page[aicf.Lease]], error) {
	return listing(s.cfg.Network.JobLeases(ctx, in.ID))
}

func (s *Server) proof(ctx context.Context, _ aicf.Call, in *named) (*answer[json.RawMessage], error) {
	raw, err := s.cfg.Network.Proof(ctx, in.ID)
	return give(&raw, err)
}
