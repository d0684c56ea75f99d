package economics

import "fmt"

// Claim is one finished job of an epoch.
type Claim struct {
	TaskID, ProviderID, MinerID string
	Units                       uint64
	PerUnit                     uint64 // atomic units of the currency a unit
	Shares                      Shares // basis points
}

// Slash takes Amount from a provider's share of the epoch.
type Slash struct {
	ProviderID string
	Amount     uint64
}

// CapRule says what happens above the cap of an epoch.
type CapRule string

// Cap rules. ProRata scales every claim by the exact rational cap/sum, floored.
// FirstCome pays in order and passes over what does not fit. Carry pays in order
// and carries the first that does not fit, and all behind it, to the next epoch.
const (
	ProRata   CapRule = "pro_rata"
	FirstCome CapRule = "first_come"
	Carry     CapRule = "carry"
)

// Epoch is the input of a settlement.
type Epoch struct {
	Claims    []Claim
	Slashes   []Slash
	Remainder Remainder
	CapRule   CapRule
	Cap       *uint64 // nil: no cap
}

// Scale is the factor of ProRata in lowest terms; 1/1 otherwise.
type Scale struct {
	Numerator   uint64 `json:"numerator"`
	Denominator uint64 `json:"denominator"`
}

// Paid is one claim after the cap and before slashes: provider + treasury +
// miner = base.
type Paid struct {
	TaskID string `json:"task_id"`
	Base   uint64 `json:"base"`
	Shares
}

// Settlement is the answer. Providers + miners + treasury = paid + debits.
type Settlement struct {
	Total     uint64            `json:"total"` // before the cap
	Paid      uint64            `json:"paid"`  // after the cap
	Scale     Scale             `json:"scale"`
	Claims    []Paid            `json:"claims"`
	Providers map[string]uint64 `json:"providers"` // after slashes
	Miners    map[string]uint64 `json:"miners"`
	Treasury  uint64            `json:"treasury"` // with every slash in full
	Debits    map[string]uint64 `json:"debits"`   // what slashes take from stake
	Carried   []string          `json:"carried"`  // task ids not paid in this epoch
}

// Settle computes the transfers of an epoch: base = units × per unit, cap,
// split, slashes.
func Settle(e Epoch) (*Settlement, error) {
	s := &Settlement{Scale: Scale{1, 1}, Claims: []Paid{}, Providers: map[string]uint64{}, Miners: map[string]uint64{}, Debits: map[string]uint64{}, Carried: []string{}}
	bases, err := s.bases(e.Claims)
	if err != nil {
		return nil, err
	}
	pay, err := s.limit(bases, e)
	if err != nil {
		return nil, err
	}
	for i, c := range e.Claims {
		if !pay[i] {
			s.Carried = append(s.Carried, c.TaskID)
			continue
		}
		if err := s.pay(c, bases[i], e.Remainder); err != nil {
			return nil, fmt.Errorf("claim %s: %w", c.TaskID, err)
		}
	}
	for _, x := range e.Slashes {
		if err := s.slash(x); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Settlement) bases(claims []Claim) ([]uint64, error) {
	out := make([]uint64, len(claims))
	seen := map[string]bool{}
	for i, c := range claims {
		if seen[c.TaskID] {
			return nil, fmt.Errorf("claim %s appears twice: %w", c.TaskID, ErrRange)
		}
		seen[c.TaskID] = true
		base, _, err := MulDiv(c.Units, c.PerUnit, 1)
		if err == nil {
			s.Total, err = Add(s.Total, base)
		}
		if err != nil {
			return nil, fmt.Errorf("claim %s: %w", c.TaskID, err)
		}
		out[i] = base
	}
	return out, nil
}

// limit applies the cap; pay says which claims are paid in this epoch.
func (s *Settlement) limit(bases []uint64, e Epoch) (pay []bool, err error) {
	pay = make([]bool, len(bases))
	for i := range pay {
		pay[i] = true
	}
	switch e.CapRule {
	case ProRata, FirstCome, Carry:
	default:
		return nil, fmt.Errorf("cap rule %q is not one of pro_rata, first_come, carry: %w", e.CapRule, ErrRange)
	}
	if e.Cap == nil || s.Total <= *e.Cap {
		return pay, nil
	}
	if e.CapRule == ProRata {
		g := gcd(*e.Cap, s.Total)
		s.Scale = Scale{*e.Cap / g, s.Total / g}
		for i := range bases {
			if bases[i], _, err = MulDiv(bases[i], s.Scale.Numerator, s.Scale.Denominator); err != nil {
				return nil, err
			}
		}
		return pay, nil
	}
	budget, open := *e.Cap, true
	for i, b := range bases {
		fits := b <= budget && (open || e.CapRule == FirstCome)
		if pay[i], open = fits, open && fits; fits {
			budget -= b
		}
	}
	return pay, nil
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func (s *Settlement) pay(c Claim, base uint64, rule Remainder) error {
	parts, err := Split(base, c.Shares, rule)
	if err != nil {
		return err
	}
	s.Claims = append(s.Claims, Paid{c.TaskID, base, parts})
	s.Providers[c.ProviderID] += parts.Provider // bounded by Total
	s.Miners[c.MinerID] += parts.Miner
	s.Treasury += parts.Treasury
	s.Paid += base
	return nil
}

func (s *Settlement) slash(x Slash) (err error) {
	if s.Treasury, err = Add(s.Treasury, x.Amount); err != nil {
		return fmt.Errorf("slash of %s: %w", x.ProviderID, err)
	}
	have, works := s.Providers[x.ProviderID]
	taken := min(have, x.Amount)
	if works {
		s.Providers[x.ProviderID] = have - taken
	}
	if taken < x.Amount {
		s.Debits[x.ProviderID] += x.Amount - taken // bounded by Treasury
	}
	return nil
}
