package stats

import "math/bits"

// NoTMin says that no number of traps up to MaxTrials is enough.
const NoTMin = ^uint64(0)

// TMin is Policy.TMin with false alarm 1e-3 and miss 1e-6, the chances both named
// policies share.
func TMin(pA, pB, width uint64, mixA bool) uint64 {
	return ExactPolicy().TMin(pA, pB, width, mixA)
}

// TMin returns twice the smallest n for which some c has
//
//	P[Bin(n,p) < c] <= TMinAlpha  and  P[Bin(n,u) >= c] <= TMinBeta,
//
// where p is the honest pass rate and u that of a device that returns uniform
// bits: p = pA, u = 2^-width where kind A is in the mix, p = pB, u = 1/2 where it
// is not. pA and pB are in ppb. NoTMin means that 2n would exceed MaxTrials or
// that the honest device passes no more often than the faker.
func (pol Policy) TMin(pA, pB, width uint64, mixA bool) uint64 {
	p, w := min(pB, Ppb), uint64(1)
	if mixA {
		// Beyond 60 bits c = 1 is enough for every n and beta in range.
		p, w = min(pA, Ppb), min(width, 60)
	}
	const most = MaxTrials / 2
	if p <= Ppb>>w || pol.TMinAlpha == 0 || pol.TMinAlpha >= Ppb || pol.TMinBeta == 0 ||
		compareTail(0, most, p, pol.TMinAlpha) > 0 || pol.hopeless(p, w) {
		return NoTMin
	}
	if p == Ppb { // always c = n; the scan divides by 1-p
		p = Ppb - 1
	}
	var s tminScan
	for k := firstPrec; k <= maxLimbs; k *= 2 {
		if n, ok := s.run(k, p, w, pol.TMinAlpha, pol.TMinBeta, most); ok && n <= most {
			return 2 * n
		} else if ok {
			break
		}
	}
	return NoTMin
}

// hopeless reports, soundly though not always, that no n up to MaxTrials/2 tells p
// from u = 2^-w. A test that accepts with probability a under p and b under u
// needs n·KL(p,u) >= kl(a,b) >= a·ln(1/b) - ln 2 (data processing inequality), and
//
//	KL(p,u) <= (p-u)^2/(u(1-u)) = d^2/(1e18·(2^w-1)) with d = p·2^w - 1e9 in ppb.
func (pol Policy) hopeless(p, w uint64) bool {
	nats := uint64(LnQ32Floor(Ppb, pol.TMinBeta)) / Q32 * (Ppb - pol.TMinAlpha) / Ppb
	hi, lo := bits.Mul64(p, 1<<w)
	d := lo - Ppb // positive: the caller has checked p > u
	if nats < 2 || hi > 0 || d>>32 > 0 {
		return false
	}
	hi, lo = bits.Mul64((nats-1)*(1e18/(MaxTrials/2)), 1<<w-1)
	return hi > 0 || lo > d*d
}

// tminScan walks n = 1, 2, ... with c the largest count whose false alarm is
// still allowed; c grows by at most one per step, so that both tails follow from
// the last ones in constant time:
//
//	P[Bin(n+1,p) <= c] = P[Bin(n,p) <= c] - p·P[Bin(n,p) = c]
//	P[Bin(n+1,u) >= c] = P[Bin(n,u) >= c] + u·P[Bin(n,u) = c-1]
type tminScan struct {
	n, c        uint64
	below       fixed     // P[Bin(n,p) <= c], above alpha
	above       fixed     // P[Bin(n,u) >= c]
	eq          enclosure // P[Bin(n,p) = c]
	prev        enclosure // P[Bin(n,u) = c-1]; zero for c = 0
	alpha, beta fixed
}

// run returns the first n that is enough, or most+1; false if k is not precise
// enough.
func (s *tminScan) run(k prec, p, w, alpha, beta, most uint64) (uint64, bool) {
	var t enclosure
	var f fixed
	q, odds := Ppb-p, uint64(1)<<w-1 // (1-u)/u
	s.n, s.c = 0, 0
	k.setUint(&s.eq, 1)
	k.setUint(&s.prev, 0)
	k.fix(&s.below, &s.eq)
	s.above = s.below
	k.setRatio(&t, alpha, Ppb)
	k.fix(&s.alpha, &t)
	k.setRatio(&t, beta, Ppb)
	k.fix(&s.beta, &t)

	for s.n < most {
		// below -= p·eq
		k.set(&t, &s.eq)
		k.mulUint(&t, p)
		k.divUint(&t, Ppb)
		k.fix(&f, &t)
		if !k.subFixed(&s.below, &f) {
			return 0, false
		}
		k.mulUint(&s.eq, (s.n+1)*q)
		k.divUint(&s.eq, (s.n+1-s.c)*Ppb)
		if s.c > 0 { // above += u·prev
			k.set(&t, &s.prev)
			t.e -= int64(w)
			k.fix(&f, &t)
			k.addFixed(&s.above, &f)
			k.mulUint(&s.prev, odds)
			k.mulUint(&s.prev, s.n+1)
			k.divUint(&s.prev, s.n+2-s.c)
			s.prev.e -= int64(w)
		}
		s.n++

		last := k.last(64 * s.n)
		c := k.cmpFixed(&s.below, &s.alpha)
		if c == 0 && !last {
			return 0, false
		}
		if c <= 0 && !s.raise(k, p, q, w, odds) {
			return 0, false
		}
		if s.c == 0 {
			continue
		}
		switch c := k.cmpFixed(&s.above, &s.beta); {
		case c < 0 || c == 0 && last:
			return s.n, true
		case c == 0:
			return 0, false
		}
	}
	return most + 1, true
}

// raise moves c to c+1 at the same n:
//
//	P[Bin(n,p) <= c+1] = P[Bin(n,p) <= c] + P[Bin(n,p) = c+1]
//	P[Bin(n,u) >= c+1] = P[Bin(n,u) >= c] - P[Bin(n,u) = c]
func (s *tminScan) raise(k prec, p, q, w, odds uint64) bool {
	k.mulUint(&s.eq, (s.n-s.c)*p)
	k.divUint(&s.eq, (s.c+1)*q)
	var f fixed
	k.fix(&f, &s.eq)
	k.addFixed(&s.below, &f)
	if s.c == 0 { // (1-u)^n
		var t enclosure
		k.setUint(&t, odds)
		t.e -= int64(w)
		k.pow(&s.prev, &t, s.n)
	} else {
		k.mulUint(&s.prev, s.n-s.c+1)
		k.divUint(&s.prev, s.c)
		k.divUint(&s.prev, odds)
	}
	s.c++
	k.fix(&f, &s.prev)
	return k.subFixed(&s.above, &f)
}
