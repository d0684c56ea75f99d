package iqm

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

type mat [2][2]complex128

func (a mat) times(b mat) (c mat) {
	for i := range 2 {
		for j := range 2 {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}

// TestTable multiplies the translation of random gates out again, by the vendor's
// definition of prx, and compares with u3 as the engine has it.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	angle := func() circuit.Angle { return circuit.Angle(r.Uint64()) &^ 0xfff }
	for range 200 {
		l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 1, Layers: make([][]circuit.Pair, 2)}}
		want := mat{{1, 0}, {0, 1}}
		for range 3 {
			u := circuit.U3Angles{Theta: angle(), Phi: angle(), Lambda: angle()}.Normal()
			l.U = append(l.U, u)
			s, c := math.Sincos(u.Theta.Radians() / 2)
			p, m := cmplx.Rect(1, u.Phi.Radians()), cmplx.Rect(1, u.Lambda.Radians())
			want = mat{{complex(c, 0), -m * complex(s, 0)}, {p * complex(s, 0), p * m * complex(c, 0)}}.times(want)
		}
		list, err := gates(&architecture{names: []string{"QB1"}}, l)
		require.NoError(t, err)
		require.Len(t, list, 4, "one gate for one gate, and a measurement")
		got := mat{{1, 0}, {0, 1}}
		for _, in := range list[:3] {
			s, c := math.Sincos(*in.Args.Angle / 2)
			e := cmplx.Rect(1, *in.Args.Phase) * complex(0, -s)
			got = mat{{complex(c, 0), -cmplx.Conj(e)}, {e, complex(c, 0)}}.times(got)
		}
		for row := range 2 { // equal up to Rz before the measurement: a phase for each row
			require.InDelta(t, 0, cmplx.Abs(want[row][0]*cmplx.Conj(want[row][1])-got[row][0]*cmplx.Conj(got[row][1])), 1e-12)
			require.InDelta(t, cmplx.Abs(want[row][0]), cmplx.Abs(got[row][0]), 1e-12)
		}
	}
}

func TestTickets(t *testing.T) {
	t1 := ticket{id: "0197b1f0-aaaa-7bbb-8ccc-0123456789ab", kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, width: 20, slots: 500, shots: 1, metrics: "0"}
	got, ok := readTicket(t1.String())
	require.True(t, ok && driver.CheckID(t1.String()))
	require.Equal(t, t1, got)
	text := t1.String()
	for _, bad := range []string{"", "no-such-job", text[:len(text)-2], text + ".0", strings.Replace(text, ".s.", ".x.", 1), strings.Replace(text, ".20.", ".020.", 1), strings.Replace(text, ".20.", ".5000.", 1),
		strings.Replace(text, ".500.1.", ".500.2.", 1), strings.Replace(text, ".500.", ".0.", 1), "../../../etc"} {
		_, ok := readTicket(bad)
		require.False(t, ok, bad)
	}
}

// TestFirstBitIsQubitZero, over a byte's border too.
func TestFirstBitIsQubitZero(t *testing.T) {
	rows, err := parseMeasurements([]byte(`[{"m":[[1,0,0,0,0,0,0,0,0]]},{"m":[[0,0,0,0,0,0,0,0,1]]}]`), ticket{width: 9, slots: 2, shots: 1})
	require.NoError(t, err)
	require.Equal(t, []byte{1, 0, 0, 1}, rows)
	for _, bad := range []string{``, `[]`, `[{"m":[[0]]}]`, `[{"m":[[0,1]]},{"m":[]}]`, `[{"m":[[0,1]]},{"x":[[0,1]]}]`, `[{"m":[[0,1]]},{"m":[[0,2]]}]`, `[{"m":[[0,1]]},{"m":[[0,1]],"n":[[0,1]]}]`, `[{"m":[[0,1]]},{"m":[[0,1,1]]}]`, `[{"m":[[0,1]]},{"m":[[0,1]]}] []`} {
		_, err := parseMeasurements([]byte(bad), ticket{width: 2, slots: 2, shots: 1})
		require.Error(t, err, bad)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	secrets := map[string]string{"token": "k"}
	for text, field := range map[string]string{`{"base_url":"http://example.org"}`: "base_url", `{"base_url":"https://example.org/api/v1"}`: "base_url", `{"quantum_computer":"a/b"}`: "config_json", `{"poll_ms":0}`: "config_json",
		`{"qubits":["QB1","QB1"]}`: "config_json", `{"settled":[{"tag":"t","job":"maybe"}]}`: "config_json", `{"settled":[{"tag":"t","job":"none"},{"tag":"t","job":"none"}]}`: "config_json", `{"settled":[{"tag":"t"}]}`: "config_json", `{"qubit":[]}`: "config_json"} {
		_, err := parseConfig(&driver.Config{JSON: []byte(text), Secrets: secrets})
		var e *driver.Error
		require.ErrorAs(t, err, &e, text)
		require.Equal(t, field, e.Field, text)
	}
	_, err := parseConfig(&driver.Config{})
	require.ErrorContains(t, err, "secrets.token")
}

// TestRefusals: the vendor's error codes say more than its statuses.
func TestRefusals(t *testing.T) {
	c := &rest.Client{Secret: "s3cret", Refusal: refusal}
	for body, want := range map[string]driver.Code{`{"error_code":"not_enough_credits","message":"m"}`: driver.Quota, `{"error_code":"qc_not_found"}`: driver.UnknownDevice, `{"error_code":"new","message":"s3cret"}`: driver.Forbidden, `<html>`: driver.Forbidden} {
		e := c.Refused(rest.Answer{Status: 403, Body: []byte(body)})
		require.Equal(t, want, e.Code, body)
		require.NotContains(t, e.Error(), "s3cret")
	}
}

// FuzzAnswers: no answer of the vendor makes the driver panic or say what the
// contract forbids.
func FuzzAnswers(f *testing.F) {
	for _, s := range []string{`[{"m":[[0,1]]}]`, `{"id":"0197b1f0-aaaa-7bbb-8ccc-0123456789ab","status":"completed","timeline":[{"status":"created","timestamp":"2026-01-01T00:00:00Z"}],"runtime_ms":3,"errors":[{"error_code":"x"}]}`,
		`{"calibration_set_id":"0197b1f0-aaaa-7bbb-8ccc-0123456789ab","qubits":["QB1","QB2"],"gates":{"prx":{"implementations":{"a":{"loci":[["QB1"],["QB2"]]}}},"measure":{"implementations":{"a":{"loci":[["QB1","QB2"]]}}},"cz":{"implementations":{"a":{"loci":[["QB2","QB1"],["QB1"]]}}}}}`,
		`{"observation_set_id":"0","observations":[{"dut_field":"metrics.irb.cz.a.QB2__QB1.fidelity:par=d2","value":0.9,"uncertainty":null},{"dut_field":"characterization.model.QB1.t1_time","value":1e-5},{"dut_field":"metrics.ssro.measure.a.QB1.error_0_to_1","value":[1]}]}`} {
		f.Add([]byte(s))
	}
	t1 := ticket{id: "0197b1f0-aaaa-7bbb-8ccc-0123456789ab", kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, width: 2, slots: 1, shots: 1, metrics: "0"}
	a := &architecture{set: t1.id, names: []string{"QB1", "QB2"}, cz: map[circuit.Pair][2]string{{A: 0, B: 1}: {"QB1", "QB2"}}, deflt: map[string]string{"cz": "a", "measure": "a", "prx": "a"}}
	f.Fuzz(func(t *testing.T, b []byte) {
		if rows, err := parseMeasurements(b, t1); err == nil {
			require.True(t, len(rows) == 1 && rows[0] < 4)
		}
		var j job
		if rest.Decode(b, &j) == nil {
			if w, err := j.wire(t1); err == nil {
				require.True(t, driver.CheckID(w.JobId) && w.State != 0)
			}
		}
		var d dynamic
		if rest.Decode(b, &d) == nil {
			if a, err := d.choose(nil); err == nil {
				for _, e := range a.edges() {
					require.True(t, e.A < e.B && int(e.B) < len(a.names))
				}
			}
		}
		if c, err := snapshot(a, "0", b); err == nil {
			require.True(t, driver.CheckID(c.Id))
			for _, g := range c.Gates {
				require.True(t, *g.Fidelity >= 0 && *g.Fidelity <= 1)
			}
		}
		_, _ = readTicket(string(b))
		require.NotNil(t, refusal(500, b))
	})
}
