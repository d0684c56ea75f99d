package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math/bits"
	"path/filepath"
	"slices"

	"github.com/animicaorg/engine/circuit"
)

// Bars of a drawing: as many as a screen or a page holds.
const (
	termBars = 32
	fileBars = 64
)

func (e *program) printSim(path string, c *circuit.Circuit, s *simulation, f *simFlags) error {
	a := &s.answer
	note := fmt.Sprintf("%s, %d qubits, depth %d, %s, %s, seed %.8s", filepath.Base(path), a.Width, a.Depth, a.Method, a.NumericVersion, f.seed)
	title := fmt.Sprintf("Outcomes of %d shots", a.Shots)
	if f.plot.out != "" {
		b, err := render(f.plot.kind.Value, chartOf(title, note, a.Counts, fileBars))
		if err != nil {
			return err
		}
		if err := e.WriteOutput(f.plot.out, b, 0o644); err != nil {
			return err
		}
		if f.plot.out == "-" {
			return nil
		}
		e.Say("wrote %s", f.plot.out)
	}
	return e.Print(a, func(w io.Writer) {
		fmt.Fprintln(w, note)
		if a.Shots > 0 && f.plot.kind.Value == "term" {
			fmt.Fprintln(w)
			_, _ = w.Write(chartOf(title, "", a.Counts, termBars).Text(e.term()))
		}
		if f.plot.kind.Value == "none" {
			printCounts(w, a.Counts, termBars)
		}
		s.printObserved(w)
		if a.CalibrationID != "" {
			fmt.Fprintf(w, "\ncalibration  %s\n", a.CalibrationID)
		}
		if a.HistDigest != nil {
			fmt.Fprintf(w, "\nhist_digest  %s\n", a.HistDigest)
		}
		fmt.Fprintf(w, "kernel       %s\n", a.Kernel)
		fmt.Fprintf(w, "seconds      %.3g\n", a.Seconds)
	})
}

// printCounts lists the most frequent outcomes.
func printCounts(w io.Writer, counts map[string]uint64, most int) {
	keys := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(keys, func(x, y string) int { return cmp.Compare(counts[y], counts[x]) })
	for _, k := range keys[:min(most, len(keys))] {
		fmt.Fprintf(w, "  %s  %d\n", k, counts[k])
	}
	if len(keys) > most {
		fmt.Fprintf(w, "  %d more\n", len(keys)-most)
	}
}

// printObserved lists amplitudes, probabilities and expectation values; of all
// basis states those that matter.
func (s *simulation) printObserved(w io.Writer) {
	const tiny = 1e-12
	a := &s.answer
	if len(a.Amplitudes) > 0 {
		fmt.Fprintln(w, "\namplitudes")
	}
	for i, z := range a.Amplitudes {
		x, p := uint64(i), z[0]*z[0]+z[1]*z[1]
		if s.states != nil {
			x = s.states[i]
		} else if p < tiny {
			continue
		}
		fmt.Fprintf(w, "  %0*b  %+.9f %+.9fi  %.9f\n", a.Width, x, z[0], z[1], p)
	}
	if len(a.Probabilities) > 0 {
		fmt.Fprintln(w, "\nprobabilities")
	}
	for x, p := range a.Probabilities {
		if p >= tiny {
			fmt.Fprintf(w, "  %0*b  %.9f\n", bits.Len(uint(len(a.Probabilities)-1)), x, p)
		}
	}
	if len(a.Expectations) > 0 {
		fmt.Fprintln(w, "\nexpectations")
	}
	for _, k := range slices.Sorted(maps.Keys(a.Expectations)) {
		fmt.Fprintf(w, "  %s  %+.9f\n", k, a.Expectations[k])
	}
}
