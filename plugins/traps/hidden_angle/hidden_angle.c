// Trap library hidden_angle@1: an angle of 0 or pi in random parts on an entangled
// block of 2 to 4 qubits; gates are not Clifford ones.
#define MODULE_NAME "hidden_angle"
#define MIX_A 0u
#define MIX_B 1u
#define FAMILY 7ull
#define FAMILY_DRAW
#define FAMILY_RATES
#define FAMILY_GATES 128u
#include "qtrap.h"

#define STEPS 32u
#define MAX_BLOCK 4u
enum { FORM_RZ = 0, FORM_AFTER_H = 1, FORM_THEN_H = 2 };

static void family_rates(plan_head *h, const policy *o) {
	h->pB = qs_parity_floor(h->n1, h->n2, h->width < MAX_BLOCK ? h->width : MAX_BLOCK, o->p1, o->p2, o->ro);
}

// family_gate: Rz(a), Rz(a) H, H Rz(a), H Rz(a) H for a = k 2 pi/32.
static qx_u3 family_gate(u32 k) {
	u64 a = (k % STEPS) * (QX_HALF_PI / (STEPS / 4));
	qx_u3 u[4] = {{0, 0, a}, {QX_HALF_PI, a, QX_PI}, {QX_HALF_PI, 0, QX_PI + a}, {a, 3 * QX_HALF_PI, QX_HALF_PI}};
	return qx_u3_normal(u[k / STEPS]);
}

// The entangled qubits of a slot, in order of joining; the first is the root.
static u16 block_qubit[MAX_BLOCK];
static u8 block_fresh[MAX_BLOCK]; // joined at the CZ layer just passed
static u32 block_n;

static i32 block_has(u32 q) {
	for (u32 i = 0; i < block_n; i++)
		if (block_qubit[i] == q)
			return 1;
	return 0;
}

static void block_add(u32 q, u32 fresh) { block_qubit[block_n] = (u16)q, block_fresh[block_n++] = (u8)fresh; }

// grow lets CZ layer j act on the block; returns the angle in steps.
static u32 grow(const skeleton *s, u32 j, u32 size) {
	u32 sum = 0;
	for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
		u32 a = s->pair[2 * i], b = s->pair[2 * i + 1], in_a = (u32)block_has(a), in_b = (u32)block_has(b);
		if (in_a && in_b)
			sum += STEPS / 2;
		else if (in_a != in_b && block_n < size) {
			u32 q = in_a ? b : a;
			block_add(q, 1);
			gen_base[j * s->w + q] = C_H;
		}
	}
	return sum;
}

static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips) {
	(void)root, (void)window, (void)flips;
	u32 w = s->w, m = s->m, entry = 0, size = 1, sum = 0;
	qx_zero(gen_base, s->locations);
	block_n = 0;
	if (s->pairs > 0) {
		u32 at = qx_uniform(&gen_st, s->pairs);
		size = 2 + qx_uniform(&gen_st, MAX_BLOCK - 1);
		while (at >= s->off[entry + 1])
			entry++;
		u32 a = s->pair[2 * at], b = s->pair[2 * at + 1], turn = qx_stream_byte(&gen_st) & 1;
		block_add(turn ? b : a, 0), block_add(turn ? a : b, 1);
		gen_base[entry * w + a] = gen_base[entry * w + b] = C_H;
	} else {
		block_add(qx_uniform(&gen_st, w), 0);
		gen_base[block_qubit[0]] = C_H;
	}
	u32 theta = qx_stream_byte(&gen_st) & 1;
	for (u32 j = entry + 1; j <= m; j++) {
		for (u32 i = block_n; i-- > 0;) {
			u32 k = (STEPS / 2 * theta - sum) % STEPS;
			if (i > 0 || j < m) // else the root's last part, which makes the sum
				k = qx_uniform(&gen_st, STEPS);
			sum += k;
			u32 shape = (block_fresh[i] ? FORM_AFTER_H : FORM_RZ) | (j == m ? FORM_THEN_H : 0);
			block_fresh[i] = 0;
			gen_base[j * w + block_qubit[i]] = (u8)(CLIFFORDS + STEPS * shape + k);
		}
		if (j < m)
			sum += grow(s, j, size);
	}
	if (m == 0)
		gen_base[block_qubit[0]] = (u8)(CLIFFORDS + STEPS * 3 + STEPS / 2 * theta);
	for (u32 i = 0; i < block_n; i++)
		mask[block_qubit[i] >> 3] |= (u8)(1 << (block_qubit[i] & 7));
	return (u8)theta;
}
