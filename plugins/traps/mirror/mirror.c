// Trap library mirror@1: random Cliffords, a central Pauli, the inverses, on the
// longest stretch of layers that reads the same from both ends.
#define MODULE_NAME "mirror"
#define MIX_A 1u
#define MIX_B 0u
#define FAMILY 5ull
#define FAMILY_DRAW
#define FAMILY_RATES
#define FAMILY_LIMIT
#include "qtrap.h"

static void family_rates(plan_head *h, const policy *o) { h->pA = qs_no_error(h->n1, h->n2, h->width, o->p1, o->p2, o->ro); }

static i32 equal_layers(const skeleton *s, u32 i, u32 j) {
	u32 n = s->off[i + 1] - s->off[i];
	if (s->off[j + 1] - s->off[j] != n)
		return 0;
	const u16 *a = s->pair + 2 * s->off[i], *b = s->pair + 2 * s->off[j];
	for (u32 k = 0; k < 2 * n; k++)
		if (a[k] != b[k])
			return 0;
	return 1;
}

// mirrored finds the stretch [first, first + 2 half), from the middle outwards,
// below before above.
static void mirrored(const skeleton *s, u32 *first, u32 *half) {
	u32 m = s->m;
	*first = *half = 0;
	for (u32 d = 0; d <= m; d++) {
		u32 c = d & 1 ? m / 2 - (d + 1) / 2 : m / 2 + d / 2;
		if (c < 1 || c >= m) // below 0 it has wrapped
			continue;
		u32 most = c < m - c ? c : m - c, k = 0;
		if (most <= *half)
			continue;
		while (k < most && equal_layers(s, c - 1 - k, c + k))
			k++;
		if (k > *half)
			*first = c - k, *half = k;
	}
}

static i32 family_limit(const skeleton *s) {
	u32 first, half;
	mirrored(s, &first, &half);
	return half ? 0 : domain("no two equal neighbouring CZ layers, so no gate can be undone: mirror is for mirrored circuits (engine calibrate)");
}

static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips) {
	(void)root, (void)window, (void)mask;
	u8 inverse[CLIFFORDS];
	u32 w = s->w, first, half;
	u8 *f = gen_frame;
	mirrored(s, &first, &half);
	for (u32 a = 0; a < CLIFFORDS; a++)
		for (u32 b = 0; b < CLIFFORDS; b++)
			if (cl_mul[a][b] == C_I)
				inverse[a] = (u8)b;
	qx_zero(gen_base, s->locations);
	u32 mid = first + half;
	for (u32 j = 0; j < half; j++)
		for (u32 q = 0; q < w; q++) {
			u32 v = qx_uniform(&gen_st, 6), c = 4 * v + (qx_stream_byte(&gen_st) & 3);
			gen_base[(first + j) * w + q] = (u8)c, gen_base[(first + 2 * half - j) * w + q] = inverse[c];
		}
	for (u32 q = 0; q < w; q++) {
		u32 d = qx_stream_byte(&gen_st) & 3;
		gen_base[mid * w + q] = (u8)d, f[q] = (u8)pauli_of_draw(d);
	}
	for (u32 j = mid;; j++) {
		for (u32 q = 0; j > mid && q < w; q++)
			f[q] = cl_act[gen_base[j * w + q]][f[q]] & 3;
		if (j == s->m)
			break;
		push(s, j, f);
	}
	for (u32 q = 0; q < w; q++)
		flips[q >> 3] |= (u8)((f[q] & 1) << (q & 7));
	return 0;
}
