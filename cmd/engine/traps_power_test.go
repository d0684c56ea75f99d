package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/animicaorg/engine/traps/zoo"
)

// TestFamilyPlots keeps docs/traps/*.svg what engine traps power draws for 8 x 16
// under ref@1.
func TestFamilyPlots(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "traps")
	for _, f := range traps.Families() {
		s, err := zoo.NewOf(f.Mix, 8, 16, zoo.Shots, zoo.RatioPPM, stats.RefPolicy())
		require.NoError(t, err)
		a := powerOf(s.Plan)
		a.Width, a.Depth, a.Policy, a.Family = 8, 16, "ref@1", f.Name
		a.Noise, err = noisierDevices(s, f.Mix)
		require.NoError(t, err)
		path := filepath.Join(dir, f.Name+".svg")
		if *update {
			require.NoError(t, os.MkdirAll(dir, 0o755))
			require.NoError(t, os.WriteFile(path, a.panels(), 0o644))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), string(a.panels()), "%s: run the test with -update", f.Name)
	}
}
