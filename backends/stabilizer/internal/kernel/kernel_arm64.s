//go:build !purego

#include "textflag.h"

// Kernels of the tableau for NEON, written by hand.

// SINGLE applies masks V16-V22 (XX, ZX, XZ, ZZ, SX, SZ, SXZ) to X and Z; S are signs.
#define SINGLE(X, Z, S) \
	VAND V20.B16, X.B16, V23.B16   \
	VAND V21.B16, Z.B16, V24.B16   \
	VAND X.B16, Z.B16, V25.B16     \
	VEOR V23.B16, V24.B16, V23.B16 \
	VAND V22.B16, V25.B16, V25.B16 \
	VEOR V23.B16, S.B16, S.B16     \
	VEOR V25.B16, S.B16, S.B16     \
	VAND V16.B16, X.B16, V26.B16   \
	VAND V17.B16, Z.B16, V27.B16   \
	VAND V18.B16, X.B16, V28.B16   \
	VAND V19.B16, Z.B16, V29.B16   \
	VEOR V26.B16, V27.B16, X.B16   \
	VEOR V28.B16, V29.B16, Z.B16

// COUPLE applies CZ to A, X part, and Y, Z part, of one qubit and B and W of the other.
#define COUPLE(A, Y, B, W, S) \
	VEOR Y.B16, W.B16, V24.B16     \
	VAND A.B16, B.B16, V25.B16     \
	VAND V24.B16, V25.B16, V25.B16 \
	VEOR V25.B16, S.B16, S.B16     \
	VEOR B.B16, Y.B16, Y.B16       \
	VEOR A.B16, W.B16, W.B16

// func gatesNEON(xz *uint64, sign *uint64, ops *uint64, n uint64, masks *uint64)
TEXT ·gatesNEON(SB), NOSPLIT, $0-40
	MOVD xz+0(FP), R0
	MOVD sign+8(FP), R1
	MOVD ops+16(FP), R2
	MOVD n+24(FP), R3
	MOVD masks+32(FP), R4
	MOVD $0xffff, R5
	VLD1 (R1), [V0.D2, V1.D2, V2.D2, V3.D2]

loop:
	MOVD.P 8(R2), R6
	UBFX   $16, R6, $16, R7
	ADD    R7<<7, R0, R7
	ADD    $64, R7, R8
	VLD1   (R7), [V4.D2, V5.D2, V6.D2, V7.D2]
	VLD1   (R8), [V8.D2, V9.D2, V10.D2, V11.D2]
	AND    R5, R6, R9
	CMP    R5, R9
	BEQ    pair
	ADD     R9<<6, R4, R9
	VLD1R.P 8(R9), [V16.D2]
	VLD1R.P 8(R9), [V17.D2]
	VLD1R.P 8(R9), [V18.D2]
	VLD1R.P 8(R9), [V19.D2]
	VLD1R.P 8(R9), [V20.D2]
	VLD1R.P 8(R9), [V21.D2]
	VLD1R   (R9), [V22.D2]
	SINGLE(V4, V8, V0)
	SINGLE(V5, V9, V1)
	SINGLE(V6, V10, V2)
	SINGLE(V7, V11, V3)
	VST1   [V4.D2, V5.D2, V6.D2, V7.D2], (R7)
	VST1   [V8.D2, V9.D2, V10.D2, V11.D2], (R8)
	SUBS   $1, R3, R3
	BNE    loop
	B      done

pair:
	UBFX $32, R6, $16, R9
	ADD  R9<<7, R0, R9
	ADD  $64, R9, R10
	VLD1 (R9), [V12.D2, V13.D2, V14.D2, V15.D2]
	VLD1 (R10), [V16.D2, V17.D2, V18.D2, V19.D2]
	COUPLE(V4, V8, V12, V16, V0)
	COUPLE(V5, V9, V13, V17, V1)
	COUPLE(V6, V10, V14, V18, V2)
	COUPLE(V7, V11, V15, V19, V3)
	VST1 [V8.D2, V9.D2, V10.D2, V11.D2], (R8)
	VST1 [V16.D2, V17.D2, V18.D2, V19.D2], (R10)
	SUBS $1, R3, R3
	BNE  loop

done:
	VST1 [V0.D2, V1.D2, V2.D2, V3.D2], (R1)
	RET

// func addRowsNEON(rows *uint64, n uint64, stride uint64, column uint64, index *uint16, table *uint64)
TEXT ·addRowsNEON(SB), NOSPLIT, $0-48
	MOVD rows+0(FP), R0
	MOVD n+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD column+24(FP), R3
	MOVD index+32(FP), R4
	MOVD table+40(FP), R5

row:
	MOVBU (R0)(R3), R6
	ADD   R6<<1, R4, R6
	MOVHU (R6), R6
	MUL   R2, R6, R6
	ADD   R5, R6, R6
	MOVD  R2, R7

part:
	VLD1   (R0), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1.P 64(R6), [V4.D2, V5.D2, V6.D2, V7.D2]
	VEOR   V4.B16, V0.B16, V0.B16
	VEOR   V5.B16, V1.B16, V1.B16
	VEOR   V6.B16, V2.B16, V2.B16
	VEOR   V7.B16, V3.B16, V3.B16
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	SUBS   $64, R7, R7
	BNE    part
	SUBS   $1, R1, R1
	BNE    row
	RET
