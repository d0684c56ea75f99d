package network_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

// paged is a network whose settlements take pages of two lines, with what the store
// tells the test.
func paged(t *testing.T, fn func(w *world, o *store.Options)) {
	edit := func(c *network.Config) {
		c.Policy = testPolicy(t, func(p *aicf.Policy) {
			p.Epochs.SettleBatchSize, p.Network.RejudgePPM, p.Network.HeartbeatMS = 2, 1, 1e9
			p.Network.Subsidy, p.Epochs.FundCapAtomic = aicf.Nano/2, 3
		})
	}
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			o := &store.Options{}
			told := store.Options{ // what the test sets later is heard
				Step: func(s string) {
					if o.Step != nil {
						o.Step(s)
					}
				},
				Trace: func(s string) {
					if o.Trace != nil {
						o.Trace(s)
					}
				},
			}
			var db *store.DB
			var err error
			if engine == "sqlite" {
				db, err = store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), told)
			} else {
				db, err = store.OpenPostgres(ctx, storetest.Database(t), told)
			}
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, db.Close()) })
			w := newWorld(t, db, edit)
			network.TakePages(w.Service, 1)
			fn(w, o)
		})
	}
}

// due runs n jobs of each of two providers and ends their epoch.
func (w *world) due(n int) []*provider {
	network.Physics(w.Service, func(digest.Digest) string { return "good" })
	ps := []*provider{w.provider("one", 5000, 1), w.provider("two", 5000, 1)}
	w.deposit(buyer, 1000)
	w.deposit(network.FundAccount, 1000)
	for i := range 2 * n {
		w.submit(i, nil)
		p := ps[i%2]
		a := w.lease(p)
		proof, _ := p.envelope(w, a.Lease, 1)
		_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
		require.NoError(w, err)
	}
	for range 4 {
		st, err := w.Status(ctx)
		require.NoError(w, err)
		_, err = w.AdvanceRound(ctx, w.now, st.Round)
		require.NoError(w, err)
	}
	return ps
}

// summing is what only the sum of a settlement asks, between its pages and its one
// command.
func summing(statement string) bool {
	return strings.HasPrefix(statement, "SELECT claim, ") && strings.HasSuffix(statement, "WHERE state = 'claimable' AND settled = ? ORDER BY seq")
}

// TestNobodySeesHalfASettlement looks at epoch, balances and statements behind every
// commit of a settlement in pages: all of it is settled, or nothing.
func TestNobodySeesHalfASettlement(t *testing.T) {
	paged(t, func(w *world, o *store.Options) {
		ps := w.due(5)
		before, behind := 0, 0
		o.Step = func(step string) {
			if step != store.Committed {
				return
			}
			ep, err := w.Epoch(ctx, 0)
			require.NoError(w, err)
			settled := ep.State == aicf.EpochSettled
			want := aicf.ClaimAccrued
			if settled {
				want = aicf.ClaimClaimable
			}
			for _, p := range ps {
				st, err := w.Statement(ctx, p.id, nil, 0, 0)
				require.NoError(w, err)
				require.Len(w, st.Lines, 5)
				for _, l := range st.Lines {
					require.Equal(w, want, l.State)
					one, err := w.Explain(ctx, l.JobID)
					require.NoError(w, err)
					require.Equal(w, want, one.State)
				}
				b, err := w.Balance(ctx, p.id)
				require.NoError(w, err)
				require.Equal(w, settled, b.Claimable > 0)
				require.Equal(w, settled, b.Accrued == 0)
			}
			v, err := w.Overview(ctx)
			require.NoError(w, err)
			require.EqualValues(w, 10, v.Credited)
			a, err := w.Check(ctx)
			require.NoError(w, err)
			for _, i := range a.Invariants {
				require.True(w, i.OK, "%s: %s", i.ID, i.Detail)
			}
			if settled {
				behind++
			} else {
				before++
			}
		}
		_, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		o.Step = nil
		require.Equal(w, []int{5, 6}, []int{before, behind}, "commits: pages that take, the settlement and pages that tell")
		log, err := w.Events(ctx, 0, 1000)
		require.NoError(w, err)
		var kinds []string
		for _, e := range log {
			if e.Type == aicf.EvEpochSettled || e.Type == aicf.EvSettled {
				kinds = append(kinds, e.Type)
			}
		}
		require.Equal(w, aicf.EvEpochSettled, kinds[0], "no line is told of before its epoch")
		require.Len(w, kinds, 11)
	})
}

// TestAClaimTellsItsLines stops a settlement behind its one command and claims: each
// line of the provider is settled, then claimed, once; the rest follows.
func TestAClaimTellsItsLines(t *testing.T) {
	paged(t, func(w *world, o *store.Options) {
		ps := w.due(3)
		stopped, stop := context.WithCancel(ctx)
		last := ""
		o.Step = func(step string) {
			if strings.HasPrefix(step, "UPDATE epoch SET state") {
				last = step
			}
			if step == store.Committed && last != "" {
				stop()
			}
		}
		_, err := w.Sweep(stopped, w.now)
		require.ErrorIs(w, err, context.Canceled)
		o.Step = nil
		pay, err := w.Claim(ctx, w.as(ps[0].id), ps[0].id, 0)
		require.NoError(w, err)
		w.sound()
		_, err = w.Sweep(ctx, w.now)
		require.NoError(w, err)
		for i, p := range ps {
			st, err := w.Statement(ctx, p.id, nil, 0, 0)
			require.NoError(w, err)
			for _, l := range st.Lines {
				line, err := w.Timeline(ctx, l.JobID)
				require.NoError(w, err)
				var kinds []string
				for _, e := range line.Events {
					kinds = append(kinds, e.Type)
				}
				want := []string{aicf.EvAccrued, aicf.EvSettled, aicf.EvClaimed}[:3-i]
				require.Equal(w, want, kinds[len(kinds)-len(want):])
			}
			if i == 0 {
				require.Equal(w, pay.Amount, st.Paid)
			}
		}
		again, err := w.Claim(ctx, w.as(ps[0].id), ps[0].id, 0)
		require.NoError(w, err)
		require.Equal(w, pay, again)
	})
}

// TestWhatASettlementTookStays: a line that a page has taken is held and refused no more;
// one that was held before waits, and is settled with the epoch in which it is freed.
func TestWhatASettlementTookStays(t *testing.T) {
	paged(t, func(w *world, o *store.Options) {
		w.due(3)
		jobs, err := w.Jobs(ctx, aicf.JobFilter{})
		require.NoError(w, err)
		held, taken := jobs.Items[1].ID, jobs.Items[4].ID
		write := func(fn func(t *store.Tx) error) { require.NoError(w, w.cfg.Store.Update(ctx, w.now, fn)) }
		write(func(t *store.Tx) error { return settle.Hold(t, held, "a test") })
		tried := 0
		o.Trace = func(q string) {
			if !summing(q) {
				return
			}
			tried++
			write(func(t *store.Tx) error { return settle.Hold(t, taken, "a test") })
			write(func(t *store.Tx) error { return settle.Refuse(t, taken, "a test") })
			write(func(t *store.Tx) error { return settle.Free(t, held) })
		}
		swept, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		require.Equal(w, []int{1, 1}, []int{tried, swept.Settled})
		w.sound()
		state := func(job digest.Digest) aicf.ClaimState {
			l, err := w.Explain(ctx, job)
			require.NoError(w, err)
			return l.State
		}
		require.Equal(w, aicf.ClaimClaimable, state(taken))
		require.Equal(w, aicf.ClaimAccrued, state(held))
		w.rounds(4)
		require.Equal(w, aicf.ClaimClaimable, state(held))
		ep, err := w.Epoch(ctx, 1)
		require.NoError(w, err)
		require.EqualValues(w, 1, ep.Claims)
	})
}

// TestASettlementSumsAgain: a line that another replica's page takes behind the sum is in the
// batch.
func TestASettlementSumsAgain(t *testing.T) {
	paged(t, func(w *world, o *store.Options) {
		w.due(3)
		jobs, err := w.Jobs(ctx, aicf.JobFilter{})
		require.NoError(w, err)
		held := jobs.Items[1].ID
		write := func(fn func(t *store.Tx) error) { require.NoError(w, w.cfg.Store.Update(ctx, w.now, fn)) }
		write(func(t *store.Tx) error { return settle.Hold(t, held, "a test") })
		o.Trace = func(q string) {
			if !summing(q) {
				return
			}
			o.Trace = nil
			write(func(t *store.Tx) error { return settle.Free(t, held) })
			write(func(t *store.Tx) error {
				_, err := settle.Take(t, 0, 0, 100)
				return err
			})
		}
		swept, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		require.Equal(w, 1, swept.Settled)
		ep, err := w.Epoch(ctx, 0)
		require.NoError(w, err)
		require.EqualValues(w, 6, ep.Claims)
	})
}

// TestASweepIsOvertaken: a call that came from a later clock makes the sweep's own time
// past while it settles. What it began it ends; the rest waits for the next.
func TestASweepIsOvertaken(t *testing.T) {
	paged(t, func(w *world, o *store.Options) {
		w.due(3)
		late := w.now + 5000
		o.Trace = func(q string) {
			if summing(q) {
				c := w.as(buyer)
				c.NowMS = late
				_, err := w.Faucet(ctx, c, buyer, 1)
				require.NoError(w, err)
			}
		}
		swept, err := w.Sweep(ctx, w.now)
		require.NoError(w, err)
		require.Equal(w, 1, swept.Settled)
		o.Trace = nil
		ep, err := w.Epoch(ctx, 0)
		require.NoError(w, err)
		require.Equal(w, late, ep.SettledMS, "the store's time")
		_, err = w.Sweep(ctx, w.now)
		require.Equal(w, aicf.ClockSkew, aicf.CodeOf(err), "one that begins in the past is refused")
	})
}

// overtaken is a payer during whose payment the store's time goes on.
type overtaken struct {
	w    *world
	late int64
	paid map[digest.Digest]int
}

func (p *overtaken) Pay(_ context.Context, id, _ digest.Digest, _ aicf.Amount) error {
	p.paid[id]++
	c := p.w.as(buyer)
	c.NowMS = p.late
	_, err := p.w.Faucet(ctx, c, buyer, 1)
	return err
}

func (p *overtaken) Paid(_ context.Context, id digest.Digest) (paid, known bool, err error) {
	return p.paid[id] > 0, true, nil
}

// TestATickIsOvertaken: the sweep of a tick is overtaken while the payer is asked. It ends
// without an error, the payment stays unknown and the round open; later ticks resolve both.
func TestATickIsOvertaken(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			p := &overtaken{paid: map[digest.Digest]int{}}
			p.w = newWorld(t, e.open(t), func(c *network.Config) {
				c.Payer, c.Policy = p, testPolicy(t, func(p *aicf.Policy) { p.Network.RejudgePPM, p.Network.HeartbeatMS = 1, 1e9 })
			})
			w := p.w
			ps := w.due(1)
			_, err := w.Sweep(ctx, w.now)
			require.NoError(t, err)
			pay, err := w.Claim(ctx, w.as(ps[0].id), ps[0].id, 0)
			require.NoError(t, err)
			before, err := w.Status(ctx)
			require.NoError(t, err)
			w.wait(60_000) // the round is over
			p.late = w.now + 5000
			swept, err := w.Tick(ctx, w.now)
			require.NoError(t, err)
			require.Zero(t, swept.Rounds)
			list, err := w.Payouts(ctx, ps[0].id, 10)
			require.NoError(t, err)
			require.Equal(t, aicf.PayoutSent, list[0].State)
			w.now = p.late + 60_000
			swept, err = w.Tick(ctx, w.now)
			require.NoError(t, err)
			require.Equal(t, []int{1, 1}, []int{swept.Paid, swept.Rounds})
			require.Equal(t, map[digest.Digest]int{pay.ID: 1}, p.paid)
			st, err := w.Status(ctx)
			require.NoError(t, err)
			require.Equal(t, before.Round+1, st.Round)
		})
	}
}

// TestAServiceWithASlowClockDoesNotStart: its error names its own clock and by how much it is
// behind; one that is a second behind starts.
func TestAServiceWithASlowClockDoesNotStart(t *testing.T) {
	each(t, nil, func(w *world) {
		w.deposit(buyer, 1)
		_, err := network.New(ctx, w.cfg, w.now-5000)
		require.Equal(w, aicf.ClockSkew, aicf.CodeOf(err))
		require.ErrorContains(w, err, "the service does not start")
		require.ErrorContains(w, err, "the clock of this service says 1799999995000 ms and its store has seen 1800000000000 ms: it is 5000 ms behind")
		s, err := network.New(ctx, w.cfg, w.now-1000)
		require.NoError(w, err)
		require.NoError(w, s.Close())
		_, err = w.Faucet(ctx, aicf.Call{NowMS: w.now - 5000, Account: buyer}, buyer, 1)
		require.ErrorContains(w, err, "the clock of this service")
	})
}
