package kernel

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/seed"
)

// each runs f once per kernel of this machine, the generic one too.
func each(t *testing.T, f func(t *testing.T, k Kernel, r *rand.Rand)) {
	for _, k := range All() {
		t.Run(k.Name(), func(t *testing.T) { f(t, k, rand.New(rand.NewPCG(3, 4))) })
	}
}

// TestWantedKernelsRan: a build machine must not skip a kernel in silence.
func TestWantedKernelsRan(t *testing.T) {
	for _, name := range append(slices.Clone(wanted), "generic") {
		_, err := Find(name)
		if os.Getenv("CI") == "true" {
			require.NoError(t, err)
		}
	}
	k, err := Find("auto")
	require.NoError(t, err)
	require.Equal(t, Best(), k)
	_, err = Find("abacus")
	require.ErrorIs(t, err, ErrUnavailable)
}

func randomWords(r *rand.Rand, n int) []uint64 {
	x := make([]uint64, n)
	for i := range x {
		x[i] = r.Uint64()
	}
	return x
}

func randomMasks(r *rand.Rand) []Masks {
	m := make([]Masks, 24)
	for i := range m {
		for _, p := range []*uint64{&m[i].XX, &m[i].ZX, &m[i].XZ, &m[i].ZZ, &m[i].SX, &m[i].SZ, &m[i].SXZ} {
			*p = -r.Uint64N(2)
		}
	}
	return m
}

func TestGates(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, width := range []int{1, 2, 3, 20, 300} {
			masks := randomMasks(r)
			xz, sign := randomWords(r, width*2*Slice), randomWords(r, Slice)
			var ops []Op
			for range r.IntN(500) {
				if p, q := r.IntN(width), r.IntN(width); p != q && r.IntN(2) == 0 {
					ops = append(ops, Pair(p, q))
				} else {
					ops = append(ops, Single(r.IntN(len(masks)), p))
				}
			}
			xz2, sign2 := slices.Clone(xz), slices.Clone(sign)
			Generic.Gates(xz, sign, ops, masks)
			k.Gates(xz2, sign2, ops, masks)
			require.True(t, slices.Equal(xz, xz2) && slices.Equal(sign, sign2), "%d gates on %d qubits", len(ops), width)
		}
	})
}

func TestAddRows(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, n := range []int{0, 1, 2, 7, 100} {
			for _, stride := range []int{8, 16, 40} {
				rows, table := randomWords(r, n*stride+3), randomWords(r, 16*stride)
				clear(table[:stride])
				var index [256]uint16
				for i := range index {
					index[i] = uint16(r.IntN(16))
				}
				column := r.IntN(8 * stride)
				other := slices.Clone(rows)
				Generic.AddRows(rows[:n*stride], stride, column, &index, table)
				k.AddRows(other[:n*stride], stride, column, &index, table)
				require.True(t, slices.Equal(rows, other), "%d rows of %d words, column %d", n, stride, column)
			}
		}
	})
}

func randomAffine(r *rand.Rand, bits, width, words int) *Affine {
	n := (width + 63) / 64
	vector := func() []uint64 {
		v := randomWords(r, n)
		if r.IntN(3) == 0 { // blocks that are 0
			clear(v)
			v[r.IntN(n)] = 1 << r.IntN(64)
		}
		if width%64 != 0 {
			v[n-1] &= 1<<(width%64) - 1
		}
		return v
	}
	a := &Affine{Words: words, Bytes: (width + 7) / 8, Ref: vector()}
	for range bits {
		a.Basis = append(a.Basis, vector())
	}
	return a
}

// slowRows is the definition of Affine, bit by bit.
func slowRows(a *Affine, words []uint64) (dst []byte) {
	for ; len(words) >= a.Words; words = words[a.Words:] {
		for i := range a.Bytes {
			b := byte(a.Ref[i/8] >> (8 * (i % 8)))
			for j, v := range a.Basis {
				if words[j/64]>>(j%64)&1 == 1 {
					b ^= byte(v[i/8] >> (8 * (i % 8)))
				}
			}
			dst = append(dst, b)
		}
	}
	return dst
}

func TestRows(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for _, width := range []int{1, 7, 8, 9, 20, 31, 32, 40, 56, 57, 64, 65, 100, 128, 130, 192, 1000, 1100} {
			for _, bits := range []int{0, 1, 8, 9, 20, 63, 64, 65, 130, 190} {
				words := (max(bits, width) + 63) / 64
				if bits > width {
					continue
				}
				a := randomAffine(r, bits, width, words)
				m, s := k.Compile(a), new(Scratch)
				for _, shots := range []int{0, 1, 2, 255, 256, 257, 511, 515} {
					if width > 200 && shots != 257 {
						continue
					}
					in := randomWords(r, shots*words)
					dst := make([]byte, shots*a.Bytes+9)
					m.Rows(dst[:shots*a.Bytes:shots*a.Bytes], in, s)
					require.True(t, slices.Equal(append(slowRows(a, in), make([]byte, 9)...), dst), "width %d, %d bits, %d shots", width, bits, shots)
				}
			}
		}
	})
}

// TestStream: the keystream is that of package seed.
func TestStream(t *testing.T) {
	each(t, func(t *testing.T, k Kernel, r *rand.Rand) {
		for range 20 {
			var key [16]byte
			for i := range key {
				key[i] = byte(r.Uint64())
			}
			words, err := seed.NewShotWords(key)
			require.NoError(t, err)
			s, err := NewStream(key)
			require.NoError(t, err)
			for _, first := range []uint64{0, 2, 510, 1<<33 - 4, 1 << 63, ^uint64(0) - 63} {
				n := r.IntN(700)
				want, got := make([]uint64, n), make([]uint64, n)
				words.Fill(want, first&^1)
				k.Stream(got, s, first&^1)
				require.Equal(t, want, got, "%d words from %d", n, first)
			}
		}
	})
}

// TestKeyExpansion is the last round key of FIPS 197, appendix A.1.
func TestKeyExpansion(t *testing.T) {
	w := expand([16]byte{0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6, 0xab, 0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c})
	require.Equal(t, []byte{0xd0, 0x14, 0xf9, 0xa8, 0xc9, 0xee, 0x25, 0x89, 0xe1, 0x3f, 0x0c, 0xc8, 0xb6, 0x63, 0x0c, 0xa6}, w[160:])
}
