package mockqpu_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/driver/drivertest"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
)

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		name := ""
		if len(os.Args) > 2 {
			name = os.Args[2]
		}
		if err := mockqpu.Serve(time.Now, name); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

// score runs the kit against this binary.
func score(t *testing.T, broken string, only ...string) *drivertest.Score {
	t.Helper()
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	defer img.Close()
	sockets, err := os.MkdirTemp("", "m")
	require.NoError(t, err)
	defer os.RemoveAll(sockets)
	s, err := drivertest.Run(t.Context(), drivertest.Options{Spec: &process.Spec{Image: img, Args: []string{"serve", broken}, CacheDir: t.TempDir()}, Sockets: sockets, Now: time.Now,
		Config: []byte(`{"coupling":"line","max_slots":500}`), Jobs: 50, Only: only})
	require.NoError(t, err)
	return s
}

func TestConformance(t *testing.T) {
	s := score(t, "")
	for _, c := range s.Checks {
		require.NotEqual(t, drivertest.Failed, c.Status, "%s: %s", c.Name, c.Detail)
	}
	require.GreaterOrEqual(t, s.Passed, 80)
}

// TestBreaks breaks one promise at a time: the check of that name fails.
// ENGINE_BREAKS=own tries every break against its own check, ENGINE_BREAKS=all
// (seven minutes) against all checks: no other fails. Without it a few are tried.
func TestBreaks(t *testing.T) {
	mode := os.Getenv("ENGINE_BREAKS")
	step := 16
	if mode != "" {
		step = 1
	}
	names := mockqpu.Breaks()
	for i := 0; i < len(names); i += step {
		t.Run(names[i], func(t *testing.T) {
			only := names[i : i+1]
			if mode == "all" {
				only = nil
			}
			var failed []string
			for _, c := range score(t, names[i], only...).Checks {
				if c.Status == drivertest.Failed {
					failed = append(failed, c.Name)
					t.Log(c.Name, c.Detail)
				}
			}
			require.Equal(t, names[i:i+1], failed)
		})
	}
}

// TestEveryCheckCanFail lists the checks that no break fails alone, with the
// reason.
func TestEveryCheckCanFail(t *testing.T) {
	alone := map[string]string{
		"socket-in-folder":          "no driver that listens elsewhere starts at all",
		"certificate":               "nor one whose certificate is not the line's",
		"describe-before-configure": "every start begins with it",
	}
	can := map[string]bool{}
	for _, n := range mockqpu.Breaks() {
		can[n] = true
	}
	for _, n := range drivertest.Names() {
		require.NotEqual(t, alone[n] != "", can[n], n)
	}
	require.Len(t, drivertest.Names(), len(can)+len(alone))
}
