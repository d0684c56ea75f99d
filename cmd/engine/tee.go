package main

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/quote"
)

// noTEE is --tee of a run outside one.
const noTEE = "none"

// teeFlags say which environment vouches for a run.
type teeFlags struct {
	kind              cli.Choice
	collateral, certs string
}

func (f *teeFlags) add(p *pflag.FlagSet) {
	f.kind = cli.Choice{Value: noTEE, Allowed: []string{noTEE, "tdx", "sev", "sgx", "nitro", "tpm"}}
	f.kind.Allowed = append(f.kind.Allowed, slices.Sorted(maps.Keys(fakeTEEs))...)
	p.Var(&f.kind, "tee", "environment that this engine runs in, whose quote the proof carries")
	p.StringVar(&f.collateral, "tee-collateral", "", "`FILE` with the vendor's revocation lists and patch levels for the quote")
	p.StringVar(&f.certs, "tee-cert", "", "`FILE` with certificates that the quote leaves out, DER or PEM")
}

// teeWitness is the environment of a run.
type teeWitness struct {
	source quote.Source
	verify attest.Verifier
	params attest.Params
	extra  attest.Evidence // collateral and certificates of the operator
	result attest.Carried  // the newest quote

	measurement []byte
	notAfter    time.Time // end of its certificates; zero: none
}

// openTEE asks the environment for a first quote, which must verify here, and takes
// its measurement into X.
func (e *program) openTEE(ctx context.Context, f *teeFlags, s *session, cfg *engine.Config) error {
	if f.kind.Value == noTEE || f.kind.Value == "" {
		return nil
	}
	w, err := e.openEnvironment(ctx, f)
	if err != nil {
		return err
	}
	if fakeTEEs[f.kind.Value] != nil {
		s.dev = true
		e.Warn("--tee %s is no environment at all: the proof is for development only", f.kind.Value)
	}
	r, err := w.quote(ctx, digest.Digest{}, time.Now())
	if err != nil {
		return err
	}
	w.notAfter, w.measurement = r.NotAfter, r.Measurement
	s.tee, cfg.RunnerMeasurement = w, w.measurement
	return nil
}

// openEnvironment opens the environment, and what is trusted for its quotes.
func (e *program) openEnvironment(ctx context.Context, f *teeFlags) (*teeWitness, error) {
	w := &teeWitness{source: fakeTEEs[f.kind.Value]}
	var err error
	if w.source == nil {
		if w.source, err = quote.Open(attest.Kind(f.kind.Value)); err != nil {
			return nil, cli.Errorf(cli.AttestationError, "--tee", "%w", err)
		}
	}
	for _, in := range []struct {
		flag, path string
		max        int64
		to         *[]byte
	}{{"--tee-collateral", f.collateral, attest.MaxCollateral, &w.extra.Collateral}, {"--tee-cert", f.certs, attest.MaxCerts, &w.extra.Certs}} {
		if in.path == "" {
			continue
		}
		if *in.to, err = e.ReadInput(in.flag, in.path, in.max, cli.AttestationError); err != nil {
			return nil, err
		}
	}
	return w, e.trustTEE(ctx, w)
}

// trustTEE finds the verifier of the kind and its roots. A TPM's own key is trusted
// here, since it is this machine's.
func (e *program) trustTEE(ctx context.Context, w *teeWitness) error {
	var err error
	if w.verify, err = attestVerifier(&cli.Choice{Value: string(w.source.Kind())}); err != nil {
		return err
	}
	t, err := e.teeTrust("", w.verify)
	if err != nil {
		return err
	}
	w.params.Roots = t.Roots
	if k, ok := w.source.(interface {
		Public(context.Context) ([]byte, error)
	}); ok && w.extra.Certs == nil {
		if w.params.Key, err = k.Public(ctx); err != nil {
			return cli.Errorf(cli.AttestationError, "--tee", "%w", err)
		}
	}
	return nil
}

// quote makes and checks one quote over d.
func (w *teeWitness) quote(ctx context.Context, d digest.Digest, at time.Time) (*attest.Result, error) {
	ev, err := w.source.Quote(ctx, d)
	if err != nil {
		return nil, cli.Errorf(cli.AttestationError, "--tee", "%w", err)
	}
	if w.extra.Collateral != nil {
		ev.Collateral = w.extra.Collateral
	}
	if w.extra.Certs != nil {
		ev.Certs = w.extra.Certs
	}
	w.params.At = at
	got := attest.Check(w.verify, *ev, w.params, attest.Rules{ExpectReportData: d[:], AllowTCB: attest.Statuses})
	if !got.Accepted {
		return nil, attestError(got.Refusals[0]).WithHint("nobody would accept a proof with this quote: engine attest verify shows more")
	}
	w.result = attest.Carried{Kind: w.source.Kind(), Evidence: *ev}
	return got.Result, nil
}

// checkTEE refuses a run whose environment's certificates end before it is due.
func (e *program) checkTEE(s *session, l *job.Lease, now time.Time) error {
	if s.tee == nil || s.tee.notAfter.IsZero() {
		return nil
	}
	notAfter := s.tee.notAfter
	if err := attest.CoversDeadline(notAfter, deadline(l, now)); err != nil {
		return cli.Errorf(cli.AttestationError, "--tee", "%w", err)
	}
	if days, due := attest.ExpiryWarning(now, notAfter); due {
		e.Warn("the certificates of the environment end in %d days or less, at %s", days, notAfter.Format(time.RFC3339))
	}
	return nil
}

// quoteResult has the environment bind R.
func (s *session) quoteResult(ctx context.Context, o *engine.Outcome) error {
	if s.tee == nil {
		return nil
	}
	r, err := s.tee.quote(ctx, o.R, o.Finished)
	if err != nil {
		return err
	}
	if was := s.tee.measurement; !bytes.Equal(r.Measurement, was) {
		return cli.Errorf(cli.AttestationError, "--tee", "the environment measured %x before the run and %s after it", was, r.Measurement)
	}
	return nil
}
