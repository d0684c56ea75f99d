package stats

import "math/bits"

// A fixed is a running sum of enclosures with an absolute error: a real known to
// lie in [v, v+r] where v counts units of 2^-64(k-1), so that its top limb is the
// integer part. Differences live here, because a relative error does not survive
// them.
type fixed struct {
	v [maxLimbs]uint64
	r uint64
}

// fix sets f to x, which is below 2^63.
func (k prec) fix(f *fixed, x *enclosure) {
	clear(f.v[:k])
	f.r = 0
	if k.isZero(x) {
		return
	}
	d := uint64(64 - k.bits() - x.e)
	limbs, sh := int(min(d/64, uint64(k))), d%64
	for i := range int(k) - limbs {
		f.v[i] = x.m[i+limbs] >> sh
		if j := i + limbs + 1; j < int(k) {
			f.v[i] |= x.m[j] << (64 - sh)
		}
	}
	f.r = 4*x.rho>>min(d, 63) + 2
}

// add sets f to f+y.
func (k prec) addFixed(f, y *fixed) {
	var c uint64
	for i := range int(k) {
		f.v[i], c = bits.Add64(f.v[i], y.v[i], c)
	}
	f.r += y.r
}

// sub sets f to f-y and reports whether the lower end stayed at or above zero.
func (k prec) subFixed(f, y *fixed) bool {
	var c, b uint64
	c = y.r
	for i := range int(k) {
		f.v[i], b = bits.Sub64(f.v[i], y.v[i], b)
	}
	for i := range int(k) {
		f.v[i], c = bits.Sub64(f.v[i], c, 0)
	}
	f.r += y.r
	return b == 0 && c == 0
}

// floorFixed returns the integer parts of both ends of f.
func (k prec) floorFixed(f *fixed) (lo, hi uint64) {
	c := f.r
	for i := range int(k) {
		hi, c = bits.Add64(f.v[i], c, 0)
	}
	return f.v[k-1], hi
}

// cmpFixed compares f with y: -1 or +1 if certain, else 0.
func (k prec) cmpFixed(f, y *fixed) int {
	if k.lessFixed(f, y) {
		return -1
	}
	if k.lessFixed(y, f) {
		return 1
	}
	return 0
}

// lessFixed reports that the upper end of f is below the lower end of y.
func (k prec) lessFixed(f, y *fixed) bool {
	var s, b uint64
	c := f.r
	for i := range int(k) {
		s, c = bits.Add64(f.v[i], c, 0)
		_, b = bits.Sub64(s, y.v[i], b)
	}
	return c == 0 && b == 1
}
