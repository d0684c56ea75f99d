// Which slots are traps, and of which kind.
#ifndef QTRAP_ROLES_H
#define QTRAP_ROLES_H

#include "form.h"
#include "qx1_shake.h"

enum { TARGET = 0, MATCH = 1, PARITY = 2 };

// The kinds of all traps cost a shuffle of T; they are kept between calls for as
// long as root and T are the same, which changes no result.
static u8 kinds_bits[MAX_TRAPS / 8 + 1];
static u8 kinds_root[32];
static u64 kinds_traps = ~0ull;

static i32 kinds_make(const u8 root[32], u64 traps) {
	i32 same = kinds_traps == traps;
	for (u32 i = 0; i < 32; i++)
		same &= kinds_root[i] == root[i];
	if (same)
		return 0;
	u32 top = qx_top, *perm = qx_alloc(4 * traps);
	qx_stream st;
	if (!perm)
		return QX_TOO_LARGE;
	kinds_traps = ~0ull;
	for (u32 i = 0; i < traps; i++)
		perm[i] = i;
	qx_stream_open(&st, root, "kind", 0);
	for (u32 i = (u32)traps; i-- > 1;) {
		u32 j = qx_uniform(&st, (u64)i + 1), t = perm[i];
		perm[i] = perm[j], perm[j] = t;
	}
	qx_zero(kinds_bits, sizeof kinds_bits);
	for (u32 k = 0; k < traps; k++)
		kinds_bits[k >> 3] |= (u8)((perm[k] % (MIX_A + MIX_B) >= MIX_A) << (k & 7));
	__builtin_memcpy(kinds_root, root, 32);
	kinds_traps = traps;
	qx_top = top;
	return 0;
}

// roles_window marks the slots of window j that lie in [first, first+n).
static i32 roles_window(const plan *p, const u8 root[32], u32 j, u64 first, u32 n, u8 *kind, u32 *window) {
	u64 start = window_start(p, j);
	u32 size = (u32)(window_start(p, j + 1) - start), traps = p->window_traps[j], top = qx_top;
	u32 *at = qx_alloc(4 * (u64)size);
	u8 *mark = qx_alloc(size);
	qx_stream st;
	if (!at || !mark)
		return QX_TOO_LARGE;
	qx_zero(mark, size);
	for (u32 i = 0; i < size; i++)
		at[i] = i;
	qx_stream_open(&st, root, "win", j);
	for (u32 i = 0; i < traps; i++) {
		u32 k = i + qx_uniform(&st, size - i), t = at[i];
		at[i] = at[k], at[k] = t;
		mark[at[i]] = 1;
	}
	u32 ordinal = (u32)qs_traps_before(p->h.shots, p->h.traps, p->windows, j);
	for (u32 i = 0; i < size; i++) {
		u64 slot = start + i;
		if (slot >= first && slot - first < n) {
			kind[slot - first] = !mark[i] ? TARGET : kinds_bits[ordinal >> 3] >> (ordinal & 7) & 1 ? PARITY : MATCH;
			window[slot - first] = j;
		}
		ordinal += mark[i];
	}
	qx_top = top;
	return 0;
}

// kinds_prepare makes the kinds before the plan fills the memory.
static i32 kinds_prepare(const u8 root[32]) {
	qx_message m;
	plan_head h;
	i32 err = qx_open(&m, QX_PLAN, QX_KIND_PLAN, 7, plan_form);
	if (err || (err = qx_count(&m, 0, 18)) || (err = qx_read(QX_PLAN, m.s[0].off, &h, sizeof h)) || (err = traps_check(h.traps)))
		return err;
	return kinds_make(root, h.traps);
}

// roles_fill sets kind and window of slots [first, first+n); kinds_prepare came
// before it.
static i32 roles_fill(const plan *p, const u8 root[32], u64 first, u32 n, u8 *kind, u32 *window) {
	i32 err = 0;
	for (u32 j = 0; !err && j < p->windows; j++)
		if (window_start(p, j) < first + n && window_start(p, j + 1) > first)
			err = roles_window(p, root, j, first, n, kind, window);
	return err;
}

#endif
