package network

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
)

// TakePages makes a settlement take n pages in one command.
func TakePages(s *Service, n int) { s.takes, s.tells = n, n }

// Physics replaces the verification of proofs: verdict is "good", "fail" (an
// honest failure) or "lie" (a fault) for a claim.
func Physics(s *Service, verdict func(claim digest.Digest) string) {
	s.verifier = func(_ context.Context, l *queue.LeaseRow, j *queue.JobRow) (*verified, error) {
		p, err := proofs.Decode([]byte(l.Proof))
		if err != nil {
			return nil, err
		}
		v := &verified{accepted: queue.Accepted{Claim: l.Claim, Nullifier: p.Nullifier, TrapPass: p.Body.TrapPass, TrapFail: p.Body.TrapFail},
			sample: penalty.Sample{Job: l.JobID, LatencyMS: l.ReceivedMS - l.AckedMS, MaxMS: j.MaxLatencyMS, Good: true}}
		switch verdict(l.Claim) {
		case "lie":
			v.fault, v.check = aicf.ReasonTraps, "traps"
			fallthrough
		case "fail":
			v.failure, v.sample.Good = aicf.Refuse(aicf.TrapMismatch, "by the test"), false
		}
		return v, nil
	}
}
