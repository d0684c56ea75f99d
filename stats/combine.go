package stats

import "math"

// The functions of this file return float64 for reports. They decide nothing.

// Fisher combines independent p-values: the probability that the product of k
// uniform variables is at most the product of p. With h = -sum ln p it has the
// closed form e^-h · sum_{i<k} h^i/i! (R. A. Fisher, Statistical Methods for
// Research Workers, 4th ed., 21.1; even degrees of freedom need no gamma
// function). No p-values give 1.
func Fisher(p ...float64) float64 {
	var h float64
	for _, x := range p {
		h -= math.Log(x)
	}
	switch {
	case len(p) == 0:
		return 1
	case math.IsInf(h, 1):
		return 0
	}
	sum, term := 0.0, 1.0
	for i := range p {
		if i > 0 {
			term *= h / float64(i)
		}
		sum += term
	}
	return min(math.Exp(-h)*sum, 1)
}

// Tippett combines independent p-values by their minimum: 1 - (1 - min p)^k. No
// p-values give 1.
func Tippett(p ...float64) float64 {
	m := 1.0
	for _, x := range p {
		m = min(m, x)
	}
	if m == 1 { // also without any
		return 1
	}
	return -math.Expm1(float64(len(p)) * math.Log1p(-m))
}

// Wilson is the two-sided score interval (J. Am. Stat. Assoc. 22, 1927) of k
// successes in n trials for confidence 1-alpha. No trials give [0, 1].
func Wilson(k, n uint64, alpha float64) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	z := quantile(1 - alpha/2)
	f, p := float64(n), float64(k)/float64(n)
	mid := p + z*z/(2*f)
	half := z * math.Sqrt(p*(1-p)/f+z*z/(4*f*f))
	scale := 1 + z*z/f
	return max((mid-half)/scale, 0), min((mid+half)/scale, 1)
}

// WilsonLower is the one-sided lower end of Wilson for confidence 1-alpha.
func WilsonLower(k, n uint64, alpha float64) float64 {
	lo, _ := Wilson(k, n, 2*alpha)
	return lo
}

// quantile returns the standard normal quantile of p.
func quantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// Hoeffding is the two-sided interval k/n -+ sqrt(ln(2/alpha)/2n) (J. Am. Stat.
// Assoc. 58, 1963), cut to [0, 1]. No trials give [0, 1].
func Hoeffding(k, n uint64, alpha float64) (lo, hi float64) {
	if n == 0 {
		return 0, 1
	}
	p, d := float64(k)/float64(n), math.Sqrt(math.Log(2/alpha)/(2*float64(n)))
	return max(p-d, 0), min(p+d, 1)
}

// Float returns the nearest float64, or zero below its range.
func (d Decimal) Float() float64 { return float64(d.Mant) * math.Pow10(int(max(d.Exp, -400))) }

// Log10 returns the decimal logarithm; minus infinity for zero.
func (d Decimal) Log10() float64 { return math.Log10(float64(d.Mant)) + float64(d.Exp) }

// EvidenceFloat returns evidence in nats.
func EvidenceFloat(q32 int64) float64 { return float64(q32) / Q32 }
