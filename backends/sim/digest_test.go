package sim

import (
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector"
)

// TestRowsAreFrozen: circuits of every path to the state vector give these rows,
// with any number of threads and every kernel.
func TestRowsAreFrozen(t *testing.T) {
	const fourier = "qreg q[4]; creg c[4]; ry(0.3) q[0]; ry(0.5) q[1]; ry(0.7) q[2]; ry(0.9) q[3]; h q[3]; cu1(pi/2) q[2],q[3]; cu1(pi/4) q[1],q[3]; " +
		"h q[2]; cu1(pi/2) q[1],q[2]; h q[1]; cu1(pi/2) q[0],q[1]; h q[0]; swap q[0],q[3]; cx q[1],q[2]; cx q[2],q[1]; cx q[1],q[2]; measure q->c;"
	for _, c := range []struct {
		name, src string
		want      [2]string // complex64, complex128
	}{
		{"fourier", fourier, [2]string{"2254be8f3bdcec42", "2254be8f3bdcec42"}},
		{"partly measured", "qreg q[3]; creg c[2]; ry(0.4) q[0]; cx q[0],q[1]; ccx q[0],q[1],q[2]; rzz(0.3) q[0],q[2]; ry(1.1) q[2]; measure q[2]->c[0]; measure q[0]->c[1];", [2]string{"c6a1f8605b25aa44", "c6a1f8605b25aa44"}},
		{"measured in between", "qreg q[3]; creg c[3]; ry(0.4) q[0]; cx q[0],q[1]; measure q[0]->c[0]; ry(0.9) q[1]; if(c==1) h q[2]; reset q[0]; measure q[1]->c[1]; measure q[2]->c[2];", [2]string{"b373a2290ddeda38", "b373a2290ddeda38"}},
	} {
		for _, prec := range []statevector.Precision{statevector.Complex64, statevector.Complex128} {
			for _, k := range statevector.Kernels() {
				for _, threads := range []int{1, 2, 3, 7} {
					r, err := Sim(t.Context(), parse(t, c.src), SimOptions{Shots: 300, Key: [16]byte{5}, Method: StateVector, Precision: prec, Kernel: k, Threads: threads})
					require.NoError(t, err)
					h := sha3.Sum256(r.Rows)
					require.Equal(t, c.want[prec], hex.EncodeToString(h[:8]), "%s, %s, %s, %d threads", c.name, prec, k, threads)
				}
			}
		}
	}
}
