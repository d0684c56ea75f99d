package abitest

import (
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
)

// mix64 is the finaliser of SplitMix64 (Steele, Lea, Flood 2014): numbers without
// pattern for samples, never for secrets.
func mix64(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

func angle(n uint64) circuit.Angle { return circuit.Angle(mix64(n)) &^ 0xfff }

// job is a sample job of a trap library.
type job struct {
	layered *circuit.Layered
	bytes   []byte
	header  guest.Header
	policy  guest.Policy
	root    [32]byte
}

// newJob makes a brickwork of w qubits and m CZ layers.
func newJob(w, m int, shots, ppm uint64) *job {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: w, Layers: make([][]circuit.Pair, m)}, Clbits: w, Measure: make([]int, w)}
	for j := range m {
		for q := j % 2; q+1 < w; q += 2 {
			l.Layers[j] = append(l.Layers[j], circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
	}
	for i := range uint64(l.Locations()) {
		l.U = append(l.U, circuit.U3Angles{Theta: angle(3 * i), Phi: angle(3*i + 1), Lambda: angle(3*i + 2)}.Normal())
	}
	for q := range w {
		l.Measure[q] = (q + 1) % w
	}
	j := &job{layered: l, bytes: guest.AppendLayered(nil, l), header: guest.Header{Shots: shots, RatioPPM: ppm}}
	j.policy = guest.Policy{P1: 1000, P2: 1000, RO: 1000, AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000, TMinAlpha: 1_000_000, TMinBeta: 1000}
	for i := range j.root {
		j.root[i] = byte(mix64(uint64(1000 + i)))
	}
	return j
}

// ideal is what a device without errors measures in the trap slots; target slots
// read zero below their pads.
func ideal(h *guest.Hidden) *guest.Outcomes {
	o := &guest.Outcomes{N: h.N, Width: h.Width, Rows: append([]byte(nil), h.Pad...), Present: make([]byte, (h.N+7)/8)}
	for i := range h.N {
		o.Present[i>>3] |= 1 << (i & 7)
		if h.Parity[i] == 1 {
			flip(h, o, i)
		}
	}
	return o
}

// flip changes the lowest bit that the predicate of trap slot i reads, and so its
// result.
func flip(h *guest.Hidden, o *guest.Outcomes, i int) {
	rb := guest.RowBytes(h.Width)
	for k := range rb {
		if m := h.Mask[i*rb+k]; m != 0 {
			o.Rows[i*rb+k] ^= m & -m
			return
		}
	}
}
