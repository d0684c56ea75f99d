// Trap library trap_xz@1: Paulis (the pads) through the skeleton on |0> and |+>; no
// two |+> meet in a CZ.
#define MODULE_NAME "trap_xz"
#define MIX_A 1u
#define MIX_B 0u
#define FAMILY 3ull
#define FAMILY_DRAW
#include "qtrap.h"

static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips) {
	(void)root, (void)window, (void)mask, (void)flips;
	u8 *plus = gen_dress, *last = gen_base + s->m * s->w;
	for (u32 q = 0; q < s->w; q++)
		plus[q] = qx_stream_byte(&gen_st) & 1;
	for (u32 i = 0; i < s->pairs; i++)
		plus[s->pair[2 * i + 1]] &= !plus[s->pair[2 * i]];
	qx_zero(gen_base, s->locations);
	for (u32 q = 0; s->m > 0 && q < s->w; q++)
		if (plus[q])
			gen_base[q] = last[q] = C_H;
	return 0;
}
