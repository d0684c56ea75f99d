// The compiler `layered`: any lowered circuit into layers of one u3 per qubit and
// CZ. README.md states the rules.
#include "route.h"

#define MAX_OPS (1u << 20)

enum { OP_BARRIER = 0, OP_MEASURE = 1, OP_U3 = 3, OP_CZ = 4 };

static u32 qubits, clbits;
static u32 *clbit_of; // per logical qubit: QX_NO_CLBIT before its measure
static u8 *clbit_used;

QX_EXPORT("qx_abi_1") i32 abi_marker(void) { return 1; }

QX_EXPORT("qx_describe") i32 describe(void) {
	qx_reset();
	return qx_manifest("abi=1\nkind=compiler\nname=layered\nversion=1.0.0\n");
}

static i32 refuse(u32 i, const char *why) {
	qx_say("operation ");
	qx_say_num(i);
	qx_say(": ");
	return qx_fail(QX_UNSUPPORTED, why);
}

static i32 malformed(u32 i) { return refuse(i, "unknown gate, operand out of range, or unused fields that are not zero"); }

static i32 measure(u32 i, u32 q, u32 c) {
	if (c >= clbits)
		return refuse(i, "clbit out of range");
	if (clbit_used[c])
		return refuse(i, "a clbit is measured twice; only final measurements have a layered form");
	clbit_used[c] = 1, clbit_of[q] = c;
	return 0;
}

// step compiles one operation.
static i32 step(u32 i, u32 op, const u16 *q, const u64 *a, u32 c) {
	u32 used = op == OP_CZ ? 2 : op == OP_BARRIER ? 0 : 1;
	u64 low = (a[0] | a[1] | a[2]) & QX_ANGLE_LOW, rest = op == OP_U3 ? low : a[0] | a[1] | a[2];
	if ((op != OP_BARRIER && op != OP_MEASURE && op != OP_U3 && op != OP_CZ) || rest || (op != OP_MEASURE && c) || (used < 2 && q[1]) || (used < 1 && q[0]))
		return malformed(i);
	for (u32 k = 0; k < used; k++) {
		if (q[k] >= qubits)
			return malformed(i);
		if (clbit_of[q[k]] != QX_NO_CLBIT)
			return refuse(i, op == OP_MEASURE ? "a qubit is measured twice" : "a gate follows the measurement of its qubit; only final measurements have a layered form");
	}
	switch (op) {
	case OP_MEASURE: return measure(i, q[0], c);
	case OP_U3: sched_gate(route_at[q[0]], qx_u3_normal((qx_u3){a[0], a[1], a[2]})); return 0;
	case OP_CZ: return q[0] == q[1] ? malformed(i) : route_cz(q[0], q[1]);
	default: sched_barrier(); return 0;
	}
}

static const u8 circuit_form[] = {1, 8, 2, 1, 3, 2, 4, 8, 5, 4};
static const u8 layered_form[] = {1, 8, 2, 4, 3, 2, 4, 8, 5, 4};

static qx_writer out;

static i32 write_result(i32 measured) {
	u32 w = sched_w, m = sched_m, p = 0;
	if (!measured) { // qubit i goes to clbit i
		clbits = clbits > qubits ? clbits : qubits;
		for (u32 q = 0; q < qubits; q++)
			clbit_of[q] = q;
	}
	for (u32 j = 0; j < m; j++)
		for (u32 q = 0; q < w; q++)
			p += sched_partner(j)[q] != NO_PARTNER && sched_partner(j)[q] > q;
	u64 lens[5] = {16, 4 * ((u64)m + 1), 4 * (u64)p, 24 * ((u64)m + 1) * w, 4 * (u64)w}, head[2] = {w, clbits};
	qx_begin(&out, QX_RESULT, QX_KIND_LAYERED, m, 5, layered_form, lens);
	qx_put(&out, head, 16);
	u32 at = 0;
	qx_put(&out, &at, 4);
	for (u32 j = 0; j < m; j++) {
		for (u32 q = 0; q < w; q++)
			at += sched_partner(j)[q] != NO_PARTNER && sched_partner(j)[q] > q;
		qx_put(&out, &at, 4);
	}
	qx_pad(&out);
	for (u32 j = 0; j < m; j++)
		for (u32 q = 0; q < w; q++) {
			u16 b = sched_partner(j)[q], pair[2] = {(u16)q, b};
			if (b != NO_PARTNER && b > q)
				qx_put(&out, pair, 4);
		}
	qx_pad(&out);
	for (u32 j = 0; j <= m; j++)
		qx_put(&out, sched_gates(j), 24 * w);
	for (u32 q = 0; q < w; q++) {
		u32 l = route_who[q], c = l < qubits ? clbit_of[l] : QX_NO_CLBIT;
		qx_put(&out, &c, 4);
	}
	qx_pad(&out);
	return qx_end(&out);
}

QX_EXPORT("qx_compile") i32 compile(void) {
	qx_reset();
	qx_message c;
	u64 head[2];
	i32 err = qx_open(&c, QX_CIRCUIT, QX_KIND_CIRCUIT, 5, circuit_form);
	if (err || (err = qx_count(&c, 0, 2)) || (err = qx_read(QX_CIRCUIT, c.s[0].off, head, 16)))
		return err;
	if (c.items > MAX_OPS)
		return qx_fail(QX_TOO_LARGE, "the circuit has more than 1048576 operations");
	u64 n = c.items;
	if ((err = qx_count(&c, 1, n)) || (err = qx_count(&c, 2, 2 * n)) || (err = qx_count(&c, 3, 3 * n)) || (err = qx_count(&c, 4, n)))
		return err;
	if (head[0] < 1 || head[0] > QX_MAX_WIDTH || head[1] > QX_MAX_WIDTH) {
		qx_say_num(head[0]);
		qx_say(" qubits, ");
		qx_say_num(head[1]);
		return qx_fail(QX_UNSUPPORTED, " clbits; the limit is 4096 of each, and at least one qubit");
	}
	qubits = (u32)head[0], clbits = (u32)head[1];
	u32 width = 0;
	if ((err = route_load(qubits, &width)))
		return err;
	u8 *op = qx_load(&c, 1);
	u16 *q = qx_load(&c, 2);
	u64 *a = qx_load(&c, 3);
	u32 *cl = qx_load(&c, 4);
	clbit_of = qx_alloc(4 * qubits), clbit_used = qx_alloc(clbits);
	if (!op || !q || !a || !cl || !clbit_of || !clbit_used)
		return QX_TOO_LARGE;
	__builtin_memset(clbit_of, 0xff, 4 * qubits);
	qx_zero(clbit_used, clbits);
	if ((err = sched_start(width)))
		return err;
	i32 measured = 0;
	for (u32 i = 0; i < n; i++) {
		if ((err = step(i, op[i], q + 2 * i, a + 3 * i, cl[i])))
			return err;
		measured |= op[i] == OP_MEASURE;
	}
	return write_result(measured);
}
