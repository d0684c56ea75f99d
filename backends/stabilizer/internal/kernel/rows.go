package kernel

// checkRows panics where a routine for AddRows would leave its table or its rows.
func checkRows(stride, column int, index *[256]uint16, table []uint64) {
	for _, t := range index {
		if (int(t)+1)*stride > len(table) {
			panic("kernel: row outside of the table")
		}
	}
	if stride%8 != 0 || column >= 8*stride {
		panic("kernel: row that is not whole vectors")
	}
}
