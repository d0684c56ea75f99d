/* passrate.h: how often an honest device passes a trap; part of stats.h. */
#ifndef QTRAP_PASSRATE_H
#define QTRAP_PASSRATE_H

#include "interval.h"

/* A factor is (num / (den 1e9))^n. */
typedef struct {
	u64 n, num;
	u32 den;
} qs_factor;

/* floor(scale product of f + offset) */
QS_FN u64 qs_floor_product(const qs_factor f[3], u32 scale, u32 offset) {
	u64 need = 32, lo, hi;
	for (int i = 0; i < 3; i++)
		if (f[i].num != (u64)f[i].den * QS_PPB)
			need += 38 * f[i].n;
	for (int k = QS_FIRST;; k *= 2) {
		qs_num v, base, t;
		qs_set_u64(k, &v, scale);
		for (int i = 0; i < 3; i++) {
			if (f[i].num == (u64)f[i].den * QS_PPB)
				continue;
			qs_set_u64(k, &base, f[i].num);
			qs_div32(k, &base, f[i].den);
			qs_div32(k, &base, QS_PPB);
			qs_pow(k, &t, &base, f[i].n);
			qs_mul(k, &v, &v, &t);
		}
		qs_set_u64(k, &t, offset);
		qs_add(k, &v, &t);
		qs_upper(k, &t, &v);
		lo = qs_int_part(k, &v);
		hi = qs_int_part(k, &t);
		if (lo == hi || qs_last(k, need))
			return hi;
	}
}

QS_FN u64 qs_less_or_zero(u64 a, u64 b) { return a - qs_min(a, b); }

/*
 * The honest pass rates for n1 one-qubit gates, n2 CZ and w measured qubits with
 * error rates p1, p2, ro, rounded down to a ppb and at most QS_MAX_PASS_PPB:
 *
 *	pA = (1 - 2 p1/3)^n1 (1 - 4 p2/5)^n2 (1 - ro)^w
 *	pB = (1 + (1 - f p1)^n1 (1 - f p2)^n2 (1 - 3/2 f ro)^w) / 2
 *
 * with f = 4^w/(4^w - 1) for w = 1, 2, 3, else 1. Counts above 2^32 count as
 * that. Returns 0; every input has a result.
 */
QS_FN int qs_pass_rates(u64 n1, u64 n2, u64 w, u64 p1, u64 p2, u64 ro, u64 *pA, u64 *pB) {
	const u64 most = (u64)1 << 32, ppb = QS_PPB;
	u64 num = 1, den = 1;
	n1 = qs_min(n1, most);
	n2 = qs_min(n2, most);
	w = qs_min(w, most);
	p1 = qs_min(p1, ppb);
	p2 = qs_min(p2, ppb);
	ro = qs_min(ro, ppb);
	if (w >= 1 && w <= 3) {
		num = (u64)1 << (2 * w);
		den = num - 1;
	}
	{
		const qs_factor a[3] = {
			{n1, 3 * ppb - 2 * p1, 3},
			{n2, 5 * ppb - 4 * p2, 5},
			{w, ppb - ro, 1},
		};
		const qs_factor b[3] = {
			{n1, qs_less_or_zero(den * ppb, num * p1), (u32)den},
			{n2, qs_less_or_zero(den * ppb, num * p2), (u32)den},
			{w, qs_less_or_zero(2 * den * ppb, 3 * num * ro), (u32)(2 * den)},
		};
		*pA = qs_min(qs_floor_product(a, QS_PPB, 0), QS_MAX_PASS_PPB);
		*pB = qs_min(qs_floor_product(b, QS_PPB / 2, QS_PPB / 2), QS_MAX_PASS_PPB);
	}
	return 0;
}

/* (1 - p1)^n1 (1 - p2)^n2 (1 - ro)^w, no error at all, rounded down to a ppb. */
QS_FN u64 qs_no_error(u64 n1, u64 n2, u64 w, u64 p1, u64 p2, u64 ro) {
	const u64 most = (u64)1 << 32, ppb = QS_PPB;
	const qs_factor f[3] = {
		{qs_min(n1, most), ppb - qs_min(p1, ppb), 1},
		{qs_min(n2, most), ppb - qs_min(p2, ppb), 1},
		{qs_min(w, most), ppb - qs_min(ro, ppb), 1},
	};
	return qs_min(qs_floor_product(f, QS_PPB, 0), QS_MAX_PASS_PPB);
}

/*
 * (1 + (1 - 4 p1/3)^n1 (1 - 16 p2/15)^n2 (1 - 2 ro)^w) / 2, rounded down to a ppb: a
 * lower bound on how often a certain parity of w bits is measured right.
 */
QS_FN u64 qs_parity_floor(u64 n1, u64 n2, u64 w, u64 p1, u64 p2, u64 ro) {
	const u64 most = (u64)1 << 32, ppb = QS_PPB;
	const qs_factor f[3] = {
		{qs_min(n1, most), qs_less_or_zero(3 * ppb, 4 * qs_min(p1, ppb)), 3},
		{qs_min(n2, most), qs_less_or_zero(15 * ppb, 16 * qs_min(p2, ppb)), 15},
		{qs_min(w, most), qs_less_or_zero(ppb, 2 * qs_min(ro, ppb)), 1},
	};
	return qs_min(qs_floor_product(f, QS_PPB / 2, QS_PPB / 2), QS_MAX_PASS_PPB);
}

#endif
