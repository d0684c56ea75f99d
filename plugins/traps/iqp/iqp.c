// Trap library iqp@1: H, diagonal gates, H; one parity of the outcome is certain.
#define MODULE_NAME "iqp"
#define MIX_A 0u
#define MIX_B 1u
#define FAMILY 6ull
#define FAMILY_DRAW
#define FAMILY_RATES
#define FAMILY_LIMIT
#include "qtrap.h"

#define IQP_WIDTH 64u
#define IQP_TRIES 32u

static void family_rates(plan_head *h, const policy *o) { h->pB = qs_parity_floor(h->n1, h->n2, h->width, o->p1, o->p2, o->ro); }

static i32 family_limit(const skeleton *s) {
	if (s->w <= IQP_WIDTH)
		return 0;
	qx_say_num(s->w);
	return qx_fail(QX_TOO_LARGE, " qubits; iqp takes up to 64");
}

static u64 met[IQP_WIDTH], form[IQP_WIDTH], kernel[IQP_WIDTH];

// kernel_of leaves a basis of the kernel of met + diagonal over GF(2), and returns
// its size: of the reduced row echelon form, one vector per column without a pivot.
static u32 kernel_of(u64 diagonal, u32 w) {
	i32 pivot[IQP_WIDTH];
	u32 rank = 0, n = 0;
	for (u32 q = 0; q < w; q++)
		form[q] = met[q] ^ (diagonal & 1ull << q);
	for (u32 c = 0; c < w; c++) {
		u32 r = rank;
		while (r < w && !(form[r] >> c & 1))
			r++;
		pivot[c] = r < w ? (i32)rank : -1;
		if (r == w)
			continue;
		u64 t = form[rank];
		form[rank] = form[r], form[r] = t;
		for (u32 o = 0; o < w; o++)
			if (o != rank && form[o] >> c & 1)
				form[o] ^= form[rank];
		rank++;
	}
	for (u32 c = 0; c < w; c++) {
		if (pivot[c] >= 0)
			continue;
		u64 v = 1ull << c;
		for (u32 d = 0; d < w; d++)
			if (pivot[d] >= 0)
				v |= (form[pivot[d]] >> c & 1) << d;
		kernel[n++] = v;
	}
	return n;
}

static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips) {
	(void)root, (void)window, (void)flips;
	static const u8 s_power[4] = {C_I, C_S, 3, C_SDAG};
	u32 w = s->w, m = s->m, n = 0;
	u64 odd = 0, last = 0, v = 0;
	u8 *power = gen_base + m * w;
	qx_zero(met, sizeof met);
	for (u32 i = 0; i < s->pairs; i++) {
		u32 a = s->pair[2 * i], b = s->pair[2 * i + 1];
		met[a] ^= 1ull << b, met[b] ^= 1ull << a;
	}
	for (u32 l = w; l < m * w; l++) {
		u32 k = qx_stream_byte(&gen_st) & 3;
		gen_base[l] = s_power[k];
		odd ^= (u64)(k & 1) << l % w;
	}
	for (u32 i = 0; i < IQP_TRIES && !n; i++) {
		last = 0;
		for (u32 q = 0; q < w; q++) {
			power[q] = qx_stream_byte(&gen_st) & 3;
			last |= (u64)(power[q] & 1) << q;
		}
		n = kernel_of(odd ^ last, w);
	}
	if (!n) { // every row sums to zero: all ones are in the kernel
		last = 0;
		for (u32 q = 0; q < w; q++) {
			power[q] = (u8)(((u32)__builtin_popcountll(met[q]) ^ (u32)(odd >> q)) & 1);
			last |= (u64)power[q] << q;
		}
		n = kernel_of(odd ^ last, w);
	}
	while (!v)
		for (u32 i = 0; i < n; i++)
			v ^= kernel[i] & -(u64)(qx_stream_byte(&gen_st) & 1);
	for (u32 q = 0; q < w; q++) {
		gen_frame[q] = (u8)((v >> q & 1) << 1);
		power[q] = cl_mul[C_H][s_power[power[q]]];
		if (m > 0)
			gen_base[q] = C_H;
		else
			power[q] = cl_mul[power[q]][C_H];
	}
	u32 neg = gen_carry(s, 0);
	gen_support(w, mask);
	return (u8)neg;
}
