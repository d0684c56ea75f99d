package settle

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Next is the oldest epoch that is over and not settled; ok is false when there
// is none.
func Next(t *store.Tx, term *epoch.Term) (n uint64, ok bool, err error) {
	err = t.Scan("SELECT number FROM epoch WHERE state = 'open' AND number < ? ORDER BY number LIMIT 1", []any{term.Epoch}, &n)
	if errors.Is(err, store.ErrNone) {
		return 0, false, nil
	}
	return n, err == nil, err
}

// BatchDigest is what the service signs of a settled epoch.
func BatchDigest(number uint64, root digest.Digest, b *aicf.EpochBatch) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/epoch-batch").U64(1, number).H32(2, b.Policy).H32(3, root).U64(4, b.Claims).U64(5, uint64(b.Gross)).
		U64(6, uint64(b.Subsidy)).U64(7, b.Carried).Sum()
}

func batchOf(e *epoch.Row) *aicf.EpochBatch {
	return &aicf.EpochBatch{Policy: e.Policy, Claims: e.Claims, Gross: e.Gross, Subsidy: e.Subsidy, Carried: e.Carried, SignedAt: uint64(e.SettledMS / 1000), Sig: e.Sig}
}

// View is an epoch as the network shows it.
func View(e *epoch.Row) aicf.Epoch {
	return aicf.Epoch{Number: e.Number, State: e.State, FirstRnd: e.FirstRound, LastRnd: e.LastRound, Policy: e.Policy, Claims: e.Claims, Gross: e.Gross, Provider: e.Provider,
		Treasury: e.Treasury, Miner: e.Miner, Subsidy: e.Subsidy, Cap: e.Cap, Carried: e.Carried, CarriedBy: e.CarriedAmount, Batch: e.Batch, Root: e.Root, SettledMS: e.SettledMS}
}

// Recompute gives root and batch of a settled epoch from its lines.
func Recompute(t *store.Tx, e *epoch.Row) (root, batch digest.Digest, err error) {
	s, err := sum(t, e.Number, "WHERE settled = ? ORDER BY seq", e.Number+1)
	if err != nil {
		return root, batch, err
	}
	copied := *e
	copied.Claims, copied.Gross = s.claims, s.gross
	batch, err = BatchDigest(e.Number, s.root, batchOf(&copied))
	return s.root, batch, err
}

// Inclusion proves that a claim lies under its epoch's root.
func Inclusion(t *store.Tx, number uint64, claim digest.Digest) (*aicf.InclusionProof, error) {
	e, err := store.Get[epoch.Row](t, "WHERE number = ?", number)
	if errors.Is(err, store.ErrNone) || err == nil && e.State != aicf.EpochSettled {
		return nil, aicf.Refuse(aicf.NoResultYet, "epoch %d is not settled", number)
	} else if err != nil {
		return nil, err
	}
	lines, err := store.Select[Line](t, "WHERE settled = ? ORDER BY seq", number+1)
	if err != nil {
		return nil, err
	}
	out := &aicf.InclusionProof{Epoch: number, Claim: claim, Size: uint64(len(lines)), Root: e.Root, Batch: *batchOf(e)}
	leaves, found := make([]digest.Digest, len(lines)), false
	for i := range lines {
		leaf, err := lines[i].Leaf(number)
		if err != nil {
			return nil, err
		}
		if leaves[i] = transcript.LeafHash(leaf); lines[i].Claim == claim {
			found, out.Index, out.Leaf = true, uint64(i), leaf
		}
	}
	if !found {
		return nil, aicf.Refuse(aicf.NotFound, "claim %s was not settled in epoch %d", claim, number)
	}
	out.Path, err = transcript.InclusionProof(leaves, int(out.Index))
	return out, err
}
