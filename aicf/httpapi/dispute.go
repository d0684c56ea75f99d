package httpapi

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

func (s *Server) dispute(ctx context.Context, c aicf.Call, in *sent[aicf.Dispute]) (*answer[aicf.DisputeOutcome], error) {
	return give(s.cfg.Network.Dispute(ctx, c, in.Body))
}

type slashQuery struct {
	Provider digest.Digest `query:"provider"`
	Status   string        `query:"status" enum:"held,appealed,executed,reversed"`
	Cursor   string        `query:"cursor"`
	Limit    int           `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) slashes(ctx context.Context, _ aicf.Call, in *slashQuery) (*answer[aicf.Page[aicf.Slash]], error) {
	after, err := cursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, err := s.cfg.Network.Slashes(ctx, aicf.SlashFilter{Provider: in.Provider, State: aicf.SlashState(in.Status), After: after, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := aicf.Page[aicf.Slash]{Items: page.Items, Next: pageEnd(page.Next)}
	if out.Items == nil {
		out.Items = []aicf.Slash{}
	}
	return &answer[aicf.Page[aicf.Slash]]{out}, nil
}

func (s *Server) slash(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Slash], error) {
	return give(s.cfg.Network.Slash(ctx, in.ID))
}
