package traps

import (
	"math/big"
	"math/bits"
	"runtime"
	"sync"

	"github.com/animicaorg/engine/circuit"
)

// MaxIdealWidth is the widest circuit whose ideal distribution is computed: 128
// MiB of amplitudes.
const MaxIdealWidth = 24

// ideal is the outcome distribution of a compiled circuit by integer arithmetic:
// amplitudes in units of 2^-30, each gate rounded to nearest, so that every machine
// and any number of goroutines get the same bits. The error of an amplitude stays
// near 2^-30·sqrt(gates), against 2^-12 for a typical one at 24 qubits.
type ideal struct {
	width  int
	re, im []int32

	sum, sum2, sum3 big.Int // of p, p², p³ in units of 2^-60, 2^-120, 2^-180
	max             uint64  // largest p, units of 2^-60
}

func newIdeal(l *circuit.Layered) (*ideal, error) {
	if l.Width > MaxIdealWidth {
		return nil, domain("width %d, the ideal distribution is computed up to %d", l.Width, MaxIdealWidth)
	}
	d := &ideal{width: l.Width, re: make([]int32, 1<<l.Width), im: make([]int32, 1<<l.Width)}
	d.re[0] = 1 << 30
	for j := 0; ; j++ {
		for q := range l.Width {
			if u := l.U[j*l.Width+q]; u != (circuit.U3Angles{}) {
				d.gate(q, u)
			}
		}
		if j == len(l.Layers) {
			break
		}
		if len(l.Layers[j]) > 0 {
			d.cz(l.Layers[j])
		}
	}
	d.moments()
	return d, nil
}

// parts calls f on ranges that cover 0..n-1, at once.
func parts(n int, f func(lo, hi int)) {
	k := runtime.GOMAXPROCS(0)
	if n < 1<<14 || k < 2 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for i := range k {
		wg.Go(func() { f(n/k*i, n/k*(i+1)+(i+1)/k*(n%k)) })
	}
	wg.Wait()
}

// gate applies u3 to qubit q.
func (d *ideal) gate(q int, u circuit.U3Angles) {
	q30 := func(a circuit.Angle) (sin, cos int64) {
		s, c := a.SinCosQ62()
		return (s + 1<<31) >> 32, (c + 1<<31) >> 32
	}
	mul := func(a, b int64) int64 { return (a*b + 1<<29) >> 30 }
	s, c := q30(u.Theta / 2)
	sl, cl := q30(u.Lambda)
	sp, cp := q30(u.Phi)
	ss, cs := q30(u.Phi + u.Lambda)
	br, bi := -mul(cl, s), -mul(sl, s)
	gr, gi := mul(cp, s), mul(sp, s)
	hr, hi := mul(cs, c), mul(ss, c)
	step := 1 << q
	parts(len(d.re)/2, func(lo, end int) {
		for k := lo; k < end; k++ {
			i := k&(step-1) | k>>q<<(q+1)
			ar, ai, er, ei := int64(d.re[i]), int64(d.im[i]), int64(d.re[i+step]), int64(d.im[i+step])
			d.re[i] = int32((c*ar + br*er - bi*ei + 1<<29) >> 30)
			d.im[i] = int32((c*ai + br*ei + bi*er + 1<<29) >> 30)
			d.re[i+step] = int32((gr*ar - gi*ai + hr*er - hi*ei + 1<<29) >> 30)
			d.im[i+step] = int32((gr*ai + gi*ar + hr*ei + hi*er + 1<<29) >> 30)
		}
	})
}

func (d *ideal) cz(pairs []circuit.Pair) {
	parts(len(d.re), func(lo, end int) {
		for i := lo; i < end; i++ {
			sign := 0
			for _, p := range pairs {
				sign ^= i >> p.A & (i >> p.B) & 1
			}
			if sign == 1 {
				d.re[i], d.im[i] = -d.re[i], -d.im[i]
			}
		}
	})
}

// p is the probability of outcome x in units of 2^-60.
func (d *ideal) p(x uint64) uint64 {
	r, i := int64(d.re[x]), int64(d.im[x])
	return uint64(r*r + i*i)
}

// moments fills the sums, exactly.
func (d *ideal) moments() {
	var s1 [2]uint64
	var s2 [3]uint64
	var s3 [4]uint64
	for x := range d.re {
		p := d.p(uint64(x))
		d.max = max(d.max, p)
		var c uint64
		s1[0], c = bits.Add64(s1[0], p, 0)
		s1[1] += c
		h, l := bits.Mul64(p, p)
		s2[0], c = bits.Add64(s2[0], l, 0)
		s2[1], c = bits.Add64(s2[1], h, c)
		s2[2] += c
		h1, l1 := bits.Mul64(l, p)
		h2, l2 := bits.Mul64(h, p)
		m, c := bits.Add64(h1, l2, 0)
		h2 += c
		s3[0], c = bits.Add64(s3[0], l1, 0)
		s3[1], c = bits.Add64(s3[1], m, c)
		s3[2], c = bits.Add64(s3[2], h2, c)
		s3[3] += c
	}
	setWords(&d.sum, s1[:])
	setWords(&d.sum2, s2[:])
	setWords(&d.sum3, s3[:])
}

func setWords(z *big.Int, w []uint64) {
	for i := len(w) - 1; i >= 0; i-- {
		z.Lsh(z, 64)
		z.Add(z, new(big.Int).SetUint64(w[i]))
	}
}
