// Compiler pass peephole@1 in C; ../../README.md says what it does.
#include "qx1_compile.h"

QX_EXPORT("qx_abi_1") i32 abi_marker(void) { return 1; }

QX_EXPORT("qx_describe") i32 describe(void) {
	qx_reset();
	return qx_manifest("abi=1\nkind=compiler\nname=peephole\nversion=1.0.0\n");
}

// merge makes one gate of a followed by b where integers can: 1, or 0 if not.
static i32 merge(qx_u3 a, qx_u3 b, qx_u3 *out) {
	u64 x = qx_mod_2pi(b.l + a.p); // the rotation about Z between them
	if (a.t == 0)
		*out = (qx_u3){b.t, b.p, b.l + a.l};
	else if (b.t == 0)
		*out = (qx_u3){a.t, a.p + b.l, a.l};
	else if (x == 0)
		*out = (qx_u3){a.t + b.t, b.p, a.l};
	else if (x == QX_PI) // Rz(π)·Ry(t) = Ry(-t)·Rz(π)
		*out = (qx_u3){b.t - a.t, b.p, a.l + QX_PI};
	else if (a.t == QX_PI) // Rz(x)·Ry(π) = Ry(π)·Rz(-x)
		*out = (qx_u3){b.t + QX_PI, b.p, a.l - x};
	else if (b.t == QX_PI)
		*out = (qx_u3){a.t + QX_PI, b.p - x, a.l};
	else
		return 0;
	*out = qx_u3_normal(*out);
	return 1;
}

// Levels: width gates and width partners each, made one behind the other.
static u8 *levels;
static u32 w, stride, made;

static qx_u3 *gate(u32 level, u32 q) { return (qx_u3 *)(levels + level * stride) + q; }
static u16 *partner(u32 level, u32 q) { return (u16 *)(levels + level * stride + 24 * w) + q; }

// need makes levels up to number j.
static i32 need(u32 j) {
	if (j > QX_MAX_LAYERS)
		return qx_fail(QX_TOO_LARGE, "the circuit needs more than 65536 layers");
	for (; made <= j; made++) {
		u8 *p = qx_alloc(stride);
		if (!p)
			return QX_TOO_LARGE;
		qx_zero(p, 24 * w);
		__builtin_memset(p + 24 * w, 0xff, 2 * w);
	}
	return 0;
}

static i32 is_identity(const qx_u3 *u) { return u->t == 0 && u->l == 0; }

static u32 *at; // the level of each qubit's last gate

static i32 put_u3(u32 q, qx_u3 u) {
	i32 err;
	if (merge(*gate(at[q], q), u, gate(at[q], q)))
		return 0;
	if ((err = need(at[q] + 1)))
		return err;
	*gate(++at[q], q) = u;
	return 0;
}

static i32 put_cz(u32 a, u32 b) {
	u32 j = at[a] > at[b] ? at[a] : at[b];
	i32 err;
	if (at[a] == at[b] && j > 0 && *partner(j - 1, a) == b && is_identity(gate(j, a)) && is_identity(gate(j, b))) {
		*partner(j - 1, a) = *partner(j - 1, b) = QX_NO_PARTNER; // two CZ are none
		at[a] = at[b] = j - 1;
		return 0;
	}
	if ((err = need(j + 1)))
		return err;
	*partner(j, a) = (u16)b, *partner(j, b) = (u16)a;
	at[a] = at[b] = j + 1;
	return 0;
}

static u32 deepest(void) {
	u32 m = 0;
	for (u32 q = 0; q < w; q++)
		m = at[q] > m ? at[q] : m;
	return m;
}

static i32 put_barrier(void) {
	u32 m = deepest() + 1;
	for (u32 q = 0; q < w; q++)
		at[q] = m;
	return need(m);
}

QX_EXPORT("qx_compile") i32 compile(void) {
	qx_source s;
	i32 err;
	qx_reset();
	if ((err = qx_source_load(&s)))
		return err;
	w = s.width, stride = (26 * w + 15) & ~15u, made = 0;
	if (!(at = qx_alloc(4 * (u64)w)) || !(levels = qx_alloc(0)))
		return QX_TOO_LARGE;
	qx_zero(at, 4 * w);
	if ((err = need(0)))
		return err;
	for (u32 i = 0; i < s.ops && !err; i++) {
		u32 a = s.q[2 * i], b = s.q[2 * i + 1];
		if (s.op[i] == QX_OP_U3)
			err = put_u3(a, qx_u3_normal(s.u[i]));
		else if (s.op[i] == QX_OP_CZ)
			err = qx_coupled(&s, a, b) ? put_cz(a, b) : qx_refuse(i, "the device does not couple these qubits, and this pass does not route");
		else if (s.op[i] == QX_OP_BARRIER)
			err = put_barrier();
	}
	return err ? err : qx_layered_write(&s, deepest(), levels, stride);
}
