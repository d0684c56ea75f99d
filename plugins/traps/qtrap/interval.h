/* interval.h: integers, constants and certified interval arithmetic of stats.h. */
#ifndef QTRAP_INTERVAL_H
#define QTRAP_INTERVAL_H

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

/* x = a/b for a <= b, bit by bit. */
QS_FN void qs_set_ratio(int k, qs_num *x, u64 a, u64 b) {
	qs_set_u64(k, x, a == b);
	if (a == 0 || a == b)
		return;
	x->e = -32 * (i64)k;
	for (; a < b - a; a *= 2)
		x->e--;
	for (int i = k - 1; i >= 0; i--)
		for (int j = 31; j >= 0; j--) {
			if (a < b - a) {
				a *= 2;
			} else {
				a -= b - a;
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

#endif
