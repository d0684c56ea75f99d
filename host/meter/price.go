package meter

// price is what a call of an import costs: base, and per bytes that parameter n
// announces, rounded up. The length that the guest asks for is paid, not the
// length that it gets.
type price struct {
	base  int64
	n     int   // index of the length parameter, -1 for none
	shift int64 // 2^shift bytes for one unit of fuel
}

// prices are the imports of ABI qx1. An import that is not listed costs
// otherImport.
var prices = map[string]price{
	"in_len":    {600, -1, 0},
	"in_read":   {600, 3, 2},
	"out_write": {600, 2, 2},
	"fail":      {600, 2, 0},
	"log":       {600, 2, 0},
}

var otherImport = price{600, -1, 0}

// Prices that depend on an operand. The fixed part of an instruction is its
// weight.
const (
	growPage  = 8192 // memory.grow, per page of a growth inside the maximum
	fillShift = 3    // memory.fill, one unit per 8 bytes
	copyShift = 2    // memory.copy, one unit per 4 bytes
)

// Prices of making an instance, which the host takes from the job's budget; no
// code in the module does.
const (
	loadByte = 15_000 // per byte of the module without custom sections
	loadPage = growPage
)

// LoadFuel is the price of compiling and instantiating a module: its size in
// bytes without custom sections, before the rewriting, and the minimum of its
// memory in pages.
func LoadFuel(moduleBytes int, minPages uint32) int64 {
	return loadByte*int64(moduleBytes) + loadPage*int64(minPages)
}
