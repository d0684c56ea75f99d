package httpapi

import (
	"context"
	"strconv"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

func (s *Server) balance(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Balance], error) {
	return give(s.cfg.Network.Balance(ctx, in.ID))
}

type statementQuery struct {
	ID     digest.Digest `path:"id"`
	Epoch  string        `query:"epoch" doc:"one epoch; absent: all"`
	Cursor string        `query:"cursor"`
	Limit  int           `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// statement is for the provider whose pay it is.
func (s *Server) statement(ctx context.Context, c aicf.Call, in *statementQuery) (*answer[aicf.Statement], error) {
	if !c.Unsigned && c.Account != in.ID && callerOf(ctx).role != "treasury" {
		return nil, aicf.Refuse(aicf.Forbidden, "the statement is for its provider").Try("sign with an operational key of %s", in.ID)
	}
	after, err := cursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	var epoch *uint64
	if in.Epoch != "" {
		n, err := strconv.ParseUint(in.Epoch, 10, 63)
		if err != nil {
			return nil, aicf.Refuse(aicf.SchemaError, "%.40q is no number", in.Epoch).In("epoch")
		}
		epoch = &n
	}
	return give(s.cfg.Network.Statement(ctx, in.ID, epoch, after, in.Limit))
}

func (s *Server) claim(ctx context.Context, c aicf.Call, in *sent[aicf.ClaimRequest]) (*answer[aicf.Payout], error) {
	return give(s.cfg.Network.Claim(ctx, c, own(c, in.Body.ProviderID), in.Body.Epoch))
}

func listing[T any](items []T, err error) (*answer[aicf.Page[T]], error) {
	if err != nil {
		return nil, err
	}
	if items == nil {
		items = []T{}
	}
	return &answer[aicf.Page[T]]{aicf.Page[T]{Items: items}}, nil
}

type limitedName struct {
	ID    digest.Digest `path:"id"`
	Limit int           `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) payouts(ctx context.Context, _ aicf.Call, in *limitedName) (*answer[aicf.Page[aicf.Payout]], error) {
	return listing(s.cfg.Network.Payouts(ctx, in.ID, in.Limit))
}

func (s *Server) deposit(ctx context.Context, c aicf.Call, in *sent[aicf.DepositRequest]) (*answer[aicf.Balance], error) {
	return give(s.cfg.Network.Deposit(ctx, c, in.Body.Account, in.Body.Amount, in.Body.Reference))
}

func (s *Server) faucet(ctx context.Context, c aicf.Call, in *sent[aicf.FaucetRequest]) (*answer[aicf.Balance], error) {
	return give(s.cfg.Network.Faucet(ctx, c, own(c, in.Body.Account), in.Body.Amount))
}

type limited struct {
	Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) epochs(ctx context.Context, _ aicf.Call, in *limited) (*answer[aicf.Page[aicf.Epoch]], error) {
	return listing(s.cfg.Network.Epochs(ctx, in.Limit))
}

type numbered struct {
	N uint64 `path:"n"`
}

func (s *Server) epoch(ctx context.Context, _ aicf.Call, in *numbered) (*answer[aicf.Epoch], error) {
	return give(s.cfg.Network.Epoch(ctx, in.N))
}

type inclusionPath struct {
	N     uint64        `path:"n"`
	Claim digest.Digest `path:"claim"`
}

func (s *Server) inclusion(ctx context.Context, _ aicf.Call, in *inclusionPath) (*answer[aicf.InclusionProof], error) {
	return give(s.cfg.Network.Inclusion(ctx, in.N, in.Claim))
}
