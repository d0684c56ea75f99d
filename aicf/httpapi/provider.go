package httpapi

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// answer is a document.
type answer[T any] struct{ Body T }

func give[T any](v *T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{*v}, nil
}

// sent is a request that is one document.
type sent[T any] struct{ Body T }

// named is a request about one thing.
type named struct {
	ID digest.Digest `path:"id" doc:"64 lower-case hex digits"`
}

// nothing is a request without parameters.
type nothing struct{}

// own is the account that a request names, else the caller's.
func own(c aicf.Call, named digest.Digest) digest.Digest {
	if named.IsZero() {
		return c.Account
	}
	return named
}

type bundleBody struct {
	RawBody []byte `contentType:"application/json" doc:"the provider bundle of the guide's section 14.1"`
}

func (s *Server) register(ctx context.Context, c aicf.Call, in *bundleBody) (*answer[aicf.Registration], error) {
	return give(s.cfg.Network.Register(ctx, c, in.RawBody))
}

func (s *Server) retire(ctx context.Context, c aicf.Call, in *sent[aicf.RetireRequest]) (*answer[aicf.Provider], error) {
	return give(s.cfg.Network.Retire(ctx, c, own(c, in.Body.ProviderID)))
}

func (s *Server) enrol(ctx context.Context, c aicf.Call, in *sent[aicf.KeyRequest]) (*answer[aicf.KeyInfo], error) {
	return give(s.cfg.Network.EnrollKey(ctx, c, in.Body.Alg, in.Body.Public))
}

func (s *Server) runnerNonce(ctx context.Context, c aicf.Call, in *sent[aicf.RunnerNonceRequest]) (*answer[aicf.RunnerNonce], error) {
	return give(s.cfg.Network.RunnerNonce(ctx, c, own(c, in.Body.ProviderID)))
}

type enrolmentBody struct {
	RawBody []byte `contentType:"application/json" doc:"enrolment and quote, docs/attestation.md"`
}

func (s *Server) enrolRunner(ctx context.Context, c aicf.Call, in *enrolmentBody) (*answer[aicf.Runner], error) {
	return give(s.cfg.Network.EnrolRunner(ctx, c, in.RawBody))
}

func (s *Server) stake(ctx context.Context, c aicf.Call, in *sent[aicf.StakeRequest]) (*answer[aicf.StakeChange], error) {
	return give(s.cfg.Network.Stake(ctx, c, own(c, in.Body.ProviderID), in.Body.Amount))
}

func (s *Server) unstake(ctx context.Context, c aicf.Call, in *sent[aicf.StakeRequest]) (*answer[aicf.StakeChange], error) {
	return give(s.cfg.Network.Unstake(ctx, c, own(c, in.Body.ProviderID), in.Body.Amount))
}

func (s *Server) heartbeat(ctx context.Context, c aicf.Call, in *sent[aicf.Heartbeat]) (*answer[aicf.HeartbeatAnswer], error) {
	return give(s.cfg.Network.Heartbeat(ctx, c, in.Body))
}

type providerQuery struct {
	After digest.Digest `query:"cursor" doc:"next of the page before"`
	Limit int           `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) providers(ctx context.Context, _ aicf.Call, in *providerQuery) (*answer[aicf.Page[aicf.Provider]], error) {
	items, err := s.cfg.Network.Providers(ctx, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	page := aicf.Page[aicf.Provider]{Items: items}
	if page.Items == nil {
		page.Items = []aicf.Provider{}
	}
	if len(items) == in.Limit {
		page.Next = items[len(items)-1].ID.String()
	}
	return &answer[aicf.Page[aicf.Provider]]{page}, nil
}

func (s *Server) provider(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Provider], error) {
	return give(s.cfg.Network.Provider(ctx, in.ID))
}

func (s *Server) eligibility(ctx context.Context, c aicf.Call, in *named) (*answer[aicf.Eligibility], error) {
	return give(s.cfg.Network.Eligibility(ctx, in.ID, c.NowMS))
}
