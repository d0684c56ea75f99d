//go:build !purego

package kernel

// machine lists the kernels of arm64: every such CPU has NEON.
func machine() []Kernel { return []Kernel{neon{}} }

// neon has vectors for the tableau. Rows go through tables of eight bits and the
// keystream through the standard library, as Generic has them.
type neon struct{ generic }

func (neon) Name() string { return "neon" }

func (neon) Gates(xz, sign []uint64, ops []Op, masks []Masks) {
	if len(ops) > 0 {
		gatesNEON(&xz[0], &sign[:Slice][0], (*uint64)(&ops[0]), uint64(len(ops)), &masks[0].XX)
	}
}

func (neon) AddRows(rows []uint64, stride, column int, index *[256]uint16, table []uint64) {
	n := len(rows) / stride
	if n == 0 {
		return
	}
	checkRows(stride, column, index, table)
	addRowsNEON(&rows[0], uint64(n), uint64(8*stride), uint64(column), &index[0], &table[0])
}

//go:noescape
func gatesNEON(xz *uint64, sign *uint64, ops *uint64, n uint64, masks *uint64)

//go:noescape
func addRowsNEON(rows *uint64, n uint64, stride uint64, column uint64, index *uint16, table *uint64)
