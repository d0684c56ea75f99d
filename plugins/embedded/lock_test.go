package embedded

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/stretchr/testify/require"
)

// TestLockListsTheModules: modules.lock names exactly what is embedded, and what
// the meter makes of it.
func TestLockListsTheModules(t *testing.T) {
	var want []string
	for _, m := range All() {
		metered, err := meter.Instrument(m.Bytes, meter.Limits{})
		require.NoError(t, err, m.Name)
		want = append(want, fmt.Sprintf("%s %s %s qx1 %s %d %s %s", m.Name, m.Kind, m.Version, digest.Sum(m.Bytes), len(m.Bytes), meter.ID, digest.Sum(metered)))
		require.Less(t, len(m.Bytes), 1<<20, "%s: a trap library has at most 1 MiB", m.Name)
	}
	require.True(t, slices.IsSorted(want))
	lock, err := os.ReadFile("../modules.lock")
	require.NoError(t, err)
	require.Equal(t, strings.Join(want, "\n")+"\n", string(lock))
	_, ok := Lookup("nothing")
	require.False(t, ok)
}

// TestModulesAreAccepted: the host's validator takes every shipped module, and
// none uses floats, passive data or a start function (the profiles forbid them).
func TestModulesAreAccepted(t *testing.T) {
	profiles := map[string]wasmbin.Profile{"traps": wasmbin.TrapLibrary(), "compiler": wasmbin.Compiler()}
	for _, m := range All() {
		p, ok := profiles[m.Kind]
		require.True(t, ok, m.Name)
		_, err := wasmbin.Read(m.Bytes, &p)
		require.NoError(t, err, m.Name)
	}
}
