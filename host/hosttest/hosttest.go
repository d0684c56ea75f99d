// Package hosttest wires test binaries as guest workers and opens guests for
// tests. It is imported by tests only.
package hosttest

import (
	"os"
	"testing"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the default runtime
)

// Main is the whole TestMain of a package whose tests run guests.
func Main(m *testing.M) {
	host.MaybeWorker()
	os.Exit(m.Run())
}

// Load makes a host with the default limits and loads a module.
func Load(t testing.TB, wasm []byte, kind abi.Kind) *host.Module {
	t.Helper()
	h, err := host.New(host.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := h.Load(t.Context(), wasm, kind)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Open opens an instance that ends with the test.
func Open(t testing.TB, m *host.Module) *host.Instance {
	t.Helper()
	i, err := m.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}
