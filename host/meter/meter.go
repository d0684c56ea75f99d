// Package meter compiles the sandbox's limits into a WebAssembly module: fuel,
// call depth, the memory maximum and, where floats are allowed, one bit pattern
// for every NaN that a guest can see. SPEC.md is the definition, version by
// version; this package implements meter-1.
//
// It promises: the output is a pure function of (module bytes, version, limits);
// whatever Instrument accepts is a valid module, operand types included, and so
// is its output; with enough fuel and depth the output computes what the input
// computes; how much fuel a call uses, and whether it runs out of fuel or depth,
// is the same on every engine that follows the WebAssembly specification; no
// import is called and no byte of memory filled, copied or grown before its fuel
// is paid, and no instruction runs twice in one call of its function before what
// it cost the first time was found to be paid. It does not bound wall time, it does not watch the host's own work
// beyond the prices of SPEC.md, and it does not say how much fuel a job deserves.
//
// It uses the standard library and host/wasmbin only, and does no I/O.
package meter

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/animicaorg/engine/host/wasmbin"
)

// Version is the number N of the rules meter-N that this package implements.
const Version = 1

// ID names the rules in records.
const ID = "meter-1"

// Exported globals of a metered module. The host writes both before each call
// and reads them after it. Both start at 0, so that a module whose host forgets
// them runs out of fuel at once.
const (
	GlobalFuel  = "__meter_fuel"  // mutable i64: fuel that remains, any number from 0
	GlobalDepth = "__meter_depth" // mutable i32: depth that remains
)

const reservedPrefix = "__meter"

// Depth is the depth budget of one call from the host, in the units of the frame
// weights: at most 1024 nested calls of the smallest function.
const Depth = 8192

// MaxOperands is the largest number of operands that a function may have on its
// stack at once.
const MaxOperands = 256

// MaxBlockSquares bounds the sum, over the functions of a module, of the squared
// number of metered blocks: the compilers of engines take time in proportion to it.
const MaxBlockSquares = 1 << 25

// MaxLive bounds the sum, over the functions of a module, of n·(n + 16·l)·s: n
// metered blocks, at most l loops in one another, s slots (parameters, locals, most
// operands at once). Values that live across many branches cost the register
// allocators of engines that much, and in loops more. MaxLiveFloats is the bound
// under float policy `canonical`.
const (
	MaxLive       = 1 << 28
	MaxLiveFloats = 1 << 30
	loopCost      = 16
)

// Rules of refusal beyond those of wasmbin.
const (
	RuleBranches wasmbin.Rule = "branches" // more than MaxBlockSquares
	RuleLive     wasmbin.Rule = "live"     // more than MaxLive
	RuleTyping   wasmbin.Rule = "typing"   // an instruction does not fit the types of its operands
	RuleOperands wasmbin.Rule = "operands" // more than MaxOperands operands at once
)

// Limits are the parameters of the rewriting that are not in the module.
type Limits struct {
	// MemoryPages caps the memory in pages of 64 KiB: the output's maximum is the
	// smaller of this and the module's own. 0 leaves the module's own. A module
	// whose minimum is above it is refused.
	MemoryPages uint32
	// Floats is float policy `canonical`: f32 and f64 are allowed and their NaNs
	// made canonical where they can be seen. False is policy `none`: they are
	// refused.
	Floats bool
}

// Instrument returns the metered form of a module. The profile is the widest of
// ABI qx1: what a trap library or a compiler must export is for the caller to
// check. Every error is a *wasmbin.Rejected.
func Instrument(wasm []byte, lim Limits) ([]byte, error) {
	p := widest(lim.Floats)
	m, err := wasmbin.Read(wasm, &p)
	if err != nil {
		return nil, err
	}
	return Rewrite(m, lim)
}

// Rewrite is Instrument for a module that is decoded already, under a profile of
// the caller's, which says whether there are floats. The same bytes give the same
// output under every profile that accepts them. Every error is a *wasmbin.Rejected.
func Rewrite(m *wasmbin.Module, lim Limits) ([]byte, error) {
	if lim.MemoryPages != 0 && m.Memory.Min > lim.MemoryPages {
		return nil, rejected(wasmbin.RuleMemoryMax, 0, "the memory starts with %d pages, the limit is %d", m.Memory.Min, lim.MemoryPages)
	}
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, reservedPrefix) {
			return nil, rejected(wasmbin.RuleExportReserved, 0, "%q is a name of the meter", e.Name)
		}
	}
	r := newRewriter(m, lim)
	bodies := make([][]byte, 0, len(m.Bodies)+len(m.Imports)+1)
	for i := range m.Bodies {
		b, err := r.body(i)
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, b)
	}
	for i := range m.Imports {
		bodies = append(bodies, r.importBody(i))
	}
	bodies = append(bodies, r.growBody())
	return r.out.Encode(bodies, r.elems()), nil
}

func widest(floats bool) wasmbin.Profile {
	p := wasmbin.Compiler()
	p.Name, p.Floats = "L1/any", floats
	p.Exports = nil
	p.Optional = []string{"qx_abi_1", "qx_describe", "qx_compile", "qx_check", "qx_plan", "qx_generate", "qx_judge", "qx_audit"}
	return p
}

// OutputProfile is the profile that the outputs of modules of profile p satisfy:
// p with the exported globals and with room for what the rewriter adds.
func OutputProfile(p wasmbin.Profile) wasmbin.Profile {
	p.Name += "/" + ID
	p.HostGlobals = append(slices.Clone(p.HostGlobals), GlobalFuel, GlobalDepth)
	l := &p.Limits
	l.ModuleBytes *= growth
	l.BodyBytes *= growth
	l.Types += l.Functions + 1
	l.Functions += l.Imports + 1
	l.Globals += 2
	l.Exports += 2
	l.Locals += maxScratch
	l.Nesting += maxScratch
	l.Blocks += l.BodyBytes
	l.LocalsBlocks = uint64(l.Locals) * uint64(l.Blocks)
	l.BrTableModule *= 2
	return p
}

// growth bounds the output's size in units of the input's: the longest charge
// follows the shortest instruction that ends a metered block.
const growth = 32

// maxScratch is the number of locals, and of block levels, that a body may gain.
const maxScratch = 6

// End says what stopped a metered call that trapped.
type End uint8

// Ends. An engine reports all but Ordinary as the trap `unreachable`, or OutOfFuel
// as a return.
const (
	Ordinary      End = iota // the guest's own trap
	OutOfFuel                // the budget of fuel is used up
	TooDeep                  // the budget of depth is used up
	GrowthRefused            // the engine could not back memory below the maximum: a failure of the machine, not of the guest
)

// EndOf tells from the two globals why a call trapped. A call that returned is
// Ordinary or OutOfFuel: in the latter case its results do not count.
func EndOf(fuel int64, depth int32) End {
	switch {
	case fuel == fuelGrowth:
		return GrowthRefused
	case fuel < 0:
		return OutOfFuel
	case depth < 0:
		return TooDeep
	}
	return Ordinary
}

// Values of the fuel global that are no amount.
const (
	fuelOut    = -1
	fuelGrowth = math.MinInt64 // no body is so long
)

// Used is the fuel that a call with the given budget used, from the value of the
// fuel global afterwards: all of it for a call that ran out. Of a call that
// trapped it is what was paid up to the last call, return or growth that the
// guest made before the trap.
func Used(budget, fuel int64) int64 { return budget - max(fuel, 0) }

func rejected(rule wasmbin.Rule, at int, format string, args ...any) *wasmbin.Rejected {
	return &wasmbin.Rejected{Rule: rule, Offset: at, Detail: fmt.Sprintf(format, args...)}
}
