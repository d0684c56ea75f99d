package economics

import "fmt"

// Shares are the three parts of a reward: basis points that add up to BPS, or
// atomic units.
type Shares struct {
	Provider uint64 `json:"provider"`
	Treasury uint64 `json:"treasury"`
	Miner    uint64 `json:"miner"`
}

// DefaultShares are 85, 10 and 5 per cent.
var DefaultShares = Shares{8500, 1000, 500}

// Remainder says who gets what integer division leaves over.
type Remainder string

// Remainder rules. Largest gives one unit each to the largest fractions, the
// order provider, treasury, miner on ties (Hamilton's method).
const (
	ToProvider Remainder = "provider"
	ToTreasury Remainder = "treasury"
	ToMiner    Remainder = "miner"
	Largest    Remainder = "largest"
)

// Split divides total by bps; the parts always add up to total.
func Split(total uint64, bps Shares, rule Remainder) (Shares, error) {
	if err := checkAmount("total", total); err != nil {
		return Shares{}, err
	}
	weights := [3]uint64{bps.Provider, bps.Treasury, bps.Miner}
	for _, w := range weights {
		if w > BPS {
			return Shares{}, fmt.Errorf("a share of %d basis points, limit %d: %w", w, BPS, ErrRange)
		}
	}
	if sum := weights[0] + weights[1] + weights[2]; sum != BPS {
		return Shares{}, fmt.Errorf("shares add up to %d basis points, want %d: %w", sum, BPS, ErrRange)
	}
	var part, frac [3]uint64
	left := total
	for i, w := range weights {
		var err error
		if part[i], frac[i], err = MulDiv(total, w, BPS); err != nil {
			return Shares{}, err
		}
		left -= part[i]
	}
	switch rule {
	case ToProvider:
		part[0] += left
	case ToTreasury:
		part[1] += left
	case ToMiner:
		part[2] += left
	case Largest:
		for ; left > 0; left-- {
			best := 0
			for i := range frac {
				if frac[i] > frac[best] {
					best = i
				}
			}
			part[best]++
			frac[best] = 0
		}
	default:
		return Shares{}, fmt.Errorf("remainder rule %q is not one of provider, treasury, miner, largest: %w", rule, ErrRange)
	}
	return Shares{part[0], part[1], part[2]}, nil
}
