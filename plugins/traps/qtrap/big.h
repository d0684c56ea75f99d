// Unsigned integers of 768 bits, modulo 2^768; the callers' values stay far below.
#ifndef QTRAP_BIG_H
#define QTRAP_BIG_H

#include "trig.h"

#define BIG 24u

typedef struct {
	u32 v[BIG]; // low word first
} big;

static big big_u128(u128 n) {
	big r = {{(u32)n.lo, (u32)(n.lo >> 32), (u32)n.hi, (u32)(n.hi >> 32)}};
	return r;
}

static big big_u64(u64 n) { return big_u128((u128){0, n}); }

static big big_shl(const big *a, u32 n) {
	big r = {{0}};
	u32 words = n / 32, rest = n % 32;
	for (u32 i = words; i < BIG; i++) {
		u64 w = (u64)a->v[i - words] << rest;
		r.v[i] |= (u32)w;
		if (i + 1 < BIG)
			r.v[i + 1] |= (u32)(w >> 32);
	}
	return r;
}

static void big_add(big *a, const big *b) {
	u64 c = 0;
	for (u32 i = 0; i < BIG; i++) {
		c += (u64)a->v[i] + b->v[i];
		a->v[i] = (u32)c, c >>= 32;
	}
}

static void big_sub(big *a, const big *b) {
	u64 c = 0;
	for (u32 i = 0; i < BIG; i++) {
		c = (u64)a->v[i] - b->v[i] - c;
		a->v[i] = (u32)c, c = c >> 63;
	}
}

static i32 big_cmp(const big *a, const big *b) {
	for (u32 i = BIG; i-- > 0;)
		if (a->v[i] != b->v[i])
			return a->v[i] < b->v[i] ? -1 : 1;
	return 0;
}

static big big_mul(const big *a, const big *b) {
	big r = {{0}};
	for (u32 i = 0; i < BIG; i++) {
		u64 c = 0;
		for (u32 k = 0; a->v[i] && k < BIG - i; k++) {
			c += (u64)a->v[i] * b->v[k] + r.v[i + k];
			r.v[i + k] = (u32)c, c >>= 32;
		}
	}
	return r;
}

static big big_times(const big *a, u64 n) {
	big f = big_u64(n);
	return big_mul(a, &f);
}

// big_quotient is floor(a/b), at most 2^63; b is not 0.
static u64 big_quotient(big a, const big *b) {
	u64 q = 0;
	big t = big_shl(b, 63);
	if (big_cmp(&a, &t) >= 0)
		return 1ull << 63;
	for (u32 k = 63; k-- > 0;) {
		t = big_shl(b, k);
		if (big_cmp(&a, &t) >= 0)
			big_sub(&a, &t), q |= 1ull << k;
	}
	return q;
}

static u64 square_root(u64 n) {
	u64 r = 0;
	for (u64 b = 1ull << 31; b; b >>= 1)
		if ((r | b) * (r | b) <= n)
			r |= b;
	return r;
}

#endif
