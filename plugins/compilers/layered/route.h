// Where logical qubits sit on the device, and SWAPs that bring two of them
// together along a shortest path.
#ifndef ROUTE_H
#define ROUTE_H

#include "schedule.h"

#define MAX_EDGES (1u << 18)

static u32 route_edges; // 0: all pairs are coupled
static u32 *route_start;
static u16 *route_near; // neighbours of q ascending: [start[q], start[q+1])
static u16 *route_at;   // physical qubit of a logical one
static u16 *route_who;  // logical qubit on a physical one
static u32 *route_dist; // scratch: distance to the goal
static u16 *route_queue;

// route_load reads the target; width 0 in it means the circuit's.
static i32 route_load(u32 qubits, u32 *width) {
	static const u8 form[] = {1, 8, 2, 2};
	qx_message m;
	i32 err = qx_open(&m, QX_TARGET, QX_KIND_TARGET, 2, form);
	if (err || (err = qx_count(&m, 0, 1)))
		return err;
	u64 w;
	if (m.items > MAX_EDGES)
		return qx_fail(QX_TOO_LARGE, "target: more than 262144 edges");
	if ((err = qx_count(&m, 1, 2 * m.items)) || (err = qx_read(QX_TARGET, m.s[0].off, &w, 8)))
		return err;
	if (w == 0)
		w = qubits;
	if (w < qubits || w > QX_MAX_WIDTH) {
		qx_say("the circuit has ");
		qx_say_num(qubits);
		qx_say(" qubits, the target ");
		qx_say_num(w);
		return qx_fail(QX_UNSUPPORTED, "; choose a wider target");
	}
	*width = (u32)w, route_edges = (u32)m.items;
	u16 *e = qx_load(&m, 1);
	route_start = qx_alloc(4 * (w + 2)), route_near = qx_alloc(4 * m.items), route_at = qx_alloc(2 * w), route_who = qx_alloc(2 * w);
	route_dist = qx_alloc(4 * w), route_queue = qx_alloc(2 * w);
	if (!e || !route_start || !route_near || !route_at || !route_who || !route_dist || !route_queue)
		return QX_TOO_LARGE;
	for (u32 q = 0; q < w; q++)
		route_at[q] = route_who[q] = (u16)q;
	qx_zero(route_start, 4 * ((u32)w + 2));
	for (u32 i = 0; i < route_edges; i++) {
		u32 a = e[2 * i], b = e[2 * i + 1];
		if (a >= b || b >= w || (i > 0 && (e[2 * i - 2] > a || (e[2 * i - 2] == a && e[2 * i - 1] >= b))))
			return qx_fail(QX_BAD_INPUT, "target: edges must be (A, B) with A < B < width, ascending");
		route_start[a + 2]++, route_start[b + 2]++;
	}
	for (u32 q = 2; q <= w; q++)
		route_start[q] += route_start[q - 1];
	// start[q+1] is now where q's list begins; filling moves it to where it ends.
	// Two passes keep each list ascending: first the smaller neighbours.
	for (u32 i = 0; i < route_edges; i++)
		route_near[route_start[e[2 * i + 1] + 1]++] = e[2 * i];
	for (u32 i = 0; i < route_edges; i++)
		route_near[route_start[e[2 * i] + 1]++] = e[2 * i + 1];
	return 0;
}

static i32 route_coupled(u32 a, u32 b) {
	if (route_edges == 0)
		return 1;
	for (u32 k = route_start[a]; k < route_start[a + 1]; k++)
		if (route_near[k] == b)
			return 1;
	return 0;
}

static const qx_u3 route_h = {QX_HALF_PI, 0, QX_PI};

// route_cx is H·CZ·H on b.
static i32 route_cx(u32 a, u32 b) {
	sched_gate(b, route_h);
	i32 err = sched_cz(a, b);
	sched_gate(b, route_h);
	return err;
}

static i32 route_swap(u32 a, u32 b) {
	i32 err = route_cx(a, b);
	if (err || (err = route_cx(b, a)) || (err = route_cx(a, b)))
		return err;
	u16 x = route_who[a], y = route_who[b];
	route_who[a] = y, route_who[b] = x;
	route_at[x] = (u16)b, route_at[y] = (u16)a;
	return 0;
}

// route_cz places a CZ of two logical qubits: the first walks towards the second,
// always to the lowest neighbour that is closer.
static i32 route_cz(u32 la, u32 lb) {
	u32 goal = route_at[lb];
	if (!route_coupled(route_at[la], goal)) {
		for (u32 q = 0; q < sched_w; q++)
			route_dist[q] = 0xffffffffu;
		u32 head = 0, tail = 0;
		route_dist[goal] = 0, route_queue[tail++] = (u16)goal;
		while (head < tail) {
			u32 q = route_queue[head++];
			for (u32 k = route_start[q]; k < route_start[q + 1]; k++)
				if (route_dist[route_near[k]] == 0xffffffffu)
					route_dist[route_near[k]] = route_dist[q] + 1, route_queue[tail++] = route_near[k];
		}
		if (route_dist[route_at[la]] == 0xffffffffu) {
			qx_say("qubits ");
			qx_say_num(la);
			qx_say(" and ");
			qx_say_num(lb);
			return qx_fail(QX_UNSUPPORTED, " interact, but no path of the coupling map joins them");
		}
		while (route_dist[route_at[la]] > 1) {
			u32 at = route_at[la], k = route_start[at];
			while (route_dist[route_near[k]] >= route_dist[at])
				k++;
			i32 err = route_swap(at, route_near[k]);
			if (err)
				return err;
		}
	}
	return sched_cz(route_at[la], goal);
}

#endif
