package meter

import "github.com/animicaorg/engine/host/wasmbin"

// Weight is the weight of an opcode, for tests.
func Weight(op wasmbin.Opcode) int64 { return opOf(op).weight }
