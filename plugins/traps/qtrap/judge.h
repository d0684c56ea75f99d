// qx_judge: what the outcomes prove. Slots are read in blocks, so that memory
// does not grow with the number of shots.
#ifndef QTRAP_JUDGE_H
#define QTRAP_JUDGE_H

#include "form.h"
#include "hidden.h"
#include "roles.h"

#define BLOCK 1024u
#define MAX_HIDDEN_TRAPS 65536u

enum { PASS = 0, FAIL = 1, INSUFFICIENT = 2, PENDING = 3 };
enum { REASON_E = 1, REASON_A = 2, REASON_B = 4, REASON_MISSING = 8 };
#define NO_WINDOW (~0ull)

// Fields of section 1 of a verdict.
typedef struct {
	u64 decision, shots, judged, traps, nA, kA, nB, kB, cA, cB, t_min, first_bad, trap_pass, trap_fail, missing, reasons;
	i64 max_global, max_cusum;
	u64 pA, pB, tail_a;
	i64 tail_a_exp;
	u64 tail_b;
	i64 tail_b_exp;
	u64 eps_markov, eps_hidden, zero;
} verdict;

// A block of slots, as the messages hold them.
typedef struct {
	u8 *kind, *pad, *mask, *parity, *row, *present;
	u32 *window;
} block;

typedef struct {
	u64 nA, kA, nB, kB, missing;
} counts;

static i32 block_read(block *b, const qx_message *h, const qx_message *o, u32 first, u32 n, u32 rb) {
	i32 err;
	u64 at = first;
	if ((err = qx_read(QX_HIDDEN, h->s[1].off + at, b->kind, n)) || (err = qx_read(QX_HIDDEN, h->s[2].off + 4 * at, b->window, 4 * (u64)n)) ||
	    (err = qx_read(QX_HIDDEN, h->s[3].off + at * rb, b->pad, (u64)n * rb)) || (err = qx_read(QX_HIDDEN, h->s[4].off + at * rb, b->mask, (u64)n * rb)) ||
	    (err = qx_read(QX_HIDDEN, h->s[5].off + at, b->parity, n)) || (err = qx_read(QX_OUTCOMES, o->s[1].off + at * rb, b->row, (u64)n * rb)))
		return err;
	return qx_read(QX_OUTCOMES, o->s[2].off + at / 8, b->present, (n + 7) / 8);
}

// judge_slot checks slot i of a block and adds it to the counts of window j.
static i32 judge_slot(const block *b, u32 i, u32 w, u32 rb, u32 j, counts *c) {
	const u8 *pad = b->pad + i * rb, *mask = b->mask + i * rb, *row = b->row + i * rb;
	u32 kind = b->kind[i], ones = 0, set = 0, any = 0, high = w % 8 ? 0xffu << w % 8 & 0xff : 0, here = b->present[i >> 3] >> (i & 7) & 1;
	for (u32 k = 0; k < rb; k++) {
		ones += (u32)__builtin_popcount(mask[k]);
		set += (u32)__builtin_popcount((row[k] ^ pad[k]) & mask[k]);
		any |= row[k];
	}
	if (((pad[rb - 1] | mask[rb - 1]) & high) || b->parity[i] > 1 || kind > 2 || b->window[i] != j)
		return domain("hidden: kind, window, parity or unused bits");
	if ((kind == TARGET && (ones || b->parity[i])) || (kind == MATCH && (ones != w || b->parity[i])) || (kind == PARITY && !ones))
		return domain("hidden: mask or parity of a slot");
	if ((row[rb - 1] & high) || (any && !here))
		return domain("outcomes: unused bits, or bits of an absent slot, are set");
	c->missing += !here;
	if (kind == MATCH)
		c->nA++, c->kA += here && set == 0;
	else if (kind == PARITY)
		c->nB++, c->kB += here && (set & 1) == b->parity[i];
	return 0;
}

static i64 evidence_l[QS_GRID], evidence_c[QS_GRID];

// evidence_add takes the next window and reports whether a bound is crossed.
// Sums wrap, hence the unsigned arithmetic.
static i32 evidence_add(const plan *p, const counts *c, verdict *v) {
	i32 bad = 0;
	for (u32 g = 0; g < QS_GRID; g++) {
		u64 d = c->kA * (u64)p->pass_a[g] + (c->nA - c->kA) * (u64)p->fail_a[g] + c->kB * (u64)p->pass_b[g] + (c->nB - c->kB) * (u64)p->fail_b[g];
		i64 up = evidence_c[g] > 0 ? evidence_c[g] : 0;
		evidence_l[g] = (i64)((u64)evidence_l[g] + d), evidence_c[g] = (i64)((u64)up + d);
		v->max_global = evidence_l[g] > v->max_global ? evidence_l[g] : v->max_global;
		v->max_cusum = evidence_c[g] > v->max_cusum ? evidence_c[g] : v->max_cusum;
		bad |= evidence_l[g] >= p->h.h_global || evidence_c[g] >= p->h.h_cusum;
	}
	return bad;
}

// judge_window closes window j.
static i32 judge_window(const plan *p, verdict *v, u32 j, const counts *c, u32 *traps, u32 *passed) {
	if (c->nA + c->nB != p->window_traps[j])
		return domain("hidden: a window has another number of traps than the plan");
	v->nA += c->nA, v->kA += c->kA, v->nB += c->nB, v->kB += c->kB, v->missing += c->missing;
	traps[j] = (u32)(c->nA + c->nB), passed[j] = (u32)(c->kA + c->kB);
	i32 bad = evidence_add(p, c, v);
	v->reasons |= (bad ? REASON_E : 0) | (c->missing ? REASON_MISSING : 0);
	if ((bad || c->missing) && v->first_bad == NO_WINDOW)
		v->first_bad = j;
	return 0;
}

static void final_tests(verdict *v) {
	v->reasons |= (v->nA > 0 && v->kA < v->cA ? REASON_A : 0) | (v->nB > 0 && v->kB < v->cB ? REASON_B : 0);
	u64 fails = v->traps - v->kA - v->kB;
	qs_left_tail(v->kA, v->nA, v->pA, &v->tail_a, &v->tail_a_exp);
	qs_left_tail(v->kB, v->nB, v->pB, &v->tail_b, &v->tail_b_exp);
	v->tail_a_exp = v->tail_a ? v->tail_a_exp + 8 : 0, v->tail_b_exp = v->tail_b ? v->tail_b_exp + 8 : 0;
	v->eps_markov = qs_eps95_markov(fails, v->traps);
	if (v->traps <= MAX_HIDDEN_TRAPS)
		v->eps_hidden = eps95_hidden((u32)v->shots, (u32)v->traps, (u32)fails);
}

static void decide(const plan *p, verdict *v) {
	i32 whole = v->judged == v->shots;
	if (whole)
		final_tests(v);
	if (v->traps == 0 || v->traps < v->t_min)
		v->decision = INSUFFICIENT;
	else if (v->reasons & (REASON_A | REASON_B))
		v->decision = FAIL;
	else if (v->first_bad != NO_WINDOW)
		v->decision = FAIL, v->trap_pass = window_start(p, v->first_bad);
	else if (whole)
		v->decision = PASS, v->trap_pass = v->shots;
	else
		v->decision = PENDING, v->trap_pass = v->judged;
	v->trap_fail = v->shots - v->trap_pass;
}

static qx_writer verdict_out;

static i32 verdict_write(const plan *p, const verdict *v, const u32 *traps, const u32 *passed) {
	static const u8 form[] = {1, 8, 2, 4, 3, 4};
	u64 lens[3] = {sizeof *v, 4 * (u64)p->windows, 4 * (u64)p->windows};
	qx_begin(&verdict_out, QX_RESULT, QX_KIND_VERDICT, p->windows, 3, form, lens);
	qx_put(&verdict_out, v, sizeof *v);
	qx_put(&verdict_out, traps, (u32)lens[1]);
	qx_pad(&verdict_out);
	qx_put(&verdict_out, passed, (u32)lens[2]);
	qx_pad(&verdict_out);
	return qx_end(&verdict_out);
}

// judge_open checks the shapes of hidden data and outcomes.
static i32 judge_open(qx_message *h, qx_message *o, u32 n, u32 rb) {
	static const u8 hidden_form[] = {1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1}, outcome_form[] = {1, 8, 2, 1, 3, 1};
	u64 first_h, first_o;
	u8 last = 0;
	i32 err = qx_open(h, QX_HIDDEN, QX_KIND_HIDDEN, 6, hidden_form);
	if (err || (err = qx_open(o, QX_OUTCOMES, QX_KIND_OUTCOMES, 3, outcome_form)) || (err = qx_count(h, 0, 1)) || (err = qx_count(h, 1, n)) || (err = qx_count(h, 2, n)) ||
	    (err = qx_count(h, 3, (u64)n * rb)) || (err = qx_count(h, 4, (u64)n * rb)) || (err = qx_count(h, 5, n)) || (err = qx_count(o, 0, 1)) ||
	    (err = qx_count(o, 1, (u64)n * rb)) || (err = qx_count(o, 2, (n + 7) / 8)) || (err = qx_read(QX_HIDDEN, h->s[0].off, &first_h, 8)) ||
	    (err = qx_read(QX_OUTCOMES, o->s[0].off, &first_o, 8)))
		return err;
	if (h->items != n || o->items != n || first_h != 0 || first_o != 0)
		return domain("hidden data and outcomes must be of slots 0..n-1");
	if (n % 8 && (err = qx_read(QX_OUTCOMES, o->s[2].off + n / 8, &last, 1)))
		return err;
	return last >> n % 8 && n % 8 ? domain("outcomes: unused presence bits are set") : 0;
}

static plan judged;

static i32 judge(i32 count) {
	const plan *p = &judged;
	i32 err = plan_load(&judged);
	if (err)
		return err;
	u32 n = (u32)count, w = p->s.w, rb = (w + 7) / 8, windows = 0, traps[MAX_WINDOWS] = {0}, passed[MAX_WINDOWS] = {0};
	while (windows <= p->windows && window_start(p, windows) != n)
		windows++;
	if (count < 0 || windows > p->windows)
		return domain("n is neither all shots nor the start of a window");
	qx_message h, o;
	if ((err = judge_open(&h, &o, n, rb)))
		return err;
	block b = {qx_alloc(BLOCK), qx_alloc(BLOCK * rb), qx_alloc(BLOCK * rb), qx_alloc(BLOCK), qx_alloc(BLOCK * rb), qx_alloc(BLOCK / 8), qx_alloc(4 * BLOCK)};
	if (!b.kind || !b.pad || !b.mask || !b.parity || !b.row || !b.present || !b.window)
		return QX_TOO_LARGE;
	verdict v = {.shots = p->h.shots, .judged = n, .traps = p->h.traps, .cA = p->h.cA, .cB = p->h.cB, .t_min = p->h.t_min, .first_bad = NO_WINDOW, .pA = p->h.pA, .pB = p->h.pB,
		.tail_a = 100000000, .tail_b = 100000000, .eps_markov = QS_PPB, .eps_hidden = QS_PPB};
	qx_zero(evidence_l, sizeof evidence_l), qx_zero(evidence_c, sizeof evidence_c);
	counts c = {0};
	u32 j = 0;
	for (u32 i = 0; i < n; i++) {
		if (i % BLOCK == 0 && (err = block_read(&b, &h, &o, i, n - i < BLOCK ? n - i : BLOCK, rb)))
			return err;
		if ((err = judge_slot(&b, i % BLOCK, w, rb, j, &c)))
			return err;
		if (i + 1 == window_start(p, j + 1)) {
			if ((err = judge_window(p, &v, j++, &c, traps, passed)))
				return err;
			c = (counts){0};
		}
	}
	if (v.nA > p->h.nA || v.nB > p->h.nB)
		return domain("hidden: more traps of a kind than the plan has");
	decide(p, &v);
	return verdict_write(p, &v, traps, passed);
}

#endif
