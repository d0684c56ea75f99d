package transcript

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRatio(t *testing.T) {
	for text, ppm := range map[string]uint64{"0": 0, "1": PPM, "0.1": 100000, "0.10": 100000, "0.000001": 1, "0.999999": 999999, "0.0": 0} {
		got, err := ParseRatio(text)
		require.NoError(t, err, text)
		require.Equal(t, ppm, got, text)
	}
	for _, bad := range []string{"", "1.0", "0.", ".1", "00.1", "0.1234567", "1e-1", "-0", "2", "0,1", "0.1 ", "+0.1", "0.-1", "NaN"} {
		_, err := ParseRatio(bad)
		require.ErrorIs(t, err, ErrFrame, bad)
	}
	for ppm := uint64(0); ppm <= PPM; ppm += 997 {
		back, err := ParseRatio(FormatRatio(ppm))
		require.NoError(t, err)
		require.Equal(t, ppm, back)
	}
}

var ratioPattern = regexp.MustCompile(`^(0(\.[0-9]{1,6})?|1)$`)

func FuzzParseRatio(f *testing.F) {
	for _, s := range []string{"0.1", "1", "0.000000", "0.x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ppm, err := ParseRatio(s)
		if (err == nil) != ratioPattern.MatchString(s) {
			t.Fatalf("%q: %v", s, err)
		}
		if err == nil {
			if v, _ := strconv.ParseFloat(s, 64); uint64(v*PPM+0.5) != ppm {
				t.Fatalf("%q is %d ppm", s, ppm)
			}
		}
	})
}
