// Sine, cosine and arc tangent on 64-bit integers by CORDIC (Volder, IRE Trans.
// EC-8, 1959). Angles are fractions of one turn, 2π = 2^64; values are in units of
// 2^-61. The error of every result is below 2^-54, most of it from cutting the
// shifted terms of 62 steps.
#ifndef CORDIC_H
#define CORDIC_H

#include "qx1.h"

#define CORDIC_STEPS 62
#define CORDIC_ONE (1ll << 61)

// 2^61 divided by the gain, the product of sqrt(1 + 4^-i)
#define CORDIC_START 0x136e9db5086bcb4dll

// atan(2^-i) of a turn
static const u64 cordic_atan[CORDIC_STEPS] = {
	0x2000000000000000ull, 0x12e4051d9df30866ull, 0x09fb385b5ee39e8eull, 0x051111d41ddd9a1bull,
	0x028b0d430e589aedull, 0x0145d7e159046278ull, 0x00a2f61e5c28262aull, 0x00517c5511d442afull,
	0x0028be5346d0c337ull, 0x00145f2ebb30ab38ull, 0x000a2f980091ba7bull, 0x000517cc14a80cb7ull,
	0x00028be60cdfec62ull, 0x000145f306c172f2ull, 0x0000a2f9836ae911ull, 0x0000517cc1b6ba7cull,
	0x000028be60db85fcull, 0x0000145f306dc816ull, 0x00000a2f9836e4aeull, 0x00000517cc1b726bull,
	0x0000028be60db938ull, 0x00000145f306dc9cull, 0x000000a2f9836e4eull, 0x000000517cc1b727ull,
	0x00000028be60db94ull, 0x000000145f306dcaull, 0x0000000a2f9836e5ull, 0x0000000517cc1b72ull,
	0x000000028be60db9ull, 0x0000000145f306ddull, 0x00000000a2f9836eull, 0x00000000517cc1b7ull,
	0x0000000028be60dcull, 0x00000000145f306eull, 0x000000000a2f9837ull, 0x000000000517cc1bull,
	0x00000000028be60eull, 0x000000000145f307ull, 0x0000000000a2f983ull, 0x0000000000517cc2ull,
	0x000000000028be61ull, 0x0000000000145f30ull, 0x00000000000a2f98ull, 0x00000000000517ccull,
	0x0000000000028be6ull, 0x00000000000145f3ull, 0x000000000000a2faull, 0x000000000000517dull,
	0x00000000000028beull, 0x000000000000145full, 0x0000000000000a30ull, 0x0000000000000518ull,
	0x000000000000028cull, 0x0000000000000146ull, 0x00000000000000a3ull, 0x0000000000000051ull,
	0x0000000000000029ull, 0x0000000000000014ull, 0x000000000000000aull, 0x0000000000000005ull,
	0x0000000000000003ull, 0x0000000000000001ull,
};

// cordic_sincos rotates (1, 0) by the angle.
static void cordic_sincos(u64 angle, i64 *cosine, i64 *sine) {
	u32 quadrant = (u32)((angle + (1ull << 61)) >> 62);
	i64 z = (i64)(angle - ((u64)quadrant << 62)); // within an eighth of a turn
	i64 x = CORDIC_START, y = 0;
	for (u32 i = 0; i < CORDIC_STEPS; i++) {
		i64 dx = y >> i, dy = x >> i;
		if (z >= 0)
			x -= dx, y += dy, z -= (i64)cordic_atan[i];
		else
			x += dx, y -= dy, z += (i64)cordic_atan[i];
	}
	switch (quadrant & 3) {
	case 0: *cosine = x, *sine = y; break;
	case 1: *cosine = -y, *sine = x; break;
	case 2: *cosine = -x, *sine = -y; break;
	default: *cosine = y, *sine = -x;
	}
}

// cordic_atan2 returns the angle of (x, y), both at most CORDIC_ONE in size, and
// the length times the gain; both are 0 for the zero vector.
static u64 cordic_atan2(i64 y, i64 x, i64 *length) {
	u64 ax = (u64)(x < 0 ? -x : x), ay = (u64)(y < 0 ? -y : y), big = ax > ay ? ax : ay;
	u64 base = 0, z = 0;
	*length = 0;
	if (big == 0)
		return 0;
	i32 up = __builtin_clzll(big) - 3; // big becomes 2^60..2^61
	if (up > 0)
		x = (i64)((u64)x << up), y = (i64)((u64)y << up);
	else
		up = 0;
	if (x < 0)
		x = -x, y = -y, base = 1ull << 63;
	for (u32 i = 0; i < CORDIC_STEPS; i++) {
		i64 dx = y >> i, dy = x >> i;
		if (y >= 0)
			x += dx, y -= dy, z += cordic_atan[i];
		else
			x -= dx, y += dy, z -= cordic_atan[i];
	}
	*length = x >> up;
	return base + z;
}

// cordic_mul is a·b in units of 2^-61, rounded down.
static i64 cordic_mul(i64 a, i64 b) {
	u64 ua = (u64)(a < 0 ? -a : a), ub = (u64)(b < 0 ? -b : b);
	u64 al = (u32)ua, ah = ua >> 32, bl = (u32)ub, bh = ub >> 32;
	u64 mid = ah * bl + (al * bl >> 32);
	u64 mid2 = al * bh + (u32)mid;
	u64 hi = ah * bh + (mid >> 32) + (mid2 >> 32), lo = (mid2 << 32) | (u32)(al * bl);
	i64 r = (i64)(hi << 3 | lo >> 61);
	return (a < 0) != (b < 0) ? -r : r;
}

#endif
