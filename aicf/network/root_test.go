package network_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/keys"
)

// TestRootRotationAtTheService registers a provider, replaces his root, and registers the
// bundle with the chain: he stays the same provider and his proofs count. The first root
// alone, whoever has it now, replaces nothing.
func TestRootRotationAtTheService(t *testing.T) {
	each(t, nil, func(w *world) {
		p := w.provider("one", 6000, 2)
		w.deposit(buyer, 100)
		unix := uint64(w.now / 1000)
		next := key(w, keys.Root, "next")
		chain := &keys.Chain{Root: p.root.Public()}
		_, err := chain.Extend(ctx, p.root, p.op, keys.Operational, keys.Scheduled, 0, p.statement.ValidFrom)
		require.NoError(w, err)
		_, err = chain.Extend(ctx, p.root, next, keys.Root, keys.Scheduled, 60, unix+1)
		require.NoError(w, err)
		bundle := func(chain *keys.Chain, root keys.Signer, at uint64) []byte {
			id, err := keys.NewIdentityUnder(ctx, chain, root, "ops@example.org", []string{"quantum"}, at)
			require.NoError(w, err)
			b := &keys.Bundle{Identity: id, Regions: []string{"eu"}, Algorithms: []string{"trap_h"}, Keys: []*keys.KeyStatement{p.statement}}
			require.NoError(w, b.Sign(ctx, root, at))
			raw, err := json.Marshal(b)
			require.NoError(w, err)
			return raw
		}
		w.wait(2000)
		r, err := w.Register(ctx, w.as(p.id), bundle(chain, next, unix+2))
		require.NoError(w, err)
		require.Equal(w, p.id, r.ProviderID)
		require.False(w, r.New)

		// Without the chain, or with a shorter one, the first root's bundle is refused.
		_, err = w.Register(ctx, w.as(p.id), bundle(nil, p.root, unix+3))
		require.Equal(w, aicf.Conflict, code(err))
		require.ErrorContains(w, err, "key_chain")
		// A root that was replaced at the service does not come back within the overlap;
		// behind it it signs nothing, not even with a date of before.
		_, err = w.Register(ctx, w.as(p.id), bundle(chain, p.root, unix+3))
		require.Equal(w, aicf.AttestationError, code(err))
		require.ErrorContains(w, err, "was replaced")
		w.wait(60_000)
		_, err = w.Register(ctx, w.as(p.id), bundle(chain, p.root, unix+4))
		require.Equal(w, aicf.AttestationError, code(err))
		_, err = w.Register(ctx, w.as(p.id), bundle(chain, next, unix+5))
		require.NoError(w, err)

		w.beat(p, 2)
		id := w.submit(1, nil)
		out, err := w.hand(p, w.lease(p), cheat{})
		require.NoError(w, err)
		require.Nil(w, out.Failure)
		j, err := w.Job(ctx, id)
		require.NoError(w, err)
		require.Equal(w, aicf.Completed, j.State)
	})
}
