package network

import (
	"context"
	"io"
	"log/slog"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
)

// Config is what a service is made of. Store, ChainID, Policy, Service and
// Entropy are needed.
type Config struct {
	Store   *store.DB
	Blobs   store.Blobs // of proof bundles; nil: in the database
	ChainID uint64
	// Policy is active from its activation epoch on; where the store holds a
	// policy already that one stays until the next epoch begins.
	Policy *aicf.Policy
	// Service signs leases, receipts and epoch roots (role service).
	Service keys.Signer
	// Treasury is the Ed25519 key that signs deposits; nil: no deposits.
	Treasury []byte
	Entropy  io.Reader
	// Beacon gives the values of rounds; nil: commit–reveal among the active
	// providers, with the local beacon while nobody commits (flagged dev).
	Beacon LocalBeacon
	// Wire adds what commands can to a verification: Judge, Attester, Recompiler,
	// Meter, allowed modules. The service sets proof, bundle, lease rules, time and
	// nullifiers before it calls Wire. Nil: nothing is added.
	Wire func(*proofs.Input)
	// Evidence judges the attestations of a provider bundle at registration and
	// returns the level they reach; nil: level none.
	Evidence func(ctx context.Context, b *keys.Bundle, nowMS int64) (level proofs.Level, dev bool, err error)
	// Runner judges the quote of a runner's enrolment by a measurement policy: the
	// quote must bind data. Nil: no runner is enrolled, and trap_mode tee is refused.
	Runner func(ctx context.Context, quote *attest.Carried, data []byte, nowMS int64) (measurement []byte, dev bool, err error)
	// Fraud judges an accusation, with the target audit that it rests on where it does; nil:
	// quantum_fraud_v1 documents are held against the accused claim's stored bundle
	// (proofs/statement), the audit's beacon against the network's rounds.
	Fraud func(ctx context.Context, document, audit []byte) (*Fraud, error)
	// Payer executes payouts; nil: pay into the provider's available balance.
	Payer Payer
	// Dev allows the faucet, dev evidence, dev-flagged proofs and unsigned calls.
	Dev bool
	Log *slog.Logger // nil: silent
}

// LocalBeacon is the secret of a deterministic beacon for one network: value of
// round r = H(qprov/v1/beacon-local: chain_id, r, secret). Zero: none.
type LocalBeacon = digest.Digest

// Payer executes payouts outside the ledger. It must be idempotent by id.
type Payer interface {
	// Pay returns ErrPayerRefused if the payment will never happen, another error
	// if it may have happened.
	Pay(ctx context.Context, id, provider digest.Digest, amount aicf.Amount) error
	// Paid answers for a payment of unknown outcome; known is false while the
	// payer cannot tell.
	Paid(ctx context.Context, id digest.Digest) (paid, known bool, err error)
}

// Fraud is a document that holds: what it says of which claim.
type Fraud struct {
	Claim digest.Digest
	Why   string
}
