package main

import (
	"math"
	"math/big"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/strictjson"
)

// bigRightTail sums P[Bin(n,p) >= k] with 400 bits.
func bigRightTail(k, n int, p float64) float64 {
	f := func(v float64) *big.Float { return new(big.Float).SetPrec(400).SetFloat64(v) }
	q := new(big.Float).SetPrec(400).Sub(f(1), f(p))
	term, sum := f(1), f(0)
	for range n {
		term.Mul(term, f(p))
	}
	ratio := new(big.Float).SetPrec(400).Quo(q, f(p))
	for i := n; i >= k; i-- { // term of exactly i successes
		sum.Add(sum, term)
		term.Mul(term, ratio)
		term.Mul(term, f(float64(i)))
		term.Quo(term, f(float64(n-i+1)))
	}
	v, _ := sum.Float64()
	return v
}

func TestTailsBetweenPpb(t *testing.T) {
	for _, c := range []struct {
		k, n int
		p    float64
	}{{3, 10, 1.0 / 3}, {410, 512, 0.7123456789123}, {1, 100, 1e-7 / 3}, {40, 1000, 0.0123456789876}, {5, 1000, 0.9999999994}} {
		require.InEpsilon(t, bigRightTail(c.k, c.n, c.p), math.Exp(lnRightTail(uint64(c.k), uint64(c.n), c.p)), 1e-8, "%+v", c)
	}
	require.InEpsilon(t, bigRightTail(1, 1000, 6e-10), math.Exp(lnRightTail(1, 1000, 6e-10)), 1e-7)
	require.InEpsilon(t, bigRightTail(2, 3, 3e-12), math.Exp(lnRightTail(2, 3, 3e-12)), 1e-7)
	require.Zero(t, lnRightTail(0, 5, 0.3))
}

func TestLowerBoundSolvesItsEquation(t *testing.T) {
	for _, alpha := range []float64{0.05, 0.01 / 3, 1e-6, 3e-12} {
		for _, c := range [][2]int{{10, 10}, {1, 10}, {1, 1}, {64, 4096}, {4032, 4096}, {500, 1000}, {4096, 4096}} {
			p := lowerBound(uint64(c[0]), uint64(c[1]), alpha)
			require.InEpsilon(t, alpha, bigRightTail(c[0], c[1], p), 1e-6, "k %d n %d alpha %g p %.17g", c[0], c[1], alpha, p)
		}
	}
	require.Zero(t, lowerBound(0, 5, 0.1))
}

func FuzzBatch(f *testing.F) {
	f.Add([]byte(`{"cases":[{"op":"wilson","k":980,"n":1000,"alpha":0.01},{"op":"nonsense"}]}`))
	f.Add([]byte(`{"cases":[{"op":"clopper_pearson","k":1,"n":3,"alpha":1e-300},{"op":"sprt","k":1,"n":3,"p0":0.5,"p1":0.6,"alpha":0.1,"beta":0.1}]}`))
	f.Add([]byte(`{"cases":[{"op":"fisher","p":[0.1,0.2]},{"op":"e_process","p_a":0.9,"p_b":0.8,"alpha":0.001,"windows":[[1,2,3,4]]},{"op":"eps95","shots":40,"traps":10,"fails":1}]}`))
	f.Add([]byte(`{"cases":[{"op":"cusum","p_a":0.9,"p_b":0.8,"mean_jobs":10,"jobs":[[1,2,3,4]]},{"op":"t_min","p_a":0.9,"p_b":0.8,"width":3,"mix_a":1}]}`))
	f.Add([]byte(`{"cases":[{"op":"upper_tail","k":3,"n":3,"p":1e-12},[],{"op":3}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		cases, err := batchCases(b)
		if err != nil {
			return
		}
		for i := range cases {
			if heavy(&cases[i]) {
				continue
			}
			switch a := answerCase(&cases[i]).(type) {
			case intervalAnswer:
				require.False(t, math.IsNaN(a.Lower) || math.IsNaN(a.Upper))
				require.True(t, 0 <= a.Lower && a.Lower <= a.Upper && a.Upper <= 1, "%+v", a)
			case tailAnswer:
				require.False(t, math.IsNaN(a.Log10) || math.IsInf(a.Log10, 0))
			case sprtAnswer:
				require.False(t, math.IsNaN(a.LLR))
			case pAnswer:
				require.True(t, 0 <= a.P && a.P <= 1, "%+v", a)
			case processAnswer:
				require.False(t, math.IsNaN(a.Cusum) || math.IsNaN(a.Global))
			case epsAnswer, acceptAnswer, tminAnswer, layoutAnswer, ratesAnswer:
			case refusedCase:
				require.NotEmpty(t, a.Error.Message)
			default:
				t.Fatalf("answer %T", a)
			}
		}
	})
}

// heavy keeps the fuzzer on small counts.
func heavy(n *strictjson.Node) bool {
	for _, m := range n.Members {
		if v, err := strconv.ParseUint(m.Value.Text, 10, 64); err == nil && v > 2000 {
			return true
		}
	}
	return false
}
