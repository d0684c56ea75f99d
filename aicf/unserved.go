package aicf

import "fmt"

// Unserved says which setting of the policy this network cannot keep, nil when it keeps all
// that it reads. A document with such a setting loads, and its rules can be simulated; a
// service refuses to run under it rather than to pass it over:
//
//   - a surge price of quantum jobs: the lineage names a bound and a threshold, and no price
//     between them;
//   - indexation: it scales prices by an index that nobody publishes here;
//   - penalties above the stake: the ledger has no debts.
func (p *Policy) Unserved() error {
	q := p.Economics.Pricing.Quantum
	switch {
	case q.SurgeMultiplierMax != 0 && q.SurgeMultiplierMax != Nano:
		return fmt.Errorf("%w: economics.pricing.quantum.surge_multiplier_max: is %s; no rule says what a unit costs between the threshold and the bound: leave it out, or 1", ErrPolicy, q.SurgeMultiplierMax)
	case p.Economics.Indexation.Enabled:
		return fmt.Errorf("%w: economics.indexation.enabled: there is no index to scale prices by: false", ErrPolicy)
	case !p.Slashing.Bounds.NeverExceedStake:
		return fmt.Errorf("%w: slashing.bounds.never_exceed_stake: more than the stake cannot be taken: true", ErrPolicy)
	}
	return nil
}
