//go:build !purego

#include "textflag.h"

// Kernels of complex128 for NEON, written by hand. A block is eight vectors of real
// parts and eight of imaginary parts. The assembler has no name for this:

// d = n*m, two binary64
#define FMUL2D(m, n, d) WORD $(0x6E60DC00 | (m)<<16 | (n)<<5 | (d))

// func diagonalD128(x *float64, f *float64, n uint64, t *float64, mask uint64)
TEXT ·diagonalD128(SB), NOSPLIT, $0-40
	MOVD x+0(FP), R0
	MOVD f+8(FP), R1
	MOVD n+16(FP), R2
	MOVD t+24(FP), R3
	MOVD mask+32(FP), R4
	MOVD $0, R7
	B    diagonal64<>(SB)

// func diagonalSignedD128(x *float64, f *float64, n uint64, t *float64, mask uint64, block *uint64, lane *uint64)
TEXT ·diagonalSignedD128(SB), NOSPLIT, $0-56
	MOVD x+0(FP), R0
	MOVD f+8(FP), R1
	MOVD n+16(FP), R2
	MOVD t+24(FP), R3
	MOVD mask+32(FP), R4
	MOVD block+40(FP), R7
	MOVD lane+48(FP), R6
	B    diagonal64<>(SB)

// LOAD reads four lanes, 32·Q bytes into each part: x to V16-V19, f to V20-V23.
#define LOAD(Q) \
	ADD  $(32*Q), R0, R8         \
	ADD  $(32*Q+128), R0, R9     \
	ADD  $(32*Q), R1, R10        \
	ADD  $(32*Q+128), R1, R11    \
	VLD1 (R8), [V16.D2, V17.D2]  \
	VLD1 (R9), [V18.D2, V19.D2]  \
	VLD1 (R10), [V20.D2, V21.D2] \
	VLD1 (R11), [V22.D2, V23.D2]

// FLIP changes the signs of f in lanes whose sign, XOR that of the block in V26, is set.
#define FLIP(Q) \
	ADD  $(32*Q), R6, R8            \
	VLD1 (R8), [V24.D2, V25.D2]     \
	VEOR V26.B16, V24.B16, V24.B16  \
	VEOR V26.B16, V25.B16, V25.B16  \
	VEOR V24.B16, V20.B16, V20.B16  \
	VEOR V25.B16, V21.B16, V21.B16  \
	VEOR V24.B16, V22.B16, V22.B16  \
	VEOR V25.B16, V23.B16, V23.B16

// TIMES writes x·f: re = xr·fr, then re - xi·fi; im = xr·fi, then im + xi·fr.
#define TIMES(r0, r1, i0, i1, R0D, R1D, I0D, I1D) \
	FMUL2D(20, 16, r0)           \
	FMUL2D(21, 17, r1)           \
	FMUL2D(22, 16, i0)           \
	FMUL2D(23, 17, i1)           \
	VFMLS V22.D2, V18.D2, R0D.D2 \
	VFMLS V23.D2, V19.D2, R1D.D2 \
	VFMLA V20.D2, V18.D2, I0D.D2 \
	VFMLA V21.D2, V19.D2, I1D.D2

// NEIGHBOUR rotates the lanes within the vector A; V28 has the tangents with signs.
#define NEIGHBOUR(A) \
	VEXT  $8, A.B16, A.B16, V16.B16 \
	VFMLA V28.D2, V16.D2, A.D2

// PAIR64 rotates the vectors A and B of one part: A - t·B, B + t·A.
#define PAIR64(T, A, B) \
	VMOV  A.B16, V16.B16     \
	VFMLS T.D2, B.D2, A.D2   \
	VFMLA T.D2, V16.D2, B.D2

// diagonal64 takes R0 x, R1 f, R2 n, R3 t, R4 mask, R7 block signs or 0, R6 lane signs.
TEXT diagonal64<>(SB), NOSPLIT, $0
	VLD1  (R3), [V28.D2]
	ADD   $144, R3, R5
	VLD1R (R5), [V29.D2]
	ADD   $288, R3, R5
	VLD1R (R5), [V30.D2]
	ADD   $448, R3, R5
	VLD1R (R5), [V31.D2]

loop:
	CBNZ R7, signed
	LOAD(0)
	TIMES(0, 1, 8, 9, V0, V1, V8, V9)
	LOAD(1)
	TIMES(2, 3, 10, 11, V2, V3, V10, V11)
	LOAD(2)
	TIMES(4, 5, 12, 13, V4, V5, V12, V13)
	LOAD(3)
	TIMES(6, 7, 14, 15, V6, V7, V14, V15)
	B    lane0

signed:
	VLD1R.P 8(R7), [V26.D2]
	LOAD(0)
	FLIP(0)
	TIMES(0, 1, 8, 9, V0, V1, V8, V9)
	LOAD(1)
	FLIP(1)
	TIMES(2, 3, 10, 11, V2, V3, V10, V11)
	LOAD(2)
	FLIP(2)
	TIMES(4, 5, 12, 13, V4, V5, V12, V13)
	LOAD(3)
	FLIP(3)
	TIMES(6, 7, 14, 15, V6, V7, V14, V15)

lane0:
	TBZ $0, R4, lane1
	NEIGHBOUR(V0)
	NEIGHBOUR(V1)
	NEIGHBOUR(V2)
	NEIGHBOUR(V3)
	NEIGHBOUR(V4)
	NEIGHBOUR(V5)
	NEIGHBOUR(V6)
	NEIGHBOUR(V7)
	NEIGHBOUR(V8)
	NEIGHBOUR(V9)
	NEIGHBOUR(V10)
	NEIGHBOUR(V11)
	NEIGHBOUR(V12)
	NEIGHBOUR(V13)
	NEIGHBOUR(V14)
	NEIGHBOUR(V15)

lane1:
	TBZ $1, R4, lane2
	PAIR64(V29, V0, V1)
	PAIR64(V29, V2, V3)
	PAIR64(V29, V4, V5)
	PAIR64(V29, V6, V7)
	PAIR64(V29, V8, V9)
	PAIR64(V29, V10, V11)
	PAIR64(V29, V12, V13)
	PAIR64(V29, V14, V15)

lane2:
	TBZ $2, R4, lane3
	PAIR64(V30, V0, V2)
	PAIR64(V30, V1, V3)
	PAIR64(V30, V4, V6)
	PAIR64(V30, V5, V7)
	PAIR64(V30, V8, V10)
	PAIR64(V30, V9, V11)
	PAIR64(V30, V12, V14)
	PAIR64(V30, V13, V15)

lane3:
	TBZ $3, R4, store
	PAIR64(V31, V0, V4)
	PAIR64(V31, V1, V5)
	PAIR64(V31, V2, V6)
	PAIR64(V31, V3, V7)
	PAIR64(V31, V8, V12)
	PAIR64(V31, V9, V13)
	PAIR64(V31, V10, V14)
	PAIR64(V31, V11, V15)

store:
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	VST1.P [V4.D2, V5.D2, V6.D2, V7.D2], 64(R0)
	VST1.P [V8.D2, V9.D2, V10.D2, V11.D2], 64(R0)
	VST1.P [V12.D2, V13.D2, V14.D2, V15.D2], 64(R0)
	ADD    $256, R1, R1
	SUB    $1, R2, R2
	CBNZ   R2, loop
	RET

// BUTTERFLY64 rotates A and B, each four consecutive vectors.
#define BUTTERFLY64(T, A0, A1, A2, A3, B0, B1, B2, B3) \
	VMOV  A0.B16, V16.B16     \
	VMOV  A1.B16, V17.B16     \
	VMOV  A2.B16, V18.B16     \
	VMOV  A3.B16, V19.B16     \
	VFMLS T.D2, B0.D2, A0.D2  \
	VFMLS T.D2, B1.D2, A1.D2  \
	VFMLS T.D2, B2.D2, A2.D2  \
	VFMLS T.D2, B3.D2, A3.D2  \
	VFMLA T.D2, V16.D2, B0.D2 \
	VFMLA T.D2, V17.D2, B1.D2 \
	VFMLA T.D2, V18.D2, B2.D2 \
	VFMLA T.D2, V19.D2, B3.D2

// func rotate1D128(x *float64, bytes uint64, stride *uint64, t *float64)
TEXT ·rotate1D128(SB), NOSPLIT, $0-32
	MOVD  x+0(FP), R0
	MOVD  bytes+8(FP), R1
	MOVD  stride+16(FP), R2
	MOVD  t+24(FP), R3
	MOVD  (R2), R4
	VLD1R (R3), [V20.D2]
	MOVD  $0, R6

loop:
	ADD  R0, R6, R8
	ADD  R8, R4, R9
	MOVD $4, R12

part:
	VLD1   (R8), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1   (R9), [V4.D2, V5.D2, V6.D2, V7.D2]
	BUTTERFLY64(V20, V0, V1, V2, V3, V4, V5, V6, V7)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R8)
	VST1.P [V4.D2, V5.D2, V6.D2, V7.D2], 64(R9)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R4, R6, R6
	ADD    $256, R6, R6
	BIC    R4, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// func exchangeBlocksD128(x *float64, bytes, mask, o0, o1 uint64, cos, sin *float64)
TEXT ·exchangeBlocksD128(SB), NOSPLIT, $0-56
	MOVD  x+0(FP), R0
	MOVD  bytes+8(FP), R1
	MOVD  mask+16(FP), R7
	MOVD  o0+24(FP), R4
	MOVD  o1+32(FP), R5
	MOVD  cos+40(FP), R2
	MOVD  sin+48(FP), R3
	VLD1R (R2), [V20.D2]
	VLD1R (R3), [V21.D2]
	ADD   R0, R4, R4
	ADD   R0, R5, R5
	MOVD  $0, R6

loop:
	ADD  R4, R6, R8
	ADD  R5, R6, R9
	MOVD $4, R12

part:
	VLD1   (R8), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1   (R9), [V4.D2, V5.D2, V6.D2, V7.D2]
	FMUL2D(20, 0, 8)
	FMUL2D(20, 1, 9)
	FMUL2D(20, 2, 10)
	FMUL2D(20, 3, 11)
	FMUL2D(20, 4, 12)
	FMUL2D(20, 5, 13)
	FMUL2D(20, 6, 14)
	FMUL2D(20, 7, 15)
	VFMLS  V21.D2, V4.D2, V8.D2
	VFMLS  V21.D2, V5.D2, V9.D2
	VFMLS  V21.D2, V6.D2, V10.D2
	VFMLS  V21.D2, V7.D2, V11.D2
	VFMLA  V21.D2, V0.D2, V12.D2
	VFMLA  V21.D2, V1.D2, V13.D2
	VFMLA  V21.D2, V2.D2, V14.D2
	VFMLA  V21.D2, V3.D2, V15.D2
	VST1.P [V8.D2, V9.D2, V10.D2, V11.D2], 64(R8)
	VST1.P [V12.D2, V13.D2, V14.D2, V15.D2], 64(R9)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R7, R6, R6
	ADD    $256, R6, R6
	BIC    R7, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// func rotate2D128(x *float64, bytes uint64, stride *uint64, t *float64)
TEXT ·rotate2D128(SB), NOSPLIT, $0-32
	MOVD    x+0(FP), R0
	MOVD    bytes+8(FP), R1
	MOVD    stride+16(FP), R2
	MOVD    t+24(FP), R3
	LDP     (R2), (R4, R5)
	VLD1R.P 8(R3), [V20.D2]
	VLD1R   (R3), [V21.D2]
	ORR     R4, R5, R7
	MOVD    $0, R6

loop:
	ADD  R0, R6, R8
	ADD  R8, R4, R9
	ADD  R8, R5, R10
	ADD  R9, R5, R11
	MOVD $4, R12

part:
	VLD1   (R8), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1   (R9), [V4.D2, V5.D2, V6.D2, V7.D2]
	VLD1   (R10), [V8.D2, V9.D2, V10.D2, V11.D2]
	VLD1   (R11), [V12.D2, V13.D2, V14.D2, V15.D2]
	BUTTERFLY64(V20, V0, V1, V2, V3, V4, V5, V6, V7)
	BUTTERFLY64(V20, V8, V9, V10, V11, V12, V13, V14, V15)
	BUTTERFLY64(V21, V0, V1, V2, V3, V8, V9, V10, V11)
	BUTTERFLY64(V21, V4, V5, V6, V7, V12, V13, V14, V15)
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R8)
	VST1.P [V4.D2, V5.D2, V6.D2, V7.D2], 64(R9)
	VST1.P [V8.D2, V9.D2, V10.D2, V11.D2], 64(R10)
	VST1.P [V12.D2, V13.D2, V14.D2, V15.D2], 64(R11)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R7, R6, R6
	ADD    $256, R6, R6
	BIC    R7, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// OUTER writes four lanes of a block: v at R1, signs at R6, s in V28 and V29.
#define OUTER(Q) \
	ADD   $(32*Q), R1, R8          \
	ADD   $(32*Q+128), R1, R9      \
	ADD   $(32*Q), R6, R10         \
	VLD1  (R8), [V0.D2, V1.D2]     \
	VLD1  (R9), [V2.D2, V3.D2]     \
	VLD1  (R10), [V4.D2, V5.D2]    \
	VEOR  V4.B16, V0.B16, V0.B16   \
	VEOR  V5.B16, V1.B16, V1.B16   \
	VEOR  V4.B16, V2.B16, V2.B16   \
	VEOR  V5.B16, V3.B16, V3.B16   \
	FMUL2D(0, 28, 8)               \
	FMUL2D(1, 28, 9)               \
	FMUL2D(2, 28, 10)              \
	FMUL2D(3, 28, 11)              \
	VFMLS V2.D2, V29.D2, V8.D2     \
	VFMLS V3.D2, V29.D2, V9.D2     \
	VFMLA V0.D2, V29.D2, V10.D2    \
	VFMLA V1.D2, V29.D2, V11.D2    \
	ADD   $(32*Q), R0, R8          \
	ADD   $(32*Q+128), R0, R9      \
	VST1  [V8.D2, V9.D2], (R8)     \
	VST1  [V10.D2, V11.D2], (R9)

// func outerD128(f *float64, v *float64, s *float64, pattern *uint8, patterns *uint64, n uint64)
TEXT ·outerD128(SB), NOSPLIT, $0-48
	MOVD f+0(FP), R0
	MOVD v+8(FP), R1
	MOVD s+16(FP), R2
	MOVD pattern+24(FP), R3
	MOVD patterns+32(FP), R4
	MOVD n+40(FP), R5

loop:
	MOVBU.P 1(R3), R6
	ADD     R6<<7, R4, R6
	VLD1R.P 8(R2), [V28.D2]
	VLD1R.P 8(R2), [V29.D2]
	OUTER(0)
	OUTER(1)
	OUTER(2)
	OUTER(3)
	ADD     $256, R0, R0
	SUBS    $1, R5, R5
	BNE     loop
	RET
