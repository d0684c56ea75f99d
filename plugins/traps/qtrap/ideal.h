// The outcome distribution of a compiled circuit by integers; traps/SPEC.md, "Target
// audit".
#ifndef QTRAP_IDEAL_H
#define QTRAP_IDEAL_H

#include "big.h"
#include "qx1_u3.h"

// Amplitudes in units of 2^-30; sums of p, p^2 and p^3 in units of 2^-60, 2^-120
// and 2^-180.
typedef struct {
	u32 w;
	i32 *re, *im;
	big sum2, sum3;
	u64 max;
} ideal;

static void ideal_q30(u64 angle, i64 *s, i64 *c) {
	trig_sin_cos(angle, s, c);
	*s = (*s + (1ll << 31)) >> 32, *c = (*c + (1ll << 31)) >> 32;
}

static i64 ideal_round(i64 v) { return (v + (1 << 29)) >> 30; }

static void ideal_gate(ideal *d, u32 q, qx_u3 u) {
	i64 s, c, sl, cl, sp, cp, ss, cs;
	ideal_q30(u.t / 2, &s, &c), ideal_q30(u.l, &sl, &cl), ideal_q30(u.p, &sp, &cp), ideal_q30(u.p + u.l, &ss, &cs);
	i64 br = -ideal_round(cl * s), bi = -ideal_round(sl * s), gr = ideal_round(cp * s), gi = ideal_round(sp * s), hr = ideal_round(cs * c), hi = ideal_round(ss * c);
	u32 step = 1u << q, half = 1u << (d->w - 1);
	for (u32 k = 0; k < half; k++) {
		u32 i = (k & (step - 1)) | k >> q << (q + 1), j = i + step;
		i64 ar = d->re[i], ai = d->im[i], er = d->re[j], ei = d->im[j];
		d->re[i] = (i32)ideal_round(c * ar + br * er - bi * ei);
		d->im[i] = (i32)ideal_round(c * ai + br * ei + bi * er);
		d->re[j] = (i32)ideal_round(gr * ar - gi * ai + hr * er - hi * ei);
		d->im[j] = (i32)ideal_round(gr * ai + gi * ar + hr * ei + hi * er);
	}
}

static void ideal_cz(ideal *d, u32 a, u32 b) {
	u32 low = 1u << a, high = 1u << b; // a < b
	for (u32 top = high; top < 1u << d->w; top += 2 * high)
		for (u32 mid = top + low; mid < top + high; mid += 2 * low)
			for (u32 i = mid; i < mid + low; i++)
				d->re[i] = -d->re[i], d->im[i] = -d->im[i];
}

static u64 ideal_p(const ideal *d, u32 x) {
	i64 r = d->re[x], i = d->im[x];
	return (u64)(r * r) + (u64)(i * i);
}

static void ideal_moments(ideal *d) {
	d->sum2 = d->sum3 = big_u64(0), d->max = 0;
	for (u32 x = 0; x < 1u << d->w; x++) {
		u64 p = ideal_p(d, x);
		if (p > d->max)
			d->max = p;
		u128 square = u128_product(p, p), low = u128_product(square.lo, p), high = u128_product(square.hi, p);
		big two = big_u128(square), three = big_u128(low), top = big_u128(high);
		top = big_shl(&top, 64);
		big_add(&three, &top);
		big_add(&d->sum2, &two), big_add(&d->sum3, &three);
	}
}

#endif
