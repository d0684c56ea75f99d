package circuit

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// bigProgram is an OpenQASM 2 text of about 14 bytes a gate.
func bigProgram(gates int, wide bool) string {
	r := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("OPENQASM 2.0;\ninclude \"qelib1.inc\";\nqreg q[20];\ncreg c[20];\n")
	for i := range gates {
		switch {
		case wide:
			fmt.Fprintf(&b, "u3(%v,%v,%v) q[%d];\n", r.Float64(), -r.Float64(), r.Float64(), i%20)
		case i%3 == 0:
			fmt.Fprintf(&b, "rz(%.4f) q[%d];\n", r.Float64(), i%20)
		case i%3 == 1:
			fmt.Fprintf(&b, "h q[%d];\n", i%20)
		default:
			fmt.Fprintf(&b, "cx q[%d],q[%d];\n", i%20, (i+1)%20)
		}
	}
	return b.String()
}

// BenchmarkParseQASM reads 100,000 gates: short (1.4 MB) and three 17-digit
// angles each (6.8 MB).
func BenchmarkParseQASM(b *testing.B) {
	for name, wide := range map[string]bool{"short": false, "u3": true} {
		src := []byte(bigProgram(100000, wide))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				c, _, err := ParseQASM(src, Options{})
				if err != nil || len(c.Ops) != 100000 {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestParseMemory holds the bound of 60 MB for 100,000 gates.
func TestParseMemory(t *testing.T) {
	src := []byte(bigProgram(100000, true))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, _, err := ParseQASM(src, Options{})
	runtime.ReadMemStats(&after)
	require.NoError(t, err)
	require.Len(t, c.Ops, 100000)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(60<<20), "bytes allocated in total")
}
