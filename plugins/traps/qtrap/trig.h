// Sine and cosine by integers: the routine of package circuit (trig.go) in C, the
// same bits.
#ifndef QTRAP_TRIG_H
#define QTRAP_TRIG_H

#include "qx1.h"

// An unsigned integer of 128 bits.
typedef struct {
	u64 hi, lo;
} u128;

static u128 u128_product(u64 a, u64 b) {
	u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32, ll = al * bl, lh = al * bh, hl = ah * bl;
	u64 mid = (ll >> 32) + (u32)lh + (u32)hl;
	return (u128){ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32), mid << 32 | (u32)ll};
}

static u128 u128_add(u128 a, u128 b) {
	u64 lo = a.lo + b.lo;
	return (u128){a.hi + b.hi + (lo < a.lo), lo};
}

static u128 u128_sub(u128 a, u128 b) { return (u128){a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo}; }

// The upper 128 bits of a product of 256.
static u128 u128_mul_high(u128 a, u128 b) {
	u128 h0 = u128_product(a.lo, b.lo), h1 = u128_product(a.hi, b.lo), h2 = u128_product(a.lo, b.hi), h3 = u128_product(a.hi, b.hi);
	u64 mid = h1.lo + h2.lo, c1 = mid < h1.lo, sum = mid + h0.hi, c2 = sum < mid;
	u128 r = u128_add(h3, (u128){0, h1.hi});
	r = u128_add(r, (u128){0, h2.hi});
	return u128_add(r, (u128){0, c1 + c2});
}

static u128 u128_shl(u128 a, u32 n) {
	if (n >= 128)
		return (u128){0, 0};
	if (n >= 64)
		return (u128){a.lo << (n - 64), 0};
	return n == 0 ? a : (u128){a.hi << n | a.lo >> (64 - n), a.lo << n};
}

static u128 u128_shr(u128 a, u32 n) {
	if (n >= 128)
		return (u128){0, 0};
	if (n >= 64)
		return (u128){0, a.hi >> (n - 64)};
	return n == 0 ? a : (u128){a.hi >> n, a.lo >> n | a.hi << (64 - n)};
}

static i32 u128_cmp(u128 a, u128 b) {
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	return a.lo == b.lo ? 0 : a.lo < b.lo ? -1 : 1;
}

#define TRIG_TERMS 17u

// 1/(2k+1)! and 1/(2k)! in units of 2^-127.
static u128 trig_sin[TRIG_TERMS], trig_cos[TRIG_TERMS];

// trig_tables fills the series; call it once before trig_sin_cos.
static void trig_tables(void) {
	u128 f = {1ull << 63, 0};
	for (u32 m = 0; m < 2 * TRIG_TERMS; m++) {
		if (m > 0) { // divide by m, 32 bits at a time
			u64 r = f.hi % m, w = r << 32 | f.lo >> 32, q = w / m;
			f.hi /= m;
			r = w % m;
			f.lo = q << 32 | (r << 32 | (u32)f.lo) / m;
		}
		if (m % 2 == 0)
			trig_cos[m / 2] = f;
		else
			trig_sin[m / 2] = f;
	}
}

// c[0] - z c[1] + z^2 c[2] - ..., z in units of 2^-128.
static u128 trig_series(const u128 *c, u128 z) {
	u128 acc = c[TRIG_TERMS - 1];
	for (u32 k = TRIG_TERMS - 1; k-- > 0;)
		acc = u128_sub(c[k], u128_mul_high(z, acc));
	return acc;
}

// The nearest multiple of 2^-62 of m 2^exp, ties to even.
static i64 trig_q62(u128 m, i32 exp) {
	u32 s = (u32)(-(exp + 62));
	u128 v = u128_shr(m, s), rest = u128_sub(m, u128_shl(v, s)), half = u128_shl((u128){0, 1}, s - 1);
	i32 c = u128_cmp(rest, half);
	return (i64)(v.lo + (c > 0 ? 1 : c == 0 ? v.lo & 1 : 0));
}

#define TRIG_QUARTER (1ull << 61) // a quarter turn

// trig_sin_cos sets sine and cosine of an angle (4 pi = 2^64) in units of 2^-62.
static void trig_sin_cos(u64 a, i64 *sin, i64 *cos) {
	static const u128 pi = {0xC90FDAA22168C234ull, 0xC4C6628B80DC1CD1ull}; // floor(pi 2^126)
	a &= (1ull << 63) - 1;
	u32 quadrant = (u32)(a / TRIG_QUARTER), swap = 0;
	u64 r = 2 * (a % TRIG_QUARTER);
	if (r > TRIG_QUARTER)
		r = 2 * TRIG_QUARTER - r, swap = 1;
	i64 s = 0, c = 1ll << 62;
	if (r) {
		u32 lz = 0;
		while (!(r << lz >> 63))
			lz++;
		u128 p = u128_product(r << lz, pi.hi), q = u128_product(r << lz, pi.lo), x = u128_add(p, (u128){0, q.hi}), z = u128_mul_high(x, x);
		z = 2 * lz >= 6 ? u128_shr(z, 2 * lz - 6) : u128_shl(z, 6 - 2 * lz);
		s = trig_q62(u128_mul_high(x, trig_series(trig_sin, z)), -124 - (i32)lz);
		c = trig_q62(trig_series(trig_cos, z), -127);
	}
	if (swap) {
		i64 t = s;
		s = c, c = t;
	}
	for (; quadrant > 0; quadrant--) {
		i64 t = s;
		s = c, c = -t;
	}
	*sin = s, *cos = c;
}

#endif
