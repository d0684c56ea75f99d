// Trap library cst@1: random products of the stabilizers of one random Clifford
// state per window.
#define MODULE_NAME "cst"
#define MIX_A 0u
#define MIX_B 1u
#define FAMILY 4ull
#define FAMILY_DRAW
#define FAMILY_RATES
#include "qtrap.h"

static void family_rates(plan_head *h, const policy *o) { h->pB = qs_parity_floor(h->n1, h->n2, h->width, o->p1, o->p2, o->ro); }

static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips) {
	(void)flips;
	static qx_stream st;
	qx_stream_open(&st, root, "cst", window);
	for (u32 l = 0; l < s->locations; l++) {
		u32 v = qx_uniform(&st, 6);
		gen_base[l] = (u8)(4 * v + (qx_stream_byte(&st) & 3));
	}
	for (u32 any = 0; !any;)
		for (u32 q = 0; q < s->w; q++)
			any |= gen_frame[q] = (u8)((qx_stream_byte(&gen_st) & 1) << 1);
	u32 neg = gen_carry(s, 1);
	gen_support(s->w, mask);
	return (u8)neg;
}
