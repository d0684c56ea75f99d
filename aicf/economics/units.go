package economics

import (
	"fmt"
	"math/big"
	"math/bits"
)

// UnitsDivisor makes 20 qubits × 120 layers × 4096 shots exactly 1200 units.
const UnitsDivisor = 8192

// LineageDivisor is that of the policy profile "lineage".
const LineageDivisor = 1000

// Limits of a job's size.
const (
	maxWidth = 10_000
	maxDepth = 1_000_000
	maxShots = 10_000_000
)

func checkSize(width, depth, shots uint64) error {
	for _, x := range []struct {
		name   string
		v, max uint64
	}{{"width", width, maxWidth}, {"depth", depth, maxDepth}, {"shots", shots, maxShots}} {
		if x.v < 1 || x.v > x.max {
			return fmt.Errorf("%s is %d, want 1..%d: %w", x.name, x.v, x.max, ErrRange)
		}
	}
	return nil
}

// Units returns ceil(width × depth × shots / divisor).
func Units(width, depth, shots, divisor uint64) (uint64, error) {
	if err := checkSize(width, depth, shots); err != nil {
		return 0, err
	}
	hi, lo := bits.Mul64(width*depth, shots)
	lo, carry := bits.Add64(lo, divisor-1, 0)
	if hi += carry; hi >= divisor {
		return 0, fmt.Errorf("units: %w", ErrRange)
	}
	q, _ := bits.Div64(hi, lo, divisor)
	return q, nil
}

// device is a reference device of the calibrated model. Errors are in 10^-6,
// times in nanoseconds.
type device struct{ e1, e2, ero, t1, t2, tro, coherence, parallel int64 }

var devices = map[string]device{
	"superconducting_nisq_v1": {100, 1200, 20_000, 20, 200, 400, 50_000, 64},
	"ion_trap_v1":             {50, 2000, 5000, 10_000, 200_000, 400_000, 1_000_000_000, 8},
	"neutral_atom_v1":         {300, 3000, 30_000, 1000, 5000, 200_000, 100_000, 16},
}

// Calibrated is the benchmark model's answer, in its own unit.
type Calibrated struct {
	Raw      *big.Rat // linear in gates, shots and seconds
	Quality  *big.Rat // chance that a shot is right, 0..1
	Adjusted *big.Rat // raw × max(0.05, quality), at most 10^6
}

// CalibratedUnits is the benchmark model for a named device: n1 = w·d one-qubit
// and n2 = ceil((w-1)·d/2) two-qubit gates; raw = 1e-6 n1 + 8e-6 n2 + 2e-6 shots
// + 1e-3 seconds; quality = (1-e1)^n1 (1-e2)^n2 (1-ero)^w exp(-t/T2).
// Quality is exact to 10^-20.
func CalibratedUnits(width, depth, shots uint64, profile string) (*Calibrated, error) {
	d, ok := devices[profile]
	if !ok {
		return nil, fmt.Errorf("profile %.40q is not known: %w", profile, ErrRange)
	}
	if err := checkSize(width, depth, shots); err != nil {
		return nil, err
	}
	n1, n2 := int64(width*depth), int64(((width-1)*depth+1)/2)
	ns := int64(depth)*max(d.t1, d.t2) + d.tro
	batches := (int64(shots) + d.parallel - 1) / d.parallel
	seconds := new(big.Rat).Mul(big.NewRat(ns, 1_000_000_000), big.NewRat(batches, 1))
	if limit := big.NewRat(1_000_000, 1); seconds.Cmp(limit) > 0 {
		seconds = limit
	}
	raw := big.NewRat(n1+8*n2+2*int64(shots), 1_000_000)
	raw.Add(raw, seconds.Mul(seconds, big.NewRat(1, 1000)))
	q := mulFixed(power(d.e1, n1), power(d.e2, n2))
	q = mulFixed(mulFixed(q, power(d.ero, int64(width))), expNeg(ns, d.coherence))
	quality := new(big.Rat).SetFrac(q, one)
	factor := quality
	if floor := big.NewRat(5, 100); factor.Cmp(floor) < 0 {
		factor = floor
	}
	adjusted := new(big.Rat).Mul(raw, factor)
	if limit := big.NewRat(1_000_000, 1); adjusted.Cmp(limit) > 0 {
		adjusted = limit
	}
	return &Calibrated{raw, quality, adjusted}, nil
}

// fixedBits is the resolution of the fixed-point numbers below.
const fixedBits = 160

var one = new(big.Int).Lsh(big.NewInt(1), fixedBits)

func mulFixed(a, b *big.Int) *big.Int {
	p := new(big.Int).Mul(a, b)
	return p.Rsh(p, fixedBits)
}

// power is (1 - ppm/10^6)^n.
func power(ppm, n int64) *big.Int {
	base := new(big.Int).Mul(one, big.NewInt(1_000_000-ppm))
	base.Quo(base, big.NewInt(1_000_000))
	out := one
	for ; n > 0; n >>= 1 {
		if n&1 == 1 {
			out = mulFixed(out, base)
		}
		base = mulFixed(base, base)
	}
	return out
}

// expNeg is exp(-num/den) for num, den > 0, by halving the argument below 1/16
// and squaring the Taylor sum.
func expNeg(num, den int64) *big.Int {
	x := new(big.Int).Mul(one, big.NewInt(num))
	x.Quo(x, big.NewInt(den))
	if x.BitLen() > fixedBits+8 {
		return new(big.Int) // below 2^-184
	}
	halvings := max(0, x.BitLen()-fixedBits+5)
	x.Rsh(x, uint(halvings))
	sum, term := new(big.Int).Set(one), new(big.Int).Set(one)
	for k := int64(1); term.Sign() != 0; k++ {
		term = mulFixed(term, x)
		term.Quo(term, big.NewInt(k))
		if k%2 == 1 {
			sum.Sub(sum, term)
		} else {
			sum.Add(sum, term)
		}
	}
	for range halvings {
		sum = mulFixed(sum, sum)
	}
	return sum
}
