// The product of two one-qubit gates as Euler angles. README.md, "Merging",
// states the rules; exact cases are exact to the last bit.
#ifndef MERGE_H
#define MERGE_H

#include "cordic.h"
#include "qx1_u3.h"

// merge_round rounds to the angle grid of 4π/2^52, ties up.
static u64 merge_round(u64 a) { return (a + 0x800) & ~QX_ANGLE_LOW; }

// merge_middle writes Ry(b)·Rz(z)·Ry(a) as Rz(p)·Ry(t)·Rz(l). With half angles
// the first column of the product is
//
//	cos(z)cos(a+b) - i sin(z)cos(a-b),  cos(z)sin(a+b) - i sin(z)sin(b-a)
//
// and that of the result cos(t)exp(-i(p+l)), sin(t)exp(i(p-l)).
static qx_u3 merge_middle(u64 b, u64 z, u64 a) {
	i64 cz, sz, cs, ss, cd, sd, r0, r1, unused;
	cordic_sincos(z, &cz, &sz); // 4π = 2^64 for z is 2π = 2^64 for z/2
	cordic_sincos(a + b, &cs, &ss);
	cordic_sincos(b - a, &cd, &sd);
	u64 sum = -cordic_atan2(-cordic_mul(sz, cd), cordic_mul(cz, cs), &r0);
	u64 dif = cordic_atan2(-cordic_mul(sz, sd), cordic_mul(cz, ss), &r1);
	u64 t = cordic_atan2(r1 >> 1, r0 >> 1, &unused); // lengths carry the gain, below 2
	return (qx_u3){merge_round(t), merge_round((sum >> 1) + (dif >> 1)), merge_round((sum >> 1) - (dif >> 1))};
}

// merge_product returns the normal form of b·a, a first; both are normal forms.
static qx_u3 merge_product(qx_u3 b, qx_u3 a) {
	u64 z = b.l + a.p, zm = qx_mod_2pi(z);
	qx_u3 r;
	if (a.t == 0)
		r = (qx_u3){b.t, b.p, z + a.l};
	else if (b.t == 0)
		r = (qx_u3){a.t, b.p + z, a.l};
	else if (a.t == QX_PI) // Rz(z)·Ry(π) = Ry(π)·Rz(-z)
		r = (qx_u3){b.t + QX_PI, b.p, a.l - z};
	else if (b.t == QX_PI)
		r = (qx_u3){a.t + QX_PI, b.p - z, a.l};
	else if (zm == 0)
		r = (qx_u3){a.t + b.t, b.p, a.l};
	else if (zm == QX_PI) // Ry(b)·Rz(π) = Rz(π)·Ry(-b)
		r = (qx_u3){a.t - b.t, b.p + QX_PI, a.l};
	else if (a.t == QX_HALF_PI && b.t == QX_HALF_PI && (zm == QX_HALF_PI || zm == 3 * QX_HALF_PI)) // YZY = ZYZ for quarter turns
		r = (qx_u3){QX_HALF_PI, b.p + zm, zm + a.l};
	else {
		r = merge_middle(b.t, z, a.t);
		r.p += b.p, r.l += a.l;
	}
	return qx_u3_normal(r);
}

#endif
