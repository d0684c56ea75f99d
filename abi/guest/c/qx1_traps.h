// qx1_traps.h: what every trap library does the same way: it reads header,
// policy, circuit and plan, builds the palette of a padded circuit, and writes
// plan, rows and hidden data. qx1_judge.h is the other half.
//
// A family adds the gates that its trap circuits use, how a slot is drawn, and
// when outcomes are good enough. Every function that can fail has called qx1.fail
// before it returns a non-zero code.
#ifndef QX1_TRAPS_H
#define QX1_TRAPS_H

#include "qx1_u3.h"

#define QX_PPB 1000000000ull
#define QX_MAX_SHOTS 10000000ull
#define QX_MAX_WINDOWS 64u
#define QX_MAX_GENERATE 4096
#define QX_MAX_LOCATIONS 16384u
#define QX_MAX_FIXED 64u // gates of a family that do not come from the circuit

enum { QX_TARGET_SLOT = 0, QX_MATCH_SLOT = 1, QX_PARITY_SLOT = 2 };

static i32 qx_domain(const char *why) { return qx_fail(QX_BAD_INPUT, why); }

// --- inputs --------------------------------------------------------------------

typedef struct {
	u64 shots, ratio; // execution slots; share of traps in parts per million
} qx_job;

// Parts per 10^9; see the table of streams in SPEC.md.
typedef struct {
	u64 p1, p2, ro, alpha_e, alpha_a, alpha_b, tmin_alpha, tmin_beta;
} qx_policy;

// Locations are numbered layer by layer, qubit by qubit: location j*w + q is the
// gate of qubit q before CZ layer j (j = m: behind the last one).
typedef struct {
	u32 w, m, pairs, locations;
	u32 *off;  // m+1 layer starts, in pairs
	u16 *pair; // operands of the CZ gates
	qx_u3 *u;  // compiled gates; 0 in a plan
} qx_circuit;

// qx_job_load reads stream 0.
static i32 qx_job_load(qx_job *j) {
	u64 h[8], rest = 0;
	if (qx_in_len(QX_HEADER) != 64)
		return qx_domain("stream 0 must have 64 bytes");
	if (qx_read(QX_HEADER, 0, h, 64))
		return QX_BAD_INPUT;
	for (u32 i = 3; i < 8; i++)
		rest |= h[i];
	if (h[0] != 1 || rest || h[1] < 1 || h[1] > QX_MAX_SHOTS || h[2] > 1000000)
		return qx_domain("header: version, reserved bytes, shots (1 to 10000000) or ratio (0 to 1000000 ppm)");
	j->shots = h[1], j->ratio = h[2];
	return 0;
}

static i32 qx_policy_check(const qx_policy *p) {
	const u64 *v = &p->p1;
	for (u32 i = 0; i < 8; i++)
		if (v[i] > QX_PPB / 2 || (i >= 3 && v[i] == 0))
			return qx_domain("policy: a rate is above one half, or an error level is 0");
	return 0;
}

// qx_root_load reads stream 5; only qx_generate is given the true root.
static i32 qx_root_load(u8 root[32], qx_policy *p) {
	u8 b[96];
	if (qx_in_len(QX_ROOT) != 96)
		return qx_domain("stream 5 must have 96 bytes");
	if (qx_read(QX_ROOT, 0, b, 96))
		return QX_BAD_INPUT;
	__builtin_memcpy(root, b, 32);
	__builtin_memcpy(p, b + 32, 64);
	return qx_policy_check(p);
}

// qx_skeleton_load reads sections k (layer starts) and k+1 (pairs).
static i32 qx_skeleton_load(qx_circuit *s, const qx_message *msg, u32 k, u64 w, u64 m) {
	if (w < 1 || w > QX_MAX_WIDTH || m > QX_MAX_LAYERS)
		return qx_domain("width or number of layers out of range");
	if ((m + 1) * w > QX_MAX_LOCATIONS)
		return qx_fail(QX_TOO_LARGE, "more than 16384 gate positions: use a shallower circuit");
	s->w = (u32)w, s->m = (u32)m, s->locations = (u32)((m + 1) * w), s->u = 0;
	if (qx_count(msg, k, m + 1))
		return QX_BAD_INPUT;
	u64 n = msg->s[k + 1].len / 4;
	if (msg->s[k + 1].len % 4 || n > QX_MAX_LOCATIONS / 2)
		return qx_domain("CZ pairs out of range");
	s->pairs = (u32)n, s->off = qx_load(msg, k), s->pair = qx_load(msg, k + 1);
	u32 *used = qx_alloc(4 * w); // layer + 1 that last used the qubit
	if (!s->off || !s->pair || !used)
		return QX_TOO_LARGE;
	qx_zero(used, 4 * s->w);
	if (s->off[0] != 0 || s->off[s->m] != s->pairs)
		return qx_domain("layer starts do not span the pairs");
	for (u32 j = 0; j < s->m; j++) {
		if (s->off[j] > s->off[j + 1] || s->off[j + 1] > s->pairs)
			return qx_domain("a layer starts behind its end");
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
			u32 a = s->pair[2 * i], b = s->pair[2 * i + 1];
			if (a >= b || b >= s->w || used[a] == j + 1 || used[b] == j + 1 || (i > s->off[j] && s->pair[2 * i - 2] >= a))
				return qx_domain("CZ pairs of a layer must ascend and share no qubit");
			used[a] = used[b] = j + 1;
		}
	}
	return 0;
}

// qx_circuit_load reads stream 1, the compiler's output.
static i32 qx_circuit_load(qx_circuit *s) {
	static const u8 form[] = {1, 8, 2, 4, 3, 2, 4, 8, 5, 4};
	qx_message m;
	u64 head[2];
	if (qx_open(&m, QX_CIRCUIT, QX_KIND_LAYERED, 5, form) || qx_count(&m, 0, 2) || qx_read(QX_CIRCUIT, m.s[0].off, head, 16))
		return QX_BAD_INPUT;
	i32 err = qx_skeleton_load(s, &m, 1, head[0], m.items);
	if (err)
		return err;
	if (qx_count(&m, 3, 3 * s->locations) || qx_count(&m, 4, s->w))
		return QX_BAD_INPUT;
	if (head[1] < 1 || head[1] > QX_MAX_WIDTH)
		return qx_domain("number of clbits out of range");
	s->u = qx_load(&m, 3);
	u32 *clbit = qx_load(&m, 4);
	u8 *seen = qx_alloc(head[1]);
	if (!s->u || !clbit || !seen)
		return QX_TOO_LARGE;
	for (u32 l = 0; l < s->locations; l++)
		if (!qx_u3_valid(s->u[l]))
			return qx_domain("a gate is not in normal form");
	qx_zero(seen, (u32)head[1]);
	for (u32 q = 0; q < s->w; q++) {
		u32 c = clbit[q];
		if (c == QX_NO_CLBIT)
			continue;
		if (c >= head[1] || seen[c])
			return qx_domain("a clbit is out of range or has two qubits");
		seen[c] = 1;
	}
	return 0;
}

static i32 qx_same_skeleton(const qx_circuit *a, const qx_circuit *b) {
	i32 same = a->w == b->w && a->m == b->m && a->pairs == b->pairs;
	for (u32 j = 0; same && j <= a->m; j++)
		same = a->off[j] == b->off[j];
	for (u32 i = 0; same && i < 2 * a->pairs; i++)
		same = a->pair[i] == b->pair[i];
	return same;
}

// qx_push carries one Pauli per qubit through CZ layer j in place.
static void qx_push(const qx_circuit *s, u32 j, u8 *f) {
	for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
		u8 *a = f + s->pair[2 * i], *b = f + s->pair[2 * i + 1], x = *a;
		*a ^= (u8)((*b & 1) << 1), *b ^= (u8)((x & 1) << 1);
	}
}

// --- plan ----------------------------------------------------------------------

// Section 1 of a plan, in order.
typedef struct {
	u64 width, layers, shots, ratio, traps, n1, n2, pA, pB, nA, nB, cA, cB, t_min, mix_a, mix_b;
	i64 h_global, h_cusum;
} qx_plan_head;

typedef struct {
	qx_plan_head h;
	u32 windows, palette; // counts
	u32 window_traps[QX_MAX_WINDOWS];
	i64 increments[20];
	qx_policy pol;
	qx_circuit s;
	qx_u3 *u;
} qx_plan;

static const u8 qx_plan_form[] = {1, 8, 2, 4, 3, 8, 4, 8, 5, 4, 6, 2, 7, 8};

// qx_window_start is the first slot of window j; all shots for j = windows.
static u64 qx_window_start(const qx_plan *p, u64 j) { return p->h.shots * j / p->windows; }

// qx_plan_shape fills in what follows from shots, ratio and circuit: the number of
// traps, the windows and the traps of each, floor(jT/W) before window j but never
// more than slots.
static void qx_plan_shape(qx_plan *p, u64 shots, u64 ratio) {
	u64 t = (shots * ratio + 999999) / 1000000, w = shots / 64, placed = 0;
	w = w < 1 ? 1 : w > QX_MAX_WINDOWS ? QX_MAX_WINDOWS : w;
	p->h.width = p->s.w, p->h.layers = p->s.m, p->h.n1 = p->s.locations, p->h.n2 = p->s.pairs;
	p->h.shots = shots, p->h.ratio = ratio, p->h.traps = t, p->windows = (u32)w;
	for (u32 j = 0; j < w; j++) {
		u64 size = qx_window_start(p, j + 1) - qx_window_start(p, j), now = t * (j + 1) / w;
		now = placed + size < now ? placed + size : now;
		p->window_traps[j] = (u32)(now - placed), placed = now;
	}
}

// qx_sort sorts n triples and drops repeats: merge sort from runs of one. Returns
// where the result is, a or scratch.
static qx_u3 *qx_sort(qx_u3 *a, qx_u3 *scratch, u32 *n) {
	u32 count = *n, k = 0;
	for (u32 run = 1; run < count; run *= 2) {
		for (u32 lo = 0; lo < count; lo += 2 * run) {
			u32 mid = lo + run < count ? lo + run : count, hi = mid + run < count ? mid + run : count, i = lo, j = mid, to = lo;
			while (to < hi)
				scratch[to++] = j == hi || (i < mid && !qx_u3_less(&a[j], &a[i])) ? a[i++] : a[j++];
		}
		qx_u3 *t = a;
		a = scratch, scratch = t;
	}
	for (u32 i = 0; i < count; i++)
		if (i == 0 || !qx_u3_equal(&a[i], &a[k - 1]))
			a[k++] = a[i];
	*n = k;
	return a;
}

// qx_palette makes the palette: the n fixed gates, and every gate of the circuit
// with a Pauli on either side.
static i32 qx_palette(qx_plan *p, const qx_u3 *fixed, u32 n) {
	u32 total = 16 * p->s.locations + n, k = n;
	qx_u3 *a = qx_alloc(sizeof(qx_u3) * (u64)total), *scratch = qx_alloc(sizeof(qx_u3) * (u64)total);
	if (!a || !scratch)
		return QX_TOO_LARGE;
	__builtin_memcpy(a, fixed, sizeof(qx_u3) * n);
	for (u32 l = 0; l < p->s.locations; l++)
		for (u32 x = 0; x < 16; x++)
			a[k++] = qx_u3_left(qx_u3_right(p->s.u[l], x >> 2), x & 3);
	p->u = qx_sort(a, scratch, &total), p->palette = total;
	return 0;
}

// qx_find returns the index of a triple in the palette, or 0xffffffff.
static u32 qx_find(const qx_plan *p, qx_u3 u) {
	u32 lo = 0, hi = p->palette;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		if (qx_u3_less(&p->u[mid], &u))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->palette && qx_u3_equal(&p->u[lo], &u) ? lo : 0xffffffffu;
}

static qx_writer qx_out, qx_out_hidden;

// qx_plan_write sends the plan.
static i32 qx_plan_write(const qx_plan *p) {
	u64 lens[7] = {sizeof p->h, 4 * (u64)p->windows, sizeof p->increments, 64, 4 * ((u64)p->s.m + 1), 4 * (u64)p->s.pairs, 24 * (u64)p->palette};
	const void *part[7] = {&p->h, p->window_traps, p->increments, &p->pol, p->s.off, p->s.pair, p->u};
	qx_begin(&qx_out, QX_RESULT, QX_KIND_PLAN, p->palette, 7, qx_plan_form, lens);
	for (u32 k = 0; k < 7; k++) {
		qx_put(&qx_out, part[k], (u32)lens[k]);
		qx_pad(&qx_out);
	}
	return qx_end(&qx_out);
}

// qx_plan_load reads stream 2 and checks all that does not depend on the family;
// of its own fields a family checks what it relies on.
static i32 qx_plan_load(qx_plan *p) {
	static qx_plan want;
	qx_message m;
	if (qx_open(&m, QX_PLAN, QX_KIND_PLAN, 7, qx_plan_form) || qx_count(&m, 0, 18) || qx_count(&m, 2, 20) || qx_count(&m, 3, 8))
		return QX_BAD_INPUT;
	u64 w = m.s[1].len / 4, n = m.s[6].len / 24;
	if (w < 1 || w > QX_MAX_WINDOWS || m.s[6].len % 24 || n < 1 || n != m.items || n > 16 * QX_MAX_LOCATIONS + QX_MAX_FIXED)
		return qx_domain("plan: number of windows or size of the palette out of range");
	if (qx_read(QX_PLAN, m.s[0].off, &p->h, sizeof p->h) || qx_read(QX_PLAN, m.s[1].off, p->window_traps, 4 * w) ||
	    qx_read(QX_PLAN, m.s[2].off, p->increments, sizeof p->increments) || qx_read(QX_PLAN, m.s[3].off, &p->pol, 64) || qx_policy_check(&p->pol))
		return QX_BAD_INPUT;
	i32 err = qx_skeleton_load(&p->s, &m, 4, p->h.width, p->h.layers);
	if (err)
		return err;
	p->windows = (u32)w, p->palette = (u32)n;
	if (!(p->u = qx_load(&m, 6)))
		return QX_TOO_LARGE;
	for (u32 i = 0; i < p->palette; i++) {
		qx_u3 normal = qx_u3_normal(p->u[i]);
		if (!qx_u3_equal(&normal, &p->u[i]) || (i > 0 && !qx_u3_less(&p->u[i - 1], &p->u[i])))
			return qx_domain("plan: palette is not normal, ascending and distinct");
	}
	if (p->h.shots < 1 || p->h.shots > QX_MAX_SHOTS || p->h.ratio > 1000000)
		return qx_domain("plan: shots or ratio out of range");
	want.s = p->s;
	qx_plan_shape(&want, p->h.shots, p->h.ratio);
	if (p->h.traps != want.h.traps || p->windows != want.windows || p->h.n1 != want.h.n1 || p->h.n2 != want.h.n2 || p->h.nA > p->h.traps || p->h.nA + p->h.nB != p->h.traps)
		return qx_domain("plan: counts do not agree");
	for (u32 j = 0; j < p->windows; j++)
		if (p->window_traps[j] != want.window_traps[j])
			return qx_domain("plan: traps of a window do not agree");
	return 0;
}

// --- slots ---------------------------------------------------------------------

// The slots of one qx_generate call.
typedef struct {
	const qx_plan *p;
	u64 first;
	u32 n, rb;      // slots; bytes of a row of bits
	u32 *variant;   // 16 per location: the circuit's gate with Pauli x>>2 before and x&3 behind it
	u8 *kind, *pad, *mask, *parity; // of each slot; rows of rb bytes, zero at first
	u32 *window;
} qx_slots;

// qx_slots_begin checks the arguments of qx_generate, finds the circuit's gates in
// the palette, and starts the rows. c is the circuit of stream 1.
static i32 qx_slots_begin(qx_slots *s, const qx_plan *p, const qx_circuit *c, i64 first, i32 n) {
	if (n < 1 || n > QX_MAX_GENERATE || first < 0 || (u64)first >= p->h.shots || (u64)n > p->h.shots - (u64)first)
		return qx_domain("slots out of range; one call makes 1 to 4096");
	if (!qx_same_skeleton(c, &p->s))
		return qx_domain("the plan is not of this circuit");
	s->p = p, s->first = (u64)first, s->n = (u32)n, s->rb = (c->w + 7) / 8;
	u64 bits = (u64)s->n * s->rb, elem = p->palette > 65536 ? 4 : 2;
	s->variant = qx_alloc(64 * (u64)c->locations), s->window = qx_alloc(4 * (u64)s->n);
	s->kind = qx_alloc(s->n), s->pad = qx_alloc(bits), s->mask = qx_alloc(bits), s->parity = qx_alloc(s->n);
	if (!s->variant || !s->window || !s->kind || !s->pad || !s->mask || !s->parity)
		return QX_TOO_LARGE;
	qx_zero(s->kind, s->n), qx_zero(s->parity, s->n), qx_zero(s->pad, (u32)bits), qx_zero(s->mask, (u32)bits);
	for (u32 i = 0, j = 0; i < s->n; i++) {
		while (qx_window_start(p, j + 1) <= s->first + i)
			j++;
		s->window[i] = j;
	}
	for (u32 l = 0; l < c->locations; l++)
		for (u32 x = 0; x < 16; x++)
			if ((s->variant[16 * l + x] = qx_find(p, qx_u3_left(qx_u3_right(c->u[l], x >> 2), x & 3))) == 0xffffffffu)
				return qx_domain("the palette lacks a gate of this circuit");
	const u8 form[] = {1, 8, 2, (u8)elem};
	const u64 lens[2] = {8, elem * s->n * c->locations};
	qx_begin(&qx_out, QX_RESULT, QX_KIND_ROWS, s->n, 2, form, lens);
	qx_put(&qx_out, &s->first, 8);
	return 0;
}

// qx_slots_put appends the palette index of the next location of the next slot.
static inline void qx_slots_put(const qx_slots *s, u32 index) { qx_put(&qx_out, &index, s->p->palette > 65536 ? 4 : 2); }

// qx_slots_end sends the hidden data.
static i32 qx_slots_end(const qx_slots *s) {
	static const u8 form[] = {1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1};
	u64 bits = (u64)s->n * s->rb, lens[6] = {8, s->n, 4 * (u64)s->n, bits, bits, s->n};
	const void *part[6] = {&s->first, s->kind, s->window, s->pad, s->mask, s->parity};
	qx_pad(&qx_out);
	if (qx_end(&qx_out))
		return QX_HOST;
	qx_begin(&qx_out_hidden, QX_SECRET, QX_KIND_HIDDEN, s->n, 6, form, lens);
	for (u32 k = 0; k < 6; k++) {
		qx_put(&qx_out_hidden, part[k], (u32)lens[k]);
		qx_pad(&qx_out_hidden);
	}
	return qx_end(&qx_out_hidden);
}

#endif
