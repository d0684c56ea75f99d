package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/animicaorg/engine/internal/plot"
	"github.com/animicaorg/engine/proofs/transcript"
)

// bitString writes an outcome with the highest bit first.
func bitString(key []byte, width uint64) string {
	var b strings.Builder
	for i := int(width) - 1; i >= 0; i-- {
		b.WriteByte('0' + key[len(key)-1-i/8]>>(i%8)&1)
	}
	return b.String()
}

// countsOf returns the counts of the n most frequent outcomes; of equal ones
// those with the smaller key.
func countsOf(h *transcript.Hist, n int) map[string]uint64 {
	bins := h.Bins
	if n < len(bins) {
		bins = slices.Clone(bins)
		slices.SortStableFunc(bins, func(a, b transcript.Bin) int { return cmp.Compare(b.Count, a.Count) })
		bins = bins[:n]
	}
	out := make(map[string]uint64, len(bins))
	for _, b := range bins {
		out[bitString(b.Key, h.Width)] = b.Count
	}
	return out
}

// chartOf draws counts; limit bounds the bars.
func chartOf(title, note string, counts map[string]uint64, limit int) *plot.Chart {
	bars := make([]plot.Bar, 0, len(counts))
	for k, v := range counts {
		bars = append(bars, plot.Bar{Label: k, Value: v})
	}
	c := plot.Histogram(title, "shots", bars, limit)
	c.Note = note
	return c
}
