// The finite-population bound eps95_hidden, as package stats defines it
// (Eps95Hidden with delta = 1/2).
#ifndef QTRAP_HIDDEN_H
#define QTRAP_HIDDEN_H

#include "form.h"

#define HIDDEN_CONFIDENCE 950000000u

// hidden_compare compares P[more than f failures] with 0.95 when m of the slots
// are corrupted: sums of positive terms only.
static i32 hidden_compare(i32 k, u32 slots, u32 traps, u32 m, u32 f) {
	u32 rest = slots - traps, j = m > rest ? m - rest : 0, last = traps < m ? traps : m;
	qs_num h, all, over, eq, more, t;
	qs_set_u64(k, &h, 1), qs_set_u64(k, &all, 0), qs_set_u64(k, &over, 0), qs_set_u64(k, &eq, 0), qs_set_u64(k, &more, 0);
	for (u32 i = 0;; i++) { // eq, more: the binomial of i trials at 1/2
		if (i == f) {
			qs_set_u64(k, &eq, 1);
			eq.e -= f;
		} else if (i > f) {
			qs_set(k, &t, &eq);
			t.e--;
			qs_add(k, &more, &t);
			qs_mul32(k, &eq, i);
			qs_div32(k, &eq, i - f);
			eq.e--;
		}
		if (i < j)
			continue;
		qs_add(k, &all, &h);
		qs_mul(k, &t, &h, &more);
		qs_add(k, &over, &t);
		if (i >= last)
			break;
		qs_mul32(k, &h, traps - i), qs_mul32(k, &h, m - i);
		qs_div32(k, &h, i + 1), qs_div32(k, &h, rest + i + 1 - m);
	}
	qs_mul32(k, &all, HIDDEN_CONFIDENCE);
	qs_mul32(k, &over, QS_PPB);
	return qs_cmp(k, &over, &all);
}

static i32 hidden_likely(u32 slots, u32 traps, u32 m, u32 f) {
	u64 need = 31 * (u64)traps + slots + 64;
	for (i32 k = QS_FIRST;; k *= 2) {
		i32 c = hidden_compare(k, slots, traps, m, f);
		if (c != 0 || qs_last(k, need))
			return c <= 0;
	}
}

// eps95_hidden bounds, with confidence 0.95, the share of corrupted target slots
// in ppb, without assuming independent errors.
static u64 eps95_hidden(u32 slots, u32 traps, u32 fails) {
	if (traps >= slots || traps == 0 || fails >= traps)
		return QS_PPB;
	u32 lo = 0, hi = slots;
	while (lo < hi) {
		u32 mid = lo + (hi - lo + 1) / 2;
		if (hidden_likely(slots, traps, mid, fails))
			lo = mid;
		else
			hi = mid - 1;
	}
	u64 targets = slots - traps;
	return lo >= targets ? QS_PPB : (lo * (u64)QS_PPB + targets - 1) / targets;
}

#endif
