// The exports of a trap library; a module defines MODULE_NAME, MIX_A and MIX_B
// and includes this file.
#ifndef QTRAP_H
#define QTRAP_H

#include "generate.h"
#include "judge.h"
#include "makeplan.h"

QX_EXPORT("qx_abi_1") i32 abi_marker(void) { return 1; }

QX_EXPORT("qx_describe") i32 export_describe(void) {
	qx_reset();
	return qx_manifest("abi=1\nkind=traps\nname=" MODULE_NAME "\nversion=1.0.0\n");
}

QX_EXPORT("qx_plan") i32 export_plan(void) {
	qx_reset();
	return make_plan();
}

QX_EXPORT("qx_generate") i32 export_generate(i64 first, i32 n) {
	qx_reset();
	return generate(first, n);
}

QX_EXPORT("qx_judge") i32 export_judge(i32 n) {
	qx_reset();
	return judge(n);
}

#endif
