package stats

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// ends returns the exact interval of x.
func ends(k prec, x *enclosure) (lo, hi *big.Rat) {
	var t enclosure
	k.upper(&t, x)
	return value(k, x), value(k, &t)
}

func value(k prec, x *enclosure) *big.Rat { return limbs(x.m[:k], x.e) }

func limbs(m []uint64, e int64) *big.Rat {
	v := new(big.Int)
	for i := len(m) - 1; i >= 0; i-- {
		v.Or(v.Lsh(v, 64), new(big.Int).SetUint64(m[i]))
	}
	if e >= 0 {
		return new(big.Rat).SetInt(v.Lsh(v, uint(e)))
	}
	return new(big.Rat).SetFrac(v, new(big.Int).Lsh(big.NewInt(1), uint(-e)))
}

func contains(t *testing.T, k prec, x *enclosure, want *big.Rat, what string) {
	lo, hi := ends(k, x)
	require.LessOrEqual(t, lo.Cmp(want), 0, "%s: lower end", what)
	require.GreaterOrEqual(t, hi.Cmp(want), 0, "%s: upper end", what)
	if want.Sign() > 0 { // and the interval is narrow
		w := new(big.Rat).Sub(hi, lo)
		w.Quo(w, want).Mul(w, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(k.bits()-16))))
		require.Negative(t, w.Cmp(big.NewRat(1, 1)), "%s: width", what)
	}
}

func randUint(r *rand.Rand) uint64 {
	v := r.Uint64() >> r.IntN(64)
	switch r.IntN(8) {
	case 0:
		return ^uint64(0)
	case 1:
		return 1 << r.IntN(64)
	}
	return max(v, 1)
}

// Every operation keeps the exact value inside.
func TestEnclosure(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, k := range []prec{2, 3, 4, 8} {
		for range 200 {
			var x, y enclosure
			k.setUint(&x, randUint(r))
			k.setUint(&y, randUint(r))
			vx, vy := value(k, &x), value(k, &y)
			for range 12 {
				u := randUint(r)
				ru := new(big.Rat).SetInt(new(big.Int).SetUint64(u))
				switch r.IntN(5) {
				case 0:
					k.mulUint(&x, u)
					vx.Mul(vx, ru)
					contains(t, k, &x, vx, "mulUint")
				case 1:
					k.divUint(&x, u)
					vx.Quo(vx, ru)
					contains(t, k, &x, vx, "divUint")
				case 2:
					k.mul(&x, &x, &y)
					vx.Mul(vx, vy)
					contains(t, k, &x, vx, "mul")
				case 3:
					k.add(&x, &y)
					vx.Add(vx, vy)
					contains(t, k, &x, vx, "add")
				case 4:
					x, y, vx, vy = y, x, vy, vx
				}
				if c := k.cmp(&x, &y); c != 0 {
					require.Equal(t, vx.Cmp(vy), c)
				}
			}
			f := new(big.Rat).Quo(vx, power(big.NewRat(2, 1), uint64(max(x.e+k.bits()-40, 0))))
			if x.e+k.bits() > 40 {
				x.e = 40 - k.bits()
			}
			lo, hi := k.floor(&x)
			require.LessOrEqual(t, lo, floorRat(f).Uint64())
			require.GreaterOrEqual(t, hi, floorRat(f).Uint64())
			require.LessOrEqual(t, hi-lo, uint64(1))
		}
	}
}

func TestEnclosurePowAndZero(t *testing.T) {
	k := prec(2)
	var x, z enclosure
	k.setRatio(&x, 999_999_333, Ppb)
	for _, n := range []uint64{0, 1, 2, 3, 7, 100, 1000} {
		k.pow(&z, &x, n)
		contains(t, k, &z, power(big.NewRat(999_999_333, Ppb), n), "pow")
	}
	k.setUint(&z, 0)
	k.mulUint(&z, 5)
	k.divUint(&z, 5)
	require.True(t, k.isZero(&z))
	require.Equal(t, -1, k.cmp(&z, &x))
	require.Equal(t, 1, k.cmp(&x, &z))
	require.Zero(t, k.cmp(&z, &z))
	k.add(&z, &x)
	contains(t, k, &z, big.NewRat(999_999_333, Ppb), "0 + x")
	k.mulUint(&z, 0)
	require.True(t, k.isZero(&z))
	require.Zero(t, k.intPart(&z))

	// The upper end may need one bit more than the limbs hold.
	x = enclosure{e: 3, rho: 5}
	x.m[0], x.m[1] = ^uint64(0)-3, ^uint64(0)
	lo, hi := ends(k, &x)
	require.Equal(t, big.NewRat(16*8, 1).Cmp(new(big.Rat).Sub(hi, lo)), -1)
}

func TestFixed(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, k := range []prec{2, 4} {
		for range 200 {
			var f, g fixed
			var x enclosure
			sum := new(big.Rat)
			for range 10 {
				k.setRatio(&x, randUint(r)>>4, max(randUint(r), 1<<20))
				exact := value(k, &x)
				k.fix(&g, &x)
				if r.IntN(2) == 0 {
					k.addFixed(&f, &g)
					sum.Add(sum, exact)
				} else if d := new(big.Rat).Sub(sum, exact); d.Sign() > 0 {
					save := f
					if !k.subFixed(&f, &g) {
						f = save
						continue
					}
					sum = d
				}
				unit := -64 * (int64(k) - 1)
				lo := limbs(f.v[:k], unit)
				hi := new(big.Rat).Add(lo, limbs([]uint64{f.r}, unit))
				require.LessOrEqual(t, lo.Cmp(sum), 0)
				require.GreaterOrEqual(t, hi.Cmp(sum), 0)
				a, b := k.floorFixed(&f)
				require.LessOrEqual(t, a, floorRat(sum).Uint64())
				require.GreaterOrEqual(t, b, floorRat(sum).Uint64())
				if c := k.cmpFixed(&f, &g); c != 0 {
					require.Equal(t, c, sum.Cmp(exact))
				}
			}
		}
	}
}
