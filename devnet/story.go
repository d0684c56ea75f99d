package devnet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Case is a dispute to be played out. Without Appeal a provider cheats: what it claims is
// not paid, its stake is held, forged counter-evidence is refused, the window ends and the
// stake is taken. With Appeal an honest provider is accused of the same fault: forged
// counter-evidence is refused, and its device's signature undoes the hold entry by entry.
type Case struct {
	Cheat  string
	Appeal bool
}

// Cheats lists what Case.Cheat may be.
func Cheats() []string {
	return []string{"omit-cz", "forged-quote", "double-result", "late", "traps-honest"}
}

// Check refuses a case that cannot be played.
func (c Case) Check() error {
	if !slices.Contains(Cheats(), c.Cheat) {
		return fmt.Errorf("no cheat %q: choose one of %s", c.Cheat, strings.Join(Cheats(), ", "))
	}
	if c.Appeal && c.Cheat == "traps-honest" {
		return errors.New("a target audit that holds is not answered by a signature: there is nothing to appeal with")
	}
	return nil
}

// Story is what became of a case. Its figures are read from the database after everything
// was closed.
type Story struct {
	Cheat      string           `json:"cheat"`
	Appeal     bool             `json:"appeal"`
	ProviderID digest.Digest    `json:"provider_id"`
	Slash      aicf.Slash       `json:"slash"`
	Steps      []Step           `json:"steps"`
	Refused    []string         `json:"refused_evidence"` // why each piece of forged evidence was refused
	Before     *aicf.Balance    `json:"before"`           // of the provider, before the fault
	After      *aicf.Balance    `json:"after"`
	Entries    []Entry          `json:"entries"` // of the ledger, about the slash and the pay of the disputed jobs
	Taken      aicf.Amount      `json:"taken"`   // of the stake, for good
	Returned   aicf.Amount      `json:"returned"`
	Paid       aicf.Amount      `json:"paid"` // to the provider, for the disputed jobs
	Checks     []aicf.Invariant `json:"invariants"`
	Balance    aicf.Amount      `json:"ledger_imbalance"`
	Elapsed    int64            `json:"elapsed_ms"`

	jobs []digest.Digest // disputed
}

// Step is one thing that happened.
type Step struct {
	Who  string `json:"who"`
	What string `json:"what"`
}

func (s *Story) tell(who, format string, args ...any) {
	s.Steps = append(s.Steps, Step{who, fmt.Sprintf(format, args...)})
}

// ErrStory is wrapped where a case did not end as the network promises.
var ErrStory = errors.New("the network did not do what it promises")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrStory}, args...)...)
}

// Play runs a case on a network of its own, closes it, and holds the story against the
// database. cfg.Clock must be a logical clock.
func Play(ctx context.Context, cfg Config, c Case) (*Story, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		return nil, errors.New("devnet: a case needs a logical clock")
	}
	n, err := Start(ctx, cfg)
	if err != nil {
		return nil, err
	}
	s := &Story{Cheat: c.Cheat, Appeal: c.Appeal, Steps: []Step{}, Refused: []string{}}
	p := &play{Net: n, Story: s}
	err = p.run(ctx)
	if err = errors.Join(err, n.Close()); err != nil {
		return s, err
	}
	return s, n.audit(ctx, s)
}

// play is a case that runs.
type play struct {
	*Net
	*Story
	accused *member
}

// script is what differs between the cases.
type script struct {
	join    func(context.Context) error // the accused joins
	commit  func(context.Context) error // the fault, or what looks like it
	forged  func(context.Context) error // counter-evidence that must be refused
	genuine func(context.Context) error // counter-evidence that must be accepted
	redo    bool                        // the job goes to another provider
}

func (p *play) run(ctx context.Context) error {
	var do script
	switch p.Cheat {
	case "omit-cz":
		do = p.omitCZ()
	case "forged-quote":
		do = p.forgedQuote()
	case "double-result":
		do = p.doubleResult()
	case "late":
		do = p.late()
	case "traps-honest":
		do = p.trapsHonest()
	}
	if err := do.join(ctx); err != nil {
		return err
	}
	p.ProviderID = p.accused.held.ProviderID
	if err := p.epochStart(ctx); err != nil {
		return err
	}
	var err error
	if p.Before, err = p.accused.own.Balance(ctx, p.ProviderID); err != nil {
		return err
	}
	p.tell("provider", "joins as %s with %d staked", short(p.ProviderID), p.Before.Staked)
	if err := do.commit(ctx); err != nil {
		return err
	}
	if err := p.held(ctx); err != nil {
		return err
	}
	if do.redo {
		if err := p.redo(ctx); err != nil {
			return err
		}
	}
	if do.forged != nil {
		if err := do.forged(ctx); err != nil {
			return err
		}
	}
	if p.Appeal {
		if err := do.genuine(ctx); err != nil {
			return err
		}
	} else if err := p.expire(ctx); err != nil {
		return err
	}
	return p.settleJobs(ctx)
}

func short(d digest.Digest) string { return d.String()[:12] }

// epochStart advances to the first round of the next epoch, so that what happens is not
// settled before it is disputed.
func (p *play) epochStart(ctx context.Context) error {
	first, err := p.Service.Status(ctx)
	if err != nil {
		return err
	}
	for range epochRounds {
		if err := p.round(ctx); err != nil {
			return err
		}
		now, err := p.Service.Status(ctx)
		if err != nil || now.Epoch > first.Epoch {
			return err
		}
	}
	return errors.New("no epoch begins")
}

// held wants the network to hold stake of the accused.
func (p *play) held(ctx context.Context) error {
	page, err := p.own.Slashes(ctx, aicf.SlashFilter{Provider: p.ProviderID, State: aicf.SlashHeld, Limit: 10}, "")
	if err != nil {
		return err
	}
	switch {
	case len(page.Items) != 1:
		return broken("%d slash proposals are held against the provider, want one", len(page.Items))
	case page.Items[0].Amount <= 0:
		return broken("proposal %s holds %d of the stake", page.Items[0].ID, page.Items[0].Amount)
	}
	p.Slash = page.Items[0]
	b, err := p.accused.own.Balance(ctx, p.ProviderID)
	if err != nil {
		return err
	}
	if b.Staked != p.Before.Staked-p.Slash.Amount || b.Held != p.Before.Held+p.Slash.Amount {
		return broken("%d of %d is staked and %d held after a hold of %d", b.Staked, p.Before.Staked, b.Held, p.Slash.Amount)
	}
	p.tell("network", "holds %d of the stake for %s (slash %s); an appeal is open until round %d", p.Slash.Amount, p.Slash.Reason, short(p.Slash.ID), p.Slash.AppealTill)
	return nil
}

// refused hands in counter-evidence that the network must refuse.
func (p *play) refused(ctx context.Context, what string, tar []byte) error {
	out, err := p.dispute(ctx, tar)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if out.Accepted {
		return broken("%s was accepted: %s", what, out.Reason)
	}
	p.Refused = append(p.Refused, out.Reason)
	p.tell("provider", "appeals with %s", what)
	p.tell("network", "refuses it: %s", out.Reason)
	return nil
}

// accepted hands in counter-evidence that the network must accept.
func (p *play) accepted(ctx context.Context, what string, tar []byte) error {
	out, err := p.dispute(ctx, tar)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !out.Accepted || out.Slash.State != aicf.SlashReversed {
		return broken("%s was refused: %s", what, out.Reason)
	}
	p.tell("provider", "appeals with %s", what)
	p.tell("network", "returns the %d that it held: %s", out.Slash.Amount, out.Reason)
	return nil
}

// expire lets the appeal window end.
func (p *play) expire(ctx context.Context) error {
	for range 4 * epochRounds {
		s, err := p.own.Slash(ctx, p.Slash.ID)
		if err != nil {
			return err
		}
		st, err := p.Service.Status(ctx)
		if err != nil {
			return err
		}
		switch {
		case s.State == aicf.SlashExecuted && st.Round <= s.AppealTill:
			return broken("slash %s was executed in round %d, its window ends with round %d", s.ID, st.Round, s.AppealTill)
		case s.State == aicf.SlashExecuted:
			p.tell("network", "in round %d, after the window: takes the %d: %s", st.Round, s.Amount, s.Resolution)
			return nil
		}
		if err := p.round(ctx); err != nil {
			return err
		}
	}
	return broken("slash %s is not executed after its window", p.Slash.ID)
}

// settleJobs settles the epoch in which the disputed jobs earned, or did not.
func (p *play) settleJobs(ctx context.Context) error {
	st, err := p.Service.Status(ctx)
	if err != nil {
		return err
	}
	return p.settle(ctx, st.Epoch)
}
