// The 24 one-qubit Cliffords and what they do to signed Paulis; traps/SPEC.md,
// "Cliffords". Tables are computed at the start of a call.
#ifndef QTRAP_CLIFFORD_H
#define QTRAP_CLIFFORD_H

#include "qx1_u3.h"

#define CLIFFORDS 24
enum { C_I = 0, C_X = 1, C_H = 4, C_S = 8, C_SDAG = 11, C_HSDAG = 13, C_SH = 16 };

// A signed Pauli is pauli | negative << 2.
static qx_u3 cl_triple[CLIFFORDS];
static u8 cl_act[CLIFFORDS][4];
static u8 cl_mul[CLIFFORDS][CLIFFORDS];

// Random draws 0..3 name I, X, Y, Z.
static inline u32 pauli_of_draw(u32 d) { return d ^ d >> 1; }

static const u8 cl_prep[4] = {C_I, C_H, C_I, C_SH}; // |0> to the +1 eigenstate of I, X, Z, Y
static const u8 cl_rot[4] = {C_I, C_H, C_I, C_HSDAG}; // I, X, Z, Y to Z

static void cl_after(u8 out[4], const u8 a[4], const u8 b[4]) {
	u8 r[4];
	for (u32 p = 0; p < 4; p++)
		r[p] = a[b[p] & 3] ^ (b[p] & 4);
	__builtin_memcpy(out, r, 4);
}

static void cl_pauli(u8 out[4], u32 p) {
	for (u32 q = 0; q < 4; q++)
		out[q] = (u8)(q | ((p & q >> 1) ^ (p >> 1 & q)) << 2);
}

static void clifford_tables(void) {
	static const u8 h[4] = {0, 2, 1, 3 | 4}, s[4] = {0, 3, 2, 1 | 4};
	static const u8 units[6][3] = {{0, 0, 0}, {1, 0, 2}, {0, 0, 1}, {1, 0, 3}, {1, 1, 2}, {1, 3, 1}};
	u8 v[6][4];
	cl_pauli(v[0], 0);
	__builtin_memcpy(v[1], h, 4);
	__builtin_memcpy(v[2], s, 4);
	cl_after(v[3], h, s);
	cl_after(v[4], s, h);
	cl_after(v[5], h, v[4]);
	for (u32 c = 0; c < CLIFFORDS; c++) {
		u32 p = pauli_of_draw(c & 3);
		u8 a[4];
		cl_pauli(a, p);
		cl_after(cl_act[c], a, v[c / 4]);
		cl_triple[c] = qx_u3_left((qx_u3){units[c / 4][0] * QX_HALF_PI, units[c / 4][1] * QX_HALF_PI, units[c / 4][2] * QX_HALF_PI}, p);
	}
	for (u32 a = 0; a < CLIFFORDS; a++)
		for (u32 b = 0; b < CLIFFORDS; b++) {
			u8 r[4];
			u32 c = 0;
			cl_after(r, cl_act[a], cl_act[b]);
			while (cl_act[c][1] != r[1] || cl_act[c][2] != r[2])
				c++;
			cl_mul[a][b] = (u8)c;
		}
}

#endif
