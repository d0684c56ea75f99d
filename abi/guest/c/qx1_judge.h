// qx1_judge.h: counts what the traps of a job say, checking every byte of hidden
// data and outcomes, and writes a verdict. A family decides in between.
#ifndef QX1_JUDGE_H
#define QX1_JUDGE_H

#include "qx1_traps.h"

enum { QX_PASS = 0, QX_FAIL = 1, QX_INSUFFICIENT = 2, QX_PENDING = 3 };
enum { QX_REASON_E = 1, QX_REASON_A = 2, QX_REASON_B = 4, QX_REASON_MISSING = 8 };
#define QX_NO_WINDOW (~0ull)

// Section 1 of a verdict, in order. A tail is mant * 10^(exp-8).
typedef struct {
	u64 decision, shots, judged, traps, nA, kA, nB, kB, cA, cB, t_min, first_bad, trap_pass, trap_fail, missing, reasons;
	i64 max_global, max_cusum;
	u64 pA, pB, tail_a;
	i64 tail_a_exp;
	u64 tail_b;
	i64 tail_b_exp;
	u64 eps_markov, eps_hidden, zero;
} qx_verdict;

typedef struct {
	qx_verdict v;
	u32 traps[QX_MAX_WINDOWS], passed[QX_MAX_WINDOWS]; // of each window
} qx_tally;

// One slot as the messages hold it.
typedef struct {
	u8 kind, parity, here;
	u32 window;
	const u8 *pad, *mask, *row;
} qx_slot;

// qx_tally_slot checks a slot of window j and counts it.
static i32 qx_tally_slot(qx_tally *t, const qx_slot *s, u32 w, u32 rb, u32 j) {
	u32 ones = 0, set = 0, any = 0, high = w % 8 ? 0xffu << w % 8 & 0xff : 0;
	for (u32 k = 0; k < rb; k++) {
		ones += (u32)__builtin_popcount(s->mask[k]);
		set += (u32)__builtin_popcount((s->row[k] ^ s->pad[k]) & s->mask[k]);
		any |= s->row[k];
	}
	if (((s->pad[rb - 1] | s->mask[rb - 1]) & high) || s->parity > 1 || s->kind > 2 || s->window != j)
		return qx_domain("hidden: kind, window, parity or unused bits");
	if ((s->kind == QX_TARGET_SLOT && ones) || (s->kind != QX_PARITY_SLOT && s->parity) || (s->kind == QX_MATCH_SLOT && ones != w) || (s->kind == QX_PARITY_SLOT && !ones))
		return qx_domain("hidden: mask or parity of a slot");
	if ((s->row[rb - 1] & high) || (any && !s->here))
		return qx_domain("outcomes: unused bits, or bits of an absent slot, are set");
	if (!s->here) {
		t->v.missing++;
		if (t->v.first_bad == QX_NO_WINDOW)
			t->v.first_bad = j;
	}
	u32 pass = s->here && (s->kind == QX_MATCH_SLOT ? set == 0 : (set & 1) == s->parity);
	if (s->kind == QX_MATCH_SLOT)
		t->v.nA++, t->v.kA += pass;
	if (s->kind == QX_PARITY_SLOT)
		t->v.nB++, t->v.kB += pass;
	if (s->kind != QX_TARGET_SLOT)
		t->traps[j]++, t->passed[j] += pass;
	return 0;
}

// qx_tally_open checks the shapes of hidden data and outcomes of slots 0..n-1.
static i32 qx_tally_open(qx_message *h, qx_message *o, u32 n, u32 rb) {
	static const u8 hidden[] = {1, 8, 2, 1, 3, 4, 4, 1, 5, 1, 6, 1}, outcomes[] = {1, 8, 2, 1, 3, 1};
	u64 first_h, first_o, bits = (u64)n * rb;
	u8 last = 0;
	if (qx_open(h, QX_HIDDEN, QX_KIND_HIDDEN, 6, hidden) || qx_open(o, QX_OUTCOMES, QX_KIND_OUTCOMES, 3, outcomes) || qx_count(h, 0, 1) || qx_count(h, 1, n) || qx_count(h, 2, n) ||
	    qx_count(h, 3, bits) || qx_count(h, 4, bits) || qx_count(h, 5, n) || qx_count(o, 0, 1) || qx_count(o, 1, bits) || qx_count(o, 2, (n + 7) / 8) ||
	    qx_read(QX_HIDDEN, h->s[0].off, &first_h, 8) || qx_read(QX_OUTCOMES, o->s[0].off, &first_o, 8))
		return QX_BAD_INPUT;
	if (h->items != n || o->items != n || first_h != 0 || first_o != 0)
		return qx_domain("hidden data and outcomes must be of slots 0..n-1");
	if (n % 8 && qx_read(QX_OUTCOMES, o->s[2].off + n / 8, &last, 1))
		return QX_BAD_INPUT;
	return n % 8 && last >> n % 8 ? qx_domain("outcomes: unused presence bits are set") : 0;
}

#define QX_BLOCK 1024u // slots read at once, so that memory does not grow with shots

// qx_tally_run counts slots 0..n-1; n is all shots or the start of a window. The
// plan's numbers are copied into the verdict; the rest is as in a job that proves
// nothing yet.
static i32 qx_tally_run(qx_tally *t, const qx_plan *p, i32 count) {
	u32 n = (u32)count, w = p->s.w, rb = (w + 7) / 8, windows = 0, j = 0;
	while (windows <= p->windows && qx_window_start(p, windows) != n)
		windows++;
	if (count < 0 || windows > p->windows)
		return qx_domain("n is neither all shots nor the start of a window");
	qx_message h, o;
	if (qx_tally_open(&h, &o, n, rb))
		return QX_BAD_INPUT;
	u8 *kind = qx_alloc(QX_BLOCK), *parity = qx_alloc(QX_BLOCK), *present = qx_alloc(QX_BLOCK / 8);
	u8 *pad = qx_alloc(QX_BLOCK * rb), *mask = qx_alloc(QX_BLOCK * rb), *row = qx_alloc(QX_BLOCK * rb);
	u32 *window = qx_alloc(4 * QX_BLOCK);
	if (!kind || !parity || !present || !pad || !mask || !row || !window)
		return QX_TOO_LARGE;
	qx_zero(t, sizeof *t);
	t->v.shots = p->h.shots, t->v.judged = n, t->v.traps = p->h.traps, t->v.cA = p->h.cA, t->v.cB = p->h.cB, t->v.t_min = p->h.t_min;
	t->v.first_bad = QX_NO_WINDOW, t->v.pA = p->h.pA, t->v.pB = p->h.pB, t->v.tail_a = t->v.tail_b = 100000000;
	t->v.eps_markov = t->v.eps_hidden = QX_PPB;
	for (u32 i = 0; i < n; i++) {
		u32 k = i % QX_BLOCK, more = n - i < QX_BLOCK ? n - i : QX_BLOCK;
		if (k == 0 && (qx_read(QX_HIDDEN, h.s[1].off + i, kind, more) || qx_read(QX_HIDDEN, h.s[2].off + 4 * (u64)i, window, 4 * (u64)more) ||
			       qx_read(QX_HIDDEN, h.s[3].off + (u64)i * rb, pad, (u64)more * rb) || qx_read(QX_HIDDEN, h.s[4].off + (u64)i * rb, mask, (u64)more * rb) ||
			       qx_read(QX_HIDDEN, h.s[5].off + i, parity, more) || qx_read(QX_OUTCOMES, o.s[1].off + (u64)i * rb, row, (u64)more * rb) ||
			       qx_read(QX_OUTCOMES, o.s[2].off + i / 8, present, (more + 7) / 8)))
			return QX_BAD_INPUT;
		qx_slot s = {kind[k], parity[k], present[k >> 3] >> (k & 7) & 1, window[k], pad + k * rb, mask + k * rb, row + k * rb};
		if (qx_tally_slot(t, &s, w, rb, j))
			return QX_BAD_INPUT;
		if (i + 1 == qx_window_start(p, j + 1)) {
			if (t->traps[j] != p->window_traps[j])
				return qx_domain("hidden: a window has another number of traps than the plan");
			j++;
		}
	}
	if (t->v.nA > p->h.nA || t->v.nB > p->h.nB)
		return qx_domain("hidden: more traps of a kind than the plan has");
	if (t->v.missing)
		t->v.reasons |= QX_REASON_MISSING;
	return 0;
}

// qx_verdict_write fills in what follows from decision and trap_pass, and sends
// the verdict.
static i32 qx_verdict_write(qx_tally *t, const qx_plan *p) {
	static const u8 form[] = {1, 8, 2, 4, 3, 4};
	u64 lens[3] = {sizeof t->v, 4 * (u64)p->windows, 4 * (u64)p->windows};
	const void *part[3] = {&t->v, t->traps, t->passed};
	t->v.trap_fail = t->v.shots - t->v.trap_pass;
	qx_begin(&qx_out, QX_RESULT, QX_KIND_VERDICT, p->windows, 3, form, lens);
	for (u32 k = 0; k < 3; k++) {
		qx_put(&qx_out, part[k], (u32)lens[k]);
		qx_pad(&qx_out);
	}
	return qx_end(&qx_out);
}

#endif
