package economics

import (
	"fmt"
	"math/big"

	"github.com/animicaorg/engine/aicf"
)

// DefaultPerUnit is the price of a quantum unit where no policy gives one, in
// atomic units.
const DefaultPerUnit = 800_000

// maxFactor is where surge and quality are clamped.
var maxFactor = big.NewRat(10, 1)

// Quote is the input of Price.
type Quote struct {
	Units    uint64
	PerUnit  uint64
	Tiers    []aicf.Tier // instead of PerUnit where not empty
	Min, Max *uint64     // of the price, after rounding; nil: none
	Rounding string      // floor (default), ceil, nearest (half to even)
	Surge    *big.Rat    // above 0, clamped at 10; nil: 1
	Quality  *big.Rat    // above 0, clamped at 10; nil: 1
}

// Price returns units × price × surge × quality, rounded once, at least Min,
// then at most Max. Zero units cost nothing. Tiers are marginal: each unit costs
// what its tier says.
func Price(q Quote) (uint64, error) {
	amount := new(big.Rat).SetInt(q.base())
	for name, f := range map[string]*big.Rat{"surge": q.Surge, "quality": q.Quality} {
		switch {
		case f == nil:
		case f.Sign() <= 0:
			return 0, fmt.Errorf("%s is not above 0: %w", name, ErrRange)
		case f.Cmp(maxFactor) > 0:
			amount.Mul(amount, maxFactor)
		default:
			amount.Mul(amount, f)
		}
	}
	n, err := round(amount, q.Rounding)
	if err != nil || q.Units == 0 {
		return 0, err
	}
	if q.Min != nil {
		n = maxInt(n, new(big.Int).SetUint64(*q.Min))
	}
	if q.Max != nil && n.Cmp(new(big.Int).SetUint64(*q.Max)) > 0 {
		n.SetUint64(*q.Max)
	}
	if !n.IsUint64() || n.Uint64() > MaxAmount {
		return 0, fmt.Errorf("price is above 2^53-1: %w", ErrRange)
	}
	return n.Uint64(), nil
}

func (q Quote) base() *big.Int {
	product := func(n, price uint64) *big.Int {
		return new(big.Int).Mul(new(big.Int).SetUint64(n), new(big.Int).SetUint64(price))
	}
	if len(q.Tiers) == 0 {
		return product(q.Units, q.PerUnit)
	}
	sum, from := new(big.Int), uint64(0)
	for _, t := range q.Tiers {
		to := q.Units
		if t.Upto != nil {
			to = min(to, *t.Upto)
		}
		if to > from {
			sum.Add(sum, product(to-from, t.PerUnit))
			from = to
		}
	}
	return sum
}

func maxInt(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

// round makes a non-negative amount whole.
func round(r *big.Rat, mode string) (*big.Int, error) {
	q, rem := new(big.Int).QuoRem(r.Num(), r.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rem, 1).Cmp(r.Denom())
	up := false
	switch mode {
	case "floor", "":
	case "ceil":
		up = rem.Sign() > 0
	case "nearest":
		up = half > 0 || half == 0 && q.Bit(0) == 1
	default:
		return nil, fmt.Errorf("rounding %q is not one of floor, ceil, nearest: %w", mode, ErrRange)
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	return q, nil
}
