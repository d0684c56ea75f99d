package metertest

import "github.com/animicaorg/engine/host/wasmbin"

// Other is a metered guest on an engine that is not wazero.
type Other interface {
	Call(export string, fuel int64, depth int32, args ...uint64) (Result, error)
	Depth() int32 // that remains
	Close() error
}

// Second opens the metered form of a module on another engine; nil where the
// build has none. SecondName says which. Builds with cgo and the tag wasmtime have
// wasmtime.
var (
	Second     func(m *wasmbin.Module, metered []byte, world *World) (Other, error)
	SecondName string
)
