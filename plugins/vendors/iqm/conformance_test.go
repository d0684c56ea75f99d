package iqm_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/drivertest"
	"github.com/animicaorg/engine/plugins/driver/process"
	fake "github.com/animicaorg/engine/plugins/fakes/iqm"
	"github.com/animicaorg/engine/plugins/vendors/iqm"
)

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		driver.Serve(iqm.New(time.Now))
		return
	}
	os.Exit(m.Run())
}

const token = "token-of-the-fake"

// vendor starts a fake, and gives a configuration that reaches it.
func vendor(t *testing.T, o fake.Options, edit ...any) (*fake.Server, []byte) {
	t.Helper()
	o.Token, o.Now = token, time.Now
	s, err := fake.New(o)
	require.NoError(t, err)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	members := map[string]any{"base_url": web.URL, "quantum_computer": "garnet", "poll_ms": 2, "max_circuits": 256, "max_shots": 1000}
	for i := 0; i < len(edit); i += 2 {
		members[edit[i].(string)] = edit[i+1]
	}
	cfg, err := json.Marshal(members)
	require.NoError(t, err)
	return s, cfg
}

// short is a folder for sockets, whose paths are short.
func short(t *testing.T) string {
	dir, err := os.MkdirTemp("", "q")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestConformance(t *testing.T) {
	_, cfg := vendor(t, fake.Options{})
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	defer img.Close()
	s, err := drivertest.Run(t.Context(), drivertest.Options{Spec: &process.Spec{Image: img, Args: []string{"serve"}, CacheDir: t.TempDir()}, Sockets: short(t), Now: time.Now,
		Config: cfg, Secrets: map[string]string{"token": token}, Jobs: 50})
	require.NoError(t, err)
	for _, c := range s.Checks {
		require.NotEqual(t, drivertest.Failed, c.Status, "%s: %s", c.Name, c.Detail)
		if c.Status == drivertest.Skipped {
			t.Logf("skipped %s: %s", c.Name, c.Detail)
		}
	}
	t.Logf("%d passed, %d failed, %d skipped", s.Passed, s.Failed, s.Skipped)
	require.GreaterOrEqual(t, s.Passed, 95)
}
