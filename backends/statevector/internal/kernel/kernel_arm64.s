//go:build !purego

#include "textflag.h"

// Kernels for NEON, written by hand. A block is four vectors of real parts and
// four of imaginary parts. The assembler has no names for these:

// d = n*m, four binary32
#define FMUL(m, n, d) WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))
// d = n+m, two binary64
#define FADD2D(m, n, d) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d))
// d = lower or upper half of n, widened to binary64
#define FCVTL(n, d) WORD $(0x0E617800 | (n)<<5 | (d))
#define FCVTL2(n, d) WORD $(0x4E617800 | (n)<<5 | (d))

// func diagonalNEON(x *float32, f *float32, n uint64, t *float32, mask uint64)
TEXT ·diagonalNEON(SB), NOSPLIT, $0-40
	MOVD x+0(FP), R0
	MOVD f+8(FP), R1
	MOVD n+16(FP), R2
	MOVD t+24(FP), R3
	MOVD mask+32(FP), R4
	MOVD $0, R7
	B    diagonal<>(SB)

// func diagonalSignedNEON(x *float32, f *float32, n uint64, t *float32, mask uint64, block *uint32, lane *uint32)
TEXT ·diagonalSignedNEON(SB), NOSPLIT, $0-56
	MOVD x+0(FP), R0
	MOVD f+8(FP), R1
	MOVD n+16(FP), R2
	MOVD t+24(FP), R3
	MOVD mask+32(FP), R4
	MOVD block+40(FP), R7
	MOVD lane+48(FP), R6
	VLD1 (R6), [V12.S4, V13.S4, V14.S4, V15.S4]
	B    diagonal<>(SB)

// diagonal takes R0 x, R1 f, R2 n, R3 t, R4 mask, R7 block signs or 0, V12-V15
// lane signs.
TEXT diagonal<>(SB), NOSPLIT, $0
	// Tangents of lane qubits 0 to 3: the first two with their signs per lane.
	VLD1 (R3), [V8.S4]
	ADD  $64, R3, R5
	VLD1 (R5), [V9.S4]
	ADD  $144, R3, R5
	VLD1 (R5), [V10.S4]
	ADD  $224, R3, R5
	VLD1 (R5), [V11.S4]

loop:
	VLD1.P 64(R1), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1.P 64(R1), [V28.S4, V29.S4, V30.S4, V31.S4]
	CBZ    R7, unsigned
	VLD1R.P 4(R7), [V16.S4]
	VEOR   V16.B16, V12.B16, V17.B16
	VEOR   V16.B16, V13.B16, V18.B16
	VEOR   V16.B16, V14.B16, V19.B16
	VEOR   V16.B16, V15.B16, V20.B16
	VEOR   V17.B16, V24.B16, V24.B16
	VEOR   V18.B16, V25.B16, V25.B16
	VEOR   V19.B16, V26.B16, V26.B16
	VEOR   V20.B16, V27.B16, V27.B16
	VEOR   V17.B16, V28.B16, V28.B16
	VEOR   V18.B16, V29.B16, V29.B16
	VEOR   V19.B16, V30.B16, V30.B16
	VEOR   V20.B16, V31.B16, V31.B16

unsigned:
	VLD1.P 64(R0), [V16.S4, V17.S4, V18.S4, V19.S4]
	VLD1   (R0), [V20.S4, V21.S4, V22.S4, V23.S4]
	SUB    $64, R0, R0

	// re = xr·fr, then re - xi·fi; im = xr·fi, then im + xi·fr
	FMUL(24, 16, 0)
	FMUL(25, 17, 1)
	FMUL(26, 18, 2)
	FMUL(27, 19, 3)
	FMUL(28, 16, 4)
	FMUL(29, 17, 5)
	FMUL(30, 18, 6)
	FMUL(31, 19, 7)
	VFMLS V28.S4, V20.S4, V0.S4
	VFMLS V29.S4, V21.S4, V1.S4
	VFMLS V30.S4, V22.S4, V2.S4
	VFMLS V31.S4, V23.S4, V3.S4
	VFMLA V24.S4, V20.S4, V4.S4
	VFMLA V25.S4, V21.S4, V5.S4
	VFMLA V26.S4, V22.S4, V6.S4
	VFMLA V27.S4, V23.S4, V7.S4

	TBZ    $0, R4, lane1
	VREV64 V0.S4, V16.S4
	VREV64 V1.S4, V17.S4
	VREV64 V2.S4, V18.S4
	VREV64 V3.S4, V19.S4
	VREV64 V4.S4, V20.S4
	VREV64 V5.S4, V21.S4
	VREV64 V6.S4, V22.S4
	VREV64 V7.S4, V23.S4
	VFMLA  V8.S4, V16.S4, V0.S4
	VFMLA  V8.S4, V17.S4, V1.S4
	VFMLA  V8.S4, V18.S4, V2.S4
	VFMLA  V8.S4, V19.S4, V3.S4
	VFMLA  V8.S4, V20.S4, V4.S4
	VFMLA  V8.S4, V21.S4, V5.S4
	VFMLA  V8.S4, V22.S4, V6.S4
	VFMLA  V8.S4, V23.S4, V7.S4

lane1:
	TBZ   $1, R4, lane2
	VEXT  $8, V0.B16, V0.B16, V16.B16
	VEXT  $8, V1.B16, V1.B16, V17.B16
	VEXT  $8, V2.B16, V2.B16, V18.B16
	VEXT  $8, V3.B16, V3.B16, V19.B16
	VEXT  $8, V4.B16, V4.B16, V20.B16
	VEXT  $8, V5.B16, V5.B16, V21.B16
	VEXT  $8, V6.B16, V6.B16, V22.B16
	VEXT  $8, V7.B16, V7.B16, V23.B16
	VFMLA V9.S4, V16.S4, V0.S4
	VFMLA V9.S4, V17.S4, V1.S4
	VFMLA V9.S4, V18.S4, V2.S4
	VFMLA V9.S4, V19.S4, V3.S4
	VFMLA V9.S4, V20.S4, V4.S4
	VFMLA V9.S4, V21.S4, V5.S4
	VFMLA V9.S4, V22.S4, V6.S4
	VFMLA V9.S4, V23.S4, V7.S4

// PAIR rotates the vectors A and B of one part: A - t·B, B + t·A.
#define PAIR(T, A, B) \
	VMOV  A.B16, V16.B16 \
	VFMLS T.S4, B.S4, A.S4 \
	VFMLA T.S4, V16.S4, B.S4

lane2:
	TBZ $2, R4, lane3
	PAIR(V10, V0, V1)
	PAIR(V10, V2, V3)
	PAIR(V10, V4, V5)
	PAIR(V10, V6, V7)

lane3:
	TBZ $3, R4, store
	PAIR(V11, V0, V2)
	PAIR(V11, V1, V3)
	PAIR(V11, V4, V6)
	PAIR(V11, V5, V7)

store:
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R0)
	SUB    $1, R2, R2
	CBNZ   R2, loop
	RET

// BUTTERFLY rotates A and B, each four consecutive vectors.
#define BUTTERFLY(T, A0, A1, A2, A3, B0, B1, B2, B3) \
	VMOV  A0.B16, V16.B16   \
	VMOV  A1.B16, V17.B16   \
	VMOV  A2.B16, V18.B16   \
	VMOV  A3.B16, V19.B16   \
	VFMLS T.S4, B0.S4, A0.S4 \
	VFMLS T.S4, B1.S4, A1.S4 \
	VFMLS T.S4, B2.S4, A2.S4 \
	VFMLS T.S4, B3.S4, A3.S4 \
	VFMLA T.S4, V16.S4, B0.S4 \
	VFMLA T.S4, V17.S4, B1.S4 \
	VFMLA T.S4, V18.S4, B2.S4 \
	VFMLA T.S4, V19.S4, B3.S4

// func rotate1NEON(x *float32, bytes uint64, stride *uint64, t *float32)
TEXT ·rotate1NEON(SB), NOSPLIT, $0-32
	MOVD  x+0(FP), R0
	MOVD  bytes+8(FP), R1
	MOVD  stride+16(FP), R2
	MOVD  t+24(FP), R3
	MOVD  (R2), R4
	VLD1R (R3), [V20.S4]
	MOVD  $0, R6

loop:
	ADD R0, R6, R8
	ADD R8, R4, R9
	MOVD $2, R12

part:
	VLD1   (R8), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1   (R9), [V4.S4, V5.S4, V6.S4, V7.S4]
	BUTTERFLY(V20, V0, V1, V2, V3, V4, V5, V6, V7)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R8)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R9)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R4, R6, R6
	ADD    $128, R6, R6
	BIC    R4, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// func rotate2NEON(x *float32, bytes uint64, stride *uint64, t *float32)
TEXT ·rotate2NEON(SB), NOSPLIT, $0-32
	MOVD  x+0(FP), R0
	MOVD  bytes+8(FP), R1
	MOVD  stride+16(FP), R2
	MOVD  t+24(FP), R3
	LDP   (R2), (R4, R5)
	VLD1R.P 4(R3), [V20.S4]
	VLD1R (R3), [V21.S4]
	ORR   R4, R5, R7
	MOVD  $0, R6

loop:
	ADD  R0, R6, R8
	ADD  R8, R4, R9
	ADD  R8, R5, R10
	ADD  R9, R5, R11
	MOVD $2, R12

part:
	VLD1   (R8), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1   (R9), [V4.S4, V5.S4, V6.S4, V7.S4]
	VLD1   (R10), [V8.S4, V9.S4, V10.S4, V11.S4]
	VLD1   (R11), [V12.S4, V13.S4, V14.S4, V15.S4]
	BUTTERFLY(V20, V0, V1, V2, V3, V4, V5, V6, V7)
	BUTTERFLY(V20, V8, V9, V10, V11, V12, V13, V14, V15)
	BUTTERFLY(V21, V0, V1, V2, V3, V8, V9, V10, V11)
	BUTTERFLY(V21, V4, V5, V6, V7, V12, V13, V14, V15)
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R8)
	VST1.P [V4.S4, V5.S4, V6.S4, V7.S4], 64(R9)
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R10)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R11)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R7, R6, R6
	ADD    $128, R6, R6
	BIC    R7, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// func exchangeBlocksNEON(x *float32, bytes, mask, o0, o1 uint64, cos, sin *float32)
TEXT ·exchangeBlocksNEON(SB), NOSPLIT, $0-56
	MOVD  x+0(FP), R0
	MOVD  bytes+8(FP), R1
	MOVD  mask+16(FP), R7
	MOVD  o0+24(FP), R4
	MOVD  o1+32(FP), R5
	MOVD  cos+40(FP), R2
	MOVD  sin+48(FP), R3
	VLD1R (R2), [V20.S4]
	VLD1R (R3), [V21.S4]
	ADD   R0, R4, R4
	ADD   R0, R5, R5
	MOVD  $0, R6

loop:
	ADD  R4, R6, R8
	ADD  R5, R6, R9
	MOVD $2, R12

part:
	VLD1   (R8), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1   (R9), [V4.S4, V5.S4, V6.S4, V7.S4]
	FMUL(20, 0, 8)
	FMUL(20, 1, 9)
	FMUL(20, 2, 10)
	FMUL(20, 3, 11)
	FMUL(20, 4, 12)
	FMUL(20, 5, 13)
	FMUL(20, 6, 14)
	FMUL(20, 7, 15)
	VFMLS  V21.S4, V4.S4, V8.S4
	VFMLS  V21.S4, V5.S4, V9.S4
	VFMLS  V21.S4, V6.S4, V10.S4
	VFMLS  V21.S4, V7.S4, V11.S4
	VFMLA  V21.S4, V0.S4, V12.S4
	VFMLA  V21.S4, V1.S4, V13.S4
	VFMLA  V21.S4, V2.S4, V14.S4
	VFMLA  V21.S4, V3.S4, V15.S4
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R8)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R9)
	SUB    $1, R12, R12
	CBNZ   R12, part
	ORR    R7, R6, R6
	ADD    $128, R6, R6
	BIC    R7, R6, R6
	CMP    R1, R6
	BLO    loop
	RET

// func gatherNEON(buf *float32, mem *float32, off *uint64, rows uint64, rowBytes uint64)
TEXT ·gatherNEON(SB), NOSPLIT, $0-40
	MOVD buf+0(FP), R0
	MOVD mem+8(FP), R1
	MOVD off+16(FP), R2
	MOVD rows+24(FP), R3
	MOVD rowBytes+32(FP), R4

row:
	MOVD.P 8(R2), R5
	ADD    R1, R5, R5
	MOVD   R4, R6

half:
	VLD1.P 64(R5), [V0.S4, V1.S4, V2.S4, V3.S4]
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R0)
	SUBS   $64, R6, R6
	BNE    half
	SUBS   $1, R3, R3
	BNE    row
	RET

// func scatterNEON(buf *float32, mem *float32, off *uint64, rows uint64, rowBytes uint64)
TEXT ·scatterNEON(SB), NOSPLIT, $0-40
	MOVD buf+0(FP), R0
	MOVD mem+8(FP), R1
	MOVD off+16(FP), R2
	MOVD rows+24(FP), R3
	MOVD rowBytes+32(FP), R4

row:
	MOVD.P 8(R2), R5
	ADD    R1, R5, R5
	MOVD   R4, R6

half:
	VLD1.P 64(R0), [V0.S4, V1.S4, V2.S4, V3.S4]
	VST1.P [V0.S4, V1.S4, V2.S4, V3.S4], 64(R5)
	SUBS   $64, R6, R6
	BNE    half
	SUBS   $1, R3, R3
	BNE    row
	RET

// func prefetchNEON(mem *float32, off *uint64, rows uint64, rowBytes uint64)
TEXT ·prefetchNEON(SB), NOSPLIT, $0-32
	MOVD mem+0(FP), R1
	MOVD off+8(FP), R2
	MOVD rows+16(FP), R3
	MOVD rowBytes+24(FP), R4

row:
	MOVD.P 8(R2), R5
	ADD    R1, R5, R5
	ADD    R5, R4, R6

line:
	PRFM (R5), PLDL2KEEP
	ADD  $64, R5, R5
	CMP  R6, R5
	BLO  line
	SUBS $1, R3, R3
	BNE  row
	RET

// func outerNEON(f *float32, v *float32, s *float32, pattern *uint8, patterns *uint32, n uint64)
TEXT ·outerNEON(SB), NOSPLIT, $0-48
	MOVD f+0(FP), R0
	MOVD v+8(FP), R1
	MOVD s+16(FP), R2
	MOVD pattern+24(FP), R3
	MOVD patterns+32(FP), R4
	MOVD n+40(FP), R5

loop:
	MOVBU.P 1(R3), R6
	ADD     R6<<6, R4, R6
	VLD1    (R6), [V24.S4, V25.S4, V26.S4, V27.S4]
	VLD1.P  64(R1), [V0.S4, V1.S4, V2.S4, V3.S4]
	VLD1    (R1), [V4.S4, V5.S4, V6.S4, V7.S4]
	SUB     $64, R1, R1
	VEOR    V24.B16, V0.B16, V0.B16
	VEOR    V25.B16, V1.B16, V1.B16
	VEOR    V26.B16, V2.B16, V2.B16
	VEOR    V27.B16, V3.B16, V3.B16
	VEOR    V24.B16, V4.B16, V4.B16
	VEOR    V25.B16, V5.B16, V5.B16
	VEOR    V26.B16, V6.B16, V6.B16
	VEOR    V27.B16, V7.B16, V7.B16
	VLD1R.P 4(R2), [V28.S4]
	VLD1R.P 4(R2), [V29.S4]

	// re = sr·vr, then re - si·vi; im = sr·vi, then im + si·vr
	FMUL(0, 28, 8)
	FMUL(1, 28, 9)
	FMUL(2, 28, 10)
	FMUL(3, 28, 11)
	FMUL(4, 28, 12)
	FMUL(5, 28, 13)
	FMUL(6, 28, 14)
	FMUL(7, 28, 15)
	VFMLS  V4.S4, V29.S4, V8.S4
	VFMLS  V5.S4, V29.S4, V9.S4
	VFMLS  V6.S4, V29.S4, V10.S4
	VFMLS  V7.S4, V29.S4, V11.S4
	VFMLA  V0.S4, V29.S4, V12.S4
	VFMLA  V1.S4, V29.S4, V13.S4
	VFMLA  V2.S4, V29.S4, V14.S4
	VFMLA  V3.S4, V29.S4, V15.S4
	VST1.P [V8.S4, V9.S4, V10.S4, V11.S4], 64(R0)
	VST1.P [V12.S4, V13.S4, V14.S4, V15.S4], 64(R0)
	SUBS   $1, R5, R5
	BNE    loop
	RET

// SQUARES turns the block at R1 into weights V0-V7, two each; V31 is 2.
#define SQUARES \
	VLD1.P 64(R1), [V16.S4, V17.S4, V18.S4, V19.S4] \
	VLD1.P 64(R1), [V20.S4, V21.S4, V22.S4, V23.S4] \
	FMUL(16, 16, 24)                                \
	FMUL(17, 17, 25)                                \
	FMUL(18, 18, 26)                                \
	FMUL(19, 19, 27)                                \
	VFMLA V20.S4, V20.S4, V24.S4                    \
	VFMLA V21.S4, V21.S4, V25.S4                    \
	VFMLA V22.S4, V22.S4, V26.S4                    \
	VFMLA V23.S4, V23.S4, V27.S4                    \
	FCVTL(24, 0)                                    \
	FCVTL2(24, 1)                                   \
	FCVTL(25, 2)                                    \
	FCVTL2(25, 3)                                   \
	FCVTL(26, 4)                                    \
	FCVTL2(26, 5)                                   \
	FCVTL(27, 6)                                    \
	FCVTL2(27, 7)                                   \
	FADD2D(31, 0, 0)                                \
	FADD2D(31, 1, 1)                                \
	FADD2D(31, 2, 2)                                \
	FADD2D(31, 3, 3)                                \
	FADD2D(31, 4, 4)                                \
	FADD2D(31, 5, 5)                                \
	FADD2D(31, 6, 6)                                \
	FADD2D(31, 7, 7)                                \
	VSUB  V31.D2, V0.D2, V0.D2                      \
	VSUB  V31.D2, V1.D2, V1.D2                      \
	VSUB  V31.D2, V2.D2, V2.D2                      \
	VSUB  V31.D2, V3.D2, V3.D2                      \
	VSUB  V31.D2, V4.D2, V4.D2                      \
	VSUB  V31.D2, V5.D2, V5.D2                      \
	VSUB  V31.D2, V6.D2, V6.D2                      \
	VSUB  V31.D2, V7.D2, V7.D2

// func weightsNEON(w *uint64, x *float32, leaves uint64, blocks uint64)
TEXT ·weightsNEON(SB), NOSPLIT, $0-32
	MOVD w+0(FP), R0
	MOVD x+8(FP), R1
	MOVD leaves+16(FP), R2
	MOVD blocks+24(FP), R3
	MOVD $0x4000000000000000, R5
	VDUP R5, V31.D2

leaf:
	VEOR V30.B16, V30.B16, V30.B16
	MOVD R3, R4

block:
	SQUARES
	VADD V0.D2, V1.D2, V0.D2
	VADD V2.D2, V3.D2, V2.D2
	VADD V4.D2, V5.D2, V4.D2
	VADD V6.D2, V7.D2, V6.D2
	VADD V0.D2, V2.D2, V0.D2
	VADD V4.D2, V6.D2, V4.D2
	VADD V0.D2, V30.D2, V30.D2
	VADD V4.D2, V30.D2, V30.D2
	SUBS $1, R4, R4
	BNE  block
	VMOV V30.D[0], R5
	VMOV V30.D[1], R6
	ADD  R5, R6, R5
	MOVD.P R5, 8(R0)
	SUBS $1, R2, R2
	BNE  leaf
	RET

// func squaresNEON(w *uint64, x *float32, n uint64)
TEXT ·squaresNEON(SB), NOSPLIT, $0-24
	MOVD w+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	MOVD $0x4000000000000000, R5
	VDUP R5, V31.D2

loop:
	SQUARES
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	VST1.P [V4.D2, V5.D2, V6.D2, V7.D2], 64(R0)
	SUBS   $1, R2, R2
	BNE    loop
	RET

// func probeNEON(n uint64)
TEXT ·probeNEON(SB), NOSPLIT, $0-8
	MOVD n+0(FP), R0
	LSL  $2, R0, R0 // four vectors are 16 numbers

loop:
	VFMLA V0.S4, V0.S4, V0.S4
	VFMLA V1.S4, V1.S4, V1.S4
	VFMLA V2.S4, V2.S4, V2.S4
	VFMLA V3.S4, V3.S4, V3.S4
	VFMLA V4.S4, V4.S4, V4.S4
	VFMLA V5.S4, V5.S4, V5.S4
	VFMLA V6.S4, V6.S4, V6.S4
	VFMLA V7.S4, V7.S4, V7.S4
	VFMLA V8.S4, V8.S4, V8.S4
	VFMLA V9.S4, V9.S4, V9.S4
	VFMLA V10.S4, V10.S4, V10.S4
	VFMLA V11.S4, V11.S4, V11.S4
	SUBS  $1, R0, R0
	BNE   loop
	RET
