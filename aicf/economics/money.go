// Package economics is the network's money as pure functions: price, units,
// split, settlement, slash plans, assignment.
//
// It promises integer arithmetic with 128-bit intermediates, one rounding at
// the end, and that nothing disappears: parts add up to their whole. It keeps no
// balance and reads no clock; the same input gives the same answer.
package economics

import (
	"errors"
	"fmt"
	"math/bits"
)

// MaxAmount is the largest amount, in atomic units: 2^53-1, exact in every JSON
// reader.
const MaxAmount = 1<<53 - 1

// BPS is one, in basis points.
const BPS = 10_000

// ErrRange is wrapped where a number is outside what the function takes or
// gives.
var ErrRange = errors.New("out of range")

// MulDiv returns floor(a*b/d) and the remainder, with a 128-bit product.
func MulDiv(a, b, d uint64) (q, rem uint64, err error) {
	hi, lo := bits.Mul64(a, b)
	if d == 0 || hi >= d {
		return 0, 0, fmt.Errorf("%d × %d / %d: %w", a, b, d, ErrRange)
	}
	q, rem = bits.Div64(hi, lo, d)
	return q, rem, nil
}

// Add returns a+b up to MaxAmount.
func Add(a, b uint64) (uint64, error) {
	s, carry := bits.Add64(a, b, 0)
	if carry != 0 || s > MaxAmount {
		return 0, fmt.Errorf("%d + %d is above 2^53-1: %w", a, b, ErrRange)
	}
	return s, nil
}

func checkAmount(name string, v uint64) error {
	if v > MaxAmount {
		return fmt.Errorf("%s is %d, above 2^53-1: %w", name, v, ErrRange)
	}
	return nil
}
