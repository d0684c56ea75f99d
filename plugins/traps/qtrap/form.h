// The messages of a trap library, read and checked.
#ifndef QTRAP_FORM_H
#define QTRAP_FORM_H

#include "qx1_u3.h"

#define QTRAP_INTS
#include "stats.h"

// A secondary family defines FAMILY, its number, and what of the macros below it
// changes; see plugins/traps/README.md.
#ifndef FAMILY
#define FAMILY 0ull
#endif
#ifndef FAMILY_GATES
#define FAMILY_GATES 0u // gates besides the Cliffords
#endif

#define MAX_LOCATIONS 16384u
#define MAX_TRAPS 2097152ull
#define MAX_SHOTS 10000000ull
#define MAX_WINDOWS 64u
#define MAX_GENERATE 4096

// A circuit or plan's skeleton.
typedef struct {
	u32 w, m, pairs, locations;
	u32 *off; // m+1 layer starts
	u16 *pair;
} skeleton;

static i32 domain(const char *why) { return qx_fail(QX_BAD_INPUT, why); }

static i32 skeleton_load(skeleton *s, const qx_message *msg, u32 k, u64 w, u64 m) {
	i32 err;
	if (w < 1 || w > QX_MAX_WIDTH || m > QX_MAX_LAYERS)
		return domain("width or number of layers out of range");
	if ((m + 1) * w > MAX_LOCATIONS) {
		qx_say_num((m + 1) * w);
		return qx_fail(QX_TOO_LARGE, " gate positions; a trap library takes 16384: use a shallower circuit");
	}
	s->w = (u32)w, s->m = (u32)m, s->locations = (u32)((m + 1) * w);
	if ((err = qx_count(msg, k, m + 1)))
		return err;
	u64 n = msg->s[k + 1].len / 4;
	if (msg->s[k + 1].len % 4 || n > MAX_LOCATIONS / 2)
		return domain("CZ pairs out of range");
	s->pairs = (u32)n;
	s->off = qx_load(msg, k), s->pair = qx_load(msg, k + 1);
	u32 top = qx_top, *used = qx_alloc(4 * w); // layer + 1 that last used the qubit
	if (!s->off || !s->pair || !used)
		return QX_TOO_LARGE;
	qx_zero(used, 4 * s->w);
	if (s->off[0] != 0 || s->off[s->m] != s->pairs)
		return domain("layer starts do not span the pairs");
	for (u32 j = 0; j < s->m; j++) {
		if (s->off[j] > s->off[j + 1] || s->off[j + 1] > s->pairs)
			return domain("a layer starts behind its end");
		for (u32 i = s->off[j]; i < s->off[j + 1]; i++) {
			u32 a = s->pair[2 * i], b = s->pair[2 * i + 1];
			if (a >= b || b >= s->w || used[a] == j + 1 || used[b] == j + 1 || (i > s->off[j] && s->pair[2 * i - 2] >= a))
				return domain("CZ pairs of a layer must ascend and share no qubit");
			used[a] = used[b] = j + 1;
		}
	}
	qx_top = top;
	return 0;
}

static u32 skeleton_equal(const skeleton *s, const skeleton *c) {
	u32 ok = s->w == c->w && s->m == c->m && s->pairs == c->pairs;
	for (u32 j = 0; ok && j <= s->m; j++)
		ok = s->off[j] == c->off[j];
	for (u32 i = 0; ok && i < 2 * s->pairs; i++)
		ok = s->pair[i] == c->pair[i];
	return ok;
}

static const u8 layered_form[] = {1, 8, 2, 4, 3, 2, 4, 8, 5, 4};

// circuit_load reads stream 1: skeleton and compiled gates.
static i32 circuit_load(skeleton *s, qx_u3 **gates) {
	qx_message m;
	u64 head[2];
	i32 err = qx_open(&m, QX_CIRCUIT, QX_KIND_LAYERED, 5, layered_form);
	if (err || (err = qx_count(&m, 0, 2)) || (err = qx_read(QX_CIRCUIT, m.s[0].off, head, 16)) || (err = skeleton_load(s, &m, 1, head[0], m.items)))
		return err;
	if ((err = qx_count(&m, 3, 3 * s->locations)) || (err = qx_count(&m, 4, s->w)))
		return err;
	if (head[1] < 1 || head[1] > QX_MAX_WIDTH)
		return domain("number of clbits out of range");
	qx_u3 *u = qx_load(&m, 3);
	u32 top = qx_top, *clbit = qx_load(&m, 4);
	u8 *seen = qx_alloc(head[1]);
	if (!u || !clbit || !seen)
		return QX_TOO_LARGE;
	for (u32 l = 0; l < s->locations; l++)
		if (!qx_u3_valid(u[l]))
			return domain("a gate is not in normal form");
	qx_zero(seen, (u32)head[1]);
	for (u32 q = 0; q < s->w; q++) {
		u32 c = clbit[q];
		if (c == QX_NO_CLBIT)
			continue;
		if (c >= head[1] || seen[c])
			return domain("a clbit is out of range or has two qubits");
		seen[c] = 1;
	}
	qx_top = top;
	*gates = u;
	return 0;
}

typedef struct {
	u64 p1, p2, ro, alpha_e, alpha_a, alpha_b, tmin_alpha, tmin_beta;
} policy;

static i32 policy_check(const policy *p) {
	const u64 *v = &p->p1;
	for (u32 i = 0; i < 8; i++)
		if (v[i] > QS_PPB / 2 || (i >= 3 && v[i] == 0))
			return domain("policy: a rate is above one half, or an error level is 0");
	if (p->tmin_alpha != QS_TMIN_ALPHA || p->tmin_beta != QS_TMIN_BETA)
		return domain("policy: tmin_alpha and tmin_beta must be 1000000 and 1000");
	return 0;
}

// Fields of section 1 of a plan.
typedef struct {
	u64 width, layers, shots, ratio, traps, n1, n2, pA, pB, nA, nB, cA, cB, t_min, mix_a, mix_b;
	i64 h_global, h_cusum;
} plan_head;

typedef struct {
	plan_head h;
	u32 windows, palette; // counts
	u32 window_traps[MAX_WINDOWS];
	i64 pass_a[QS_GRID], fail_a[QS_GRID], pass_b[QS_GRID], fail_b[QS_GRID];
	policy pol;
	skeleton s;
	qx_u3 *u;
} plan;

static const u8 plan_form[] = {1, 8, 2, 4, 3, 8, 4, 8, 5, 4, 6, 2, 7, 8};

static u64 window_start(const plan *p, u64 j) { return qs_window_lo(p->h.shots, p->windows, j); }

static u32 window_traps(u64 shots, u64 traps, u32 windows, u32 j) {
	return (u32)(qs_traps_before(shots, traps, windows, j + 1) - qs_traps_before(shots, traps, windows, j));
}

// mix_counts splits T traps into kinds.
static void mix_counts(u64 t, u64 *nA, u64 *nB) {
	u64 n = MIX_A + MIX_B, r = t % n;
	*nB = t / n * MIX_B + (r > MIX_A ? r - MIX_A : 0);
	*nA = t - *nB;
}

static i32 traps_check(u64 traps) {
	if (traps <= MAX_TRAPS)
		return 0;
	qx_say_num(traps);
	return qx_fail(QX_TOO_LARGE, " traps; a trap library takes 2097152: choose a smaller ratio or fewer shots");
}

// plan_check verifies what generate and judge rely on.
static i32 plan_check(const plan *p, u64 items) {
	const plan_head *h = &p->h;
	u64 nA, nB;
	i32 err;
	if (h->mix_a != MIX_A || h->mix_b != (MIX_B | FAMILY << 32))
		return domain("plan: made for another trap library");
	if (h->shots < 1 || h->shots > MAX_SHOTS || h->ratio > 1000000 || h->traps != qs_trap_count(h->shots, h->ratio) || p->windows != qs_window_count(h->shots))
		return domain("plan: shots, ratio, traps and windows do not agree");
	if ((err = traps_check(h->traps)))
		return err;
	mix_counts(h->traps, &nA, &nB);
	if (h->nA != nA || h->nB != nB || h->cA > nA + 1 || h->cB > nB + 1)
		return domain("plan: counts of the kinds do not agree");
	for (u32 j = 0; j < p->windows; j++)
		if (p->window_traps[j] != window_traps(h->shots, h->traps, p->windows, j))
			return domain("plan: traps of a window do not agree");
	if (p->palette != items || items == 0)
		return domain("plan: empty palette");
	for (u32 i = 0; i < p->palette; i++) {
		qx_u3 n = qx_u3_normal(p->u[i]);
		if (!qx_u3_equal(&n, &p->u[i]) || (i > 0 && !qx_u3_less(&p->u[i - 1], &p->u[i])))
			return domain("plan: palette is not normal, ascending and distinct");
	}
	return 0;
}

// plan_load reads stream 2.
static i32 plan_load(plan *p) {
	qx_message m;
	i32 err = qx_open(&m, QX_PLAN, QX_KIND_PLAN, 7, plan_form);
	if (err || (err = qx_count(&m, 0, 18)) || (err = qx_count(&m, 2, 4 * QS_GRID)) || (err = qx_count(&m, 3, 8)))
		return err;
	u64 w = m.s[1].len / 4, n = m.s[6].len / 24;
	if (w < 1 || w > MAX_WINDOWS || m.s[6].len % 24 || n > 16 * (MAX_LOCATIONS + FAMILY_GATES) + 24)
		return domain("plan: number of windows or size of the palette out of range");
	p->windows = (u32)w, p->palette = (u32)n;
	if ((err = qx_read(QX_PLAN, m.s[0].off, &p->h, sizeof p->h)) || (err = qx_read(QX_PLAN, m.s[1].off, p->window_traps, 4 * w)) ||
	    (err = qx_read(QX_PLAN, m.s[2].off, p->pass_a, 32 * QS_GRID)) || (err = qx_read(QX_PLAN, m.s[3].off, &p->pol, 64)) || (err = policy_check(&p->pol)) ||
	    (err = skeleton_load(&p->s, &m, 4, p->h.width, p->h.layers)))
		return err;
	p->u = qx_load(&m, 6);
	return p->u ? plan_check(p, m.items) : QX_TOO_LARGE;
}

// root_load reads stream 5.
static i32 root_load(u8 root[32], policy *p) {
	u8 b[96];
	i32 err;
	if (qx_in_len(QX_ROOT) != 96)
		return domain("stream 5 must have 96 bytes");
	if ((err = qx_read(QX_ROOT, 0, b, 96)))
		return err;
	__builtin_memcpy(root, b, 32);
	__builtin_memcpy(p, b + 32, 64);
	return policy_check(p);
}

// What a secondary family defines behind #include "qtrap.h".
#if FAMILY_GATES > 0
static qx_u3 family_gate(u32 k); // gate CLIFFORDS + k
#endif
#ifdef FAMILY_RATES
static void family_rates(plan_head *h, const policy *o); // honest pass rates, over those of accredit
#endif
#ifdef FAMILY_LIMIT
static i32 family_limit(const skeleton *s); // refuses circuits that it has no traps for
#endif

#endif
