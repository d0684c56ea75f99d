// Package agent is the provider's daemon without its commands: it registers, sends
// heartbeats, takes offers, renews leases, has jobs executed, and hands in their proofs.
//
// It promises that work which the network has accepted from it is not lost: each step of a
// lease is in a journal on disk before its effect leaves the machine, every write carries an
// idempotency key that the journal keeps, and after kill -9 the agent goes on where it was:
// an ack is repeated, a job without a proof is executed again (the same job gives the same
// bytes) or given back, a proof that was not answered is handed in again. A refusal that
// can never turn into acceptance is parked with its reason, never retried.
//
// It does not decide what a job is worth, judge traps or sign proofs: an [Executor] makes
// proofs, the network judges them.
package agent

import (
	"context"

	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
)

// Executor runs the job of a lease and returns the bundle around its signed proof. A
// verdict that is not pass is a bundle too. It honours ctx.
type Executor interface {
	Execute(ctx context.Context, lease *job.Lease) (*proofs.Bundle, error)
}
