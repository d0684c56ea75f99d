package layer

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// work is a state, one step and phases, all random.
type work struct {
	diagonal Diagonal
	tan      []float32
	alpha    []circuit.Angle
	x        uint64
}

func random(r *rand.Rand, width int) *work {
	w := &work{diagonal: Diagonal{Alpha: make([]circuit.Angle, width), CZ: make([]uint32, width)}}
	for q := range width {
		w.diagonal.Alpha[q] = circuit.Angle(r.Uint64()) &^ 0xfff
		w.diagonal.CZ[q] = r.Uint32() & (1<<q - 1)
		w.tan = append(w.tan, float32(r.Float64()*2-1))
		if r.IntN(4) == 0 {
			w.tan[q] = 0
		}
		w.alpha = append(w.alpha, circuit.Angle(r.Uint64())&^0xfff)
	}
	w.x = r.Uint64()
	return w
}

// run starts at |0…0⟩ and does every operation of the package twice.
func (w *work) run(k Kernel) *State {
	s, t := NewState(k, len(w.tan)), NewState(k, len(w.tan))
	st := NewStep(k, &w.diagonal, w.tan)
	var p Phases
	s.Zero()
	s.Apply(st)
	for range 2 {
		t.Copy(s, w.x)
		t.Phase(w.alpha, nil, &p)
		t.Apply(st)
		s, t = t, s
	}
	return s
}

// naive is run in float64, from the definitions.
func (w *work) naive() []complex128 {
	n := 1 << len(w.tan)
	s := make([]complex128, n)
	s[0] = 1
	phase := func(alpha []circuit.Angle) {
		for i := range s {
			for q, a := range alpha {
				if i>>q&1 == 1 {
					s[i] *= cmplx.Exp(complex(0, a.Radians()))
				}
			}
		}
	}
	step := func() {
		phase(w.diagonal.Alpha)
		for i := range s {
			for q, low := range w.diagonal.CZ {
				for a := range q {
					if low>>a&1 == 1 && i>>q&1 == 1 && i>>a&1 == 1 {
						s[i] = -s[i]
					}
				}
			}
		}
		for q, t := range w.tan {
			c := complex(1/math.Sqrt(1+float64(t)*float64(t)), 0)
			for i := range s {
				if j := i | 1<<q; i != j {
					a, b := s[i], s[j]
					s[i], s[j] = c*(a-complex(float64(t), 0)*b), c*(b+complex(float64(t), 0)*a)
				}
			}
		}
	}
	step()
	for range 2 {
		next := make([]complex128, n)
		for i := range s {
			next[i] = s[(uint64(i)^w.x)&uint64(n-1)]
		}
		s = next
		phase(w.alpha)
		step()
	}
	return s
}

func kernels(t *testing.T) (out []Kernel) {
	for _, name := range statevector.Kernels() {
		k, err := Find(name)
		require.NoError(t, err)
		out = append(out, k)
	}
	return out
}

// TestAgainstDefinition at all widths up to 14, with all kernels, which agree bit
// for bit.
func TestAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for width := 1; width <= 14; width++ {
		w := random(r, width)
		want := w.naive()
		var bits []float32
		for _, k := range kernels(t) {
			s := w.run(k)
			for i, a := range want {
				require.InDelta(t, 0, cmplx.Abs(a-complex128(s.Amplitude(uint64(i)))), 2e-6, "width %d, amplitude %d, %s", width, i, k.k.Name())
			}
			if bits == nil {
				bits = s.x
			}
			for i, x := range s.x {
				if math.Float32bits(x) != math.Float32bits(bits[i]) {
					t.Fatalf("width %d: float %d is %x with %s", width, i, math.Float32bits(x), k.k.Name())
				}
			}
		}
	}
}

// TestGolden: the bits are those of every platform.
func TestGolden(t *testing.T) {
	for _, k := range kernels(t) {
		h := sha3.New256()
		r := rand.New(rand.NewPCG(7, 7))
		for _, width := range []int{1, 3, 4, 6, 9, 12, 15} {
			s := random(r, width).run(k)
			require.NoError(t, binary.Write(h, binary.LittleEndian, s.x))
			var u Sums
			u.Of(s)
			for range 50 {
				require.NoError(t, binary.Write(h, binary.LittleEndian, u.Draw(r.Uint64())))
			}
		}
		require.Equal(t, golden, hex.EncodeToString(h.Sum(nil)), k.k.Name())
	}
}

const golden = "8cb36fddb254937368ae50d447e69a680d6147fd0372ae5e9f85800ef08742ab"

// TestDraws: an index is drawn where its part of the running sum begins and ends.
func TestDraws(t *testing.T) {
	for _, width := range []int{2, 4, 5, 9} {
		s := random(rand.New(rand.NewPCG(uint64(width), 1)), width).run(kernels(t)[0])
		var u Sums
		u.Of(s)
		total, sum := 0.0, 0.0
		for i := range 1 << width {
			a := complex128(s.Amplitude(uint64(i)))
			total += real(a)*real(a) + imag(a)*imag(a)
		}
		require.InDelta(t, 1, total, 1e-5)
		last := uint64(0)
		for i := range uint64(1 << width) {
			a := complex128(s.Amplitude(i))
			p := real(a)*real(a) + imag(a)*imag(a)
			if p > 1e-6 {
				require.Equal(t, i, u.Draw(uint64((sum+p/2)/total*0x1p64)), fmt.Sprint(width))
				last = i
			}
			sum += p
		}
		require.Equal(t, last, u.Draw(math.MaxUint64))
		require.NotZero(t, s.x)
	}
}

// TestGains: a diagonal and phases with real factors, and the weights of a qubit.
func TestGains(t *testing.T) {
	for _, width := range []int{1, 3, 6} {
		k := kernels(t)[0]
		r := rand.New(rand.NewPCG(9, uint64(width)))
		w := random(r, width)
		s := w.run(k)
		gain := make([][2]float64, width)
		for q := range gain {
			gain[q] = [2]float64{r.Float64(), r.Float64()}
		}
		gain[0][1] = 0
		var p Phases
		want, sums := make([]complex128, 1<<width), [2]float64{}
		for i := range want {
			want[i] = complex128(s.Amplitude(uint64(i)))
			for q, g := range gain {
				want[i] *= complex(g[i>>q&1], 0)
			}
			sums[i>>(width-1)&1] += real(want[i])*real(want[i]) + imag(want[i])*imag(want[i])
		}
		d := NewState(k, width)
		d.Copy(s, 0)
		d.Apply(NewStep(k, &Diagonal{Alpha: make([]circuit.Angle, width), CZ: make([]uint32, width), Gain: gain}, make([]float32, width)))
		s.Phase(make([]circuit.Angle, width), gain, &p)
		for i, a := range want {
			require.InDelta(t, 0, cmplx.Abs(a-complex128(s.Amplitude(uint64(i)))), 1e-6)
			require.InDelta(t, 0, cmplx.Abs(a-complex128(d.Amplitude(uint64(i)))), 1e-6)
		}
		got := s.Weights(width - 1)
		require.InDelta(t, sums[0], got[0], 1e-6)
		require.InDelta(t, sums[1], got[1], 1e-6)
	}
}

func TestRefusals(t *testing.T) {
	_, err := Find("sse9")
	require.ErrorIs(t, err, backends.ErrUnsupported)
	k := kernels(t)[0]
	require.Nil(t, NewState(k, MaxWidth+1))
	require.EqualValues(t, 128, Bytes(1))
	require.EqualValues(t, 8<<14, Bytes(14))
	require.EqualValues(t, 8<<14, NewStep(k, &Diagonal{Alpha: make([]circuit.Angle, 14), CZ: make([]uint32, 14)}, make([]float32, 14)).Bytes())
}

// BenchmarkApply is one layer of 12 qubits.
func BenchmarkApply(b *testing.B) {
	for _, name := range statevector.Kernels() {
		for _, width := range []int{8, 12, 14, 16} {
			b.Run(fmt.Sprint(name, "/", width), func(b *testing.B) {
				k, err := Find(name)
				require.NoError(b, err)
				w := random(rand.New(rand.NewPCG(1, 2)), width)
				for q := range w.tan {
					w.tan[q] = 0.3
				}
				s, st := w.run(k), NewStep(k, &w.diagonal, w.tan)
				for b.Loop() {
					s.Apply(st)
				}
			})
		}
	}
}
