// Trap family echo@1 in C; ../../README.md says what it computes.
#include "qx1_judge.h"
#include "qx1_shake.h"

QX_EXPORT("qx_abi_1") i32 abi_marker(void) { return 1; }

QX_EXPORT("qx_describe") i32 describe(void) {
	qx_reset();
	return qx_manifest("abi=1\nkind=traps\nname=echo\nversion=1.0.0\n");
}

// --- statistics: Chebyshev's inequality on integers ------------------------------

static u64 isqrt(u64 n) {
	u64 r = 0;
	for (u64 bit = 1ull << 31; bit; bit >>= 1)
		if ((r | bit) * (r | bit) <= n)
			r |= bit;
	return r;
}

// accept is the least number of passes of n traps that an honest device with
// failure rate q (ppb) misses with probability at most alpha (ppb).
static u64 accept(u64 n, u64 q, u64 alpha) {
	u64 f = n * q / QX_PPB + isqrt(n * q / alpha) + 1;
	return n > f ? n - f : 0;
}

// left_tail bounds the chance of k or fewer passes of n.
static void left_tail(qx_verdict *v, u64 n, u64 k, u64 q) {
	u64 f = n - k, mean = (n * q + QX_PPB - 1) / QX_PPB;
	u64 bound = f > mean ? n * q / ((f - mean) * (f - mean)) + 1 : QX_PPB;
	if (bound >= QX_PPB)
		return; // 1, as it was
	v->tail_a = bound, v->tail_a_exp = -1;
	while (v->tail_a < 100000000)
		v->tail_a *= 10, v->tail_a_exp--;
}

// --- plan ------------------------------------------------------------------------

enum { PAULI = 0, HADAMARD = 4, FIXED = 8 };

// fixed_gates are the four Paulis, and each behind a Hadamard.
static void fixed_gates(qx_u3 *g) {
	const qx_u3 h = {QX_HALF_PI, 0, QX_PI};
	for (u32 p = 0; p < 4; p++)
		g[PAULI + p] = qx_u3_left((qx_u3){0, 0, 0}, p), g[HADAMARD + p] = qx_u3_left(h, p);
}

static qx_plan plan;

QX_EXPORT("qx_plan") i32 export_plan(void) {
	qx_job job;
	u8 root[32];
	qx_u3 fixed[FIXED];
	i32 err;
	qx_reset();
	if ((err = qx_job_load(&job)) || (err = qx_root_load(root, &plan.pol)) || (err = qx_circuit_load(&plan.s)))
		return err;
	qx_plan_shape(&plan, job.shots, job.ratio);
	qx_plan_head *h = &plan.h;
	u64 q = h->n1 * plan.pol.p1 + h->n2 * plan.pol.p2 + h->width * plan.pol.ro, alpha = plan.pol.alpha_e + plan.pol.alpha_a + plan.pol.alpha_b;
	q = q < 1000 ? 1000 : q > QX_PPB ? QX_PPB : q;
	h->pA = QX_PPB - q, h->pB = 0, h->nA = h->traps, h->nB = 0, h->cA = accept(h->traps, q, alpha), h->cB = 0, h->mix_a = 1, h->mix_b = 0;
	for (h->t_min = 128; h->t_min < QX_MAX_SHOTS && 4 * accept(h->t_min, q, alpha) < 3 * h->t_min;)
		h->t_min *= 2;
	h->h_global = h->h_cusum = 0x7fffffffffffffff; // no evidence is weighed before the end
	qx_zero(plan.increments, sizeof plan.increments);
	fixed_gates(fixed);
	return (err = qx_palette(&plan, fixed, FIXED)) ? err : qx_plan_write(&plan);
}

static i32 load_plan(void) {
	i32 err = qx_plan_load(&plan);
	if (err)
		return err;
	return plan.h.mix_a != 1 || plan.h.mix_b != 0 || plan.h.nB != 0 || plan.h.pA > QX_PPB || plan.h.cA > plan.h.nA ? qx_domain("plan: made by another trap library") : 0;
}

// --- slots -----------------------------------------------------------------------

static qx_stream stream;

// draw_roles marks the traps of a window among the slots of this call: each slot in
// turn is one with probability (traps left) / (slots left).
static void draw_roles(qx_slots *s, const u8 *root, u32 j) {
	u64 at = qx_window_start(s->p, j), end = qx_window_start(s->p, j + 1), left = s->p->window_traps[j];
	qx_stream_open(&stream, root, "roles", j);
	for (; at < end && at < s->first + s->n; at++)
		if (qx_uniform(&stream, end - at) < left) {
			left--;
			if (at >= s->first)
				s->kind[at - s->first] = QX_MATCH_SLOT;
		}
}

static u8 *frame, *pauli; // one Pauli per qubit: coming in, going out

// target_slot is the compiled circuit under a one-time pad.
static void target_slot(const qx_slots *s, u8 *pad) {
	const qx_circuit *c = &s->p->s;
	qx_zero(frame, c->w);
	for (u32 j = 0;; j++) {
		for (u32 q = 0; q < c->w; q++) {
			pauli[q] = (u8)qx_uniform(&stream, 4);
			qx_slots_put(s, s->variant[16 * (j * c->w + q) + 4 * frame[q] + pauli[q]]);
			frame[q] = pauli[q];
		}
		if (j == c->m)
			break;
		qx_push(c, j, frame);
	}
	for (u32 q = 0; q < c->w; q++)
		pad[q >> 3] |= (u8)((frame[q] & 1) << (q & 7));
}

static u8 *basis, *bit; // of each qubit: 1 in the X basis; its eigenvalue

// draw_basis puts qubits into the X basis, no two of them coupled.
static void draw_basis(const qx_circuit *c) {
	for (u32 q = 0; q < c->w; q++)
		basis[q] = c->m > 0 ? (u8)qx_uniform(&stream, 2) : 0;
	for (u32 i = 0; i < c->pairs; i++)
		if (basis[c->pair[2 * i]])
			basis[c->pair[2 * i + 1]] = 0;
}

// match_slot is a circuit of Paulis and Hadamards whose outcome is known.
static void match_slot(const qx_slots *s, const u32 *fixed, u8 *pad, u8 *mask) {
	const qx_circuit *c = &s->p->s;
	draw_basis(c);
	qx_zero(bit, c->w);
	for (u32 j = 0;; j++) {
		for (u32 q = 0; q < c->w; q++) {
			u32 p = qx_uniform(&stream, 4), edge = basis[q] && (j == 0 || j == c->m);
			qx_slots_put(s, fixed[(edge ? HADAMARD : PAULI) + p]);
			bit[q] ^= basis[q] && j < c->m ? p >> 1 : p & 1;
		}
		if (j == c->m)
			break;
		for (u32 i = c->off[j]; i < c->off[j + 1]; i++) {
			u32 a = c->pair[2 * i], b = c->pair[2 * i + 1];
			if (basis[a] && !basis[b])
				bit[a] ^= bit[b];
			if (basis[b] && !basis[a])
				bit[b] ^= bit[a];
		}
	}
	for (u32 q = 0; q < c->w; q++) {
		pad[q >> 3] |= (u8)(bit[q] << (q & 7));
		mask[q >> 3] |= (u8)(1 << (q & 7));
	}
}

QX_EXPORT("qx_generate") i32 export_generate(i64 first, i32 n) {
	qx_policy pol;
	qx_circuit c;
	qx_slots s;
	qx_job job;
	u8 root[32];
	qx_u3 gates[FIXED];
	u32 fixed[FIXED];
	i32 err;
	qx_reset();
	if ((err = qx_job_load(&job)) || (err = qx_root_load(root, &pol)) || (err = load_plan()) || (err = qx_circuit_load(&c)))
		return err;
	if (job.shots != plan.h.shots || job.ratio != plan.h.ratio)
		return qx_domain("the plan is not of this job");
	if ((err = qx_slots_begin(&s, &plan, &c, first, n)))
		return err;
	fixed_gates(gates);
	for (u32 k = 0; k < FIXED; k++)
		if ((fixed[k] = qx_find(&plan, gates[k])) == 0xffffffffu)
			return qx_domain("the palette lacks a gate of this family");
	frame = qx_alloc(c.w), pauli = qx_alloc(c.w), basis = qx_alloc(c.w), bit = qx_alloc(c.w);
	if (!frame || !pauli || !basis || !bit)
		return QX_TOO_LARGE;
	for (u32 j = s.window[0]; j <= s.window[s.n - 1]; j++)
		draw_roles(&s, root, j);
	for (u32 i = 0; i < s.n; i++) {
		qx_stream_open(&stream, root, "slot", s.first + i);
		if (s.kind[i] == QX_MATCH_SLOT)
			match_slot(&s, fixed, s.pad + i * s.rb, s.mask + i * s.rb);
		else
			target_slot(&s, s.pad + i * s.rb);
	}
	return qx_slots_end(&s);
}

// --- judge -----------------------------------------------------------------------

QX_EXPORT("qx_judge") i32 export_judge(i32 n) {
	static qx_tally t;
	i32 err;
	qx_reset();
	if ((err = load_plan()) || (err = qx_tally_run(&t, &plan, n)))
		return err;
	qx_verdict *v = &t.v;
	i32 whole = v->judged == v->shots;
	if (whole) {
		left_tail(v, v->nA, v->kA, QX_PPB - v->pA);
		v->reasons |= v->kA < v->cA ? QX_REASON_A : 0;
	}
	if (v->traps == 0 || v->traps < v->t_min)
		v->decision = QX_INSUFFICIENT;
	else if (v->reasons & QX_REASON_A)
		v->decision = QX_FAIL;
	else if (v->missing)
		v->decision = QX_FAIL, v->trap_pass = qx_window_start(&plan, v->first_bad);
	else
		v->decision = whole ? QX_PASS : QX_PENDING, v->trap_pass = v->judged;
	return qx_verdict_write(&t, &plan);
}
