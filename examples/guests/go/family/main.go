//go:build wasip1

// Command family is trap family echo@1 as a WebAssembly module.
package main

import (
	"github.com/animicaorg/engine/examples/guests/go/echo"
	qx1 "github.com/animicaorg/engine/sdk/go"
)

//go:wasmexport qx_abi_1
func marker() int32 { return 1 }

//go:wasmexport qx_describe
func describe() int32 { return qx1.Run(echo.Describe) }

//go:wasmexport qx_plan
func plan() int32 { return qx1.Run(echo.Plan) }

//go:wasmexport qx_generate
func generate(first int64, n int32) int32 { return qx1.Run(echo.Generate(first, n)) }

//go:wasmexport qx_judge
func judge(n int32) int32 { return qx1.Run(echo.Judge(n)) }

func main() {}
