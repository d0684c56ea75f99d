/* evidence.h: log evidence and the window e-process of stats.h. */
#ifndef QTRAP_EVIDENCE_H
#define QTRAP_EVIDENCE_H

#include "interval.h"

/* sum = atanh(num/den) for num/den <= 1/3. */
QS_FN void qs_atanh(int k, qs_num *sum, u64 num, u64 den) {
	qs_num z2, pw, t;
	qs_set_ratio(k, &pw, num, den);
	qs_mul(k, &z2, &pw, &pw);
	qs_set(k, sum, &pw);
	if (num == 0)
		return;
	for (u32 i = 3;; i += 2) {
		qs_mul(k, &pw, &pw, &z2);
		qs_set(k, &t, &pw);
		qs_div32(k, &t, i);
		qs_add(k, sum, &t);
		if (t.e + 32 * (i64)k + 2 <= sum->e) { /* the rest is less than t */
			sum->rho++;
			return;
		}
	}
}

/* Integer parts of both ends of 2^32 ln(num/den), num > den. */
QS_FN void qs_ln_at(int k, u64 num, u64 den, u64 *lo, u64 *hi) {
	int s = qs_len(num) - qs_len(den);
	u64 x = num, y = den << s, c;
	qs_fixed sum, t;
	qs_num a;
	qs_atanh(k, &a, 1, 3);
	qs_mul32(k, &a, (u32)s);
	if (s)
		a.e += 33;
	qs_fix(k, &sum, &a);
	qs_atanh(k, &a, qs_max(x, y) - qs_min(x, y), x + y);
	if (x != y)
		a.e += 33;
	qs_fix(k, &t, &a);
	if (x >= y) {
		qs_fixed_add(k, &sum, &t);
	} else if (!qs_fixed_sub(k, &sum, &t)) {
		*lo = 0;
		*hi = 1;
		return;
	}
	*lo = (u64)sum.v[k - 1] << 32 | sum.v[k - 2];
	c = sum.r;
	for (int i = 0; i < k - 2; i++)
		c = (c >> 32) + (((u64)sum.v[i] + (u32)c) >> 32);
	*hi = *lo + c;
}

/* floor(2^32 ln(num/den)); both count as 1 to 2^62. */
QS_FN i64 qs_ln_q32_floor(u64 num, u64 den) {
	const u64 most = (u64)1 << 62;
	u64 lo = 0, hi = 1;
	int neg = 0;
	num = qs_min(qs_max(num, 1), most);
	den = qs_min(qs_max(den, 1), most);
	if (num == den)
		return 0;
	if (num < den) {
		u64 t = num;
		num = den;
		den = t;
		neg = 1;
	}
	for (int k = QS_FIRST; k <= QS_LIMBS && lo != hi; k *= 2)
		qs_ln_at(k, num, den, &lo, &hi);
	return neg ? -(i64)lo - 1 : (i64)lo; /* irrational: the floor is one lower */
}

QS_FN i64 qs_ln_q32_ceil(u64 num, u64 den) { return -qs_ln_q32_floor(den, num); }

/*
 * Log-likelihood ratios of one trap in Q32, rounded down, for the alternatives
 * g = .02, .25, .5, .75, .9: ln(q/p0) for a pass, ln((1-q)/(1-p0)) for a failure,
 * with q = g p0 for kind A and q = 1/2 + g(p0 - 1/2) for kind B. p0 counts as at
 * most QS_MAX_PASS_PPB and at least 1 (A) or 5e8 (B).
 */
QS_FN void qs_etable(u64 p0, int kind_b, i64 inc_pass[QS_GRID], i64 inc_fail[QS_GRID]) {
	static const u32 grid[QS_GRID] = {2, 25, 50, 75, 90};
	const u64 one = 100 * (u64)QS_PPB;
	p0 = qs_min(qs_max(p0, kind_b ? QS_PPB / 2 : 1), QS_MAX_PASS_PPB);
	for (int i = 0; i < QS_GRID; i++) {
		u64 g = grid[i];
		if (kind_b) {
			u64 d = g * (2 * p0 - QS_PPB);
			inc_pass[i] = qs_ln_q32_floor(one + d, 200 * p0);
			inc_fail[i] = qs_ln_q32_floor(one - d, 200 * (QS_PPB - p0));
		} else {
			inc_pass[i] = qs_ln_q32_floor(g, 100);
			inc_fail[i] = qs_ln_q32_floor(one - g * p0, 100 * (QS_PPB - p0));
		}
	}
}

/* ceil(2^32 ln(2G/alpha)); alpha in ppb, 0 counts as 1. */
QS_FN i64 qs_threshold_global(u64 alpha) {
	return qs_ln_q32_ceil(2 * QS_GRID * (u64)QS_PPB, qs_max(alpha, 1));
}

/* ceil(2^32 ln(2GW/alpha)); W counts as 1 to 64. */
QS_FN i64 qs_threshold_cusum(u64 alpha, u64 W) {
	W = qs_min(qs_max(W, 1), QS_MAX_WINDOWS);
	return qs_ln_q32_ceil(2 * QS_GRID * (u64)QS_PPB * W, qs_max(alpha, 1));
}

/* The evidence of a job, window by window. */
typedef struct {
	i64 pass_a[QS_GRID], fail_a[QS_GRID], pass_b[QS_GRID], fail_b[QS_GRID];
	i64 global, cusum;           /* thresholds */
	i64 l[QS_GRID], c[QS_GRID];  /* evidence from the start, from the best start */
	u64 windows, bad;            /* windows added, windows bad */
	i64 first_bad;               /* number of the first bad window, or -1 */
} qs_eprocess;

QS_FN void qs_eprocess_init(qs_eprocess *e, u64 pA, u64 pB, u64 alpha, u64 W) {
	qs_etable(pA, 0, e->pass_a, e->fail_a);
	qs_etable(pB, 1, e->pass_b, e->fail_b);
	e->global = qs_threshold_global(alpha);
	e->cusum = qs_threshold_cusum(alpha, W);
	for (int i = 0; i < QS_GRID; i++)
		e->l[i] = e->c[i] = 0;
	e->windows = e->bad = 0;
	e->first_bad = -1;
}

/* Adds a window with kA of nA and kB of nB passes; 1 if it is bad. */
QS_FN int qs_eprocess_add(qs_eprocess *e, u64 kA, u64 nA, u64 kB, u64 nB) {
	int bad = 0;
	kA = qs_min(kA, nA);
	kB = qs_min(kB, nB);
	for (int i = 0; i < QS_GRID; i++) {
		i64 d = (i64)kA * e->pass_a[i] + (i64)(nA - kA) * e->fail_a[i] +
		        (i64)kB * e->pass_b[i] + (i64)(nB - kB) * e->fail_b[i];
		e->l[i] += d;
		e->c[i] = (e->c[i] > 0 ? e->c[i] : 0) + d;
		bad |= e->l[i] >= e->global || e->c[i] >= e->cusum;
	}
	if (bad && e->bad++ == 0)
		e->first_bad = (i64)e->windows;
	e->windows++;
	return bad;
}

#endif
