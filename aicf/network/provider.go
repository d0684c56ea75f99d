package network

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
)

// Register takes a provider bundle (the guide's §14.1; keys.ParseBundle). Its
// inner signatures are always checked; they are the caller's authority, so that
// a provider whose keys nobody knows yet can call. A known provider may bring a
// bundle with a newer timestamp: fresh evidence, lists, keys (old operational
// keys stay valid for the overlap). The same bundle again gives the same answer.
func (s *Service) Register(ctx context.Context, c aicf.Call, bundle []byte) (*aicf.Registration, error) {
	b, err := keys.ParseBundle(bundle)
	if err != nil {
		return nil, aicf.Refuse(aicf.AttestationError, "%v", err).Try("engine bundle make writes a bundle that is accepted")
	}
	if skew := int64(b.Timestamp)*1000 - c.NowMS; skew > maxBundleAheadMS {
		return nil, aicf.Refuse(aicf.ClockSkew, "the bundle's timestamp lies %d ms ahead", skew).In("/timestamp")
	}
	if chain := b.Identity.Chain; chain != nil { // the bundle's own time is the signer's word
		if err := chain.Accept(keys.Root, keys.KeyID(b.Identity.RootPublic), uint64(c.NowMS/1000)); err != nil {
			return nil, aicf.Refuse(aicf.AttestationError, "%v", err).In("/provider/pubkey").Try("sign the bundle with the newest root: engine bundle make")
		}
	}
	judged := registry.Judged{Level: proofs.LevelNone}
	if s.cfg.Evidence != nil {
		if judged.Level, judged.Dev, err = s.cfg.Evidence(ctx, b, c.NowMS); err != nil {
			return nil, aicf.Refuse(aicf.AttestationError, "%v", err).In("/attestations")
		}
	} else if len(b.Evidence) > 0 && !s.cfg.Dev {
		return nil, aicf.Refuse(aicf.AttestationError, "this service has no verifier for evidence").In("/attestations")
	}
	if judged.Dev && !s.cfg.Dev {
		return nil, aicf.Refuse(aicf.AttestationError, "development evidence is refused here").In("/attestations")
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Registration, error) {
		r, fresh, err := registry.Register(t, term, b, bundle, judged)
		if err != nil {
			return nil, err
		}
		return &aicf.Registration{ProviderID: r.ID, State: r.State, Level: r.Level, MinStake: aicf.Amount(term.Policy.Registry.StakeMin.Quantum), New: fresh}, nil
	})
}

// maxBundleAheadMS is how far a bundle's time may lie ahead of the service's.
const maxBundleAheadMS = 5 * 60_000

// Retire ends a provider's work: running leases go on, no new ones come, and
// all stake may be unstaked.
func (s *Service) Retire(ctx context.Context, c aicf.Call, provider digest.Digest) (*aicf.Provider, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.Provider, error) {
		r, err := registry.Retire(t, term, provider)
		if err != nil {
			return nil, err
		}
		return r.View(t, term.Epoch)
	})
}

// EnrollKey makes a buyer's account: its id is the key's id. Enrolling again
// changes nothing.
func (s *Service) EnrollKey(ctx context.Context, c aicf.Call, alg string, public []byte) (*aicf.KeyInfo, error) {
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.KeyInfo, error) { return registry.EnrolBuyer(t, alg, public) })
}

// Key finds a key by its id: NotFound, or Forbidden once it is revoked at nowMS.
// The treasury's key is known under the role treasury.
func (s *Service) Key(ctx context.Context, id digest.Digest, nowMS int64) (out *aicf.KeyInfo, err error) {
	if len(s.cfg.Treasury) > 0 && keys.KeyID(s.cfg.Treasury) == id {
		return &aicf.KeyInfo{Key: id, Account: id, Alg: keys.Ed25519, Public: s.cfg.Treasury, Role: RoleTreasury}, nil
	}
	err = s.db.View(ctx, func(t *store.Tx) error {
		out, err = registry.Key(t, id, nowMS)
		return err
	})
	return out, err
}

// RoleTreasury is the role of the key that signs deposits.
const RoleTreasury = "treasury"

// Stake moves the provider's available balance into stake (InsufficientStake
// when it does not cover amount). A development service funds an account that
// has never been funded. Amount is 1..2^53-1.
func (s *Service) Stake(ctx context.Context, c aicf.Call, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.StakeChange, error) {
		if _, err := registry.Find(t, provider); err != nil {
			return nil, err
		}
		if err := s.fund(t, provider); err != nil {
			return nil, err
		}
		return registry.Stake(t, term, provider, amount)
	})
}

// Unstake moves stake to unbonding; it can still be slashed there and becomes
// available after the unbonding time.
func (s *Service) Unstake(ctx context.Context, c aicf.Call, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.StakeChange, error) {
		return registry.Unstake(t, term, provider, amount)
	})
}

// Heartbeat counts a beat. Equal seq and body changes nothing, older is
// ignored, another body under the newest seq is refused (Conflict).
func (s *Service) Heartbeat(ctx context.Context, c aicf.Call, h aicf.Heartbeat) (*aicf.HeartbeatAnswer, error) {
	if err := s.acts(c, h.ProviderID); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, term *epoch.Term) (*aicf.HeartbeatAnswer, error) {
		b, err := registry.Heartbeat(t, term, h)
		if err != nil {
			return nil, err
		}
		if b.Fork != nil {
			if err := s.accuseFork(t, term, b.Row, h, b.Fork); err != nil {
				return nil, err
			}
		}
		if b.Outcome == "counted" {
			if err := s.beat(t, term, h.ProviderID, 0); err != nil {
				return nil, err
			}
		}
		out := &aicf.HeartbeatAnswer{Outcome: b.Outcome, State: b.Row.State, HealthPPM: b.Row.HealthPPM, NowMS: t.NowMS(), Round: term.Round, NextWithinMS: int64(term.Rules.HeartbeatMS)}
		for _, f := range h.Fences {
			l, err := queue.FindLease(t, f.LeaseID)
			if err != nil && aicf.CodeOf(err) != aicf.NotFound {
				return nil, err
			}
			if l == nil || l.Provider != h.ProviderID || l.Fence != f.Fence || l.State != aicf.LeaseActive && l.State != aicf.LeaseVerifying {
				out.Lost = append(out.Lost, f.LeaseID)
			}
		}
		return out, nil
	})
}

// Providers lists the registry by provider_id, behind after.
func (s *Service) Providers(ctx context.Context, after digest.Digest, limit int) (out []aicf.Provider, err error) {
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		rows, err := store.Select[registry.Row](t, "WHERE id > ? ORDER BY id LIMIT ?", after[:], page(limit))
		for i := range rows {
			p, err := rows[i].View(t, term.Epoch)
			if err != nil {
				return err
			}
			out = append(out, *p)
		}
		return err
	})
}

// page bounds a list: 0 means 100, at most 500.
func page(limit int) int {
	if limit <= 0 {
		return 100
	}
	return min(limit, 500)
}

// Provider is one provider; NotFound.
func (s *Service) Provider(ctx context.Context, id digest.Digest) (out *aicf.Provider, err error) {
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		r, err := registry.Find(t, id)
		if err == nil {
			out, err = r.View(t, term.Epoch)
		}
		return err
	})
}

// Eligibility says why a provider gets no work.
func (s *Service) Eligibility(ctx context.Context, id digest.Digest, nowMS int64) (out *aicf.Eligibility, err error) {
	return out, s.view(ctx, func(t *store.Tx, term *epoch.Term) error {
		r, err := registry.Find(t, id)
		if err != nil {
			return err
		}
		staked, err := registry.Staked(t, id)
		if err != nil {
			return err
		}
		out = &aicf.Eligibility{ProviderID: id, Filters: registry.Judge(r, staked, term, nowMS), Eligible: registry.First(r, staked, term, nowMS) == ""}
		out.Reasons, err = registry.Reasons(t, id, nowMS)
		return err
	})
}
