// qx_plan: counts, limits and the palette.
#ifndef QTRAP_MAKEPLAN_H
#define QTRAP_MAKEPLAN_H

#include "clifford.h"
#include "form.h"

// sort_triples sorts n triples and drops repeats: merge sort from runs of one.
// Returns where the result is, a or scratch.
static qx_u3 *sort_triples(qx_u3 *a, qx_u3 *scratch, u32 *n) {
	u32 count = *n;
	for (u32 run = 1; run < count; run *= 2) {
		for (u32 lo = 0; lo < count; lo += 2 * run) {
			u32 mid = lo + run < count ? lo + run : count, hi = mid + run < count ? mid + run : count, i = lo, j = mid, k = lo;
			while (i < mid && j < hi)
				scratch[k++] = qx_u3_less(&a[j], &a[i]) ? a[j++] : a[i++];
			while (i < mid)
				scratch[k++] = a[i++];
			while (j < hi)
				scratch[k++] = a[j++];
		}
		qx_u3 *t = a;
		a = scratch, scratch = t;
	}
	u32 k = 0;
	for (u32 i = 0; i < count; i++)
		if (i == 0 || !qx_u3_equal(&a[i], &a[k - 1]))
			a[k++] = a[i];
	*n = k;
	return a;
}

// make_palette lists every gate with a Pauli on either side, and the Cliffords.
static i32 make_palette(plan *p, const qx_u3 *gates) {
	u32 n = 16 * (p->s.locations + FAMILY_GATES) + CLIFFORDS, k = CLIFFORDS;
	qx_u3 *a = qx_alloc(sizeof(qx_u3) * (u64)n), *scratch = qx_alloc(sizeof(qx_u3) * (u64)n);
	if (!a || !scratch)
		return QX_TOO_LARGE;
	clifford_tables();
	__builtin_memcpy(a, cl_triple, sizeof cl_triple);
	for (u32 l = 0; l < p->s.locations; l++)
		for (u32 r = 0; r < 4; r++) {
			qx_u3 ur = qx_u3_right(gates[l], r);
			for (u32 q = 0; q < 4; q++)
				a[k++] = qx_u3_left(ur, q);
		}
#if FAMILY_GATES > 0
	for (u32 g = 0; g < FAMILY_GATES; g++)
		for (u32 r = 0; r < 4; r++)
			for (u32 q = 0; q < 4; q++)
				a[k++] = qx_u3_left(qx_u3_right(family_gate(g), r), q);
#endif
	p->u = sort_triples(a, scratch, &n);
	p->palette = n;
	return 0;
}

static void plan_statistics(plan *p) {
	plan_head *h = &p->h;
	const policy *o = &p->pol;
	qs_pass_rates(h->n1, h->n2, h->width, o->p1, o->p2, o->ro, &h->pA, &h->pB);
#ifdef FAMILY_RATES
	family_rates(h, o);
#endif
	// a single kind has the whole final test
	h->cA = qs_accept(h->nA, h->pA, o->alpha_a + (MIX_B == 0 ? o->alpha_b : 0));
	h->cB = qs_accept(h->nB, h->pB, o->alpha_b + (MIX_A == 0 ? o->alpha_a : 0));
	h->t_min = qs_tmin(h->pA, h->pB, h->width, MIX_A > 0);
	qs_etable(h->pA, 0, p->pass_a, p->fail_a);
	qs_etable(h->pB, 1, p->pass_b, p->fail_b);
	h->h_global = qs_threshold_global(o->alpha_e);
	h->h_cusum = qs_threshold_cusum(o->alpha_e, p->windows);
}

static qx_writer plan_out;

static i32 plan_write(const plan *p) {
	u64 m = p->h.layers, lens[7] = {sizeof p->h, 4 * (u64)p->windows, 32 * QS_GRID, 64, 4 * (m + 1), 4 * (u64)p->s.pairs, 24 * (u64)p->palette};
	qx_writer *o = &plan_out;
	qx_begin(o, QX_RESULT, QX_KIND_PLAN, p->palette, 7, plan_form, lens);
	qx_put(o, &p->h, (u32)lens[0]);
	qx_put(o, p->window_traps, (u32)lens[1]);
	qx_pad(o);
	qx_put(o, p->pass_a, (u32)lens[2]);
	qx_put(o, &p->pol, 64);
	qx_put(o, p->s.off, (u32)lens[4]);
	qx_pad(o);
	qx_put(o, p->s.pair, (u32)lens[5]);
	qx_pad(o);
	qx_put(o, p->u, (u32)lens[6]);
	return qx_end(o);
}

static plan made;

static i32 make_plan(void) {
	plan *p = &made;
	u64 header[8], rest = 0;
	u8 root[32];
	qx_u3 *gates;
	i32 err;
	if (qx_in_len(QX_HEADER) != 64)
		return domain("stream 0 must have 64 bytes");
	if ((err = qx_read(QX_HEADER, 0, header, 64)))
		return err;
	for (u32 i = 3; i < 8; i++)
		rest |= header[i];
	if (header[0] != 1 || rest || header[1] < 1 || header[1] > MAX_SHOTS || header[2] > 1000000)
		return domain("header: version, reserved bytes, shots (1 to 10000000) or ratio (0 to 1000000 ppm)");
	if ((err = root_load(root, &p->pol)) || (err = circuit_load(&p->s, &gates)))
		return err;
	p->h = (plan_head){.width = p->s.w, .layers = p->s.m, .shots = header[1], .ratio = header[2], .n1 = p->s.locations, .n2 = p->s.pairs, .mix_a = MIX_A, .mix_b = MIX_B | FAMILY << 32};
#ifdef FAMILY_LIMIT
	if ((err = family_limit(&p->s)))
		return err;
#endif
	p->h.traps = qs_trap_count(p->h.shots, p->h.ratio);
	if ((err = traps_check(p->h.traps)))
		return err;
	p->windows = (u32)qs_window_count(p->h.shots);
	for (u32 j = 0; j < p->windows; j++)
		p->window_traps[j] = window_traps(p->h.shots, p->h.traps, p->windows, j);
	mix_counts(p->h.traps, &p->h.nA, &p->h.nB);
	plan_statistics(p);
	return (err = make_palette(p, gates)) ? err : plan_write(p);
}

#endif
