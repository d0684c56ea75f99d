/*
 * stats.h: the exact statistics of a trap library, in freestanding C99.
 *
 * Every result is defined as an exact floor, minimum or maximum (the definitions
 * are those of the Go package stats, function by function), so that this file and
 * that package agree to the last digit whatever their inner arithmetic. Numbers
 * are enclosed in intervals of 128, 256, ... 4096 bits until a question is
 * decided. There are no floats, no libc, no writable globals, no recursion and no
 * 128-bit integers; the deepest call uses less than 8 KB of stack.
 *
 * Probabilities are in parts per billion (ppb); more than 1e9 counts as 1e9.
 * Evidence is in Q32, units of 2^-32 nat.
 */
#ifndef QTRAP_STATS_H
#define QTRAP_STATS_H

#ifndef QTRAP_INTS
#define QTRAP_INTS
#include <stdint.h>
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;
#endif

#define QS_FN static __attribute__((unused))

#define QS_PPB 1000000000u
#define QS_MAX_TRIALS 10000000u  /* largest number of traps the tests take */
#define QS_MAX_PASS_PPB 999999000u /* a pass rate above 1-1e-6 counts as that */
#define QS_NONE (~(u64)0)        /* no such count */
#define QS_GRID 5                /* alternatives an e-process bets on */
#define QS_MAX_WINDOWS 64

/* ---- interval arithmetic ------------------------------------------------ */

#define QS_LIMBS 128 /* 4096 bits */
#define QS_FIRST 4   /* 128 bits */
#define QS_SLACK 96  /* size of the numbers compared, and of rho */

/*
 * A non-negative real in [m 2^e, m 2^e (1 + rho 2^(2-32k))], where m is the
 * integer of the first k limbs, least significant first, with its top bit set.
 * Zero has an all-zero m and is exact. A product or quotient costs one unit of
 * rho: cutting m loses less than half of it, and the cross terms of two errors
 * stay below the other half while rho < 2^40.
 */
typedef struct {
	u32 m[QS_LIMBS];
	i64 e;
	u64 rho;
} qs_num;

/* The precision k decides alone: different values are 2^-need apart. */
QS_FN int qs_last(int k, u64 need) {
	return k >= QS_LIMBS || (u64)k * 32 >= need + QS_SLACK;
}

QS_FN u64 qs_min(u64 a, u64 b) { return a < b ? a : b; }
QS_FN u64 qs_max(u64 a, u64 b) { return a > b ? a : b; }

/* Number of bits of x; 0 for 0. */
QS_FN int qs_len(u64 x) {
	int n = 0;
	for (int s = 32; s > 0; s >>= 1)
		if (x >> s) {
			x >>= s;
			n += s;
		}
	return n + (int)x;
}

QS_FN int qs_is_zero(int k, const qs_num *x) { return x->m[k - 1] == 0; }

QS_FN void qs_set(int k, qs_num *d, const qs_num *s) {
	for (int i = 0; i < k; i++)
		d->m[i] = s->m[i];
	d->e = s->e;
	d->rho = s->rho;
}

QS_FN void qs_set_u64(int k, qs_num *x, u64 u) {
	for (int i = 0; i < k; i++)
		x->m[i] = 0;
	x->e = 0;
	x->rho = 0;
	if (u) {
		int z = 64 - qs_len(u);
		u <<= z;
		x->m[k - 1] = (u32)(u >> 32);
		x->m[k - 2] = (u32)u;
		x->e = 64 - 32 * (i64)k - z;
	}
}

QS_FN void qs_mul32(int k, qs_num *x, u32 u) {
	u64 c = 0;
	if (u == 0) {
		qs_set_u64(k, x, 0);
		return;
	}
	for (int i = 0; i < k; i++) {
		c += (u64)x->m[i] * u;
		x->m[i] = (u32)c;
		c >>= 32;
	}
	if (c) {
		int n = qs_len(c);
		for (int i = 0; i < k - 1; i++)
			x->m[i] = (u32)(((u64)x->m[i + 1] << 32 | x->m[i]) >> n);
		x->m[k - 1] = (u32)((c << 32 | x->m[k - 1]) >> n);
		x->e += n;
		x->rho++;
	}
}

QS_FN void qs_div32(int k, qs_num *x, u32 u) {
	u64 r = 0, low;
	int n;
	if (u == 1 || qs_is_zero(k, x))
		return;
	for (int i = k - 1; i >= 0; i--) {
		r = r << 32 | x->m[i];
		x->m[i] = (u32)(r / u);
		r %= u;
	}
	low = (r << 32) / u; /* one more limb, to fill up from below */
	n = 32 - qs_len(x->m[k - 1]);
	for (int i = k - 1; i > 0; i--)
		x->m[i] = (u32)((((u64)x->m[i] << 32 | x->m[i - 1]) << n) >> 32);
	x->m[0] = (u32)((((u64)x->m[0] << 32 | low) << n) >> 32);
	x->e -= n;
	x->rho++;
}

/* x = a/b for a <= b < 2^63, bit by bit. */
QS_FN void qs_set_ratio(int k, qs_num *x, u64 a, u64 b) {
	qs_set_u64(k, x, a == b);
	if (a == 0 || a == b)
		return;
	x->e = -32 * (i64)k;
	for (; 2 * a < b; a *= 2)
		x->e--;
	for (int i = k - 1; i >= 0; i--)
		for (int j = 31; j >= 0; j--) {
			a *= 2;
			if (a >= b) {
				a -= b;
				x->m[i] |= (u32)1 << j;
			}
		}
	x->rho = 1;
}

/* z = x y; z may be x or y. */
QS_FN void qs_mul(int k, qs_num *z, const qs_num *x, const qs_num *y) {
	u32 p[2 * QS_LIMBS];
	i64 e = x->e + y->e + 32 * (i64)k;
	u64 rho = x->rho + y->rho + 1;
	int n;
	if (qs_is_zero(k, x) || qs_is_zero(k, y)) {
		qs_set_u64(k, z, 0);
		return;
	}
	for (int i = 0; i < 2 * k; i++)
		p[i] = 0;
	for (int i = 0; i < k; i++) {
		u64 c = 0, f = x->m[i];
		for (int j = 0; j < k; j++) {
			c += f * y->m[j] + p[i + j];
			p[i + j] = (u32)c;
			c >>= 32;
		}
		p[i + k] = (u32)c;
	}
	n = !(p[2 * k - 1] >> 31);
	for (int i = 0; i < k; i++)
		z->m[i] = (u32)((((u64)p[k + i] << 32 | p[k + i - 1]) << n) >> 32);
	z->e = e - n;
	z->rho = rho;
}

/* x += y */
QS_FN void qs_add(int k, qs_num *x, const qs_num *y) {
	const qs_num *big = x, *small = y;
	u64 rho = qs_max(x->rho, y->rho) + 2, d, c = 0;
	int limbs, sh;
	if (qs_is_zero(k, y))
		return;
	if (qs_is_zero(k, x)) {
		qs_set(k, x, y);
		return;
	}
	if (y->e > x->e) {
		big = y;
		small = x;
	}
	d = (u64)(big->e - small->e);
	limbs = (int)qs_min(d / 32, (u64)k);
	sh = (int)(d % 32);
	for (int i = 0; i < k; i++) {
		int j = i + limbs;
		u64 s = j < k ? small->m[j] : 0;
		if (j + 1 < k)
			s |= (u64)small->m[j + 1] << 32;
		c += (u64)big->m[i] + (u32)(s >> sh);
		x->m[i] = (u32)c;
		c >>= 32;
	}
	x->e = big->e;
	x->rho = rho;
	if (c) {
		for (int i = 0; i < k - 1; i++)
			x->m[i] = x->m[i] >> 1 | x->m[i + 1] << 31;
		x->m[k - 1] = x->m[k - 1] >> 1 | (u32)1 << 31;
		x->e++;
	}
}

/* z = x^n for n <= 2^32; x is spent, and is not z. */
QS_FN void qs_pow(int k, qs_num *z, qs_num *x, u64 n) {
	qs_set_u64(k, z, 1);
	for (; n; n >>= 1) {
		if (n & 1)
			qs_mul(k, z, z, x);
		if (n > 1)
			qs_mul(k, x, x, x);
	}
}

/* t = the exact upper end of x. */
QS_FN void qs_upper(int k, qs_num *t, const qs_num *x) {
	u64 c = 4 * x->rho; /* the width is below 4 rho in units of m */
	for (int i = 0; i < k; i++) {
		u64 s = (u64)x->m[i] + (u32)c;
		t->m[i] = (u32)s;
		c = (c >> 32) + (s >> 32);
	}
	t->e = x->e;
	t->rho = 0;
	if (c) { /* m passed 2^(32k) by less than 4 rho: halve and round up */
		u64 s = (((u64)t->m[1] << 32 | t->m[0]) >> 1) + 1;
		t->m[0] = (u32)s;
		t->m[1] = (u32)(s >> 32);
		t->m[k - 1] |= (u32)1 << 31;
		t->e++;
	}
}

/* m_x 2^e_x < m_y 2^e_y */
QS_FN int qs_less(int k, const qs_num *x, const qs_num *y) {
	int zx = qs_is_zero(k, x), zy = qs_is_zero(k, y);
	if (zx || zy)
		return zx && !zy;
	if (x->e != y->e)
		return x->e < y->e;
	for (int i = k - 1; i >= 0; i--)
		if (x->m[i] != y->m[i])
			return x->m[i] < y->m[i];
	return 0;
}

/* -1 if x < y for certain, 1 if x > y for certain, else 0. */
QS_FN int qs_cmp(int k, const qs_num *x, const qs_num *y) {
	qs_num t;
	if (!qs_is_zero(k, x) && !qs_is_zero(k, y)) {
		if (x->e > y->e + 1)
			return 1;
		if (y->e > x->e + 1)
			return -1;
	}
	qs_upper(k, &t, y);
	if (qs_less(k, &t, x))
		return 1;
	qs_upper(k, &t, x);
	return qs_less(k, &t, y) ? -1 : 0;
}

/* The integer part of the lower end of x < 2^63. */
QS_FN u64 qs_int_part(int k, const qs_num *x) {
	i64 s = 64 - 32 * (i64)k - x->e;
	if (qs_is_zero(k, x) || s >= 64)
		return 0;
	return ((u64)x->m[k - 1] << 32 | x->m[k - 2]) >> s;
}

/*
 * A running sum with an absolute error: a real in [v, v+r], v in units of
 * 2^-32(k-2), so that the two top limbs are the integer part.
 */
typedef struct {
	u32 v[QS_LIMBS];
	u64 r;
} qs_fixed;

QS_FN void qs_fix(int k, qs_fixed *f, const qs_num *x) {
	u64 d = (u64)(64 - 32 * (i64)k - x->e);
	int limbs = (int)qs_min(d / 32, (u64)k), sh = (int)(d % 32);
	for (int i = 0; i < k; i++)
		f->v[i] = 0;
	f->r = 0;
	if (qs_is_zero(k, x))
		return;
	for (int i = 0; i + limbs < k; i++) {
		u64 s = x->m[i + limbs];
		if (i + limbs + 1 < k)
			s |= (u64)x->m[i + limbs + 1] << 32;
		f->v[i] = (u32)(s >> sh);
	}
	f->r = (4 * x->rho >> qs_min(d, 63)) + 2;
}

QS_FN void qs_fixed_add(int k, qs_fixed *f, const qs_fixed *y) {
	u64 c = 0;
	for (int i = 0; i < k; i++) {
		c += (u64)f->v[i] + y->v[i];
		f->v[i] = (u32)c;
		c >>= 32;
	}
	f->r += y->r;
}

/* f -= y; 0 if the lower end fell below zero. */
QS_FN int qs_fixed_sub(int k, qs_fixed *f, const qs_fixed *y) {
	u64 b = 0, c = y->r;
	for (int i = 0; i < k; i++) {
		u64 t = (u64)f->v[i] - y->v[i] - b;
		f->v[i] = (u32)t;
		b = t >> 63;
	}
	for (int i = 0; i < k; i++) {
		u64 t = (u64)f->v[i] - (u32)c;
		f->v[i] = (u32)t;
		c = (c >> 32) + (t >> 63);
	}
	f->r += y->r;
	return b == 0 && c == 0;
}

/* The upper end of f is below the lower end of y. */
QS_FN int qs_fixed_less(int k, const qs_fixed *f, const qs_fixed *y) {
	u64 c = f->r, b = 0;
	for (int i = 0; i < k; i++) {
		u64 s = (u64)f->v[i] + (u32)c;
		c = (c >> 32) + (s >> 32);
		b = ((u64)(u32)s - y->v[i] - b) >> 63;
	}
	return c == 0 && b;
}

QS_FN int qs_fixed_cmp(int k, const qs_fixed *f, const qs_fixed *y) {
	if (qs_fixed_less(k, f, y))
		return -1;
	return qs_fixed_less(k, y, f);
}

/* ---- binomial tails ----------------------------------------------------- */

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
		qs_add(k, &z, &a);
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

/* ---- pass rates --------------------------------------------------------- */

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

/* ---- evidence ----------------------------------------------------------- */

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

/* ---- smallest meaningful trap count ------------------------------------- */

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
	if (p <= (u64)QS_PPB >> bits || qs_compare_tail(0, most, p, QS_TMIN_ALPHA) > 0)
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

/* ---- layout ------------------------------------------------------------- */

/* ceil(slots ppm / 1e6) for slots <= QS_MAX_TRIALS; ppm counts as at most 1e6. */
QS_FN u64 qs_trap_count(u64 slots, u64 ppm) {
	return (slots * qs_min(ppm, 1000000) + 999999) / 1000000;
}

QS_FN u64 qs_window_count(u64 slots) { return qs_min(qs_max(slots / 64, 1), QS_MAX_WINDOWS); }

/* The first slot of window j of W; slots for j = W. */
QS_FN u64 qs_window_lo(u64 slots, u64 W, u64 j) { return slots * j / W; }

/*
 * The traps in windows 0..j-1: floor(jT/W), except that no window holds more
 * traps than slots; an excess moves on to later windows.
 */
QS_FN u64 qs_traps_before(u64 slots, u64 T, u64 W, u64 j) {
	u64 placed = 0;
	for (u64 i = 0; i < j; i++) {
		u64 size = qs_window_lo(slots, W, i + 1) - qs_window_lo(slots, W, i);
		placed = qs_min(placed + size, T * (i + 1) / W);
	}
	return placed;
}

#endif
