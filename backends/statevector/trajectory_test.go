package statevector

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
)

func lowered(t testing.TB, src string) *circuit.Circuit {
	c, _, err := circuit.ParseQASM([]byte(src), circuit.Options{})
	require.NoError(t, err)
	c, err = c.Lower()
	require.NoError(t, err)
	return c
}

func trajectories(t testing.TB, src string, n int, o Options) []byte {
	tr, err := NewTrajectories(lowered(t, src))
	require.NoError(t, err)
	rows, err := tr.Sample(t.Context(), [16]byte{1}, 0, n, o)
	require.NoError(t, err)
	return rows
}

const header = "OPENQASM 2.0;\ninclude \"qelib1.inc\";\n"

// teleport moves a state with P(1) = 0.9 from q[0] to q[2].
const teleport = header + `qreg q[3]; creg a[1]; creg b[1]; creg out[1];
u3(2.498091544796509,0.7,0.1) q[0];
h q[1]; cx q[1],q[2]; cx q[0],q[1]; h q[0];
measure q[0] -> a[0]; measure q[1] -> b[0];
if(b==1) x q[2];
if(a==1) z q[2];
u3(-2.498091544796509,-0.1,-0.7) q[2];
measure q[2] -> out[0];`

func TestTeleport(t *testing.T) {
	for _, prec := range []Precision{Complex64, Complex128} {
		rows := trajectories(t, teleport, 4000, Options{Precision: prec})
		var seen [8]int
		for _, r := range rows {
			seen[r]++
		}
		for x, n := range seen {
			if x >= 4 {
				require.Zero(t, n, "the inverse rotation brings |0> back")
			} else {
				require.InDelta(t, 1000, n, 5*math.Sqrt(1000))
			}
		}
	}
}

func TestTrajectoryThreadsAndChunks(t *testing.T) {
	tr, err := NewTrajectories(lowered(t, teleport))
	require.NoError(t, err)
	require.Equal(t, 3, tr.WordsPerShot())
	want, err := tr.Sample(t.Context(), [16]byte{2}, 0, 300, Options{Threads: 1})
	require.NoError(t, err)
	for _, threads := range []int{2, 8} {
		got, err := tr.Sample(t.Context(), [16]byte{2}, 0, 300, Options{Threads: threads})
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for i := 0; i < 300; i += 7 {
		got, err := tr.Sample(t.Context(), [16]byte{2}, uint64(i), min(7, 300-i), Options{})
		require.NoError(t, err)
		require.Equal(t, want[i:min(i+7, 300)], got)
	}
	h := sha3.Sum256(want)
	require.Equal(t, "b3db386d7502d787cbefe82fea3962d7cb4879d956216b53b05a7cbef7c4b302", hex.EncodeToString(h[:]))
}

// TestResetAndConditions has outcomes that do not depend on chance.
func TestResetAndConditions(t *testing.T) {
	for src, want := range map[string]byte{
		"x q[0]; reset q[0]; measure q[0]->c[0];":                                                                                                 0,
		"h q[0]; reset q[0]; x q[0]; measure q[0]->c[0];":                                                                                         1,
		"x q[0]; measure q[0]->c[0]; measure q[1]->c[1]; if(c==1) x q[2]; measure q[2]->c[2];":                                                    5,
		"x q[0]; measure q[0]->c[0]; if(c==2) x q[2]; measure q[2]->c[2];":                                                                        1,
		"h q[0]; measure q[0]->c[0]; if(c==1) x q[0]; measure q[0]->c[0];":                                                                        0,
		"h q[0]; cx q[0],q[1]; measure q[0]->c[0]; measure q[1]->c[1]; if(c==3) x q[0]; if(c==3) x q[1]; measure q[0]->c[0]; measure q[1]->c[1];": 0,
		"h q[0]; measure q[0]->c[2]; if(c==4) x q[0]; x q[0]; measure q[0]->c[2]; if(c==4) x q[1]; measure q[1]->c[1];":                           6,
	} {
		rows := trajectories(t, header+"qreg q[3]; creg c[3];\n"+src, 40, Options{})
		for _, r := range rows {
			require.Equal(t, want, r, src)
		}
	}
}

// TestLongMeasurementChain would underflow if the state were never scaled.
func TestLongMeasurementChain(t *testing.T) {
	src := header + "qreg q[1]; creg c[1];\n"
	for range 400 {
		src += "h q[0]; measure q[0]->c[0];\n"
	}
	rows, ones := trajectories(t, src, 400, Options{}), 0
	for _, r := range rows {
		ones += int(r)
	}
	require.InDelta(t, 200, ones, 60)
}

func TestTrajectoryLimits(t *testing.T) {
	tr, err := NewTrajectories(lowered(t, header+"qreg q[12]; creg c[1]; h q[0]; measure q[0]->c[0]; x q[0];"))
	require.NoError(t, err)
	_, err = tr.Sample(t.Context(), [16]byte{}, 0, 1, Options{MemoryBytes: 2*Bytes(12, Complex64) - 2})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	_, err = tr.Sample(t.Context(), [16]byte{}, 0, 10, Options{MemoryBytes: 2 * Bytes(12, Complex64), Threads: 8})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = tr.Sample(ctx, [16]byte{}, 0, 10, Options{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = NewTrajectories(&circuit.Circuit{Qubits: 1, Ops: []circuit.Op{{Gate: circuit.H, NQ: 1}}})
	require.ErrorIs(t, err, backends.ErrUnsupported)
	_, err = NewTrajectories(&circuit.Circuit{Qubits: 35})
	require.ErrorIs(t, err, backends.ErrTooLarge)
	_, err = NewTrajectories(&circuit.Circuit{})
	require.ErrorIs(t, err, circuit.ErrInvalid)
}
