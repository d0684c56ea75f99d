package wasmbin_test

import (
	"bytes"
	"testing"

	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
	"github.com/stretchr/testify/require"
)

// FuzzRead: no input panics; allocation stays in proportion; what is accepted
// strips to something that reads back and strips to itself, and its bodies walk.
func FuzzRead(f *testing.F) {
	f.Add(sample())
	f.Add(New().Traps().Bytes())
	f.Add(New().Compiler().Bytes())
	f.Add(withPlan(nested(0x04, 20), "iI"))
	f.Add(Cat([]byte(Header), Section(12, U(1<<31-1))))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range []wasmbin.Profile{wasmbin.TrapLibrary(), wasmbin.Compiler()} {
			m, err := wasmbin.Read(b, &p)
			if err != nil {
				continue
			}
			s := m.Strip()
			again, err := wasmbin.Read(s, &p)
			require.NoError(t, err)
			require.True(t, bytes.Equal(s, again.Strip()))
			for i := range m.Bodies {
				at := m.Bodies[i].Code
				require.NoError(t, m.Walk(&m.Bodies[i], func(in *wasmbin.Instr) error {
					require.Equal(t, at, in.Start)
					at = in.End
					return nil
				}))
				require.Equal(t, m.Bodies[i].End, at)
			}
		}
	})
}

// BenchmarkRead reads modules of nearly 1 MiB that are all instructions.
func BenchmarkRead(b *testing.B) {
	for name, code := range map[string][]byte{"mixed": repeat(8_000, Cat(Get(0), I32(77), Op(0x6a), Set(0))), "nop": repeat(64_000, Op(0x01))} {
		m := New()
		for range 16 {
			m.Add("", "", "", "i", code)
		}
		w := m.Traps().Bytes()
		p := wasmbin.TrapLibrary()
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(w)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wasmbin.Read(w, &p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
