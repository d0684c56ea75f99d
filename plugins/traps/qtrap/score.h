// qx_audit: how the target slots that have an outcome score against the ideal
// circuit. The definition is package traps, score.go.
#ifndef QTRAP_SCORE_H
#define QTRAP_SCORE_H

#include "ideal.h"
#include "judge.h"

#define SCORE_SLOTS 256u // fewer are insufficient

enum { STAT_BOUNDED = 1, STAT_LINEAR = 2 };
enum { SCORE_PASS = 0, SCORE_FAIL = 1, SCORE_VACUOUS = 2, SCORE_INSUFFICIENT = 3 };

// Fields of section 1 of an audit.
typedef struct {
	u64 statistic, shots, f0, score, limit, fraud_limit, verdict, fraud, sum_low, sum_high;
} audit;

static i32 ideal_make(ideal *d, const skeleton *s, const qx_u3 *gates) {
	u32 n = 1u << s->w;
	d->w = s->w, d->re = qx_alloc(4 * (u64)n), d->im = qx_alloc(4 * (u64)n);
	if (!d->re || !d->im)
		return QX_TOO_LARGE;
	trig_tables();
	qx_zero(d->re, 4 * n), qx_zero(d->im, 4 * n);
	d->re[0] = 1 << 30;
	for (u32 j = 0; j <= s->m; j++) {
		for (u32 q = 0; q < s->w; q++) {
			qx_u3 u = gates[j * s->w + q];
			if (u.t | u.p | u.l)
				ideal_gate(d, q, u);
		}
		for (u32 i = s->off[j]; j < s->m && i < s->off[j + 1]; i++)
			ideal_cz(d, s->pair[2 * i], s->pair[2 * i + 1]);
	}
	ideal_moments(d);
	return 0;
}

// score_sigmas is ceil(1e9 sqrt(z2/1e6 V/(N span^2))), at most 1e9; v and span as
// in score_linear.
static u64 score_sigmas(const big *v, const big *span, u64 n, u64 z2) {
	big num = big_times(v, z2), den = big_mul(span, span), most;
	den = big_times(&den, 1000000 * n);
	most = big_times(&den, 1000000000000000000ull);
	return big_cmp(&num, &most) >= 0 ? QS_PPB : square_root(big_quotient(num, &den)) + 1;
}

// score_linear is statistic 2; returns 0 where it says nothing.
static i32 score_linear(audit *a, const ideal *d, const big *sum, const big *u) {
	u64 f = a->f0, n = a->shots;
	if (big_cmp(&d->sum2, u) <= 0)
		return 0;
	big span = d->sum2, t, num, v;
	big_sub(&span, u);
	t = big_times(&span, 1000);
	if (big_cmp(&t, u) < 0)
		return 0;
	num = big_shl(sum, 60), t = big_times(u, n);
	if (big_cmp(&num, &t) > 0) {
		big_sub(&num, &t);
		num = big_times(&num, QS_PPB), t = big_times(&span, n);
		a->score = big_quotient(num, &t);
	}
	// v in units of 2^-240 1e-18
	v = big_shl(&d->sum3, 60), v = big_times(&v, f * QS_PPB);
	t = big_mul(&d->sum2, u), t = big_times(&t, (QS_PPB - f) * QS_PPB);
	big_add(&v, &t);
	big mu = big_times(&span, f);
	t = big_times(u, QS_PPB);
	big_add(&mu, &t);
	t = big_mul(&mu, &mu);
	if (big_cmp(&v, &t) > 0)
		big_sub(&v, &t);
	else
		v = big_u64(0);
	a->limit = f - qs_min(score_sigmas(&v, &span, n, 9549536), f);
	a->fraud_limit = f - qs_min(score_sigmas(&v, &span, n, 22595043), f);
	return a->limit > 0;
}

static u64 score_over(u128 n, i32 up) {
	big b = big_u128(n), ppb = big_u64(QS_PPB);
	if (up) {
		big less = big_u64(QS_PPB - 1);
		big_add(&b, &less);
	}
	return big_quotient(b, &ppb);
}

// score_kl is a lower bound of KL(x, m) in units of 2^-32, for x < m in ppb.
static i64 score_kl(u64 x, u64 m) {
	u128 gain = u128_product(QS_PPB - x, (u64)qs_ln_q32_floor(QS_PPB - x, QS_PPB - m)), loss = {0, 0};
	if (x > 0)
		loss = u128_product(x, (u64)-qs_ln_q32_floor(x, m));
	if (u128_cmp(gain, loss) >= 0)
		return (i64)score_over(u128_sub(gain, loss), 0);
	return -(i64)score_over(u128_sub(loss, gain), 1);
}

// score_least is the smallest x with n KL(x, m) < ln(inverse), or x >= m.
static u64 score_least(u64 m, u64 n, u64 inverse) {
	i64 limit = qs_ln_q32_ceil(inverse, 1);
	u64 lo = 0, hi = m = qs_min(m, QS_MAX_PASS_PPB);
	while (lo < hi) {
		u64 mid = (lo + hi) / 2;
		if (score_kl(mid, m) * (i64)n < limit)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

// score_bounded is statistic 1; returns 0 where it says nothing.
static i32 score_bounded(audit *a, const ideal *d, const big *sum, const big *u) {
	big max = big_u64(d->max), unit, t = big_times(&d->sum2, a->f0);
	unit = big_shl(&max, 60);
	u64 m = big_quotient(t, &unit);
	t = big_shl(sum, 60), t = big_times(&t, QS_PPB);
	big q = big_times(&d->sum2, a->shots);
	a->score = big_quotient(t, &q);
	t = big_times(&unit, score_least(m, a->shots, 1000)), a->limit = big_quotient(t, &d->sum2);
	t = big_times(&unit, score_least(m, a->shots, 1000000)), a->fraud_limit = big_quotient(t, &d->sum2);
	t = big_times(u, QS_PPB);
	return a->limit > big_quotient(t, &d->sum2);
}

static void score_judge(audit *a, const ideal *d) {
	big sum = big_u128((u128){a->sum_high, a->sum_low}), one = big_u64(1), u = big_shl(&one, 120 - d->w), four = big_shl(&u, 2);
	a->statistic = big_cmp(&d->sum2, &four) > 0 ? STAT_BOUNDED : STAT_LINEAR;
	if (a->shots < SCORE_SLOTS) {
		a->verdict = SCORE_INSUFFICIENT;
		return;
	}
	i32 says = a->statistic == STAT_LINEAR ? score_linear(a, d, &sum, &u) : score_bounded(a, d, &sum, &u);
	if (!says)
		a->verdict = SCORE_VACUOUS;
	else if (a->score < a->limit)
		a->verdict = SCORE_FAIL, a->fraud = a->score < a->fraud_limit;
}

// score_slots adds the target slots of the outcomes.
static i32 score_slots(audit *a, const ideal *d, const plan *p, const qx_message *h, const qx_message *o) {
	u32 n = (u32)p->h.shots, w = p->s.w, rb = (w + 7) / 8, j = 0;
	block b = {qx_alloc(BLOCK), qx_alloc(BLOCK * rb), qx_alloc(BLOCK * rb), qx_alloc(BLOCK), qx_alloc(BLOCK * rb), qx_alloc(BLOCK / 8), qx_alloc(4 * BLOCK)};
	counts c = {0};
	i32 err;
	if (!b.kind || !b.pad || !b.mask || !b.parity || !b.row || !b.present || !b.window)
		return QX_TOO_LARGE;
	for (u32 i = 0; i < n; i++) {
		u32 k = i % BLOCK;
		if (k == 0 && (err = block_read(&b, h, o, i, n - i < BLOCK ? n - i : BLOCK, rb)))
			return err;
		if ((err = judge_slot(&b, k, w, rb, j, &c)))
			return err;
		if (b.kind[k] == TARGET && b.present[k >> 3] >> (k & 7) & 1) {
			u32 x = 0;
			for (u32 r = 0; r < rb; r++)
				x |= (u32)(b.row[k * rb + r] ^ b.pad[k * rb + r]) << (8 * r);
			u64 low = a->sum_low + ideal_p(d, x);
			a->sum_high += low < a->sum_low, a->sum_low = low;
			a->shots++;
		}
		if (i + 1 == window_start(p, j + 1)) {
			if (c.nA + c.nB != p->window_traps[j++])
				return domain("hidden: a window has another number of traps than the plan");
			c = (counts){0};
		}
	}
	return 0;
}

static qx_writer audit_out;

static i32 score(i32 n) {
	static const u8 form[] = {1, 8};
	static ideal d;
	const plan *p = &judged;
	skeleton c;
	qx_u3 *gates;
	qx_message h, o;
	i32 err = plan_load(&judged);
	if (err || (err = family_limit(&judged.s)) || (err = circuit_load(&c, &gates)))
		return err;
	if (!skeleton_equal(&p->s, &c))
		return domain("the plan is for another CZ skeleton");
	if (n < 1 || (u64)n != p->h.shots)
		return domain("n must be all shots");
	if ((err = judge_open(&h, &o, (u32)n, (p->s.w + 7) / 8)) || (err = ideal_make(&d, &c, gates)))
		return err;
	audit a = {.f0 = qs_no_error(p->h.n1, p->h.n2, p->s.w, p->pol.p1, p->pol.p2, p->pol.ro)};
	if ((err = score_slots(&a, &d, p, &h, &o)))
		return err;
	score_judge(&a, &d);
	u64 len = sizeof a;
	qx_begin(&audit_out, QX_RESULT, QX_KIND_AUDIT, 1, 1, form, &len);
	qx_put(&audit_out, &a, sizeof a);
	return qx_end(&audit_out);
}

#endif
