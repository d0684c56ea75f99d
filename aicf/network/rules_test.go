package network_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// TestAPenaltyInStages: under a policy with clawback a quarter of 2000 is taken when the appeal
// window is over, half two rounds later, the last quarter three rounds behind; what is not yet
// taken stays held, and a stage cannot be appealed.
func TestAPenaltyInStages(t *testing.T) {
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			claw := &p.Slashing.Clawback
			claw.Enabled, claw.ScheduleBlocks, claw.Fractions = true, []uint64{0, 2, 5}, []aicf.Decimal{aicf.Nano / 4, aicf.Nano / 2, aicf.Nano / 4}
			p.Network.BurnShare = aicf.Nano / 2
		})
	}, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		_, err := w.hand(p, w.lease(p), cheat{liesOfTraps: true})
		require.NoError(w, err)
		require.EqualValues(w, 2000, w.balance(p.id).Held, "all of it is held at once")
		require.Len(w, w.slashes(""), 1)
		var held []aicf.Amount
		for range 12 {
			w.rounds(1)
			w.sound()
			held = append(held, w.balance(p.id).Held)
		}
		require.Equal(w, []aicf.Amount{2000, 2000, 2000, 2000, 1500, 1500, 500, 500, 500, 0, 0, 0}, held)
		require.EqualValues(w, 4000, w.balance(p.id).Staked)
		all := w.slashes(aicf.SlashExecuted)
		require.Equal(w, []aicf.Amount{500, 1000, 500}, []aicf.Amount{all[0].Amount, all[1].Amount, all[2].Amount})
		st, err := w.Statement(ctx, p.id, nil, 0, 0)
		require.NoError(w, err)
		require.EqualValues(w, 2000, st.Slashed)
	})
}

// TestAStageHasNoAppeal: the proposal could be appealed as a whole; its stages cannot.
func TestAStageHasNoAppeal(t *testing.T) {
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			claw := &p.Slashing.Clawback
			claw.Enabled, claw.ScheduleBlocks, claw.Fractions = true, []uint64{10}, []aicf.Decimal{aicf.Nano}
		})
	}, func(w *world) {
		p := w.provider("one", 6000, 1)
		w.deposit(buyer, 100)
		w.submit(1, nil)
		_, err := w.hand(p, w.lease(p), cheat{liesOfTraps: true})
		require.NoError(w, err)
		w.rounds(5)
		held := w.slashes(aicf.SlashHeld)
		require.Len(w, held, 1)
		require.EqualValues(w, 2000, held[0].Amount, "a schedule that begins later takes nothing at first")
		_, err = w.Dispute(ctx, w.as(p.id), aicf.Dispute{SlashID: held[0].ID, Note: "no"})
		require.Equal(w, aicf.Conflict, code(err))
		require.ErrorContains(w, err, "stage 1 of 1")
	})
}

// TestTheCapRollsOver: an epoch may spend what the one before left, at most twice the cap.
func TestTheCapRollsOver(t *testing.T) {
	each(t, func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Network.Subsidy, p.Network.RejudgePPM = aicf.Nano/2, 1
			p.Epochs.FundCapAtomic, p.Epochs.LengthBlocks, p.Epochs.RolloverUnspent = 2, 1, true
		})
	}, func(w *world) {
		network.Physics(w.Service, func(digest.Digest) string { return "good" })
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 1000)
		w.deposit(network.FundAccount, 100)
		w.rounds(3) // nothing is spent
		for n := range 5 {
			w.submit(n, nil)
			a := w.lease(p)
			proof, _ := p.envelope(w, a.Lease, 1)
			_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
			require.NoError(w, err)
		}
		w.rounds(2)
		list, err := w.Epochs(ctx, 10)
		require.NoError(w, err)
		var caps, spent []aicf.Amount
		for _, e := range list {
			if e.State == aicf.EpochSettled {
				caps, spent = append(caps, e.Cap), append(spent, e.Subsidy)
			}
		}
		require.Equal(w, []aicf.Amount{1, 4, 0}, spent[:3], "newest first")
		require.Equal(w, []aicf.Amount{2, 4, 4}, caps[:3], "what was spent is not rolled over, and no more than one cap is")
		require.EqualValues(w, 2, caps[len(caps)-1], "before the first epoch nothing was left")
	})
}

// TestTheRemainderGoesWherePolicySays: two units split 85/10/5 leave one over.
func TestTheRemainderGoesWherePolicySays(t *testing.T) {
	for rule, want := range map[string][3]aicf.Amount{"": {2, 0, 0}, "treasury": {1, 1, 0}, "miner": {1, 0, 1}} {
		w := newWorld(t, engines(t)[0].open(t), func(c *network.Config) {
			c.Policy = testPolicy(t, func(p *aicf.Policy) { p.Network.Remainder = rule })
		})
		p := w.provider("one", 5000, 1)
		w.deposit(buyer, 100)
		id := w.submit(1, nil)
		_, err := w.hand(p, w.lease(p), cheat{})
		require.NoError(t, err)
		l, err := w.Explain(ctx, id)
		require.NoError(t, err)
		require.Equal(t, want, [3]aicf.Amount{l.Provider, l.Treasury, l.Miner}, rule)
	}
}

// TestPoliciesThatCannotBeKept: the service does not start under a rule that it would pass over.
func TestPoliciesThatCannotBeKept(t *testing.T) {
	for field, edit := range map[string]func(*aicf.Policy){
		"surge_multiplier_max": func(p *aicf.Policy) { p.Economics.Pricing.Quantum.SurgeMultiplierMax = 2 * aicf.Nano },
		"indexation.enabled":   func(p *aicf.Policy) { p.Economics.Indexation.Enabled = true },
		"never_exceed_stake":   func(p *aicf.Policy) { p.Slashing.Bounds.NeverExceedStake = false },
	} {
		db, err := store.OpenSQLite(context.Background(), t.TempDir()+"/network.db", store.Options{})
		require.NoError(t, err)
		_, err = network.New(ctx, network.Config{Store: db, ChainID: 1, Policy: testPolicy(t, edit), Service: key(t, "service", ""), Entropy: entropy("x")}, start)
		require.ErrorIs(t, err, aicf.ErrPolicy, field)
		require.ErrorContains(t, err, field)
		require.NoError(t, db.Close())
	}
}
