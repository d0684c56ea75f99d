package sim

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends/statevector"
)

// TestSeries: circuits of one structure and of another in between, and circuits of
// other methods, give on a series what each gives alone.
func TestSeries(t *testing.T) {
	for _, prec := range []statevector.Precision{statevector.Complex64, statevector.Complex128} {
		s := statevector.NewSeries(statevector.Options{Precision: prec, Threads: 2})
		for i := range 12 {
			src := fmt.Sprintf("qreg q[5]; creg c[5]; u3(%g,0.3,0.1) q[0]; u3(0.7,%g,2) q[1]; cz q[0],q[1]; u3(1,2,%g) q[1]; u3(0.4,0,0) q[2]; cz q[1],q[2]; u3(1,1,1) q[2]; measure q->c;", 0.1+0.2*float64(i), 0.3*float64(i), 1.1*float64(i))
			switch i % 6 {
			case 3:
				src = fmt.Sprintf("qreg q[6]; creg c[6]; ry(%d) q[0]; cx q[0],q[5]; cp(0.3) q[0],q[3]; ry(1) q[3]; measure q->c;", i)
			case 4:
				src = "qreg q[3]; creg c[3]; h q[0]; cx q[0],q[1]; measure q->c;"
			case 5:
				src = fmt.Sprintf("qreg q[8]; creg c[1]; ry(%d) q[0]; h q[5]; t q[5]; h q[5]; measure q[0]->c[0];", i)
			}
			o := SimOptions{Shots: 400, Key: [16]byte{byte(i)}, Precision: prec, Threads: 2}
			want, err := Sim(t.Context(), parse(t, src), o)
			require.NoError(t, err)
			o.Series = s
			got, err := Sim(t.Context(), parse(t, src), o)
			require.NoError(t, err)
			require.Equal(t, want.Rows, got.Rows, src)
			require.Equal(t, want.Numeric, got.Numeric)
			if want.State != nil {
				require.Equal(t, want.State.Amplitudes(), got.State.Amplitudes(), src)
				want.State.Close()
			}
		}
		s.Close()
	}
}
