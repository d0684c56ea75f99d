package traps

import (
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"sort"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/stats"
	"github.com/stretchr/testify/require"
)

// TestIdealEqualsStateVector compares the integer amplitudes with a float64 state
// vector, whatever the number of goroutines.
func TestIdealEqualsStateVector(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 1))
	for _, size := range [][2]int{{1, 0}, {1, 3}, {4, 6}, {10, 12}, {15, 4}} {
		l := brickwork(r, size[0], size[1])
		want := probabilities(&l.Skeleton, func(i int) circuit.U3Angles { return l.U[i] })
		d, err := newIdeal(l)
		require.NoError(t, err)
		var q, c float64
		for x, p := range want {
			require.InDelta(t, p, float64(d.p(uint64(x)))/(1<<60), 1e-7, "%v", size)
			q, c = q+p*p, c+p*p*p
		}
		f := func(i *big.Int, bits uint) float64 { v, _ := rat(i, bits).Float64(); return v }
		require.InEpsilon(t, 1, f(&d.sum, 60), 1e-6)
		require.InEpsilon(t, q, f(&d.sum2, 120), 1e-5)
		require.InEpsilon(t, c, f(&d.sum3, 180), 1e-5)
		before := runtime.GOMAXPROCS(3)
		again, err := newIdeal(l)
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		require.Equal(t, d.re, again.re)
	}
	_, err := newIdeal(brickwork(r, 25, 1))
	require.ErrorIs(t, err, ErrDomain)
}

// auditDevice plays audits of one ideal distribution: a share f of the shots is
// invented, of the others a share F0 is ideal and the rest uniform.
type auditDevice struct {
	d   *ideal
	cdf []uint64
}

func newAuditDevice(t testing.TB, l *circuit.Layered) *auditDevice {
	d, err := newIdeal(l)
	require.NoError(t, err)
	a := &auditDevice{d: d}
	sum := uint64(0)
	for x := range d.re {
		sum += d.p(uint64(x))
		a.cdf = append(a.cdf, sum)
	}
	return a
}

func (a *auditDevice) play(r *rand.Rand, f0 uint64, fake float64, shots int) *guest.Audit {
	s := &scorer{ideal: a.d, audit: guest.Audit{F0: f0}}
	n := len(a.cdf)
	for range shots {
		x := r.IntN(n)
		if r.Float64() >= fake && r.Uint64N(stats.Ppb) < f0 {
			u := r.Uint64N(a.cdf[n-1])
			x = sort.Search(n, func(i int) bool { return a.cdf[i] > u })
		}
		s.add([]byte{byte(x), byte(x >> 8)}, []byte{0, 0})
	}
	return s.judge()
}

// TestAuditPower: 10 qubits, 3686 target shots, a device of fidelity 0.45: 1000 of
// 1000 jobs with invented targets are found out, at least 995 where 30 % of them
// are invented; honest jobs fail about once in a thousand.
func TestAuditPower(t *testing.T) {
	r := rand.New(rand.NewPCG(52, 1))
	a := newAuditDevice(t, brickwork(r, 10, 20))
	count := func(f0 uint64, fake float64) (n int) {
		for range 1000 {
			v := a.play(r, f0, fake, 3686)
			require.Equal(t, guest.StatLinear, v.Statistic)
			require.NotEqual(t, guest.AuditVacuous, v.Verdict)
			if v.Verdict == guest.AuditFail {
				n++
			}
		}
		return n
	}
	require.Equal(t, 1000, count(450_000_000, 1))
	require.GreaterOrEqual(t, count(450_000_000, .3), 995)
	require.LessOrEqual(t, count(450_000_000, 0), 6)
	require.LessOrEqual(t, count(800_000_000, 0), 6)
	v := a.play(r, 450_000_000, 1, 3686)
	require.True(t, v.Fraud)
}

// TestAuditOfPeakedTarget uses the bounded statistic.
func TestAuditOfPeakedTarget(t *testing.T) {
	r := rand.New(rand.NewPCG(53, 1))
	l := randomLayered(r, 6, 0)
	for q := range l.U { // cos²(π/16)^6 = 0.79 of the shots are zero
		l.U[q] = circuit.U3Angles{Theta: circuit.HalfPi / 4}.Normal()
	}
	a := newAuditDevice(t, l)
	fails := 0
	for range 300 {
		v := a.play(r, 950_000_000, 0, 1000)
		require.Equal(t, guest.StatBounded, v.Statistic)
		require.Equal(t, guest.AuditFail, a.play(r, 950_000_000, .3, 1000).Verdict)
		if v.Verdict == guest.AuditFail {
			fails++
		}
	}
	require.LessOrEqual(t, fails, 3)
	require.Equal(t, guest.AuditInsufficient, a.play(r, 950_000_000, 1, MinAuditShots-1).Verdict)
}

// TestAuditOfFlatTarget: nothing to fake, nothing to find.
func TestAuditOfFlatTarget(t *testing.T) {
	r := rand.New(rand.NewPCG(54, 1))
	l := randomLayered(r, 5, 0)
	for q := range l.U {
		l.U[q] = circuit.U3Angles{Theta: circuit.HalfPi, Lambda: 2 * circuit.HalfPi}
	}
	require.Equal(t, guest.AuditVacuous, newAuditDevice(t, l).play(r, 990_000_000, 1, 1000).Verdict)
	// and a device so noisy that its scores are those of uniform bits
	require.Equal(t, guest.AuditVacuous, newAuditDevice(t, brickwork(r, 6, 10)).play(r, 1_000_000, 1, 1000).Verdict)
}

// TestAuditOpensByBeacon runs whole audits of simulated outcomes.
func TestAuditOpensByBeacon(t *testing.T) {
	r := rand.New(rand.NewPCG(55, 1))
	l := brickwork(r, 5, 8)
	shots := uint64(2000)
	p, rows, hid := job(t, l, shots, 200_000, Accredit, 4)
	o := &transcript.Outcomes{Width: 5, Slots: shots, Presence: transcript.AllPresent(shots)}
	fake := &transcript.Outcomes{Width: 5, Slots: shots, Presence: o.Presence}
	for i := range rows.N { // an ideal device; the fake one is ideal on traps only
		pr := probabilities(&p.Skeleton, func(l int) circuit.U3Angles { return p.Palette[rows.Index(i, l)] })
		u, x := r.Float64(), 0
		for u -= pr[0]; u > 0 && x+1 < len(pr); u -= pr[x] {
			x++
		}
		o.Rows = append(o.Rows, byte(x))
		if hid.Kind[i] == byte(guest.SlotTarget) {
			x = r.IntN(32)
		}
		fake.Rows = append(fake.Rows, byte(x))
	}
	in := AuditInput{Mix: Accredit, Layered: guest.AppendLayered(nil, l), Header: guest.Header{Shots: shots, RatioPPM: 200_000}, Policy: refPolicy(), Root: testRoot(4),
		Outcomes: o, Round: 7, Value: [32]byte{1}}
	a, err := RunAudit(in)
	require.NoError(t, err)
	require.Equal(t, guest.AuditPass, a.Verdict, a.String())
	require.Len(t, a.Leaves, 32)
	root, err := o.Root()
	require.NoError(t, err)
	require.Equal(t, root, a.Openings) // all leaves
	require.Equal(t, p.Shots-p.Traps, a.Shots)
	_, err = transcript.Encode(a.Frame(&in))
	require.NoError(t, err)

	in.Outcomes = fake
	v, err := Judge(p, hid, outcomesOf(5, rowInts(fake.Rows)), int(shots))
	require.NoError(t, err)
	require.Equal(t, guest.DecisionPass, v.Decision) // the traps see nothing
	a, err = RunAudit(in)
	require.NoError(t, err)
	require.Equal(t, guest.AuditFail, a.Verdict, a.String())
	require.True(t, a.Fraud)

	in.Leaves = 10
	a, err = RunAudit(in)
	require.NoError(t, err)
	require.Len(t, a.Leaves, 10)
	in.Value[0]++
	b, err := RunAudit(in)
	require.NoError(t, err)
	require.NotEqual(t, a.Leaves, b.Leaves)
	in.Outcomes = &transcript.Outcomes{Width: 4, Slots: shots}
	_, err = RunAudit(in)
	require.ErrorIs(t, err, ErrDomain)
}

func rowInts(b []byte) (out []int) {
	for _, x := range b {
		out = append(out, int(x))
	}
	return out
}

// TestLeastAccepted: the KL bound is what bisection on floats gives.
func TestLeastAccepted(t *testing.T) {
	for _, c := range []struct{ m, n uint64 }{{900_000_000, 3686}, {500_000_000, 400}, {999_999_000, 5000}, {10_000_000, 300}} {
		x := leastAccepted(c.m, c.n, levelSLA)
		kl := func(x float64) float64 {
			m := float64(c.m) / stats.Ppb
			if x == 0 {
				return -math.Log(1 - m)
			}
			return x*math.Log(x/m) + (1-x)*math.Log((1-x)/(1-m))
		}
		require.Less(t, float64(c.n)*kl(float64(x)/stats.Ppb), math.Log(1000)+1e-3)
		if x > 0 {
			require.Greater(t, float64(c.n)*kl(float64(x-2)/stats.Ppb), math.Log(1000)-1e-3)
		}
	}
}

// TestXEBHasTheTrapsOfAccredit: rows and hidden data are those of accredit, and Score
// of all slots is the audit of all leaves.
func TestXEBHasTheTrapsOfAccredit(t *testing.T) {
	r := rand.New(rand.NewPCG(55, 1))
	l := brickwork(r, 6, 6)
	mix, err := MixOf("xeb_small", "1.0.0")
	require.NoError(t, err)
	p, rows, h := job(t, l, 1000, 100_000, mix, 3)
	q, rowsA, hA := job(t, l, 1000, 100_000, Accredit, 3)
	require.Equal(t, rowsA.Append(nil), rows.Append(nil))
	require.Equal(t, hA.Append(nil), h.Append(nil))
	p.MixB = q.MixB
	require.Equal(t, q.Append(nil), p.Append(nil))
	p.MixB |= mix.Family << 32

	out := make([]int, 1000)
	for i := range out {
		out[i] = r.IntN(64)
	}
	o := outcomesOf(6, out)
	a, err := Score(l, p, h, o)
	require.NoError(t, err)
	in := AuditInput{Mix: mix, Layered: guest.AppendLayered(nil, l), Header: guest.Header{Shots: 1000, RatioPPM: 100_000}, Policy: refPolicy(), Root: testRoot(3),
		Outcomes: &transcript.Outcomes{Width: 6, Slots: 1000, Rows: o.Rows, Presence: o.Present}, Round: 2}
	b, err := RunAudit(in)
	require.NoError(t, err)
	require.Equal(t, *a, b.Audit)
	require.Equal(t, guest.AuditFail, a.Verdict)
	require.True(t, a.Fraud)

	for _, refuse := range []*circuit.Layered{brickwork(r, 13, 1), brickwork(r, 12, 200)} {
		_, err = Plan(refuse, guest.Header{Shots: 10, RatioPPM: 100_000}, refPolicy(), mix)
		require.ErrorIs(t, err, ErrDomain)
	}
}
