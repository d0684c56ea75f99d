package stats

// Policy says which device an honest provider is expected to have and how the
// chances of error are split. All members are in ppb. A policy comes from the
// network, never from the provider it judges.
type Policy struct {
	P1 uint64 // depolarizing probability of a one-qubit gate
	P2 uint64 // depolarizing probability of a CZ
	RO uint64 // symmetric readout flip of one qubit

	AlphaE uint64 // false alarm of the window evidence over the whole job
	AlphaA uint64 // false alarm of the final test on kind A
	AlphaB uint64 // false alarm of the final test on kind B

	TMinAlpha uint64 // false alarm at the smallest meaningful trap count
	TMinBeta  uint64 // miss of a total faker at that count
}

func policy(p1, p2, ro uint64) Policy {
	return Policy{
		P1: p1, P2: p2, RO: ro,
		AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000,
		TMinAlpha: 1_000_000, TMinBeta: 1_000,
	}
}

// ExactPolicy is exact@1: a simulator, one error in a million per operation.
func ExactPolicy() Policy { return policy(1000, 1000, 1000) }

// RefPolicy is ref@1: a device with 1e-4 per one-qubit gate, 1e-3 per CZ and
// 5e-3 per readout.
func RefPolicy() Policy { return policy(100_000, 1_000_000, 5_000_000) }

// MaxPassPpb is the largest expected pass rate: a rate above 1-1e-6 counts as
// that, so that one accidental failure is never infinite evidence.
const MaxPassPpb = 999_999_000

// maxGates is the largest gate count; more count as this many.
const maxGates = 1 << 32

// PassRates returns how often an honest device passes a trap of kind A and kind
// B, rounded down to a ppb and at most MaxPassPpb, for n1 one-qubit gates, n2 CZ
// and width measured qubits. Under independent depolarizing noise
//
//	pA = (1 - 2 p1/3)^n1 (1 - 4 p2/5)^n2 (1 - ro)^width
//	pB = (1 + (1 - f p1)^n1 (1 - f p2)^n2 (1 - 3/2 f ro)^width) / 2
//
// with f = 1, or 4^width/(4^width - 1) for width 1 to 3, are lower bounds: an
// error changes a kind A outcome for 2 of the 3 Paulis after a one-qubit gate and
// for 12 of the 15 after a CZ, and errors that cancel only raise the rate. A
// factor below zero counts as zero.
func PassRates(n1, n2, width uint64, p Policy) (pA, pB uint64) {
	n1, n2, width = min(n1, maxGates), min(n2, maxGates), min(width, maxGates)
	p1, p2, ro := min(p.P1, Ppb), min(p.P2, Ppb), min(p.RO, Ppb)
	pA = floorProduct([3]factor{
		{n1, 3*Ppb - 2*p1, 3 * Ppb},
		{n2, 5*Ppb - 4*p2, 5 * Ppb},
		{width, Ppb - ro, Ppb},
	}, Ppb, 0)
	num, den := uint64(1), uint64(1)
	if width >= 1 && width <= 3 {
		num = 1 << (2 * width)
		den = num - 1
	}
	pB = passRateB(n1, n2, width, p1, p2, ro, num, den)
	return min(pA, MaxPassPpb), min(pB, MaxPassPpb)
}

// passRateB is pB with f = num/den, before the cap.
func passRateB(n1, n2, width, p1, p2, ro, num, den uint64) uint64 {
	return floorProduct([3]factor{
		{n1, lessOrZero(den*Ppb, num*p1), den * Ppb},
		{n2, lessOrZero(den*Ppb, num*p2), den * Ppb},
		{width, lessOrZero(2*den*Ppb, 3*num*ro), 2 * den * Ppb},
	}, Ppb/2, Ppb/2)
}

// NoError returns the probability, rounded down to a ppb and at most MaxPassPpb,
// that a device makes no error at all:
//
//	(1 - p1)^n1 (1 - p2)^n2 (1 - ro)^width
//
// It is a lower bound on the pass rate of any trap that passes without errors.
func NoError(n1, n2, width uint64, p Policy) uint64 {
	n1, n2, width = min(n1, maxGates), min(n2, maxGates), min(width, maxGates)
	p1, p2, ro := min(p.P1, Ppb), min(p.P2, Ppb), min(p.RO, Ppb)
	return min(floorProduct([3]factor{{n1, Ppb - p1, Ppb}, {n2, Ppb - p2, Ppb}, {width, Ppb - ro, Ppb}}, Ppb, 0), MaxPassPpb)
}

// ParityFloor returns a lower bound on how often an honest device measures a
// certain parity right, rounded down to a ppb and at most MaxPassPpb: of the Pauli
// errors after a gate, 2 of 3 after a one-qubit gate and 8 of 15 after a CZ flip a
// given Pauli that is not the identity there, and independent flips multiply,
//
//	(1 + (1 - 4/3 p1)^n1 (1 - 16/15 p2)^n2 (1 - 2 ro)^width) / 2
//
// for n1 one-qubit gates, n2 CZ and width qubits in the parity. No assumption on
// how the gates spread errors enters; a factor below zero counts as zero.
func ParityFloor(n1, n2, width uint64, p Policy) uint64 {
	n1, n2, width = min(n1, maxGates), min(n2, maxGates), min(width, maxGates)
	p1, p2, ro := min(p.P1, Ppb), min(p.P2, Ppb), min(p.RO, Ppb)
	return min(floorProduct([3]factor{
		{n1, lessOrZero(3*Ppb, 4*p1), 3 * Ppb},
		{n2, lessOrZero(15*Ppb, 16*p2), 15 * Ppb},
		{width, lessOrZero(Ppb, 2*ro), Ppb},
	}, Ppb/2, Ppb/2), MaxPassPpb)
}

// A factor is (num/den)^n.
type factor struct{ n, num, den uint64 }

func lessOrZero(a, b uint64) uint64 { return a - min(a, b) }

// floorProduct returns floor(scale · product of f + offset).
func floorProduct(f [3]factor, scale, offset uint64) uint64 {
	need := uint64(32)
	for _, x := range f {
		if x.num != x.den {
			need += 38 * x.n // den is below 2^38
		}
	}
	for k := firstPrec; ; k *= 2 {
		var v, base, t enclosure
		k.setUint(&v, scale)
		for _, x := range f {
			k.setRatio(&base, x.num, x.den)
			if x.num != x.den {
				k.pow(&t, &base, x.n)
				k.mul(&v, &v, &t)
			}
		}
		k.setUint(&t, offset)
		k.add(&v, &t)
		if lo, hi := k.floor(&v); lo == hi || k.last(need) {
			return hi
		}
	}
}
