package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
)

// Standing is what the network says of this provider.
type Standing struct {
	AskedMS  int64          `json:"asked_ms"`
	Provider *aicf.Provider `json:"provider"`
	Balance  *aicf.Balance  `json:"balance"`
	Eligible bool           `json:"eligible"`
	Because  string         `json:"because,omitempty"` // the first filter that fails
	Queued   uint64         `json:"network_queued"`
	StakeMin aicf.Amount    `json:"stake_min"`
	// UnclaimedEpochs is how many settlements have passed since this process first saw pay
	// that nobody has claimed.
	UnclaimedEpochs uint64 `json:"unclaimed_epochs"`
	firstSeen       uint64 // settlement at which it was first seen
}

// Standing is the newest answer of Ask; nil before the first.
func (a *Agent) Standing() *Standing {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.standing
}

// Ask reads what the network says of this provider.
func (a *Agent) Ask(ctx context.Context) error {
	plain, id := a.cfg.Client.Anonymous(), a.cfg.Held.ProviderID
	out := &Standing{AskedMS: a.nowMS()}
	var err error
	if out.Provider, err = plain.Provider(ctx, id); err != nil {
		return fmt.Errorf("standing: %w", err)
	}
	if out.Balance, err = plain.Balance(ctx, id); err != nil {
		return fmt.Errorf("standing: %w", err)
	}
	e, err := plain.Eligibility(ctx, id)
	if err != nil {
		return fmt.Errorf("standing: %w", err)
	}
	out.Eligible = e.Eligible
	for _, f := range e.Filters {
		if !f.OK {
			out.Because = f.Name
			break
		}
	}
	status, err := plain.Status(ctx)
	if err != nil {
		return fmt.Errorf("standing: %w", err)
	}
	out.Queued = status.Queued
	if out.StakeMin, err = LeastStake(ctx, plain); err != nil {
		return fmt.Errorf("standing: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out.follow(a.standing)
	a.standing = out
	return nil
}

// follow counts settlements since pay has been waiting. A claim, which lowers what is
// claimable, starts the count anew.
func (s *Standing) follow(before *Standing) {
	if s.Balance.Claimable == 0 {
		return
	}
	s.firstSeen = s.Balance.LastSettlementEpoch
	if before != nil && before.Balance.Claimable > 0 && s.Balance.Claimable >= before.Balance.Claimable {
		s.firstSeen = before.firstSeen
	}
	s.UnclaimedEpochs = s.Balance.LastSettlementEpoch - s.firstSeen
}

// LeastStake is what the network's policy wants a provider to have staked.
func LeastStake(ctx context.Context, c *client.Client) (aicf.Amount, error) {
	raw, err := c.PolicyDocument(ctx)
	if err != nil {
		return 0, err
	}
	var document struct {
		Policy struct {
			Registry struct {
				StakeMin struct {
					Quantum aicf.Amount `json:"quantum"`
				} `json:"stake_min"`
			} `json:"registry"`
		} `json:"policy"`
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return 0, fmt.Errorf("the service's policy: %w", err)
	}
	return document.Policy.Registry.StakeMin.Quantum, nil
}
