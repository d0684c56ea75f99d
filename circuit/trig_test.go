package circuit

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const trigPrec = 320

func trigPi() *big.Float { // Machin: π = 16·atan(1/5) - 4·atan(1/239)
	atan := func(n int64) *big.Float {
		sum, pow := new(big.Float).SetPrec(trigPrec), big.NewFloat(1).SetPrec(trigPrec)
		pow.Quo(pow, big.NewFloat(float64(n)))
		for k := int64(1); k < 400; k += 2 {
			term := new(big.Float).SetPrec(trigPrec).Quo(pow, big.NewFloat(float64(k)))
			if k%4 == 3 {
				term.Neg(term)
			}
			sum.Add(sum, term)
			pow.Quo(pow, big.NewFloat(float64(n*n)))
		}
		return sum
	}
	a := new(big.Float).Mul(big.NewFloat(16), atan(5))
	return a.Sub(a, new(big.Float).Mul(big.NewFloat(4), atan(239)))
}

// trigSinCos sums the plain Taylor series of the unreduced argument.
func trigSinCos(x *big.Float) (s, c *big.Float) {
	s, c = new(big.Float).SetPrec(trigPrec), new(big.Float).SetPrec(trigPrec)
	term := big.NewFloat(1).SetPrec(trigPrec)
	for k := int64(0); k < 140; k++ {
		dst := c
		if k%2 == 1 {
			dst = s
		}
		if k%4 >= 2 {
			dst.Sub(dst, term)
		} else {
			dst.Add(dst, term)
		}
		term.Mul(term, x)
		term.Quo(term, big.NewFloat(float64(k+1)))
	}
	return s, c
}

var trigUnit = func() *big.Float { u := trigPi(); return u.SetMantExp(u, -62) }() // 4π/2^64

func trigAngle(a Angle) *big.Float {
	return new(big.Float).SetPrec(trigPrec).Mul(new(big.Float).SetPrec(trigPrec).SetUint64(uint64(a)), trigUnit)
}

func trigSamples() []Angle {
	r := rand.New(rand.NewPCG(5, 6))
	var out []Angle
	for k := range Angle(64) { // all multiples of π/16 and their neighbours
		for _, d := range []Angle{0, 1, 1 << 12, 3 << 12, 1 << 30} {
			out = append(out, k<<58+d, k<<58-d)
		}
	}
	for range 1500 {
		out = append(out, Angle(r.Uint64()), Angle(r.Uint64()>>r.IntN(64)))
	}
	return out
}

func TestSinCosAgainstBig(t *testing.T) {
	for _, a := range trigSamples() {
		bs, bc := trigSinCos(trigAngle(a))
		s, c := a.SinCos()
		qs, qc := a.SinCosQ62()
		check := func(want *big.Float, got float64, q int64, name string) {
			w, _ := want.Float64() // nearest, ties to even
			if a%HalfPi == 0 {
				w = math.Round(w) + 0
			}
			require.Equal(t, math.Float64bits(w), math.Float64bits(got), "%s(%d) = %v, want %v", name, a, got, w)
			e := new(big.Float).SetMantExp(want, 62)
			e.Sub(e, new(big.Float).SetInt64(q))
			d, _ := e.Float64()
			require.LessOrEqual(t, math.Abs(d), 0.5000001, "%s Q62 of %d", name, a)
		}
		check(bs, s, qs, "sin")
		check(bc, c, qc, "cos")
	}
}

func TestTanCosHalfAgainstBig(t *testing.T) {
	for _, a := range trigSamples() {
		turns, rest := a.SplitHalfTurns()
		require.Equal(t, a, Angle(turns)*Pi+rest)
		require.True(t, int64(rest) > -int64(HalfPi) && int64(rest) <= int64(HalfPi))
		x := new(big.Float).SetPrec(trigPrec).Mul(new(big.Float).SetInt64(int64(rest)), trigUnit)
		bs, bc := trigSinCos(x.SetMantExp(x, -1))
		tan, cos := rest.TanCosHalf()
		w, _ := bc.Float64()
		require.Equal(t, w, cos)
		q, _ := bs.Quo(bs, bc).Float64()
		require.LessOrEqual(t, math.Abs(tan), 1.0)
		require.Equal(t, q, tan, "tan of half of %d", rest)
	}
	tan, cos := HalfPi.TanCosHalf()
	require.Equal(t, [2]float64{1, math.Sqrt2 / 2}, [2]float64{tan, cos})
	minus := HalfPi
	minus = -minus
	tan, _ = minus.TanCosHalf()
	require.Equal(t, -1.0, tan)
	tan, cos = (HalfPi + 1).TanCosHalf()
	require.Zero(t, tan)
	require.Zero(t, cos)
}

func TestSinCosExactPoints(t *testing.T) {
	h := math.Sqrt2 / 2
	want := [16][2]float64{{0, 1}, {h, h}, {1, 0}, {h, -h}, {0, -1}, {-h, -h}, {-1, 0}, {-h, h}}
	for k := range 16 {
		s, c := (Angle(k) << 60).SinCos()
		require.Equal(t, want[k%8], [2]float64{s, c}, "%d·π/4", k)
		require.False(t, s == 0 && math.Signbit(s) || c == 0 && math.Signbit(c), "zero is +0")
		qs, qc := (Angle(k) << 60).SinCosQ62()
		if k%2 == 0 {
			require.Equal(t, [2]int64{int64(s) << 62, int64(c) << 62}, [2]int64{qs, qc})
		}
	}
}

// TestTrigGolden pins the bits of a table, so that no platform or compiler
// option can move them unseen.
func TestTrigGolden(t *testing.T) {
	h := sha3.New256()
	var b [48]byte
	for i := range uint64(1 << 14) {
		a := Angle(i*0x9E3779B97F4A7C15) & angleMask
		s, c := a.SinCos()
		qs, qc := a.SinCosQ62()
		_, rest := a.SplitHalfTurns()
		tn, ch := rest.TanCosHalf()
		for k, v := range []uint64{math.Float64bits(s), math.Float64bits(c), uint64(qs), uint64(qc), math.Float64bits(tn), math.Float64bits(ch)} {
			binary.LittleEndian.PutUint64(b[8*k:], v)
		}
		h.Write(b[:])
	}
	require.Equal(t, "8d0763b55615ecd717964b0004c749fb4f39d16c2b7d2bdaf659f998efb4c9d2", hex.EncodeToString(h.Sum(nil)))
}

func BenchmarkSinCos(b *testing.B) {
	a := Angle(0x123456789abcd000)
	for b.Loop() {
		a.SinCos()
	}
}

func BenchmarkTanCosHalf(b *testing.B) {
	a := Angle(0x123456789abcd000)
	for b.Loop() {
		a.TanCosHalf()
	}
}
