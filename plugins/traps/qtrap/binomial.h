/* binomial.h: exact binomial tails, thresholds and bounds of stats.h. */
#ifndef QTRAP_BINOMIAL_H
#define QTRAP_BINOMIAL_H

#include "interval.h"

/*
 * sum = s_j + s_(j-1) + ... + s_0, or without the first term, where s_j = 1 and
 * s_(i-1) = s_i i q / ((n-i+1) p). With A = sum of s_i for i <= x, B = sum for
 * i > x and s_x = 1, P[Bin(n,p) <= x] = A/(A+B). Returns 1 early once sum is
 * certainly above a given limit.
 */
QS_FN int qs_sum_down(int k, qs_num *sum, u64 n, u64 j, u32 p, u32 q, int first,
                      const qs_num *limit) {
	qs_num s;
	qs_set_u64(k, &s, 1);
	qs_set_u64(k, sum, first != 0);
	for (u64 i = j; i > 0; i--) {
		qs_mul32(k, &s, (u32)i);
		qs_mul32(k, &s, q);
		qs_div32(k, &s, (u32)(n - i + 1));
		qs_div32(k, &s, p);
		qs_add(k, sum, &s);
		if (limit && qs_cmp(k, sum, limit) > 0)
			return 1;
		/* The terms below s_l sum to at most s_l l q/((n+1)p - l); once that
		 * is under one unit of rho, it is one. */
		if (s.e + qs_len(i - 1) + 32 * (i64)k + 2 <= sum->e && (n + 1) * p >= i * QS_PPB) {
			sum->rho++;
			break;
		}
	}
	return 0;
}

QS_FN int qs_cmp_u64(u64 a, u64 b) { return (a > b) - (a < b); }

QS_FN int qs_compare_at(int k, u64 x, u64 n, u32 p, u32 alpha) {
	qs_num t, s;
	u32 q = QS_PPB - p;
	if ((x + 1) * QS_PPB >= (n + 1) * p) {
		qs_sum_down(k, &t, n, n - x, q, p, 0, 0);
		qs_mul32(k, &t, alpha);
		qs_div32(k, &t, QS_PPB - alpha);
		if (qs_sum_down(k, &s, n, x, p, q, 1, &t))
			return 1;
		return qs_cmp(k, &s, &t);
	}
	qs_sum_down(k, &t, n, x, p, q, 1, 0);
	qs_mul32(k, &t, QS_PPB - alpha);
	qs_div32(k, &t, alpha);
	if (qs_sum_down(k, &s, n, n - x, q, p, 0, &t))
		return -1;
	return qs_cmp(k, &t, &s);
}

/* Compares P[Bin(n,p) <= x] with alpha, exactly; n <= QS_MAX_TRIALS. */
QS_FN int qs_compare_tail(u64 x, u64 n, u64 p, u64 alpha) {
	if (x >= n || p == 0)
		return qs_cmp_u64(QS_PPB, qs_min(alpha, QS_PPB));
	if (p >= QS_PPB)
		return qs_cmp_u64(0, alpha);
	if (alpha == 0)
		return 1;
	if (alpha >= QS_PPB)
		return -1;
	for (int k = QS_FIRST;; k *= 2) {
		int c = qs_compare_at(k, x, n, (u32)p, (u32)alpha);
		if (c || qs_last(k, 30 * n + 30))
			return c;
	}
}

/*
 * The smallest accepted number of passes out of n at honest pass rate p0 and
 * false alarm alpha: min{c : P[Bin(n,p0) <= c-1] <= alpha < P[Bin(n,p0) <= c]}.
 * n+1 for alpha >= 1e9, QS_NONE for n above QS_MAX_TRIALS.
 */
QS_FN u64 qs_accept(u64 n, u64 p0, u64 alpha) {
	u64 lo = 0, hi = n;
	if (n > QS_MAX_TRIALS)
		return QS_NONE;
	if (alpha >= QS_PPB)
		return n + 1;
	while (lo < hi) {
		u64 mid = lo + (hi - lo) / 2;
		if (qs_compare_tail(mid, n, qs_min(p0, QS_PPB), alpha) > 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* floor(a/z) < 2^44; 0 with *ok = 0 if not certain. last: undecided is equal. */
QS_FN u64 qs_quotient(int k, const qs_num *a, const qs_num *z, int last, int *ok) {
	u64 m = 0;
	qs_num t;
	for (u64 b = (u64)1 << 43; b; b >>= 1) {
		int c;
		qs_set_u64(k, &t, m | b);
		qs_mul(k, &t, &t, z);
		c = qs_cmp(k, &t, a);
		if (c < 0 || (c == 0 && last)) {
			m |= b;
		} else if (c == 0) {
			*ok = 0;
			return 0;
		}
	}
	*ok = 1;
	return m;
}

/*
 * P[Bin(n,p0) <= k] cut to nine digits: mant 10^exp10 <= P < (mant+1) 10^exp10
 * with 1e8 <= mant < 1e9, or 0, 0. It is 1 for k >= n, 0 for n > QS_MAX_TRIALS.
 */
QS_FN void qs_left_tail(u64 x, u64 n, u64 p0, u64 *mant, i64 *exp10) {
	qs_num a, z, t;
	*mant = 0;
	*exp10 = 0;
	if (n > QS_MAX_TRIALS)
		return;
	if (x >= n || p0 == 0) {
		*mant = 100000000;
		*exp10 = -8;
		return;
	}
	if (p0 >= QS_PPB)
		return;
	for (int k = QS_FIRST;; k *= 2) {
		u32 p = (u32)p0, q = QS_PPB - p;
		i64 exp;
		u64 m;
		int ok;
		qs_sum_down(k, &a, n, x, p, q, 1, 0);
		qs_sum_down(k, &z, n, n - x, q, p, 0, 0);
		qs_set(k, &t, &z);
		qs_mul32(k, &t, QS_PPB);
		qs_add(k, &z, &a);
		if (qs_cmp(k, &t, &z) < 0) { /* 1-1e-9 < tail < 1, however close to one */
			*mant = 999999999;
			*exp10 = -9;
			return;
		}
		/* The decimal exponent is one of three; start from the lowest. */
		exp = (a.e - z.e) * 3010299957 / 10000000000 - 2;
		{
			qs_num ten;
			qs_set_u64(k, &ten, 10);
			qs_pow(k, &t, &ten, (u64)(8 - exp));
		}
		qs_mul(k, &a, &a, &t);
		m = qs_quotient(k, &a, &z, qs_last(k, 30 * n + 40), &ok);
		if (!ok)
			continue;
		for (exp -= 8; m >= 1000000000; exp++)
			m /= 10;
		*mant = m;
		*exp10 = exp;
		return;
	}
}

/*
 * min(1e9, 2u) with u the smallest p in ppb for which P[Bin(T,p) <= F] <= 0.05:
 * the accreditation bound on the distance of the target output from the ideal.
 */
QS_FN u64 qs_eps95_markov(u64 F, u64 T) {
	u64 lo = 0, hi = QS_PPB;
	if (F >= T || T > QS_MAX_TRIALS)
		return QS_PPB;
	while (lo < hi) {
		u64 mid = lo + (hi - lo) / 2;
		if (qs_compare_tail(F, T, mid, 50000000) > 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return qs_min(2 * lo, QS_PPB);
}

#endif
