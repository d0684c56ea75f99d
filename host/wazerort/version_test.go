package wazerort_test

import (
	"os"
	"strings"
	"testing"

	"github.com/animicaorg/engine/host/wazerort"
	"github.com/animicaorg/engine/host/worker"
	"github.com/stretchr/testify/require"
)

// TestVersion: what entries of native code name is the wazero that is linked.
func TestVersion(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	require.Contains(t, strings.Fields(string(mod)), "github.com/tetratelabs/wazero")
	require.Contains(t, string(mod), "github.com/tetratelabs/wazero "+wazerort.Version+"\n")
	require.Contains(t, worker.CodeID(wazerort.NameCompiler), wazerort.Version)
}
