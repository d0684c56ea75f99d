// qx1_compile.h: what every compiler does the same way: it reads circuit and
// target, checking every operation, and writes a layered circuit.
#ifndef QX1_COMPILE_H
#define QX1_COMPILE_H

#include "qx1_u3.h"

#define QX_MAX_OPS (1u << 20)
#define QX_NO_PARTNER 0xffffu

enum { QX_OP_BARRIER = 0, QX_OP_MEASURE = 1, QX_OP_U3 = 3, QX_OP_CZ = 4 };

typedef struct {
	u32 qubits, clbits, width, ops, edges;
	u8 *op;        // of each operation
	u16 *q;        // two operands each
	qx_u3 *u;      // angles of a u3, as they came
	u32 *clbit_of; // of each qubit of the device: where it is measured, QX_NO_CLBIT
	u16 *edge;     // pairs of coupled qubits, ascending; none: all are
} qx_source;

static i32 qx_refuse(u32 i, const char *why) {
	qx_say("operation ");
	qx_say_num(i);
	qx_say(": ");
	return qx_fail(QX_UNSUPPORTED, why);
}

// qx_source_op checks operation i; measurements are final and noted in clbit_of.
static i32 qx_source_op(qx_source *s, u32 i, u32 c, u8 *used) {
	u32 op = s->op[i], n = op == QX_OP_CZ ? 2 : op == QX_OP_BARRIER ? 0 : 1;
	const u16 *q = s->q + 2 * i;
	u64 angles = s->u[i].t | s->u[i].p | s->u[i].l;
	if ((op != QX_OP_BARRIER && op != QX_OP_MEASURE && op != QX_OP_U3 && op != QX_OP_CZ) || (op == QX_OP_U3 ? angles & QX_ANGLE_LOW : angles) || (op != QX_OP_MEASURE && c) ||
	    (n < 2 && q[1]) || (n < 1 && q[0]) || (n == 2 && q[0] == q[1]))
		return qx_refuse(i, "unknown gate, or unused fields that are not zero");
	for (u32 k = 0; k < n; k++) {
		if (q[k] >= s->qubits)
			return qx_refuse(i, "qubit out of range");
		if (s->clbit_of[q[k]] != QX_NO_CLBIT)
			return qx_refuse(i, "the qubit was measured before; only final measurements have a layered form");
	}
	if (op != QX_OP_MEASURE)
		return 0;
	if (c >= s->clbits || used[c])
		return qx_refuse(i, "clbit out of range, or measured twice");
	used[c] = 1, s->clbit_of[q[0]] = c;
	return 0;
}

static i32 qx_target_load(qx_source *s) {
	static const u8 form[] = {1, 8, 2, 2};
	qx_message m;
	u64 width;
	if (qx_open(&m, QX_TARGET, QX_KIND_TARGET, 2, form) || qx_count(&m, 0, 1) || qx_count(&m, 1, 2 * m.items) || qx_read(QX_TARGET, m.s[0].off, &width, 8))
		return QX_BAD_INPUT;
	s->width = width ? (u32)width : s->qubits, s->edges = (u32)m.items;
	if (width > QX_MAX_WIDTH || s->width < s->qubits || m.items > 1u << 23)
		return qx_fail(QX_UNSUPPORTED, "the device has fewer qubits than the circuit, or more than 4096");
	if (!(s->edge = qx_load(&m, 1)))
		return QX_TOO_LARGE;
	for (u32 i = 0; i < s->edges; i++) {
		const u16 *e = s->edge + 2 * i;
		if (e[0] >= e[1] || e[1] >= s->width || (i > 0 && (e[-2] > e[0] || (e[-2] == e[0] && e[-1] >= e[1]))))
			return qx_fail(QX_BAD_INPUT, "target: edges must be pairs A < B of the device's qubits, ascending");
	}
	return 0;
}

// qx_coupled says whether a device can apply CZ to two qubits.
static i32 qx_coupled(const qx_source *s, u32 a, u32 b) {
	u32 lo = 0, hi = s->edges, want = a < b ? a << 16 | b : b << 16 | a;
	while (lo < hi) {
		u32 mid = (lo + hi) / 2, e = (u32)s->edge[2 * mid] << 16 | s->edge[2 * mid + 1];
		if (e == want)
			return 1;
		if (e < want)
			lo = mid + 1;
		else
			hi = mid;
	}
	return s->edges == 0;
}

// qx_source_load reads streams 1 and 2.
static i32 qx_source_load(qx_source *s) {
	static const u8 form[] = {1, 8, 2, 1, 3, 2, 4, 8, 5, 4};
	qx_message m;
	u64 head[2];
	if (qx_open(&m, QX_CIRCUIT, QX_KIND_CIRCUIT, 5, form) || qx_count(&m, 0, 2) || qx_read(QX_CIRCUIT, m.s[0].off, head, 16))
		return QX_BAD_INPUT;
	if (m.items > QX_MAX_OPS || head[0] < 1 || head[0] > QX_MAX_WIDTH || head[1] > QX_MAX_WIDTH)
		return qx_fail(QX_TOO_LARGE, "more than 1048576 operations, no qubit, or more than 4096 qubits or clbits");
	u32 n = s->ops = (u32)m.items;
	if (qx_count(&m, 1, n) || qx_count(&m, 2, 2 * (u64)n) || qx_count(&m, 3, 3 * (u64)n) || qx_count(&m, 4, n))
		return QX_BAD_INPUT;
	s->qubits = (u32)head[0], s->clbits = (u32)head[1];
	i32 err = qx_target_load(s);
	if (err)
		return err;
	s->op = qx_load(&m, 1), s->q = qx_load(&m, 2), s->u = qx_load(&m, 3), s->clbit_of = qx_alloc(4 * (u64)s->width);
	u32 *c = qx_load(&m, 4);
	u8 *used = qx_alloc(s->clbits);
	if (!s->op || !s->q || !s->u || !s->clbit_of || !c || !used)
		return QX_TOO_LARGE;
	__builtin_memset(s->clbit_of, 0xff, 4 * s->width);
	qx_zero(used, s->clbits);
	u32 measured = 0;
	for (u32 i = 0; i < n; i++) {
		if ((err = qx_source_op(s, i, c[i], used)))
			return err;
		measured |= s->op[i] == QX_OP_MEASURE;
	}
	if (!measured) { // qubit i goes to clbit i
		s->clbits = s->clbits > s->qubits ? s->clbits : s->qubits;
		for (u32 q = 0; q < s->qubits; q++)
			s->clbit_of[q] = q;
	}
	return 0;
}

static qx_writer qx_layered_out;

// qx_layered_write sends m CZ layers between m+1 layers of u3. Level j is at
// levels + j*stride: width gates in normal form, then width partners (u16) of the
// CZ layer behind them; those of level m are not read.
static i32 qx_layered_write(const qx_source *s, u32 m, const u8 *levels, u32 stride) {
	static const u8 form[] = {1, 8, 2, 4, 3, 2, 4, 8, 5, 4};
	qx_writer *o = &qx_layered_out;
	u32 w = s->width, pairs = 0;
	u64 head[2] = {w, s->clbits};
	for (u32 pass = 0; pass < 3; pass++) { // count, layer starts, pairs
		if (pass == 1) {
			u64 lens[5] = {16, 4 * ((u64)m + 1), 4 * (u64)pairs, 24 * ((u64)m + 1) * w, 4 * (u64)w};
			qx_begin(o, QX_RESULT, QX_KIND_LAYERED, m, 5, form, lens);
			qx_put(o, head, 16);
			pairs = 0;
			qx_put(o, &pairs, 4);
		}
		for (u32 j = 0; j < m; j++) {
			const u16 *partner = (const u16 *)(levels + (u64)j * stride + 24 * w);
			for (u32 q = 0; q < w; q++) {
				u16 pair[2] = {(u16)q, partner[q]};
				if (partner[q] == QX_NO_PARTNER || partner[q] < q)
					continue;
				pairs++;
				if (pass == 2)
					qx_put(o, pair, 4);
			}
			if (pass == 1)
				qx_put(o, &pairs, 4);
		}
		if (pass > 0)
			qx_pad(o);
	}
	for (u32 j = 0; j <= m; j++)
		qx_put(o, levels + (u64)j * stride, 24 * w);
	qx_put(o, s->clbit_of, 4 * w);
	qx_pad(o);
	return qx_end(o);
}

#endif
