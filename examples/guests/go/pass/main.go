//go:build wasip1

// Command pass is compiler pass peephole@1 as a WebAssembly module.
package main

import (
	"github.com/animicaorg/engine/examples/guests/go/peephole"
	qx1 "github.com/animicaorg/engine/sdk/go"
)

//go:wasmexport qx_abi_1
func marker() int32 { return 1 }

//go:wasmexport qx_describe
func describe() int32 { return qx1.Run(peephole.Describe) }

//go:wasmexport qx_compile
func compile() int32 { return qx1.Run(peephole.Compile) }

func main() {}
