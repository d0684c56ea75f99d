/* layout.h: how traps spread over windows; part of stats.h. */
#ifndef QTRAP_LAYOUT_H
#define QTRAP_LAYOUT_H

#include "interval.h"

/* ceil(slots ppm / 1e6) for slots <= QS_MAX_TRIALS; ppm counts as at most 1e6. */
QS_FN u64 qs_trap_count(u64 slots, u64 ppm) {
	return (slots * qs_min(ppm, 1000000) + 999999) / 1000000;
}

QS_FN u64 qs_window_count(u64 slots) { return qs_min(qs_max(slots / 64, 1), QS_MAX_WINDOWS); }

/* The first slot of window j of W; slots for j = W. */
QS_FN u64 qs_window_lo(u64 slots, u64 W, u64 j) { return slots * j / W; }

/*
 * The traps in windows 0..j-1: floor(jT/W), except that no window holds more
 * traps than slots; an excess moves on to later windows.
 */
QS_FN u64 qs_traps_before(u64 slots, u64 T, u64 W, u64 j) {
	u64 placed = 0;
	for (u64 i = 0; i < j; i++) {
		u64 size = qs_window_lo(slots, W, i + 1) - qs_window_lo(slots, W, i);
		placed = qs_min(placed + size, T * (i + 1) / W);
	}
	return placed;
}

#endif
