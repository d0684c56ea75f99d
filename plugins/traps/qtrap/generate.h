// qx_generate: slots as rows of palette indexes, and their hidden side.
#ifndef QTRAP_GENERATE_H
#define QTRAP_GENERATE_H

#include "clifford.h"
#include "roles.h"

// Working memory of one call.
static u32 *gen_target;               // [location][right Pauli][left Pauli] to palette index
static u32 gen_clifford[(CLIFFORDS + FAMILY_GATES) * 16]; // [gate number][right][left]
static u8 *gen_pads, *gen_base, *gen_frame, *gen_dress;
static u16 *gen_idle;   // idle qubits of all layers
static u32 *gen_idle_at; // m+1 starts
static u8 *gen_row;
static qx_stream gen_st;

static i32 palette_find(const plan *p, qx_u3 u, u32 *out) {
	u32 lo = 0, hi = p->palette;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (qx_u3_less(&p->u[mid], &u))
			lo = mid + 1;
		else
			hi = mid;
	}
	*out = lo;
	return lo < p->palette && qx_u3_equal(&p->u[lo], &u);
}

static i32 variants(const plan *p, qx_u3 u, u32 *out) {
	i32 ok = 1;
	for (u32 r = 0; r < 4; r++) {
		qx_u3 ur = qx_u3_right(u, r);
		for (u32 l = 0; l < 4; l++)
			ok &= palette_find(p, qx_u3_left(ur, l), out++);
	}
	return ok;
}

static i32 gen_tables(const plan *p, const skeleton *c, const qx_u3 *gates) {
	const skeleton *s = &p->s;
	u32 w = s->w, n = s->locations;
	if (!skeleton_equal(s, c))
		return domain("the plan is for another CZ skeleton");
	gen_target = qx_alloc(64 * (u64)n), gen_pads = qx_alloc(n + 2 * QX_RATE), gen_base = qx_alloc(n), gen_frame = qx_alloc(w), gen_dress = qx_alloc(w);
	gen_idle = qx_alloc(2 * (u64)n), gen_idle_at = qx_alloc(4 * (u64)s->m + 4), gen_row = qx_alloc(4 * (u64)n);
	if (!gen_target || !gen_pads || !gen_base || !gen_frame || !gen_dress || !gen_idle || !gen_idle_at || !gen_row)
		return QX_TOO_LARGE;
	clifford_tables();
	i32 found = 1;
	for (u32 l = 0; l < n; l++)
		found &= variants(p, gates[l], gen_target + 16 * l);
	for (u32 k = 0; k < CLIFFORDS; k++)
		found &= variants(p, cl_triple[k], gen_clifford + 16 * k);
#if FAMILY_GATES > 0
	for (u32 k = 0; k < FAMILY_GATES; k++)
		found &= variants(p, family_gate(k), gen_clifford + 16 * (CLIFFORDS + k));
#endif
	if (!found)
		return domain("the plan's palette lacks a gate of the circuit");
	u32 at = 0;
	for (u32 j = 0; j < s->m; j++) {
		gen_idle_at[j] = at;
		qx_zero(gen_frame, w);
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++)
			gen_frame[s->pair[2 * i]] = gen_frame[s->pair[2 * i + 1]] = 1;
		for (u32 q = 0; q < w; q++)
			if (!gen_frame[q])
				gen_idle[at++] = (u16)q;
	}
	gen_idle_at[s->m] = at;
	return 0;
}

// gen_draw_pads reads one Pauli per location, a block at a time.
static void gen_draw_pads(u32 n) {
	const u64 two = 0x0303030303030303ull, low = 0x0101010101010101ull;
	u8 *to = gen_pads;
	for (;;) {
		for (u32 i = 0; i < QX_RATE / 8; i++) {
			u64 d = gen_st.s[i] & two;
			d ^= d >> 1 & low; // draws to Paulis
			__builtin_memcpy(to + 8 * i, &d, 8);
		}
		if (n <= QX_RATE)
			break;
		n -= QX_RATE, to += QX_RATE;
		qx_keccak(gen_st.s);
	}
	gen_st.pos = n;
}

#ifndef DRESS_S
#define DRESS_S C_S
#define UNDRESS_S C_SDAG
#endif
static const u8 dressing[2] = {C_H, DRESS_S}, undressing[2] = {C_H, UNDRESS_S};

static inline void dress_one(u8 *base, u32 j, u32 mode, u32 q, u32 d) {
	base[q] = j > 0 ? cl_mul[dressing[d]][undressing[gen_dress[q]]] : mode ? cl_mul[dressing[d]][C_H] : dressing[d];
	gen_dress[q] = (u8)d;
}

// gen_match draws a trap of kind A into gen_base.
static void gen_match(const skeleton *s) {
	u32 mode = qx_stream_byte(&gen_st) & 1, w = s->w;
	for (u32 j = 0; j < s->m; j++) {
		u8 *base = gen_base + j * w;
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
			u32 c = qx_stream_byte(&gen_st) & 1;
			dress_one(base, j, mode, s->pair[2 * i], 1 - c);
			dress_one(base, j, mode, s->pair[2 * i + 1], c);
		}
		for (u32 i = gen_idle_at[j]; i < gen_idle_at[j + 1]; i++)
			dress_one(base, j, mode, gen_idle[i], qx_stream_byte(&gen_st) & 1);
	}
	u8 *last = gen_base + s->m * w;
	for (u32 q = 0; q < w; q++)
		last[q] = s->m == 0 ? C_I : mode ? cl_mul[C_H][undressing[gen_dress[q]]] : undressing[gen_dress[q]];
}

// gen_parity draws a trap of kind B into gen_base, its mask and its parity.
static u8 gen_parity(const skeleton *s, u8 *mask) {
	u32 w = s->w, any, neg, flip;
	u8 *f = gen_frame;
	do {
		any = 0;
		for (u32 q = 0; q < w; q++)
			any |= f[q] = (u8)pauli_of_draw(qx_stream_byte(&gen_st) & 3);
	} while (!any);
	neg = flip = qx_stream_byte(&gen_st) & 1;
	for (u32 j = 0;; j++) {
		for (u32 q = 0; q < w; q++) {
			u32 v = qx_uniform(&gen_st, 6), c = 4 * v + (qx_stream_byte(&gen_st) & 3), before = f[q], im = cl_act[c][before];
			f[q] = im & 3, neg ^= im >> 2;
			if (j == 0) {
				c = cl_mul[c][cl_prep[before]];
				if (flip && before)
					c = cl_mul[c][C_X], flip = 0;
			}
			if (j == s->m)
				c = cl_mul[cl_rot[im & 3]][c];
			gen_base[j * w + q] = (u8)c;
		}
		if (j == s->m)
			break;
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
			u8 *a = f + s->pair[2 * i], *b = f + s->pair[2 * i + 1];
			u32 x = *a, z = *b;
			neg ^= x & z & (x >> 1 ^ z >> 1) & 1;
			*a ^= (u8)((z & 1) << 1), *b ^= (u8)((x & 1) << 1);
		}
	}
	for (u32 q = 0; q < w; q++)
		mask[q >> 3] |= (u8)((f[q] != 0) << (q & 7));
	return (u8)neg;
}

// push carries the Paulis of one layer through CZ layer j in place.
static void push(const skeleton *s, u32 j, u8 *f) {
	for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
		u8 *a = f + s->pair[2 * i], *b = f + s->pair[2 * i + 1], x = *a;
		*a ^= (u8)((*b & 1) << 1), *b ^= (u8)((x & 1) << 1);
	}
}

#ifdef FAMILY_DRAW
// family_draw makes the gates of one trap in gen_base, the measured bits that they
// flip in flips, and for kind B mask and the result, the parity.
static u8 family_draw(const skeleton *s, const u8 root[32], u32 window, u8 *mask, u8 *flips);

// gen_carry takes the signed Pauli in gen_frame through gen_base and the CZ layers
// to the measurement, and returns the sign; with turn the last gates are followed
// by rotations that make it a product of Z.
static u32 gen_carry(const skeleton *s, i32 turn) {
	u32 w = s->w, neg = 0;
	u8 *f = gen_frame;
	for (u32 j = 0;; j++) {
		for (u32 q = 0; q < w; q++) {
			u32 c = gen_base[j * w + q], im = cl_act[c][f[q]];
			f[q] = im & 3, neg ^= im >> 2;
			if (turn && j == s->m)
				gen_base[j * w + q] = cl_mul[cl_rot[im & 3]][c];
		}
		if (j == s->m)
			return neg;
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
			u8 *a = f + s->pair[2 * i], *b = f + s->pair[2 * i + 1];
			u32 x = *a, z = *b;
			neg ^= x & z & (x >> 1 ^ z >> 1) & 1;
			*a ^= (u8)((z & 1) << 1), *b ^= (u8)((x & 1) << 1);
		}
	}
}

// gen_support marks the qubits of gen_frame that are not the identity.
static void gen_support(u32 w, u8 *mask) {
	for (u32 q = 0; q < w; q++)
		mask[q >> 3] |= (u8)((gen_frame[q] != 0) << (q & 7));
}
#endif

// gen_emit merges the pads into the gates and writes the indexes. The pads of a
// layer, pushed in place behind it, are the incoming Paulis of the next one.
static void gen_emit(const skeleton *s, u32 kind, u32 wide, u8 *pad_out) {
	u32 w = s->w, n = s->locations;
	const u8 *in = gen_frame, *pad = gen_pads;
	u16 *row16 = (u16 *)gen_row;
	u32 *row32 = (u32 *)gen_row;
	qx_zero(gen_frame, w);
	for (u32 j = 0, l = 0; l < n; j++) {
		if (kind == TARGET && !wide)
			for (u32 end = l + w; l < end; l++)
				row16[l] = (u16)gen_target[l << 4 | (u32)*in++ << 2 | *pad++];
		else
			for (u32 end = l + w; l < end; l++) {
				u32 at = (u32)*in++ << 2 | *pad++, x = kind == TARGET ? gen_target[l << 4 | at] : gen_clifford[(u32)gen_base[l] << 4 | at];
				if (wide)
					row32[l] = x;
				else
					row16[l] = (u16)x;
			}
		in = pad - w;
		if (j < s->m)
			push(s, j, gen_pads + j * w);
	}
	for (u32 q = 0; q < w; q++)
		pad_out[q >> 3] |= (u8)((in[q] & 1) << (q & 7));
}

static qx_writer rows_out, hidden_out;
static plan gen_plan;

static i32 gen_slots(const plan *p, const u8 root[32], u64 first, u32 n) {
	static const u8 hidden_form[] = {1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1};
	const skeleton *s = &p->s;
	u32 rb = (s->w + 7) / 8, wide = p->palette > 65536, elem = wide ? 4 : 2, row = elem * s->locations;
	u8 rows_form[] = {1, 8, 2, (u8)elem};
	u8 *kind = qx_alloc(n), *pad = qx_alloc((u64)n * rb), *mask = qx_alloc((u64)n * rb), *parity = qx_alloc(n);
	u32 *window = qx_alloc(4 * (u64)n);
	i32 err;
	if (!kind || !pad || !mask || !parity || !window)
		return QX_TOO_LARGE;
	if ((err = roles_fill(p, root, first, n, kind, window)))
		return err;
	qx_zero(pad, n * rb), qx_zero(mask, n * rb), qx_zero(parity, n);
#ifdef FAMILY_DRAW
	u8 *flips = qx_alloc(rb);
	if (!flips)
		return QX_TOO_LARGE;
	qx_zero(flips, rb);
#endif
	u64 rows_lens[2] = {8, (u64)n * row}, hidden_lens[6] = {8, n, 4 * (u64)n, (u64)n * rb, (u64)n * rb, n};
	qx_begin(&rows_out, QX_RESULT, QX_KIND_ROWS, n, 2, rows_form, rows_lens);
	qx_put(&rows_out, &first, 8);
	for (u32 i = 0; i < n && !rows_out.err; i++) {
		u8 *mk = mask + i * rb;
		qx_stream_open(&gen_st, root, "slot", first + i);
		gen_draw_pads(s->locations);
#ifdef FAMILY_DRAW
		if (kind[i] != TARGET)
			parity[i] = family_draw(s, root, window[i], mk, flips);
		if (kind[i] == MATCH) {
#else
		if (kind[i] == MATCH) {
			gen_match(s);
#endif
			for (u32 q = 0; q < s->w; q++)
				mk[q >> 3] |= (u8)(1 << (q & 7));
		}
#ifndef FAMILY_DRAW
		else if (kind[i] == PARITY)
			parity[i] = gen_parity(s, mk);
#endif
		gen_emit(s, kind[i], wide, pad + i * rb);
#ifdef FAMILY_DRAW
		for (u32 k = 0; k < rb; k++)
			pad[i * rb + k] ^= flips[k], flips[k] = 0;
#endif
		qx_put(&rows_out, gen_row, row);
	}
	qx_pad(&rows_out);
	if ((err = qx_end(&rows_out)))
		return err;
	qx_writer *o = &hidden_out;
	qx_begin(o, QX_SECRET, QX_KIND_HIDDEN, n, 6, hidden_form, hidden_lens);
	const void *part[6] = {&first, kind, window, pad, mask, parity};
	for (u32 k = 0; k < 6; k++) {
		qx_put(o, part[k], (u32)hidden_lens[k]);
		qx_pad(o);
	}
	return qx_end(o);
}

static i32 generate(i64 first, i32 n) {
	skeleton c;
	policy pol;
	qx_u3 *gates;
	u8 root[32];
	i32 err = root_load(root, &pol);
	if (err || (err = kinds_prepare(root)) || (err = plan_load(&gen_plan)))
		return err;
	u64 shots = gen_plan.h.shots;
	if (n < 1 || n > MAX_GENERATE || first < 0 || (u64)first >= shots || (u64)n > shots - (u64)first)
		return domain("slots out of range; one call makes 1 to 4096");
#ifdef FAMILY_LIMIT
	if ((err = family_limit(&gen_plan.s)))
		return err;
#endif
	if ((err = circuit_load(&c, &gates)) || (err = gen_tables(&gen_plan, &c, gates)))
		return err;
	return gen_slots(&gen_plan, root, (u64)first, (u32)n);
}

#endif
