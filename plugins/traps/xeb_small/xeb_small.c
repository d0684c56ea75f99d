// Trap library xeb_small@1: the traps of accredit, and qx_audit, the score of the
// target slots against the ideal circuit.
#define MODULE_NAME "xeb_small"
#define MIX_A 3u
#define MIX_B 1u
#define FAMILY 8ull
#define FAMILY_LIMIT
#include "qtrap.h"
#include "score.h"

static i32 family_limit(const skeleton *s) {
	if (s->w > 12) {
		qx_say("width ");
		qx_say_num(s->w);
		return qx_fail(QX_UNSUPPORTED, ", xeb_small takes up to 12");
	}
	if ((u64)s->locations << s->w > 1u << 21)
		return qx_fail(QX_TOO_LARGE, "gates times amplitudes above 2^21: use a shallower circuit");
	return 0;
}

QX_EXPORT("qx_audit") i32 export_audit(i32 n) {
	qx_reset();
	return score(n);
}
