package host

import (
	"time"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/host/worker"
)

// The budget of a call, in units of meter-1; abi/SPEC.md, section Fuel, is the
// definition. The shipped guests use less than an eighth of it.
const (
	budgetCall     = 2_000_000_000        // each call
	budgetByte     = 10_000               // and per byte of its inputs
	budgetSlot     = 1_000_000            // and, of qx_generate, per slot
	budgetSlotByte = 8                    // and per slot and byte of its inputs
	budgetMost     = 1_000_000_000_000    // never more
	wallPerUnit    = 20 * time.Nanosecond // of CallTime: loops that miss the caches take 8 ns a unit
	maxFuel        = uint64(1<<63 - 1)    // a meter's largest number
	mostSlots      = uint64(guest.MaxGenerate)
)

// Budget is the fuel of one call under the default limits: a pure function of
// what is called and of the sizes of its inputs.
func Budget(export string, args []uint64, in map[int][]byte) uint64 {
	bytes := uint64(0)
	for _, b := range in {
		bytes += uint64(len(b))
	}
	bytes = min(bytes, budgetMost/budgetByte)
	fuel := budgetCall + budgetByte*bytes
	if export == abi.ExportGenerate && len(args) == 2 {
		fuel += min(args[1], mostSlots) * (budgetSlot + budgetSlotByte*bytes)
	}
	return min(fuel, budgetMost)
}

// budget is Budget, or the limit where that is lower.
func (h *Host) budget(export string, args []uint64, in map[int][]byte) uint64 {
	fuel := Budget(export, args, in)
	if l := h.cfg.Limits.Fuel; l != 0 {
		fuel = min(fuel, l)
	}
	return fuel
}

// callTime is the wall limit of a call with a budget. The budget ends a guest
// that loops long before, so that its end is the same everywhere.
func (h *Host) callTime(fuel uint64) time.Duration {
	if t := h.cfg.Limits.CallTime; t != 0 {
		return t
	}
	return defaultCallTime + time.Duration(fuel)*wallPerUnit*time.Duration(worker.Pace(h.runtime()))
}
