package transcript

import (
	"fmt"
	"strconv"
	"strings"
)

// PPM is the number of parts of a whole ratio.
const PPM = 1_000_000

// ParseRatio reads the text of a ratio, ^(0(\.[0-9]{1,6})?|1)$, into parts per
// million. No float is involved.
func ParseRatio(s string) (ppm uint64, err error) {
	if s == "1" {
		return PPM, nil
	}
	if s == "0" {
		return 0, nil
	}
	frac, ok := strings.CutPrefix(s, "0.")
	if !ok || len(frac) < 1 || len(frac) > 6 || strings.Trim(frac, "0123456789") != "" {
		return 0, fmt.Errorf("ratio %.40q, want 0, 1 or 0. and one to six digits: %w", s, ErrFrame)
	}
	return strconv.ParseUint((frac + "00000")[:6], 10, 64)
}

// FormatRatio writes the shortest text that ParseRatio reads back. ppm <= PPM.
func FormatRatio(ppm uint64) string {
	if ppm >= PPM {
		return "1"
	}
	if ppm == 0 {
		return "0"
	}
	return strings.TrimRight(fmt.Sprintf("0.%06d", ppm), "0")
}
