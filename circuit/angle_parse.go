package circuit

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseAngle reads decimal radians, a fraction of pi as PiText writes it, or
// "a64:" and 16 hexadecimal digits.
func ParseAngle(s string) (Angle, error) {
	bad := fmt.Errorf("%q: %w", clipText(s, 40), ErrAngle)
	if hex, ok := strings.CutPrefix(s, "a64:"); ok {
		v, err := strconv.ParseUint(hex, 16, 64)
		if err != nil || len(hex) != 16 || Angle(v)&^angleMask != 0 {
			return 0, bad
		}
		return Angle(v), nil
	}
	if i := strings.Index(s, "pi"); i >= 0 {
		return parsePi(s[:i], s[i+2:], bad)
	}
	if strings.Trim(s, "0123456789.eE+-") != "" { // no "inf", "0x1p3" or "1_000"
		return 0, bad
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, bad
	}
	return AngleFromRadians(f)
}

// parsePi reads num * pi / den, where num is "", "-" or "-3*" and den is "" or
// "/8".
func parsePi(num, den string, bad error) (Angle, error) {
	sign := int64(1)
	if rest, ok := strings.CutPrefix(num, "-"); ok {
		sign, num = -1, rest
	}
	n, d := uint64(1), uint64(1)
	var err error
	if num != "" {
		digits, ok := strings.CutSuffix(num, "*")
		if n, err = strconv.ParseUint(digits, 10, 31); err != nil || !ok {
			return 0, bad
		}
	}
	if den != "" {
		digits, ok := strings.CutPrefix(den, "/")
		if d, err = strconv.ParseUint(digits, 10, 31); err != nil || !ok || d == 0 {
			return 0, bad
		}
	}
	if d&(d-1) == 0 && d <= 1<<31 { // exact, also beyond what a binary64 of radians can say
		return Angle(uint64(sign)*n) * (Pi / Angle(d)) & angleMask, nil
	}
	return AngleFromRadians(float64(float64(sign)*float64(n)) * 3.141592653589793 / float64(d))
}
