package report

import (
	"fmt"
	"strings"
)

// Line is a row of the table on a terminal, columns separated by tabs: id,
// threads, minimum, median, floor, share of the limit, rate, traffic, ratio,
// target, load of others, peak memory on top of the amplitudes, peer.
func Line(r *Row) string {
	if r.Status != Measured {
		return strings.Join([]string{r.ID, "-", "-", "-", "-", "-", "-", "-", "-", target(r), "-", "-", r.Note}, "\t")
	}
	cells := []string{
		r.ID, fmt.Sprint(r.Threads), duration(r.SecondsMin), duration(r.SecondsMedian), duration(r.FloorSeconds),
		percent(r.FloorShare), optional(r.GateRate/1e9, "%.2f"), optional(r.FloorBytes/1e6, "%.0f"),
		times(r.Ratio), target(r), percent(r.OtherLoad), extra(r.MemoryShare), r.Peer,
	}
	return strings.Join(cells, "\t")
}

// duration with three digits in the unit that suits it; "-" for nil.
func duration(s *float64) string {
	if s == nil {
		return "-"
	}
	return Seconds(*s)
}

// Seconds writes a time with three digits in the unit that suits it.
func Seconds(s float64) string {
	switch {
	case s >= 1:
		return fmt.Sprintf("%.3g s", s)
	case s >= 1e-3:
		return fmt.Sprintf("%.3g ms", s*1e3)
	}
	return fmt.Sprintf("%.3g µs", s*1e6)
}

func percent(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f %%", 100**p)
}

// extra is a share with its sign.
func extra(p *float64) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%+.1f %%", 100**p)
}

func times(r *float64) string {
	if r == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", *r)
}

func optional(x float64, format string) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf(format, x)
}

func target(r *Row) string {
	switch {
	case r.Target > 0:
		return fmt.Sprintf("≥ %g", r.Target)
	case r.TargetSeconds > 0:
		return "≤ " + Seconds(r.TargetSeconds)
	}
	return "-"
}
