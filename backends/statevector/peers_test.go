package statevector

import (
	"encoding/json"
	"math/cmplx"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/circuit"
)

// peerCircuit reads a lowered circuit and the amplitudes that two published
// simulators agree on; there the largest amplitude is real and positive.
func peerCircuit(t *testing.T, name string) (*circuit.Circuit, []complex128) {
	src, err := os.ReadFile("testdata/" + name + ".qasm")
	require.NoError(t, err)
	c, _, err := circuit.ParseQASM(src, circuit.Options{})
	require.NoError(t, err)
	c, err = c.Lower()
	require.NoError(t, err)
	var peer struct {
		N      int
		Argmax int
		Amps   [][3]float64
	}
	b, err := os.ReadFile("testdata/" + name + ".json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &peer))
	require.Equal(t, c.Qubits, peer.N)
	require.Len(t, peer.Amps, 1<<peer.N)
	out := make([]complex128, len(peer.Amps))
	for _, a := range peer.Amps {
		out[int(a[0])] = complex(a[1], a[2])
	}
	return c, out
}

func unitaryOps(c *circuit.Circuit) (ops []circuit.Op) {
	for _, op := range c.Ops {
		if op.Gate != circuit.Measure {
			ops = append(ops, op)
		}
	}
	return ops
}

func TestPeerAmplitudes(t *testing.T) {
	for _, name := range []string{"clifford_n8", "ghz_n8", "qft_n8", "w1_n6_d24"} {
		c, want := peerCircuit(t, name)
		p, err := FromOps(c.Qubits, unitaryOps(c))
		require.NoError(t, err)
		for _, prec := range []Precision{Complex64, Complex128} {
			limit := map[Precision]float64{Complex64: 2e-6, Complex128: 1e-12}[prec]
			got := mustRun(t, p, Options{Precision: prec}).Amplitudes()
			largest := 0
			for x, a := range want {
				if cmplx.Abs(a) > cmplx.Abs(want[largest]) {
					largest = x
				}
			}
			phase := got[largest] / complex(cmplx.Abs(got[largest]), 0) * cmplx.Conj(want[largest]) / complex(cmplx.Abs(want[largest]), 0)
			for x := range want {
				require.Less(t, cmplx.Abs(got[x]-phase*want[x]), limit, "%s %s amplitude %d", name, prec, x)
			}
		}
	}
}
