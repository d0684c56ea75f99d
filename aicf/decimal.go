package aicf

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Nano is 10^-9, the resolution of a Decimal.
const Nano = 1_000_000_000

// Decimal is a non-negative decimal number in units of 10^-9. No float is
// involved in reading, comparing or writing one.
type Decimal uint64

// ParseDecimal reads digits with at most nine decimals, below 10^9.
func ParseDecimal(s string) (Decimal, error) {
	whole, frac, dotted := strings.Cut(s, ".")
	if !digits(whole) || dotted && !digits(frac) || len(whole) > 9 || len(frac) > 9 {
		return 0, fmt.Errorf("%.40q is no decimal number of at most nine digits before and behind the point", s)
	}
	n, err := strconv.ParseUint(whole+frac+strings.Repeat("0", 9-len(frac)), 10, 64)
	return Decimal(n), err
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// String is the shortest text that ParseDecimal reads back.
func (d Decimal) String() string {
	frac := strings.TrimRight(fmt.Sprintf("%09d", d%Nano), "0")
	if frac == "" {
		return strconv.FormatUint(uint64(d/Nano), 10)
	}
	return strconv.FormatUint(uint64(d/Nano), 10) + "." + frac
}

// MarshalJSON writes a JSON number.
func (d Decimal) MarshalJSON() ([]byte, error) { return []byte(d.String()), nil }

// MarshalYAML writes a plain number.
func (d Decimal) MarshalYAML() (any, error) {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: d.String()}, nil
}

// maxNumber bounds the text of a number, in bytes.
const maxNumber = 40

// ParseRational reads a JSON number exactly: at most 40 characters, exponent
// at most 40 in size.
func ParseRational(s string) (*big.Rat, error) {
	if len(s) > maxNumber {
		return nil, fmt.Errorf("a number of %d characters, limit %d", len(s), maxNumber)
	}
	mantissa, exponent, has := strings.Cut(strings.ToLower(s), "e")
	if has {
		if e, err := strconv.Atoi(exponent); err != nil || e < -maxNumber || e > maxNumber {
			return nil, fmt.Errorf("exponent %.10q is not within ±%d", exponent, maxNumber)
		}
	}
	whole, frac, dotted := strings.Cut(strings.TrimPrefix(mantissa, "-"), ".")
	if !digits(whole) || dotted && !digits(frac) {
		return nil, fmt.Errorf("%q is no number", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%q is no number", s)
	}
	return r, nil
}

// FormatRational writes r as a JSON number with at most 18 decimals, rounded
// half away from zero.
func FormatRational(r *big.Rat) string {
	s := r.FloatString(18)
	if s = strings.TrimRight(s, "0"); strings.HasSuffix(s, ".") {
		s = s[:len(s)-1]
	}
	if s == "-0" {
		return "0"
	}
	return s
}
