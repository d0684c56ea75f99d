package noise

import (
	"context"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// A circuit whose noise is Paulis only is simulated once per pattern of errors.
// The Paulis go in as gates whose half turns become a frame, so that the layers
// are those of the circuit without errors and only signs of angles differ.

// window is how many shots are sorted by their errors at a time.
const window = 1 << 16

// pattern is the shots with the same errors.
type pattern struct {
	events []event
	shots  []int // from the first of the window
}

// patterns draws the errors of n shots and groups them, the fewest first site first.
func (p *program) patterns(ctx context.Context, words *seed.ShotWords, first uint64, n, threads int) ([]pattern, error) {
	events := make([][]event, n)
	const perTask = 1 << 10
	err := parallel(ctx, threads, (n+perTask-1)/perTask, func(_, task int) error {
		var buf []event
		for i := task * perTask; i < min((task+1)*perTask, n); i++ {
			at := len(buf)
			buf = p.draw(words, first+uint64(i), buf)
			events[i] = buf[at:len(buf):len(buf)]
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return slices.Compare(events[a], events[b]) })
	var out []pattern
	for _, i := range order {
		if k := len(out) - 1; k >= 0 && slices.Equal(out[k].events, events[i]) {
			out[k].shots = append(out[k].shots, i)
			continue
		}
		out = append(out, pattern{events[i], []int{i}})
	}
	return out, nil
}

// ops is the circuit with the errors of a pattern.
func (p *program) ops(out []circuit.Op, events []event) []circuit.Op {
	for _, s := range p.steps {
		if s.op != nil {
			out = append(out, *s.op)
			continue
		}
		if len(events) == 0 || events[0].site() != s.site {
			continue
		}
		site := &p.sites[s.site]
		a, b := site.paulis(events[0].choice())
		out = appendPauli(appendPauli(out, site.q[0], a), site.q[1], b)
		events = events[1:]
	}
	return out
}

// paulis by choice: X, Y, Z as u3.
var paulis = [4]circuit.U3Angles{
	1: {Theta: circuit.Pi, Phi: 0, Lambda: circuit.Pi},
	2: {Theta: circuit.Pi, Phi: circuit.HalfPi, Lambda: circuit.HalfPi},
	3: {Theta: 0, Phi: 0, Lambda: circuit.Pi},
}

func appendPauli(out []circuit.Op, q, choice int) []circuit.Op {
	if choice == 0 {
		return out
	}
	u := paulis[choice]
	return append(out, circuit.Op{Gate: circuit.U3, NQ: 1, Q: [circuit.MaxOpQubits]uint16{uint16(q)}, Params: [circuit.MaxOpParams]circuit.Angle{u.Theta, u.Phi, u.Lambda}})
}

// wideState is the width from which threads share one state instead of having one
// each.
const wideState = 15

// frames fills the rows of all shots.
func (p *program) frames(ctx context.Context, words *seed.ShotWords, rows []byte, o Options, clifford bool) error {
	workers, inner := o.threads(), 1
	if !clifford {
		if err := statevector.Admit(p.qubits, o.Precision, o.MemoryBytes); err != nil {
			return err
		}
		if o.MemoryBytes > 0 {
			workers = int(min(uint64(workers), o.MemoryBytes/statevector.Bytes(p.qubits, o.Precision)))
		}
		if p.qubits >= wideState {
			workers, inner = 1, o.threads()
		}
	}
	rb := guest.RowBytes(p.clbits)
	n := len(rows) / rb
	f := make([]framer, workers)
	for w := range f {
		f[w].p, f[w].words = p, words
		f[w].o = statevector.Options{Precision: o.Precision, Threads: inner, MemoryBytes: o.MemoryBytes, Kernel: o.Kernel}
		if err := f[w].use(clifford); err != nil {
			return err
		}
		defer f[w].close()
	}
	count := counter{total: n, report: o.Progress}
	for first := 0; first < n; first += window {
		pats, err := p.patterns(ctx, words, uint64(first), min(window, n-first), o.threads())
		if err != nil {
			return err
		}
		err = parallel(ctx, workers, len(pats), func(w, task int) error {
			defer count.add(len(pats[task].shots))
			return f[w].run(ctx, &pats[task], first, rows, clifford)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// framer is the memory of one goroutine.
type framer struct {
	p        *program
	words    *seed.ShotWords
	o        statevector.Options
	ops      []circuit.Op
	compiler stabilizer.Compiler // for Clifford
}

// use refuses a kernel that is not there.
func (f *framer) use(clifford bool) error {
	if clifford {
		return f.compiler.Use(f.o.Kernel)
	}
	return statevector.CheckKernel(f.o.Kernel)
}

// close gives the memory of the last state back.
func (f *framer) close() {
	if f.o.Reuse != nil {
		f.o.Reuse.Close()
	}
}

// run simulates one pattern and samples its shots.
func (f *framer) run(ctx context.Context, pat *pattern, first int, rows []byte, clifford bool) error {
	f.ops = f.p.ops(f.ops[:0], pat.events)
	var outcome func(words, out []uint64)
	if clifford {
		a, err := f.compiler.Ops(ctx, f.p.qubits, f.ops)
		if err != nil {
			return err
		}
		outcome = a.Sampler(len(pat.shots)).Outcome
	} else {
		prog, err := statevector.FromOps(f.p.qubits, f.ops)
		if err != nil {
			return err
		}
		s, err := statevector.Simulate(ctx, prog, f.o)
		f.o.Reuse = s
		if err != nil {
			return err
		}
		outcome = func(words, out []uint64) { out[0] = s.Outcome(words[0]) }
	}
	rb, ws := guest.RowBytes(f.p.clbits), backends.ShotWords(f.p.qubits)
	buf, out := make([]uint64, ws), make([]uint64, ws)
	for _, x := range pat.shots {
		base := uint64(first+x) * f.p.k
		f.words.Fill(buf, base)
		outcome(buf, out)
		y := func(q int) int { return int(out[q/64] >> (q % 64) & 1) }
		f.p.write(rows[(first+x)*rb:][:rb], f.words, base, y)
	}
	return nil
}
