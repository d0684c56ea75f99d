// qx1_u3.h: one-qubit gates as integer Euler angles, the arithmetic of package
// circuit (u3.go). 4π = 2^64, so additions wrap as they should.
#ifndef QX1_U3_H
#define QX1_U3_H

#include "qx1.h"

#define QX_HALF_PI (1ull << 61)
#define QX_PI (1ull << 62)
#define QX_TWO_PI (1ull << 63)
#define QX_ANGLE_LOW 0xfffull // bits that are zero in every angle

// Rz(p)·Ry(t)·Rz(l)
typedef struct {
	u64 t, p, l;
} qx_u3;

static inline u64 qx_mod_2pi(u64 a) { return a & (QX_TWO_PI - 1); }

// qx_u3_normal is the unique representative up to global phase.
static inline qx_u3 qx_u3_normal(qx_u3 u) {
	u64 t = qx_mod_2pi(u.t), p = u.p, l = u.l;
	if (t > QX_PI) // Ry(-x) = Rz(π)·Ry(x)·Rz(-π)
		t = QX_TWO_PI - t, p += QX_PI, l += QX_PI;
	if (t == 0)
		l += p, p = 0;
	else if (t == QX_PI) // Rz(p)·Ry(π) = Ry(π)·Rz(-p)
		l -= p, p = 0;
	return (qx_u3){t, qx_mod_2pi(p), qx_mod_2pi(l)};
}

// qx_u3_left is P·u, qx_u3_right u·P; Paulis have bit 0 for X and bit 1 for Z.
static inline qx_u3 qx_u3_left(qx_u3 u, u32 pauli) {
	if (pauli & 1)
		u = (qx_u3){QX_PI - u.t, -u.p, u.l + QX_PI};
	if (pauli & 2)
		u.p += QX_PI;
	return qx_u3_normal(u);
}

static inline qx_u3 qx_u3_right(qx_u3 u, u32 pauli) {
	if (pauli & 1)
		u = (qx_u3){QX_PI - u.t, u.p + QX_PI, -u.l};
	if (pauli & 2)
		u.l += QX_PI;
	return qx_u3_normal(u);
}

static inline i32 qx_u3_less(const qx_u3 *a, const qx_u3 *b) {
	if (a->t != b->t)
		return a->t < b->t;
	if (a->p != b->p)
		return a->p < b->p;
	return a->l < b->l;
}

static inline i32 qx_u3_equal(const qx_u3 *a, const qx_u3 *b) { return a->t == b->t && a->p == b->p && a->l == b->l; }

// qx_u3_valid: a normal form on the angle grid.
static inline i32 qx_u3_valid(qx_u3 u) {
	qx_u3 n = qx_u3_normal(u);
	return qx_u3_equal(&n, &u) && ((u.t | u.p | u.l) & QX_ANGLE_LOW) == 0;
}

#endif
