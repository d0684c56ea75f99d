package httpapi

import (
	"context"

	"github.com/animicaorg/engine/aicf"
)

func (s *Server) round(ctx context.Context, _ aicf.Call, in *numbered) (*answer[aicf.Round], error) {
	return give(s.cfg.Network.Round(ctx, in.N))
}

type commitment struct {
	N    uint64 `path:"n"`
	Body aicf.BeaconCommit
}

type done struct{ Status int }

func accepted(err error) (*done, error) {
	if err != nil {
		return nil, err
	}
	return &done{204}, nil
}

func (s *Server) commit(ctx context.Context, c aicf.Call, in *commitment) (*done, error) {
	return accepted(s.cfg.Network.CommitBeacon(ctx, c, own(c, in.Body.ProviderID), in.N, in.Body.Commitment))
}

type opening struct {
	N    uint64 `path:"n"`
	Body aicf.BeaconReveal
}

func (s *Server) reveal(ctx context.Context, c aicf.Call, in *opening) (*done, error) {
	return accepted(s.cfg.Network.RevealBeacon(ctx, c, own(c, in.Body.ProviderID), in.N, in.Body.Value))
}
