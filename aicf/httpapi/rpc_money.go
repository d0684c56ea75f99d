package httpapi

import (
	"context"
	"strconv"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
)

// lineageBalance has the spellings of both SDKs.
type lineageBalance struct {
	*aicf.Balance
	ProviderID digest.Digest `json:"providerId"`
	Amount     aicf.Amount   `json:"balance"` // what is available
	Last       uint64        `json:"lastSettlementEpoch"`
}

func (s *Server) rpcBalance(ctx context.Context, _ aicf.Call, p *params) (any, error) {
	id := p.needHash("providerId")
	if p.bad != nil {
		return nil, p.bad
	}
	b, err := s.cfg.Network.Balance(ctx, id)
	if err != nil {
		return nil, err
	}
	return lineageBalance{b, b.Account, b.Available, b.LastSettlementEpoch}, nil
}

// lineageClaim is what a claim up to an epoch paid.
type lineageClaim struct {
	ProviderID digest.Digest  `json:"providerId"`
	TotalPaid  aicf.Amount    `json:"totalPaid"`
	EpochFrom  *uint64        `json:"epochFrom"`
	EpochTo    *uint64        `json:"epochTo"`
	Payouts    []lineageShare `json:"payouts"` // of jobs; subsidies of earlier epochs are in the total alone
	Epochs     []*aicf.Payout `json:"epochs"`  // with the service's receipts
	TxHash     *string        `json:"txHash"`  // null: the ledger is the service's
}

type lineageShare struct {
	JobID  digest.Digest `json:"jobId"`
	Amount aicf.Amount   `json:"amount"`
}

// rpcClaim claims every settled epoch up to one, oldest first. Epochs that were claimed
// before are passed over: a second call pays nothing and says so.
func (s *Server) rpcClaim(ctx context.Context, c aicf.Call, p *params) (any, error) {
	provider, upto := p.hash("providerId"), (*uint64)(nil)
	if p.has("uptoEpoch") {
		n := p.uint("uptoEpoch", 0, aicf.MaxAmount)
		upto = &n
	}
	if provider = own(c, provider); provider.IsZero() {
		p.need("providerId")
	}
	if p.bad != nil {
		return nil, p.bad
	}
	paid, err := s.cfg.Network.ClaimUpto(ctx, c, provider, upto)
	if err != nil {
		return nil, err
	}
	return ofClaim(paid), nil
}

func ofClaim(c *network.Claimed) *lineageClaim {
	out := &lineageClaim{ProviderID: c.ProviderID, Payouts: []lineageShare{}, Epochs: c.Payouts}
	for i, p := range c.Payouts {
		if i == 0 {
			out.EpochFrom = &p.Epoch
		}
		out.EpochTo, out.TotalPaid = &p.Epoch, out.TotalPaid+p.Amount
	}
	for i := range c.Lines {
		out.Payouts = append(out.Payouts, lineageShare{c.Lines[i].JobID, c.Lines[i].Provider})
	}
	return out
}

type uptoQuery struct {
	ID   digest.Digest `path:"id"`
	Upto string        `query:"uptoEpoch" doc:"the last epoch to claim; absent: all that are settled"`
}

// claimUpto is rpcClaim as the lineage's REST route.
func (s *Server) claimUpto(ctx context.Context, c aicf.Call, in *uptoQuery) (*answer[lineageClaim], error) {
	var upto *uint64
	if in.Upto != "" {
		n, err := strconv.ParseUint(in.Upto, 10, 63)
		if err != nil {
			return nil, aicf.Refuse(aicf.SchemaError, "%.40q is no epoch", in.Upto).In("uptoEpoch")
		}
		upto = &n
	}
	paid, err := s.cfg.Network.ClaimUpto(ctx, c, in.ID, upto)
	if err != nil {
		return nil, err
	}
	return &answer[lineageClaim]{*ofClaim(paid)}, nil
}

func (s *Server) providerBalance(ctx context.Context, _ aicf.Call, in *named) (*answer[lineageBalance], error) {
	b, err := s.cfg.Network.Balance(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &answer[lineageBalance]{lineageBalance{b, b.Account, b.Available, b.LastSettlementEpoch}}, nil
}
