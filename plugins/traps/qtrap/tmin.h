/* tmin.h: the smallest meaningful number of traps; part of stats.h. */
#ifndef QTRAP_TMIN_H
#define QTRAP_TMIN_H

#include "binomial.h"

/*
 * Walks n = 1, 2, ... with c the largest count whose false alarm is allowed; c
 * grows by at most one per step, so both tails follow in constant time:
 *
 *	P[Bin(n+1,p) <= c] = P[Bin(n,p) <= c] - p P[Bin(n,p) = c]
 *	P[Bin(n+1,u) >= c] = P[Bin(n,u) >= c] + u P[Bin(n,u) = c-1]
 */
typedef struct {
	u64 n, c;
	qs_fixed below;   /* P[Bin(n,p) <= c], above alpha */
	qs_fixed above;   /* P[Bin(n,u) >= c] */
	qs_num eq;        /* P[Bin(n,p) = c] */
	qs_num prev;      /* P[Bin(n,u) = c-1], zero for c = 0 */
	qs_num rest, inv; /* 1-u and u/(1-u) */
} qs_scan;

/* c -> c+1 at the same n. */
QS_FN int qs_scan_raise(int k, qs_scan *s, u32 p, u32 q) {
	qs_fixed f;
	qs_num t;
	qs_mul32(k, &s->eq, (u32)(s->n - s->c));
	qs_mul32(k, &s->eq, p);
	qs_div32(k, &s->eq, (u32)(s->c + 1));
	qs_div32(k, &s->eq, q);
	qs_fix(k, &f, &s->eq);
	qs_fixed_add(k, &s->below, &f);
	if (s->c == 0) {
		qs_set(k, &t, &s->rest);
		qs_pow(k, &s->prev, &t, s->n);
	} else {
		qs_mul32(k, &s->prev, (u32)(s->n - s->c + 1));
		qs_div32(k, &s->prev, (u32)s->c);
		qs_mul(k, &s->prev, &s->prev, &s->inv);
	}
	s->c++;
	qs_fix(k, &f, &s->prev);
	return qs_fixed_sub(k, &s->above, &f);
}

/* n -> n+1 at the same c. */
QS_FN int qs_scan_step(int k, qs_scan *s, u32 p, u32 q, int w) {
	qs_fixed f;
	qs_num t;
	qs_set(k, &t, &s->eq);
	qs_mul32(k, &t, p);
	qs_div32(k, &t, QS_PPB);
	qs_fix(k, &f, &t);
	if (!qs_fixed_sub(k, &s->below, &f))
		return 0;
	qs_mul32(k, &s->eq, (u32)(s->n + 1));
	qs_mul32(k, &s->eq, q);
	qs_div32(k, &s->eq, (u32)(s->n + 1 - s->c));
	qs_div32(k, &s->eq, QS_PPB);
	if (s->c > 0) {
		qs_set(k, &t, &s->prev);
		t.e -= w;
		qs_fix(k, &f, &t);
		qs_fixed_add(k, &s->above, &f);
		qs_mul(k, &s->prev, &s->prev, &s->rest);
		qs_mul32(k, &s->prev, (u32)(s->n + 1));
		qs_div32(k, &s->prev, (u32)(s->n + 2 - s->c));
	}
	s->n++;
	return 1;
}

#define QS_TMIN_ALPHA 1000000u /* false alarm 1e-3 */
#define QS_TMIN_BETA 1000u     /* miss 1e-6 */

/* The first n that is enough, most+1 if none, QS_NONE if k is too small. */
QS_FN u64 qs_scan_run(int k, qs_scan *s, u32 p, int w, u64 most) {
	qs_fixed alpha, beta;
	const u64 odds = ((u64)1 << w) - 1;
	const u32 q = QS_PPB - p;
	s->n = s->c = 0;
	qs_set_u64(k, &s->prev, 0);
	qs_set_ratio(k, &s->eq, QS_TMIN_ALPHA, QS_PPB);
	qs_fix(k, &alpha, &s->eq);
	qs_set_ratio(k, &s->eq, QS_TMIN_BETA, QS_PPB);
	qs_fix(k, &beta, &s->eq);
	qs_set_u64(k, &s->rest, odds);
	s->rest.e -= w;
	qs_set_ratio(k, &s->inv, 1, odds);
	qs_set_u64(k, &s->eq, 1);
	qs_fix(k, &s->below, &s->eq);
	qs_fix(k, &s->above, &s->eq);
	while (s->n < most) {
		int c, last;
		if (!qs_scan_step(k, s, p, q, w))
			return QS_NONE;
		last = qs_last(k, 64 * s->n);
		c = qs_fixed_cmp(k, &s->below, &alpha);
		if (c == 0 && !last)
			return QS_NONE;
		if (c <= 0 && !qs_scan_raise(k, s, p, q))
			return QS_NONE;
		if (s->c == 0)
			continue;
		c = qs_fixed_cmp(k, &s->above, &beta);
		if (c < 0 || (c == 0 && last))
			return s->n;
		if (c == 0)
			return QS_NONE;
	}
	return most + 1;
}

/*
 * Sound, though not always: no n up to QS_MAX_TRIALS/2 tells p from u = 2^-w < p.
 * n KL(p,u) >= .999 ln(1e6) - ln 2 > 13 is needed, and KL(p,u) is at most
 * (p-u)^2/(u(1-u)) = d^2/(1e18 (2^w-1)) with d = p 2^w - 1e9 in ppb.
 */
QS_FN int qs_hopeless(u64 p, int w) {
	u64 d;
	if (p >> (63 - w))
		return 0;
	d = (p << w) - QS_PPB;
	if (d >> 31)
		return 0;
	if (w > 22) /* the right side would pass 2^62 */
		return 1;
	return d * d < 13 * (1000000000000000000 / (QS_MAX_TRIALS / 2)) * (((u64)1 << w) - 1);
}

/*
 * Twice the smallest n for which some c has P[Bin(n,p) < c] <= 1e-3 and
 * P[Bin(n,u) >= c] <= 1e-6: p = pA, u = 2^-w where kind A is in the mix, p = pB,
 * u = 1/2 where it is not. QS_NONE if 2n would exceed QS_MAX_TRIALS.
 */
QS_FN u64 qs_tmin(u64 pA, u64 pB, u64 w, int mixA) {
	const u64 most = QS_MAX_TRIALS / 2;
	u64 p = qs_min(mixA ? pA : pB, QS_PPB);
	/* Beyond 43 bits c = 1 is enough for every n in range. */
	int bits = mixA ? (int)qs_min(w, 43) : 1;
	qs_scan s;
	if (p <= (u64)QS_PPB >> bits || qs_compare_tail(0, most, p, QS_TMIN_ALPHA) > 0 ||
	    qs_hopeless(p, bits))
		return QS_NONE;
	if (p == QS_PPB) /* always c = n; the scan divides by 1-p */
		p = QS_PPB - 1;
	for (int k = QS_FIRST; k <= QS_LIMBS; k *= 2) {
		u64 n = qs_scan_run(k, &s, (u32)p, bits, most);
		if (n == QS_NONE)
			continue;
		return n > most ? QS_NONE : 2 * n;
	}
	return QS_NONE;
}

#endif
