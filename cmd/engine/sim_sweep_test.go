package main

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSweepRange(t *testing.T) {
	name, v, err := parseRange("theta=-1:1:5")
	require.NoError(t, err)
	require.Equal(t, "theta", name)
	require.Equal(t, []float64{-1, -0.5, 0, 0.5, 1}, v)
	_, v, err = parseRange("a=3:9:1")
	require.NoError(t, err)
	require.Equal(t, []float64{3}, v)
	for _, bad := range []string{"", "a", "a=1", "a=1:2", "=1:2:3", "a=1:2:0", "a=1:2:10001", "a=x:2:3", "a=1:2:3:4", "a=-1e308:1e308:3", "a=nan:1:2"} {
		_, _, err := parseRange(bad)
		require.Error(t, err, bad)
	}
}

func TestSweepPointLimits(t *testing.T) {
	many := "[" + strings.Repeat(`{},`, maxSweepPoints) + "{}]"
	_, err := parsePoints([]byte(many))
	require.ErrorContains(t, err, "10001 elements")
	points, err := parsePoints([]byte(strings.Replace(many, "{},", "", 1)))
	require.NoError(t, err)
	require.Len(t, points, maxSweepPoints)
	wide := "[{" + strings.Repeat(`"a":1,`, maxSweepParams) + `"b":1}]`
	for bad, want := range map[string]string{
		"[]": "no points", "{}": "want an array", "[1]": "/0: want an object", `[{"a":"1"}]`: "/0/a: want a number", `[{"a":1e999}]`: "/0/a: want a number",
		`[{"a":[1]}]`: "nested deeper", `[{"a":1,"a":2}]`: "twice", wide: "twice", strings.Repeat(" ", maxSweepBytes+1): "limit",
	} {
		_, err := parsePoints([]byte(bad))
		require.ErrorContains(t, err, want, "%.60s", bad)
	}
}

func FuzzSweepPoints(f *testing.F) {
	f.Add([]byte(`[{"theta":0.5,"phi":-1e3},{}]`))
	f.Add([]byte(`[{"a":"1"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		points, err := parsePoints(b)
		if err != nil {
			return
		}
		require.NotEmpty(t, points)
		for _, p := range points {
			require.LessOrEqual(t, len(p), maxSweepParams)
			for _, v := range p {
				require.False(t, math.IsNaN(v) || math.IsInf(v, 0))
			}
		}
	})
}
