package network

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/transcript"
)

// RunnerNonce begins an enrolment: the nonce that the runner's quote must bind.
func (s *Service) RunnerNonce(ctx context.Context, c aicf.Call, provider digest.Digest) (*aicf.RunnerNonce, error) {
	if err := s.acts(c, provider); err != nil {
		return nil, err
	}
	if s.cfg.Runner == nil {
		return nil, aicf.Refuse(aicf.PolicyMismatch, "this service has no measurement policy, so it enrols no runner").Try("omni aicf serve --attest-policy FILE")
	}
	out := &aicf.RunnerNonce{ProviderID: provider}
	if _, err := io.ReadFull(s.cfg.Entropy, out.Nonce[:]); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.RunnerNonce, error) {
		var err error
		out.ExpiresMS, err = registry.Challenge(t, provider, out.Nonce)
		return out, err
	})
}

// EnrolRunner takes a runner's key with the quote that says where it lives
// (enroll.ParseRequest). From then on jobs with trap_mode tee are sealed to it.
func (s *Service) EnrolRunner(ctx context.Context, c aicf.Call, request []byte) (*aicf.Runner, error) {
	in, err := enroll.ParseRequest(request)
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err)
	}
	e := &in.Enrolment
	if err := s.acts(c, e.ProviderID); err != nil {
		return nil, err
	}
	if err := e.CheckTerms(time.UnixMilli(c.NowMS)); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/enrolment").Try("engine provider start --tee KIND enrols by itself; compare the clocks")
	}
	row := &registry.Runner{Provider: e.ProviderID, Document: string(request), UntilMS: e.Expires.UnixMilli()}
	if row.ID, err = e.ID(); err != nil {
		return nil, err
	}
	if row.Measurement, row.Dev, err = s.measured(ctx, in, c.NowMS); err != nil {
		return nil, err
	}
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.Runner, error) {
		if err := registry.EnrolRunner(t, row, e.Nonce); err != nil {
			return nil, err
		}
		return &aicf.Runner{ID: row.ID, ProviderID: row.Provider, Measurement: hex.EncodeToString(row.Measurement), Dev: row.Dev, ExpiresMS: row.UntilMS}, nil
	})
}

// measured judges the quote of an enrolment by the service's measurement policy.
func (s *Service) measured(ctx context.Context, in *enroll.Request, nowMS int64) (measurement []byte, dev bool, err error) {
	if s.cfg.Runner == nil {
		return nil, false, aicf.Refuse(aicf.PolicyMismatch, "this service has no measurement policy, so it enrols no runner").Try("omni aicf serve --attest-policy FILE")
	}
	data, err := in.Enrolment.ReportData()
	if err != nil {
		return nil, false, err
	}
	measurement, dev, err = s.cfg.Runner(ctx, &in.Quote, data[:32], nowMS)
	if err != nil {
		return nil, false, aicf.Refuse(aicf.AttestationError, "the quote of the enrolment: %v", err).In("/quote")
	}
	if dev && !s.cfg.Dev {
		return nil, false, aicf.Refuse(aicf.AttestationError, "development evidence is refused here").In("/quote")
	}
	return measurement, dev, nil
}

// seal hides a signed lease from everybody but the provider's runner. The quote is judged
// again: the policy, or a revocation list, may have changed since the enrolment.
func (s *Service) seal(ctx context.Context, nowMS int64, l *job.Lease) (*aicf.SealedLease, error) {
	var r *registry.Runner
	if err := s.db.View(ctx, func(t *store.Tx) (err error) { r, err = registry.RunnerOf(t, l.ProviderID, nowMS); return err }); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, aicf.Refuse(aicf.AttestationError, "trap_mode is tee, and no runner of provider %s is enrolled now", l.ProviderID).Try("enrol one (POST /aicf/runners), then ack again")
	}
	in, err := enroll.ParseRequest([]byte(r.Document))
	if err != nil {
		return nil, err
	}
	if _, _, err := s.measured(ctx, in, nowMS); err != nil {
		return nil, err
	}
	document, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	d, err := transcript.Sum(l.LeaseFrame)
	if err != nil {
		return nil, err
	}
	statement, blob, err := enroll.Seal(ctx, &in.Enrolment, in.Quote, document, d, s.cfg.Service, uint64(nowMS/1000))
	if err != nil {
		return nil, err
	}
	return &aicf.SealedLease{Statement: statement, Blob: blob}, nil
}
