package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

type nextQuery struct {
	Provider digest.Digest `query:"provider_id" required:"true" doc:"who asks"`
	WaitMS   int           `query:"wait_ms" minimum:"0" maximum:"25000" doc:"how long to wait for work; 0: not at all"`
}

// offered is an offer, or 204 without a body.
type offered struct {
	Status       int
	CacheControl string `header:"Cache-Control"`
	Body         *aicf.Offer
}

// next polls for the client, for as long as it waits. The nonce is spent by the first look.
func (s *Server) next(ctx context.Context, c aicf.Call, in *nextQuery) (*offered, error) {
	end := time.NewTimer(time.Duration(min(in.WaitMS, maxWaitMS)) * time.Millisecond)
	defer end.Stop()
	for {
		changed := s.cfg.Network.Changed()
		offer, err := s.cfg.Network.Next(ctx, c, in.Provider)
		if err != nil || offer != nil {
			return &offered{Status: http.StatusOK, CacheControl: "no-store", Body: offer}, err
		}
		c.Nonce = nil
		again, asleep := time.NewTimer(pollEvery), time.Now()
		select {
		case <-end.C:
			again.Stop()
			courseOf(ctx).waited += time.Since(asleep)
			return &offered{Status: http.StatusNoContent, CacheControl: "no-store"}, nil
		case <-ctx.Done():
			again.Stop()
			return nil, ctx.Err()
		case <-changed:
		case <-again.C:
		}
		again.Stop()
		courseOf(ctx).waited += time.Since(asleep)
		if s.health.off.Load() {
			return &offered{Status: http.StatusNoContent, CacheControl: "no-store"}, nil
		}
		c.NowMS = s.now().UnixMilli()
	}
}

func (s *Server) ack(ctx context.Context, c aicf.Call, in *sent[aicf.AckRequest]) (*answer[aicf.Acked], error) {
	return give(s.cfg.Network.Ack(ctx, c, in.Body))
}

func (s *Server) renew(ctx context.Context, c aicf.Call, in *sent[aicf.RenewRequest]) (*answer[aicf.Renewed], error) {
	return give(s.cfg.Network.Renew(ctx, c, in.Body))
}

func (s *Server) release(ctx context.Context, c aicf.Call, in *sent[aicf.ReleaseRequest]) (*answer[aicf.Lease], error) {
	return give(s.cfg.Network.Release(ctx, c, in.Body))
}

func (s *Server) result(ctx context.Context, c aicf.Call, in *sent[aicf.ResultRequest]) (*answer[aicf.ResultOutcome], error) {
	return give(s.cfg.Network.Result(ctx, c, in.Body))
}

func (s *Server) lease(ctx context.Context, _ aicf.Call, in *named) (*answer[aicf.Lease], error) {
	return give(s.cfg.Network.Lease(ctx, in.ID))
}

func bundleName(r *http.Request) (digest.Digest, error) {
	sum, err := digest.Parse(r.PathValue("sha3_256"))
	if err != nil {
		return sum, aicf.Refuse(aicf.SchemaError, "%v", err).In("sha3_256")
	}
	return sum, nil
}

// putBundle streams; the body is checked against its signed digest by its reader and
// against its name by the service.
func (s *Server) putBundle(w http.ResponseWriter, r *http.Request) {
	call, err := s.admit(r.Context(), signed)
	var sum digest.Digest
	if err == nil {
		sum, err = bundleName(r)
	}
	if err == nil {
		err = s.cfg.Network.PutBundle(r.Context(), call, sum, r.Body)
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		err = aicf.Refuse(aicf.LimitExceeded, "the bundle has more than %d bytes", maxBundle)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) bundle(w http.ResponseWriter, r *http.Request) {
	sum, err := bundleName(r)
	var file io.ReadCloser
	if err == nil {
		file, err = s.cfg.Network.Bundle(r.Context(), sum)
	}
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/x-tar")
	w.Header().Set("Cache-Control", "public, immutable, max-age=31536000")
	w.Header().Set("ETag", `"`+sum.String()+`"`)
	if _, err := io.Copy(w, file); err != nil {
		s.cfg.Log.Warn("bundle not sent", "request", requestID(r.Context()), "error", err)
	}
}
