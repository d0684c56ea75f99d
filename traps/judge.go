package traps

import (
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/stats"
)

// Judge says what the outcomes of slots 0..n-1 prove. n is the number of shots of
// the plan, or the first slot of a window (then nothing but a bad window can be
// found yet). A slot without an outcome makes its window bad; a trap without one
// has failed.
func Judge(plan *guest.Plan, hidden *guest.Hidden, outcomes *guest.Outcomes, n int) (*guest.Verdict, error) {
	if err := checkPlan(plan); err != nil {
		return nil, err
	}
	nw, err := judgedWindows(plan, n)
	if err != nil {
		return nil, err
	}
	if err := checkShapes(plan, hidden, outcomes, n); err != nil {
		return nil, err
	}
	v := &guest.Verdict{Shots: plan.Shots, Judged: uint64(n), Traps: plan.Traps, CA: plan.CA, CB: plan.CB, TMin: plan.TMin, FirstBad: guest.NoWindow,
		PA: plan.PA, PB: plan.PB, TailA: one, TailB: one, EpsMarkov: stats.Ppb, EpsHidden: stats.Ppb,
		WindowTraps: make([]uint32, len(plan.WindowTraps)), WindowPass: make([]uint32, len(plan.WindowTraps))}
	e := evidence{plan: plan}
	for j := range nw {
		c, err := countWindow(plan, hidden, outcomes, j)
		if err != nil {
			return nil, err
		}
		v.NA, v.KA, v.NB, v.KB = v.NA+c.nA, v.KA+c.kA, v.NB+c.nB, v.KB+c.kB
		v.WindowTraps[j], v.WindowPass[j] = uint32(c.nA+c.nB), uint32(c.kA+c.kB)
		bad := e.add(c)
		if bad {
			v.Reasons |= guest.ReasonEProcess
		}
		if c.missing > 0 {
			v.Missing += c.missing
			v.Reasons |= guest.ReasonMissing
			bad = true
		}
		if bad && v.FirstBad == guest.NoWindow {
			v.FirstBad = uint64(j)
		}
	}
	if v.NA > plan.NA || v.NB > plan.NB {
		return nil, domain("hidden: %d + %d traps judged, the plan has %d + %d", v.NA, v.NB, plan.NA, plan.NB)
	}
	v.MaxGlobal, v.MaxCusum = e.maxGlobal, e.maxCusum
	decide(v, plan)
	return v, nil
}

var one = guest.Tail{Mant: 100_000_000}

// judgedWindows checks n and returns how many whole windows it covers.
func judgedWindows(p *guest.Plan, n int) (int, error) {
	for j := range len(p.WindowTraps) + 1 {
		if n >= 0 && p.WindowStart(j) == uint64(n) {
			return j, nil
		}
	}
	return 0, domain("%d slots are neither all %d nor the start of a window", n, p.Shots)
}

func checkShapes(p *guest.Plan, h *guest.Hidden, o *guest.Outcomes, n int) error {
	w := p.Skeleton.Width
	rb := guest.RowBytes(w)
	if h.First != 0 || h.N != n || h.Width != w || len(h.Kind) != n || len(h.Window) != n || len(h.Parity) != n || len(h.Pad) != n*rb || len(h.Mask) != n*rb {
		return domain("hidden: slots %d + %d of width %d, want 0 + %d of width %d", h.First, h.N, h.Width, n, w)
	}
	if o.First != 0 || o.N != n || o.Width != w || len(o.Rows) != n*rb || len(o.Present) != (n+7)/8 {
		return domain("outcomes: slots %d + %d of width %d, want 0 + %d of width %d", o.First, o.N, o.Width, n, w)
	}
	return nil
}

// counts of one window.
type counts struct{ nA, kA, nB, kB, missing uint64 }

func countWindow(p *guest.Plan, h *guest.Hidden, o *guest.Outcomes, j int) (c counts, err error) {
	for i := int(p.WindowStart(j)); i < int(p.WindowStart(j+1)); i++ {
		kind := guest.SlotKind(h.Kind[i])
		if err := checkSlot(h, i, j); err != nil {
			return c, err
		}
		pass := uint64(0)
		if !o.Has(i) {
			c.missing++
		} else if kind != guest.SlotTarget && passes(h, o.Row(i), i) {
			pass = 1
		}
		switch kind {
		case guest.SlotMatch:
			c.nA, c.kA = c.nA+1, c.kA+pass
		case guest.SlotParity:
			c.nB, c.kB = c.nB+1, c.kB+pass
		}
	}
	if c.nA+c.nB != uint64(p.WindowTraps[j]) {
		return c, domain("hidden: window %d has %d traps, the plan has %d", j, c.nA+c.nB, p.WindowTraps[j])
	}
	return c, nil
}

// checkSlot refuses hidden data that no generator writes.
func checkSlot(h *guest.Hidden, i, window int) error {
	rb := guest.RowBytes(h.Width)
	ones := onesIn(h.Mask[i*rb : (i+1)*rb])
	ok := h.Window[i] == uint32(window)
	switch guest.SlotKind(h.Kind[i]) {
	case guest.SlotTarget:
		ok = ok && ones == 0 && h.Parity[i] == 0
	case guest.SlotMatch:
		ok = ok && ones == h.Width && h.Parity[i] == 0
	case guest.SlotParity:
		ok = ok && ones > 0 && ones <= h.Width && h.Parity[i] <= 1
	default:
		ok = false
	}
	if !ok {
		return domain("hidden: slot %d is not one of window %d", i, window)
	}
	return nil
}

// passes evaluates the predicate of trap slot i.
func passes(h *guest.Hidden, row []byte, i int) bool {
	rb := len(row)
	ones := 0
	for k, b := range row {
		u := (b ^ h.Pad[i*rb+k]) & h.Mask[i*rb+k]
		ones += onesIn([]byte{u})
	}
	if guest.SlotKind(h.Kind[i]) == guest.SlotMatch {
		return ones == 0
	}
	return byte(ones&1) == h.Parity[i]
}

// evidence is the e-process with change points, on the increments of the plan.
// Sums wrap modulo 2^64; with a plan of package stats they stay far from that.
type evidence struct {
	plan                *guest.Plan
	l, c                [guest.Grid]int64
	maxGlobal, maxCusum int64 // at least 0
}

// add takes the next window and reports whether the evidence at its end crosses
// a bound.
func (e *evidence) add(c counts) bool {
	p, bad := e.plan, false
	for g := range e.l {
		d := int64(c.kA)*p.IncPassA[g] + int64(c.nA-c.kA)*p.IncFailA[g] + int64(c.kB)*p.IncPassB[g] + int64(c.nB-c.kB)*p.IncFailB[g]
		e.l[g] += d
		e.c[g] = max(e.c[g], 0) + d
		e.maxGlobal, e.maxCusum = max(e.maxGlobal, e.l[g]), max(e.maxCusum, e.c[g])
		bad = bad || e.l[g] >= p.HGlobal || e.c[g] >= p.HCusum
	}
	return bad
}

// decide turns counts and reasons into the decision.
func decide(v *guest.Verdict, p *guest.Plan) {
	whole := v.Judged == v.Shots
	if whole {
		finalTests(v)
	}
	switch {
	case p.Insufficient():
		v.Decision = guest.DecisionInsufficient
	case v.Reasons&(guest.ReasonFinalA|guest.ReasonFinalB) != 0:
		v.Decision = guest.DecisionFail
	case v.FirstBad != guest.NoWindow:
		v.Decision, v.TrapPass = guest.DecisionFail, p.WindowStart(int(v.FirstBad))
	case whole:
		v.Decision, v.TrapPass = guest.DecisionPass, v.Shots
	default:
		v.Decision, v.TrapPass = guest.DecisionPending, v.Judged
	}
	v.TrapFail = v.Shots - v.TrapPass
}

// maxHiddenTraps is the largest trap count that eps_hidden is computed for; its
// sums are as long as the traps are many.
const maxHiddenTraps = 1 << 16

const halfPpb = stats.Ppb / 2

// finalTests applies the exact tests and fills what is only known at the end.
func finalTests(v *guest.Verdict) {
	if v.NA > 0 && v.KA < v.CA {
		v.Reasons |= guest.ReasonFinalA
	}
	if v.NB > 0 && v.KB < v.CB {
		v.Reasons |= guest.ReasonFinalB
	}
	v.TailA, v.TailB = leftTail(v.KA, v.NA, v.PA), leftTail(v.KB, v.NB, v.PB)
	fails := v.Traps - v.KA - v.KB
	v.EpsMarkov = stats.Eps95Markov(fails, v.Traps)
	if v.Traps <= maxHiddenTraps {
		v.EpsHidden = stats.Eps95Hidden(v.Shots, v.Traps, fails, halfPpb)
	}
}

func leftTail(k, n, p uint64) guest.Tail {
	d := stats.LeftTail(k, n, p)
	if d.Mant == 0 {
		return guest.Tail{}
	}
	return guest.Tail{Mant: d.Mant, Exp: d.Exp + 8}
}
