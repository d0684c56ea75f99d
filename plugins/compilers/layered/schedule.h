// The growing result: layer by layer, w gates before the CZ layer and each
// qubit's partner in it.
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "merge.h"

#define MAX_LOCATIONS (1u << 20)
#define NO_PARTNER 0xffffu

static u32 sched_w;      // width
static u32 sched_m;      // CZ layers so far; records 0..m exist
static u32 sched_size;   // bytes of one record
static u8 *sched_base;   // records, the last thing in memory
static u32 *sched_level; // per qubit: the record its next gate goes to

static qx_u3 *sched_gates(u32 j) { return (qx_u3 *)(sched_base + (u64)j * sched_size); }
static u16 *sched_partner(u32 j) { return (u16 *)(sched_gates(j) + sched_w); }

// sched_record appends record j; nothing else allocates from here on.
static i32 sched_record(u32 j) {
	if ((u64)(j + 1) * sched_w > MAX_LOCATIONS || j > QX_MAX_LAYERS) {
		qx_say("the compiled circuit needs more than ");
		qx_say_num(j);
		qx_say(" CZ layers at width ");
		qx_say_num(sched_w);
		qx_say("; the limits are 65536 layers and ");
		qx_say_num(MAX_LOCATIONS);
		return qx_fail(QX_TOO_LARGE, " gate positions");
	}
	if (!qx_alloc(sched_size))
		return QX_TOO_LARGE;
	qx_zero(sched_gates(j), sched_size);
	__builtin_memset(sched_partner(j), 0xff, 2 * sched_w);
	return 0;
}

static i32 sched_start(u32 w) {
	sched_w = w, sched_m = 0, sched_size = (26 * w + 15) & ~15u;
	sched_level = qx_alloc(4 * w);
	if (!sched_level)
		return QX_TOO_LARGE;
	qx_zero(sched_level, 4 * w);
	sched_base = (u8 *)(unsigned long)qx_top;
	return sched_record(0);
}

static void sched_gate(u32 q, qx_u3 u) {
	qx_u3 *at = sched_gates(sched_level[q]) + q;
	*at = merge_product(u, *at);
}

static i32 sched_cz(u32 a, u32 b) {
	u32 t = sched_level[a] > sched_level[b] ? sched_level[a] : sched_level[b];
	if (t == sched_m) {
		i32 err = sched_record(++sched_m);
		if (err)
			return err;
	}
	sched_partner(t)[a] = (u16)b, sched_partner(t)[b] = (u16)a;
	sched_level[a] = sched_level[b] = t + 1;
	return 0;
}

static void sched_barrier(void) {
	for (u32 q = 0; q < sched_w; q++)
		sched_level[q] = sched_m;
}

#endif
