package ionq

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// TestLowestBitIsQubitZero: decimal 1 is qubit 0, decimal 256 is qubit 8.
func TestLowestBitIsQubitZero(t *testing.T) {
	rows, err := parseShots([]byte(`[1,"256",511]`), 9, 3)
	require.NoError(t, err)
	require.Equal(t, []byte{1, 0, 0, 1, 255, 1}, rows)
	pairs, err := parseProbabilities([]byte(`{"256":0.25,"3":0.75}`), 9)
	require.NoError(t, err)
	require.Equal(t, []driver.Pair{{Row: []byte{3, 0}, Probability: 0.75}, {Row: []byte{0, 1}, Probability: 0.25}}, pairs)
}

func TestAnswersThatAreRefused(t *testing.T) {
	for _, text := range []string{``, `[1`, `[1,2]`, `[512]`, `[-1]`, `[1.0]`, `[1e0]`, `["0x1"]`, `[null]`, `{"0":1}`, `[1] [1]`, `{"shots":{"registers":{"output_all":["1"]}}}`} {
		_, err := parseShots([]byte(text), 9, 1)
		require.Error(t, err, text)
	}
	for _, text := range []string{``, `{}`, `{"0":0.5}`, `{"512":1}`, `{"0":-1,"1":2}`, `{"0":0.5,"00":0.5}`, `{"0":0.5,"1":0.5`, `{"probabilities":{}}`} {
		_, err := parseProbabilities([]byte(text), 9)
		require.Error(t, err, text)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	key := map[string]string{"api_key": "k"}
	for text, field := range map[string]string{`{"base_url":"http://example.org/v0.4"}`: "base_url", `{"base_url":"https://u:p@example.org"}`: "base_url", `{"base_url":"ftp://127.0.0.1"}`: "base_url",
		`{"backend":"../x"}`: "backend", `{"backend":".."}`: "backend", `{"poll_ms":0}`: "config_json", `{"bakend":"x"}`: "config_json", `[]`: "config_json"} {
		_, err := parseConfig(&driver.Config{JSON: []byte(text), Secrets: key})
		var e *driver.Error
		require.ErrorAs(t, err, &e, text)
		require.Equal(t, field, e.Field, text)
	}
	for _, k := range []string{"", "a b", "a\nb", "é"} {
		_, err := parseConfig(&driver.Config{Secrets: map[string]string{"api_key": k}})
		require.ErrorIs(t, err, &driver.Error{Code: driver.ConfigInvalid})
	}
}

// FuzzAnswers: no answer of the vendor makes the driver panic or say what the
// contract forbids.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`[0,1,"3"]`, `{"0":0.5,"3":0.5}`, `{"id":"a-1","status":"completed","metadata":{"engine_key":"00"},"execution_duration_ms":5,"submitted_at":"2026-01-01T00:00:00Z"}`,
		`{"id":"c","qubits":3,"fidelity":{"1q":{"median":0.9,"stderr":0.1},"spam":{"median":2}},"timing":{"t1":100,"1q":-1}}`, `{"jobs":[{"id":"x"}],"next":null}`, `{"error":"e","message":"m","validation":{"keys":["k"]}}`} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if width < 1 || width > 4096 {
			return
		}
		if rows, err := parseShots(b, width, 3); err == nil {
			require.Len(t, rows, 3*((width+7)/8))
			if pad := width & 7; pad != 0 {
				require.Zero(t, rows[len(rows)-1]>>pad)
			}
		}
		if pairs, err := parseProbabilities(b, width); err == nil {
			for _, p := range pairs {
				require.True(t, p.Probability >= 0 && p.Probability <= 1)
			}
		}
		var j job
		if rest.Decode(b, &j) == nil {
			if w, err := j.wire(time.Second); err == nil {
				require.True(t, driver.CheckID(w.JobId) && w.State != 0)
			}
			if m, ok := j.read(); ok {
				require.LessOrEqual(t, m.slots*m.shots, uint64(1e7))
			}
		}
		if c, err := calibration(b, "c"); err == nil {
			require.Len(t, c.Qubits, len(c.Gates))
		}
		cfg := &config{Client: rest.Client{Secret: "k3y", Refusal: refusal}}
		require.LessOrEqual(t, len(cfg.Refused(rest.Answer{Status: 500, Body: b}).VendorMessage), 1100)
	})
}
