// Package embedded holds the WebAssembly modules that ship with the engine: the
// compiler `layered`, the trap libraries `accredit` and `clifford_parity`, the
// secondary trap families, and `xeb_small`, which also scores target slots.
// plugins/build.sh makes them from the C sources; plugins/modules.lock lists
// their hashes.
//
// It promises that Lookup returns exactly the committed bytes. It does not
// validate, compile or run them, and it does not say whether anyone should trust
// them.
package embedded

import (
	_ "embed"
	"slices"
)

// Module is one shipped module.
type Module struct {
	Name    string
	Version string // semantic version, as its manifest says
	Kind    string // "compiler" or "traps"
	Bytes   []byte // the artifact; do not change it
}

//go:embed accredit.wasm
var accredit []byte

//go:embed clifford_parity.wasm
var cliffordParity []byte

//go:embed cst.wasm
var cst []byte

//go:embed hidden_angle.wasm
var hiddenAngle []byte

//go:embed iqp.wasm
var iqp []byte

//go:embed layered.wasm
var layered []byte

//go:embed mirror.wasm
var mirror []byte

//go:embed trap_h.wasm
var trapH []byte

//go:embed trap_xz.wasm
var trapXZ []byte

//go:embed xeb_small.wasm
var xebSmall []byte

var modules = []Module{
	{"accredit", "1.0.0", "traps", accredit},
	{"clifford_parity", "1.0.0", "traps", cliffordParity},
	{"cst", "1.0.0", "traps", cst},
	{"hidden_angle", "1.0.0", "traps", hiddenAngle},
	{"iqp", "1.0.0", "traps", iqp},
	{"layered", "1.0.0", "compiler", layered},
	{"mirror", "1.0.0", "traps", mirror},
	{"trap_h", "1.0.0", "traps", trapH},
	{"trap_xz", "1.0.0", "traps", trapXZ},
	{"xeb_small", "1.0.0", "traps", xebSmall},
}

// All returns the shipped modules, sorted by name.
func All() []Module { return slices.Clone(modules) }

// Lookup returns the shipped module of that name.
func Lookup(name string) (Module, bool) {
	for _, m := range modules {
		if m.Name == name {
			return m, true
		}
	}
	return Module{}, false
}
