package devnet

import (
	"bytes"
	"context"
	"crypto/sha3"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/statement"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/traps"
)

func played(t *testing.T, c Case, policy func(*aicf.Policy)) (*Story, error) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	cfg := Config{Dir: t.TempDir(), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1", Clock: NewClock(time.Unix(1_800_000_000, 0))}
	if policy != nil {
		cfg.Policy, err = aicf.DefaultPolicy()
		require.NoError(t, err)
		policy(cfg.Policy)
	}
	return Play(t.Context(), cfg, c)
}

// TestCases: every fault costs the stake after its window, every unjust accusation is undone
// by the device's signature, and what is forged is refused.
func TestCases(t *testing.T) {
	reasons := map[string]string{"omit-cz": aicf.ReasonTraps, "forged-quote": aicf.ReasonAttestation, "double-result": aicf.ReasonDouble, "late": aicf.ReasonLatency, "traps-honest": aicf.ReasonFraud}
	for _, name := range Cheats() {
		for _, appeal := range []bool{false, true} {
			c := Case{name, appeal}
			if c.Check() != nil {
				continue
			}
			label := name
			if appeal {
				label += " appealed"
			}
			t.Run(label, func(t *testing.T) {
				s, err := played(t, c, nil)
				if s != nil {
					for _, step := range s.Steps {
						t.Log(step.Who, step.What)
					}
				}
				require.NoError(t, err)
				require.Equal(t, reasons[name], s.Slash.Reason)
				require.Len(t, s.Checks, 18)
				require.Zero(t, s.Balance)
				require.GreaterOrEqual(t, len(s.Refused), 2)
				if appeal {
					require.Equal(t, aicf.SlashReversed, s.Slash.State)
					require.Equal(t, s.Slash.Amount, s.Returned)
					require.Zero(t, s.Taken)
				} else {
					require.Equal(t, aicf.SlashExecuted, s.Slash.State)
					require.Equal(t, s.Slash.Amount, s.Taken)
					require.Zero(t, s.Paid)
				}
			})
		}
	}
}

// TestANetworkThatDoesNotPunish: on a policy that takes nothing for a fault, no case ends as
// it should, whatever else happens.
func TestANetworkThatDoesNotPunish(t *testing.T) {
	free := func(p *aicf.Policy) {
		p.Slashing.Penalties.TrapsCheat.PenaltyAtomic, p.Slashing.Penalties.LatencySLA.PenaltyAtomic = 0, 0
		p.Network.AttestPenalty, p.Network.DoublePenalty = 0, 0
	}
	for _, name := range Cheats() {
		for _, appeal := range []bool{false, true} {
			if c := (Case{name, appeal}); c.Check() == nil {
				s, err := played(t, c, free)
				require.ErrorIs(t, err, ErrStory, "%+v", c)
				require.Contains(t, err.Error(), "holds 0 of the stake", "%+v", c)
				require.NotEmpty(t, s.Steps)
			}
		}
	}
}

// TestBooksAreHeldAgainstTheStory: each way in which ledger and promise can differ is told.
func TestBooksAreHeldAgainstTheStory(t *testing.T) {
	id := digest.Sum([]byte("provider"))
	bonded, held := store.Account{Owner: id, Kind: "bonded"}, store.Account{Owner: id, Kind: "slash_held"}
	fund := store.Account{Owner: digest.Sum([]byte("network")), Kind: "fund"}
	hold := Entry{Reason: "slash_hold", Amount: 7, from: bonded, to: held}
	back := Entry{Reason: "slash_return", Amount: 7, from: held, to: bonded}
	gone := Entry{Reason: "slash_fund", Amount: 7, from: held, to: fund}
	story := func(state aicf.SlashState, staked aicf.Amount) *Story {
		return &Story{ProviderID: id, Slash: aicf.Slash{Amount: 7, State: state}, Before: &aicf.Balance{Staked: 10}, After: &aicf.Balance{Staked: staked}}
	}
	require.NoError(t, story(aicf.SlashExecuted, 3).executed([]Entry{hold, gone}))
	require.NoError(t, story(aicf.SlashReversed, 10).reversed([]Entry{hold, back}))
	short := back
	short.Amount = 6
	paid := story(aicf.SlashExecuted, 3)
	paid.Paid = 1
	for name, err := range map[string]error{
		"not executed":         story(aicf.SlashHeld, 3).executed([]Entry{hold, gone}),
		"nothing taken":        story(aicf.SlashExecuted, 3).executed([]Entry{hold}),
		"taken and given back": story(aicf.SlashExecuted, 3).executed([]Entry{hold, back}),
		"still staked":         story(aicf.SlashExecuted, 10).executed([]Entry{hold, gone}),
		"paid":                 paid.executed([]Entry{hold, gone}),
		"not reversed":         story(aicf.SlashHeld, 10).reversed([]Entry{hold, back}),
		"part came back":       story(aicf.SlashReversed, 10).reversed([]Entry{hold, short}),
		"nothing came back":    story(aicf.SlashReversed, 10).reversed([]Entry{hold}),
		"taken, not returned":  story(aicf.SlashReversed, 10).reversed([]Entry{hold, gone}),
		"less is staked":       story(aicf.SlashReversed, 9).reversed([]Entry{hold, back}),
	} {
		require.ErrorIs(t, err, ErrStory, name)
	}
	require.EqualValues(t, 5, story("", 0).earned([]Entry{{Reason: "accrue", Amount: 9, to: store.Account{Owner: id, Kind: "accrued"}},
		{Reason: "pay_refused", Amount: 4, from: store.Account{Owner: id, Kind: "accrued"}}}))
}

// TestTheClockStandsStill: nothing but an advance moves it, and never back.
func TestTheClockStandsStill(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	c := NewClock(at)
	require.Equal(t, at, c.Now())
	require.Equal(t, at, c.Advance(-time.Hour))
	require.Equal(t, at.Add(time.Second), c.Advance(time.Second))
	require.Equal(t, at.Add(time.Second), c.Now())
	_, err := Play(t.Context(), Config{}, Case{Cheat: "late"})
	require.ErrorContains(t, err, "logical clock")
	_, err = Play(t.Context(), Config{}, Case{Cheat: "lat"})
	require.ErrorContains(t, err, `no cheat "lat"`)
}

// TestCasesOnPostgreSQL: the other engine, with no other change.
func TestCasesOnPostgreSQL(t *testing.T) {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	for _, c := range []Case{{"omit-cz", false}, {"double-result", true}} {
		s, err := Play(t.Context(), Config{Dir: t.TempDir(), Postgres: storetest.Database(t), Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1",
			Clock: NewClock(time.Unix(1_800_000_000, 0))}, c)
		require.NoError(t, err)
		require.Equal(t, s.Slash.Amount, s.Taken+s.Returned)
	}
}

// TestLuckInADrawIsNoEvidence: a provider invents the targets of four of thirteen leaves. There
// are rounds whose beacon draws all four among eight, and an audit of those scores below its
// fraud limit; an audit of all leaves does not. Whoever waits for such a round is refused.
// Now and then the outcomes alone bring the audit of all leaves below the limit: such a
// provider has no luck to tell of, and another one is looked at.
func TestLuckInADrawIsNoEvidence(t *testing.T) {
	for range 20 {
		if lucky(t) {
			return
		}
	}
	t.Fatal("of no execution a draw of eight leaves was lucky")
}

func lucky(t *testing.T) bool {
	n := start(t, t.TempDir())
	hand := func(ctx context.Context, e *execution) (*proofs.Bundle, error) {
		b, err := e.prove(ctx, e.run.Claim())
		if err != nil {
			return nil, err
		}
		p, err := proofs.Decode(b.Proof)
		if err != nil {
			return nil, err
		}
		in, err := statement.JudgeInput(b, p)
		if err != nil {
			return nil, err
		}
		l, err := guest.ParseLayered(in.Layered)
		if err != nil {
			return nil, err
		}
		g, err := traps.NewGenerator(l, e.run.Plan.Trap, in.Root)
		if err != nil {
			return nil, err
		}
		row := guest.RowBytes(l.Width)
		o := e.run.Outcome.Outcomes
		_, hidden, err := g.Slots(0, 4*transcript.SlotsPerLeaf)
		if err != nil {
			return nil, err
		}
		noise := sha3.NewSHAKE128()
		for i := range 4 * transcript.SlotsPerLeaf {
			if guest.SlotKind(hidden.Kind[i]) == guest.SlotTarget {
				if _, err := io.ReadFull(noise, o.Rows[i*row:(i+1)*row]); err != nil {
					return nil, err
				}
			}
		}
		c := e.run.Claim()
		if c.OutcomesRoot, err = o.Root(); err != nil {
			return nil, err
		}
		in.Outcomes = o
		judged, err := proofs.NativeJudge{}.Rejudge(ctx, *in)
		if err != nil {
			return nil, err
		}
		hist, err := transcript.HistOfRows(uint64(l.Clbits), judged.TargetRows)
		if err != nil {
			return nil, err
		}
		if c.HistDigest, err = hist.Digest(); err != nil {
			return nil, err
		}
		out := *e.run.Outcome
		out.Hist = hist
		c.Logged = proofs.Digests{}
		e.run.Outcome, e.journal = &out, nil
		return e.prove(ctx, c)
	}
	m, err := n.join(t.Context(), "lucky", &executor{backend: n.cfg.Backend, hand: hand})
	require.NoError(t, err)
	id, doc, err := renamed(fmt.Appendf(nil, caseJob, 60_000), 0)
	require.NoError(t, err)
	_, err = n.buyer.Submit(t.Context(), "submit-"+id.String(), aicf.JobSubmission{Job: doc})
	require.NoError(t, err)
	e, err := m.agent.Once(t.Context(), 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, aicf.LeaseCompleted, e.Outcome.Status, "%v", e.Outcome.Failure)
	a, err := n.auditor(t.Context())
	require.NoError(t, err)
	var tar bytes.Buffer
	require.NoError(t, a.Bundle(t.Context(), e.Bundle, &tar))
	b, err := proofs.ReadTar(&tar)
	require.NoError(t, err)
	require.NoError(t, n.round(t.Context()))
	drawn := 0
	for tries := 0; tries < 400 && drawn < 2; tries++ { // one in twenty, by the network's own random nonce
		st, err := n.Service.Status(t.Context())
		require.NoError(t, err)
		require.Eventually(t, func() bool { return n.nowMS() > st.NowMS }, time.Minute, time.Millisecond)
		require.NoError(t, n.round(t.Context()))
		r, err := a.Round(t.Context(), st.Round)
		require.NoError(t, err)
		if tries == 0 {
			_, fraud, err := a.accusation(t.Context(), b, r, 0, nil, uint64(n.now().Unix()))
			require.NoError(t, err)
			if fraud {
				return false
			}
		}
		d, fraud, err := a.accusation(t.Context(), b, r, 8, nil, uint64(n.now().Unix()))
		require.NoError(t, err)
		if !fraud {
			continue
		}
		drawn++
		_, err = a.Dispute(t.Context(), "", *d)
		require.Equal(t, aicf.ProofError, aicf.CodeOf(err), "%v", err)
		require.ErrorContains(t, err, "all of them do not")
	}
	page, err := n.own.Slashes(t.Context(), aicf.SlashFilter{}, "")
	require.NoError(t, err)
	require.Empty(t, page.Items)
	return drawn > 0 // of some executions hardly any draw of eight leaves looks like fraud
}
