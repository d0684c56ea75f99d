package report

import (
	"bytes"
	"fmt"
	"strings"
)

const pageHead = `# Performance

Written by ` + "`scripts/bench.sh`" + ` from the measurements in [performance/](performance/); do not edit it. The same command measures your machine.

Times are wall time, minimum and median over rounds in which engine and peers alternate. *Ratio* is the fastest peer's minimum over the engine's:
above 1 the engine is faster. *Floor* is what the counted arithmetic and memory traffic of the best known method take at the limits measured on
the same machine in the same run, and *of limit* how near the engine comes to it. *Other load* is the share of the processors that somebody
else used meanwhile; above a few percent a row says little.
`

const pageTail = `
## How it is measured

- The engine's time runs from the parsed circuit to packed outcomes: lowering, planning, state, samples. It keeps its memory from one run to
  the next, as in a job. A peer's time is its simulate-and-sample call on a prebuilt circuit, less an empty circuit and less the making of a
  Python list of as many integers where it returns one. W3 and W6 run to packed outcomes on both sides, without a histogram.
- Before anything is timed, engine and peer compare 16 probabilities of the very circuit; for Clifford circuits the peer's outcomes must lie in
  the engine's outcome space and span it. A difference ends the run.
- Each peer is tried at all its settings (qsim with fused sizes 2, 3 and 4; Qulacs with and without its optimizer; Aer with fusion of 2, 3 and 5
  qubits; Stim by its command line's code, its sampler and its tableau), with threads that spin and threads that sleep when idle. The best one or
  two take part in the rounds. Peers are called below their Python layer where that costs time: qsim without cirq, Lightning without tapes; of
  Aer its own stopwatch is taken.
- A batch (W1c-batch) runs one circuit per thread; its peers run as many processes of one thread.
- W8 is the wall time of the process ` + "`engine run`" + `, compiled modules cached.
- Floors of W1 and W9 count a plan that is known to work (16 passes of eight layers for 20 × 120; real rotations of one fused multiply-add per
  real number; one diagonal a layer). The other floors are estimates by the same counting.
- The peers are the archives of their package index. Stim's is built for 128-bit vectors; a build from source may be faster.
- W4 gives both sides the Z under eleven controls as one gate.

Run it: ` + "`engine bench W1 --peers`" + ` for one row, ` + "`scripts/bench.sh`" + ` for this page. Installing the peers needs Python 3.11 or later and a package index.
`

// Page writes the page about reports; the first is the main one. Drawings are
// named by Files.
func Page(reports []*Report) []byte {
	var w bytes.Buffer
	w.WriteString(pageHead)
	for i, r := range reports {
		r.section(&w, i == 0)
	}
	w.WriteString(pageTail)
	return w.Bytes()
}

func (r *Report) section(w *bytes.Buffer, main bool) {
	fmt.Fprintf(w, "\n## %s\n\nMeasured on %s: %s, load average %.2f at the start. %s.\n\n", r.heading(), r.Date, r.Machine, r.Load, r.Engine)
	if len(r.Rows) > 0 {
		fmt.Fprintf(w, "%s\n\n", r.verdict())
		r.table(w)
	}
	if main {
		fmt.Fprintf(w, "\n![Ratios to the fastest peer](performance/ratios.svg)\n")
	}
	r.phases(w)
	if main {
		r.rivals(w)
	}
	if len(r.Curves) > 0 {
		if len(r.Rows) > 0 {
			fmt.Fprintf(w, "\n### How cost grows\n\n")
		}
		for _, c := range r.Curves {
			fmt.Fprintf(w, "![%s](performance/%s.svg)\n", c.Title, c.ID)
		}
		slopes(w, r.Curves)
	}
	r.limits(w)
}

// threads is the largest number in the report.
func (r *Report) threads() int {
	n := 0
	for _, row := range r.Rows {
		n = max(n, row.Threads)
	}
	return n
}

func (r *Report) heading() string {
	if len(r.Rows) == 0 {
		return "How cost grows"
	}
	if n := r.threads(); n != 1 {
		return fmt.Sprintf("%d threads", n)
	}
	return "1 thread"
}

// noisy is a load of others above which a row says little.
const noisy = 0.05

// verdict counts.
func (r *Report) verdict() string {
	compared, faster, met, disturbed := 0, 0, 0, 0
	for _, row := range r.Rows {
		if row.OtherLoad != nil && *row.OtherLoad > noisy {
			disturbed++
		}
		if row.Ratio == nil {
			continue
		}
		compared++
		if *row.Ratio > 1 {
			faster++
		}
		if *row.Ratio >= row.Target {
			met++
		}
	}
	s := fmt.Sprintf("Of %d rows with a peer the engine is faster in %d and meets its target in %d.", compared, faster, met)
	if disturbed > 0 {
		s += fmt.Sprintf(" **In %d rows others used more than %.0f %% of the machine: take those as a sketch.**", disturbed, 100*noisy)
	}
	return s
}

func (r *Report) table(w *bytes.Buffer) {
	fmt.Fprintln(w, "| id | work | T | min | median | fastest peer | its min | ratio | target | floor | of limit | other load |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for i := range r.Rows {
		x := &r.Rows[i]
		if x.Status != Measured {
			fmt.Fprintf(w, "| %s | %s | | unsupported: %s | | %s | %s | | %s | | | |\n", x.ID, x.Work, x.Note, x.Peer, x.rivalMin(), target(x))
			continue
		}
		fmt.Fprintf(w, "| %s | %s | %d | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", x.ID, x.Work, x.Threads, duration(x.SecondsMin),
			duration(x.SecondsMedian), x.Peer, x.rivalMin(), times(x.Ratio), target(x), duration(x.FloorSeconds), percent(x.FloorShare), percent(x.OtherLoad))
	}
}

// rivalMin is the minimum of the fastest peer.
func (x *Row) rivalMin() string {
	if len(x.Rivals) == 0 {
		return ""
	}
	return Seconds(x.Rivals[0].SecondsMin)
}

// phases of W8, and resident memory.
func (r *Report) phases(w *bytes.Buffer) {
	for _, x := range r.Rows {
		if len(x.PhasesMS) == 0 {
			continue
		}
		var parts []string
		for _, name := range []string{"plan", "compile", "traps", "execute", "judge", "prove", "total"} {
			parts = append(parts, fmt.Sprintf("%s %.1f", name, x.PhasesMS[name]))
		}
		fmt.Fprintf(w, "\nPhases of %s in its fastest run, in ms: %s.\n", x.ID, strings.Join(parts, ", "))
	}
	var memory []string
	for _, x := range r.Rows {
		if x.MemoryBytes > 0 {
			s := fmt.Sprintf("%s %.1f MiB", x.ID, float64(x.MemoryBytes)/(1<<20))
			if x.MemoryShare != nil {
				s += fmt.Sprintf(", %+.1f %% on the amplitudes", 100**x.MemoryShare)
			}
			if len(x.Rivals) > 0 && x.Rivals[0].MemoryBytes > 0 {
				s += fmt.Sprintf(" (fastest peer %.1f MiB)", float64(x.Rivals[0].MemoryBytes)/(1<<20))
			}
			memory = append(memory, s)
		}
	}
	if len(memory) > 0 {
		fmt.Fprintf(w, "\nPeak resident memory beyond that of a run at width 2: %s.\n", strings.Join(memory, ", "))
	}
}

func (r *Report) rivals(w *bytes.Buffer) {
	fmt.Fprintf(w, "\n### All peers\n\nA time without a median is a single trial.\n\n| id | peer | min | median |\n|---|---|---|---|\n")
	for _, x := range r.Rows {
		for _, p := range x.Rivals {
			middle := ""
			if p.Rounds > 1 {
				middle = Seconds(p.SecondsMedian)
			}
			fmt.Fprintf(w, "| %s | %s | %s | %s |\n", x.ID, p.Peer, Seconds(p.SecondsMin), middle)
		}
	}
}

func (r *Report) limits(w *bytes.Buffer) {
	if len(r.Limits) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Limits of the machine\n\n| threads | loops | float32 GFLOP/s | float64 GFLOP/s | key stream GB/s |")
	for _, m := range r.Limits[0].Memory {
		fmt.Fprintf(w, " %s |", size(m.Bytes))
	}
	fmt.Fprintf(w, "\n|---|---|---|---|---|%s\n", strings.Repeat("---|", len(r.Limits[0].Memory)))
	for _, l := range r.Limits {
		fmt.Fprintf(w, "| %d | %s | %.0f | %.0f | %.1f |", l.Threads, l.Kernel, 2e-9*l.FMA32, 2e-9*l.FMA64, 1e-9*l.KeyStream)
		for _, m := range l.Memory {
			fmt.Fprintf(w, " %.0f |", 1e-9*m.BytesPerSecond)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "\nThe columns by size are GB/s read and written in place by all threads together, in a working set of that size.")
}

func size(bytes int) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// Files are the page and its drawings by path below docs.
func Files(reports []*Report) map[string][]byte {
	out := map[string][]byte{"performance.md": Page(reports)}
	var rows []Row
	for _, r := range reports {
		rows = append(rows, r.Rows...)
		for i := range r.Curves {
			out["performance/"+r.Curves[i].ID+".svg"] = r.Curves[i].SVG(r.Date + ", " + r.heading())
		}
	}
	if len(reports) > 0 {
		out["performance/ratios.svg"] = RatioSVG(rows, "Engine against the fastest peer", reports[0].Date+", minimum over rounds")
	}
	return out
}
