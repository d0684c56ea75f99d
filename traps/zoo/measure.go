package zoo

import (
	"context"
	"math"
	"math/bits"
	"runtime"
	"sync"

	"github.com/animicaorg/engine/stats"
)

// Seeds of the streams. The run that is measured and the run that predicts never
// share one.
var (
	Measured  = [32]byte{'z', 'o', 'o', 1}
	Predicted = [32]byte{'z', 'o', 'o', 2}
)

// Count is what many jobs of one strategy came to.
type Count struct {
	Jobs, Detected uint64
	PassA, TrapsA  uint64 // over all jobs, to their ends
	PassB, TrapsB  uint64
}

// lanesPerBlock jobs share one random stream.
const lanesPerBlock = 64

// Run plays jobs of a strategy and judges each. threads bounds the goroutines, 0
// is one per CPU; it never changes the count. Between blocks of 64 jobs it heeds
// ctx.
func (s *Setup) Run(ctx context.Context, st Strategy, jobs int, root [32]byte, threads int) (Count, error) {
	if threads < 1 {
		threads = runtime.GOMAXPROCS(0)
	}
	blocks := (max(jobs, 0) + lanesPerBlock - 1) / lanesPerBlock
	parts, errs := make([]Count, threads), make([]error, threads)
	var wg sync.WaitGroup
	for t := range threads {
		wg.Go(func() {
			p := s.newPlayer(st)
			for b := t; b < blocks && errs[t] == nil; b += threads {
				if errs[t] = ctx.Err(); errs[t] != nil {
					break
				}
				errs[t] = p.block(root, uint64(b), min(lanesPerBlock, jobs-b*lanesPerBlock), &parts[t])
			}
		})
	}
	wg.Wait()
	var sum Count
	for t, c := range parts {
		if errs[t] != nil {
			return Count{}, errs[t]
		}
		sum.Jobs, sum.Detected = sum.Jobs+c.Jobs, sum.Detected+c.Detected
		sum.PassA, sum.TrapsA, sum.PassB, sum.TrapsB = sum.PassA+c.PassA, sum.TrapsA+c.TrapsA, sum.PassB+c.PassB, sum.TrapsB+c.TrapsB
	}
	return sum, nil
}

// player plays blocks of jobs, on one goroutine.
type player struct {
	s     *Setup
	st    Strategy
	rates [][2]chance // per window, kinds A and B
	frame *framer
	a, b  []uint64 // frames: per trap of a kind, the lanes that pass
}

func (s *Setup) newPlayer(st Strategy) *player {
	p := &player{s: s, st: st}
	if st.attack != nil {
		p.frame = newFramer(s, *st.attack, stats.Policy(s.Plan.Policy))
		p.a, p.b = make([]uint64, s.Plan.NA), make([]uint64, s.Plan.NB)
		return p
	}
	for j := range s.Plan.WindowTraps {
		a, b := s.Rates(st, j)
		p.rates = append(p.rates, [2]chance{toChance(a), toChance(b)})
	}
	return p
}

// Rates are the pass rates of traps of kind A and B in window j, for strategies
// that are not frames.
func (s *Setup) Rates(st Strategy, j int) (a, b float64) {
	pa, pb := s.honest()
	if st.noise > 1 {
		p := stats.Policy(s.Plan.Policy)
		p.P1, p.P2, p.RO = min(st.noise*p.P1, stats.Ppb/2), min(st.noise*p.P2, stats.Ppb/2), min(st.noise*p.RO, stats.Ppb/2)
		if n, err := NewOf(s.mix, s.Width, s.Depth, s.Plan.Shots, s.Plan.RatioPPM, p); err == nil { // the same shape planned before
			pa, pb = n.honest()
		}
	}
	h := 1.0
	if st.honest != nil {
		h = st.honest((float64(j) + .5) / float64(len(s.Plan.WindowTraps)))
	}
	return mixed(h, pa, math.Ldexp(1, -s.Width)), mixed(h, pb, .5)
}

// honest are the pass rates of a device as noisy as the policy says: those that the
// plan expects, and for secondary families the exact one, which is higher.
func (s *Setup) honest() (pa, pb float64) {
	pa, pb = float64(s.Plan.PA)/stats.Ppb, float64(s.Plan.PB)/stats.Ppb
	switch x := s.exact(); {
	case x == 0:
	case s.mix.A > 0:
		pa = x
	default:
		pb = x
	}
	return pa, pb
}

// mixed is the pass rate where a share h of the slots is honest.
func mixed(h, honest, invented float64) float64 { return float64(h*honest) + float64((1-h)*invented) }

func toChance(p float64) chance {
	if p >= 1 {
		return ^chance(0)
	}
	return chance(math.Ldexp(p, 64))
}

// block plays one block of jobs and adds them to c.
func (p *player) block(root [32]byte, block uint64, jobs int, c *Count) error {
	r, err := newWords(root, "zoo/"+p.st.Name+"/"+p.s.Size(), block)
	if err != nil {
		return err
	}
	for i := range p.a {
		p.a[i] = p.frame.match(r)
	}
	for i := range p.b {
		p.b[i] = p.frame.parity(r)
	}
	for lane := range jobs {
		c.Jobs++
		if p.job(r, lane, c) {
			c.Detected++
		}
	}
	return nil
}

// job plays one job to its end and reports whether the judge finds it out.
func (p *player) job(r *words, lane int, c *Count) bool {
	plan, e := p.s.Plan, *p.s.fresh
	var nA, nB, kA, kB uint64
	for j, t := range plan.WindowTraps {
		var wA, wB, sA, sB uint64
		for range t {
			// kinds are a uniform choice of NB of the traps, in slot order
			isB := r.below(plan.Traps-nA-nB-wA-wB) < plan.NB-nB-wB
			if pass := p.pass(r, lane, j, isB, nA+wA, nB+wB); isB {
				wB, sB = wB+1, sB+pass
			} else {
				wA, sA = wA+1, sA+pass
			}
		}
		e.Add(sA, wA, sB, wB)
		nA, nB, kA, kB = nA+wA, nB+wB, kA+sA, kB+sB
	}
	c.PassA, c.TrapsA, c.PassB, c.TrapsB = c.PassA+kA, c.TrapsA+nA, c.PassB+kB, c.TrapsB+nB
	return p.st.missing || e.FirstBad() >= 0 || nA > 0 && kA < plan.CA || nB > 0 && kB < plan.CB
}

// pass is 1 if the next trap passes: number a of kind A or b of kind B.
func (p *player) pass(r *words, lane, window int, isB bool, a, b uint64) uint64 {
	switch {
	case p.frame != nil && isB:
		return p.b[b] >> lane & 1
	case p.frame != nil:
		return p.a[a] >> lane & 1
	}
	rate := p.rates[window][0]
	if isB {
		rate = p.rates[window][1]
	}
	_, less := bits.Sub64(r.word(), uint64(rate), 0)
	return less
}
