// qx1_shake.h: SHAKE256 (FIPS 202) as random streams with unbiased draws, equal
// to package seed of the engine.
#ifndef QX1_SHAKE_H
#define QX1_SHAKE_H

#include "qx1.h"

#define QX_RATE 136u // bytes of one block

static const u64 qx_round_constants[24] = {
	0x0000000000000001ull, 0x0000000000008082ull, 0x800000000000808aull, 0x8000000080008000ull, 0x000000000000808bull, 0x0000000080000001ull,
	0x8000000080008081ull, 0x8000000000008009ull, 0x000000000000008aull, 0x0000000000000088ull, 0x0000000080008009ull, 0x000000008000000aull,
	0x000000008000808bull, 0x800000000000008bull, 0x8000000000008089ull, 0x8000000000008003ull, 0x8000000000008002ull, 0x8000000000000080ull,
	0x000000000000800aull, 0x800000008000000aull, 0x8000000080008081ull, 0x8000000000008080ull, 0x0000000080000001ull, 0x8000000080008008ull,
};

static inline u64 qx_rol(u64 x, u32 n) { return n ? x << n | x >> (64 - n) : x; }

// Offsets of rho; lane x + 5y.
static const u8 qx_rho[25] = {0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14};

// qx_keccak is Keccak-f[1600]. The inner loops unroll, so that the lanes live in
// locals.
static void qx_keccak(u64 *s) {
	u64 a[25], b[25], c[5], d;
	__builtin_memcpy(a, s, sizeof a);
	for (u32 r = 0; r < 24; r++) {
#pragma clang loop unroll(full)
		for (u32 x = 0; x < 5; x++)
			c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma clang loop unroll(full)
		for (u32 x = 0; x < 5; x++) {
			d = c[(x + 4) % 5] ^ qx_rol(c[(x + 1) % 5], 1);
#pragma clang loop unroll(full)
			for (u32 y = 0; y < 5; y++)
				b[y + 5 * ((2 * x + 3 * y) % 5)] = qx_rol(a[x + 5 * y] ^ d, qx_rho[x + 5 * y]);
		}
#pragma clang loop unroll(full)
		for (u32 y = 0; y < 25; y += 5)
#pragma clang loop unroll(full)
			for (u32 x = 0; x < 5; x++)
				a[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
		a[0] ^= qx_round_constants[r];
	}
	__builtin_memcpy(s, a, sizeof a);
}

// A qx_stream is SHAKE256("qtrap/v1/stream" || u32be(len label) || label ||
// u64be(index) || u32be(32) || root), read byte by byte.
typedef struct {
	u64 s[25];
	u32 pos; // next byte of the block
} qx_stream;

// qx_stream_open starts stream (label, index); label has at most 60 bytes.
static void qx_stream_open(qx_stream *st, const u8 *root, const char *label, u64 index) {
	u8 *b = (u8 *)st->s;
	u32 n = 15, k = 0;
	qx_zero(st->s, sizeof st->s);
	__builtin_memcpy(b, "qtrap/v1/stream", 15);
	n += 4;
	while (label[k])
		b[n++] = (u8)label[k++];
	b[18] = (u8)k;
	for (u32 i = 0; i < 8; i++)
		b[n++] = (u8)(index >> (56 - 8 * i));
	b[n + 3] = 32;
	n += 4;
	__builtin_memcpy(b + n, root, 32);
	b[n + 32] = 0x1f;
	b[QX_RATE - 1] ^= 0x80;
	qx_keccak(st->s);
	st->pos = 0;
}

static inline u32 qx_stream_byte(qx_stream *st) {
	if (st->pos == QX_RATE) {
		qx_keccak(st->s);
		st->pos = 0;
	}
	return ((u8 *)st->s)[st->pos++];
}

// qx_uniform returns a number below n, n at most 2^32: the bytes of n-1 are read
// little-endian, masked to its bits, and read again while too large.
static u32 qx_uniform(qx_stream *st, u64 n) {
	if (n <= 1)
		return 0;
	u32 bits = 64 - (u32)__builtin_clzll(n - 1), mask = 0xffffffffu >> (32 - bits), v;
	do {
		v = 0;
		for (u32 sh = 0; sh < bits; sh += 8)
			v |= qx_stream_byte(st) << sh;
		v &= mask;
	} while (v >= n);
	return v;
}

#endif
