package network

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// What a provider or an auditor checks without the service: receipts, claims under their
// epoch's root, pieces of the event log.

// ReadInclusion reads the claim line of an inclusion proof, and checks that it is about the
// claim and epoch that the proof names and lies under its root.
func ReadInclusion(p *aicf.InclusionProof) (*settle.ClaimLine, error) {
	l, err := settle.ParseLeaf(p.Leaf)
	switch {
	case err != nil:
		return nil, err
	case l.Claim != p.Claim:
		return nil, fmt.Errorf("the line is about claim %s, not %s", l.Claim, p.Claim)
	case l.Epoch != p.Epoch:
		return nil, fmt.Errorf("the line is of epoch %d, not %d", l.Epoch, p.Epoch)
	case p.Size != p.Batch.Claims:
		return nil, fmt.Errorf("a tree of %d lines, but the batch has %d claims", p.Size, p.Batch.Claims)
	}
	return l, transcript.VerifyInclusion(p.Root, transcript.LeafHash(p.Leaf), p.Index, p.Size, p.Path)
}

// VerifyBatch checks the service's signature over the epoch that an inclusion proof rests on.
func VerifyBatch(p *aicf.InclusionProof, public []byte) error {
	d, err := settle.BatchDigest(p.Epoch, p.Root, &p.Batch)
	if err != nil {
		return err
	}
	sig := keys.Signature{Purpose: keys.PurposeReceipt, Alg: keys.Ed25519, KeyID: p.Batch.Key, SignedAtUnix: p.Batch.SignedAt, Sig: p.Batch.Sig}
	return sig.Verify(keys.Ed25519, public, keys.PurposeReceipt, d)
}

// ErrChain is wrapped where events do not hang together.
var ErrChain = errors.New("the events are no piece of one log")

// VerifyEvents checks that events follow each other without gaps and that each hash is of its
// event and the one before. Of the first, which has no predecessor here, the hash is taken as
// it is, unless it is event 1, behind which there is nothing.
func VerifyEvents(events []aicf.Event) error {
	var before digest.Digest
	for i := range events {
		e := &events[i]
		if i > 0 && e.Seq != events[i-1].Seq+1 {
			return fmt.Errorf("event %d follows %d: %w", e.Seq, events[i-1].Seq, ErrChain)
		}
		if i > 0 || e.Seq == 1 {
			want, err := store.EventHash(e, before)
			if err != nil {
				return fmt.Errorf("event %d: %w: %w", e.Seq, ErrChain, err)
			}
			if want != e.Hash {
				return fmt.Errorf("event %d has hash %s, its content gives %s: %w", e.Seq, e.Hash, want, ErrChain)
			}
		}
		before = e.Hash
	}
	return nil
}
