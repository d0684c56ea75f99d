package traps

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
)

// Generate makes slots [first, first+n) of a job: the rows that a device runs,
// and what must never leave the engine. layered is the circuit that the plan was
// made of, root the secret of the job.
func Generate(layered *circuit.Layered, plan *guest.Plan, root [32]byte, first uint64, n int) (*guest.Rows, *guest.Hidden, error) {
	g, err := NewGenerator(layered, plan, root)
	if err != nil {
		return nil, nil, err
	}
	return g.Slots(first, n)
}

// Generator keeps the tables of one job between calls of Slots. It is not safe
// for concurrent use.
type Generator struct {
	plan     *guest.Plan
	family   *family
	sched    *schedule
	stream   seed.Stream
	noPads   bool // tests only: draw the pads and use the identity instead
	idle     [][]uint16
	target   []uint32 // [location][right Pauli][left Pauli] → palette index
	clifford []uint32 // [gate number][right Pauli][left Pauli] → palette index
	pads     []byte   // per location, Pauli
	base     []uint8  // per location of a trap, gate number: a Clifford, then the family's own
	frame    []circuit.Pauli
	dress    []uint8 // kind A: dressing of the previous layer
	draw     []byte
}

// NewGenerator builds the tables. It refuses a plan that was not made of the
// circuit.
func NewGenerator(layered *circuit.Layered, plan *guest.Plan, root [32]byte) (*Generator, error) {
	if err := checkCircuit(layered); err != nil {
		return nil, err
	}
	if err := checkPlan(plan); err != nil {
		return nil, err
	}
	if !sameSkeleton(&layered.Skeleton, &plan.Skeleton) {
		return nil, domain("the plan is for another CZ skeleton")
	}
	f, err := checkFamily(mixOf(plan), &plan.Skeleton)
	if err != nil {
		return nil, err
	}
	w, n := layered.Width, layered.Locations()
	g := &Generator{plan: plan, family: f, sched: newSchedule(plan, root), idle: idleQubits(&layered.Skeleton),
		target: make([]uint32, 0, 16*n), clifford: make([]uint32, 0, 16*numCliffords),
		pads: make([]byte, n), base: make([]uint8, n), frame: make([]circuit.Pauli, w), dress: make([]uint8, w), draw: make([]byte, w)}
	ok := true
	for _, u := range layered.U {
		g.target, ok = appendVariants(g.target, ok, plan.Palette, u)
	}
	for _, u := range slices.Concat(cliff.triple[:], f.gates) {
		g.clifford, ok = appendVariants(g.clifford, ok, plan.Palette, u)
	}
	if !ok {
		return nil, domain("the plan's palette lacks a triple of the circuit")
	}
	return g, nil
}

// appendVariants appends the palette indexes of L·u·R, R-major.
func appendVariants(out []uint32, ok bool, palette []circuit.U3Angles, u circuit.U3Angles) ([]uint32, bool) {
	for r := range circuit.Pauli(4) {
		ur := u.Right(r)
		for l := range circuit.Pauli(4) {
			i, found := searchPalette(palette, ur.Left(l))
			out, ok = append(out, i), ok && found
		}
	}
	return out, ok
}

// searchPalette is a binary search that does not copy triples.
func searchPalette(palette []circuit.U3Angles, u circuit.U3Angles) (uint32, bool) {
	lo, hi := 0, len(palette)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if palette[mid].Compare(u) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return uint32(lo), lo < len(palette) && palette[lo] == u
}

// idleQubits lists, per CZ layer, the qubits without a CZ, ascending.
func idleQubits(s *circuit.Skeleton) [][]uint16 {
	out, used := make([][]uint16, len(s.Layers)), make([]bool, s.Width)
	for j, layer := range s.Layers {
		clear(used)
		for _, p := range layer {
			used[p.A], used[p.B] = true, true
		}
		for q, u := range used {
			if !u {
				out[j] = append(out[j], uint16(q))
			}
		}
	}
	return out
}

// Slots makes slots [first, first+n).
func (g *Generator) Slots(first uint64, n int) (*guest.Rows, *guest.Hidden, error) {
	if n < 1 || first >= g.plan.Shots || uint64(n) > g.plan.Shots-first {
		return nil, nil, domain("slots %d + %d of %d", first, n, g.plan.Shots)
	}
	w, loc, elem := g.plan.Skeleton.Width, len(g.base), g.plan.IndexSize()
	rb := guest.RowBytes(w)
	rows := &guest.Rows{First: first, N: n, Locations: loc, ElemSize: elem, Data: make([]byte, n*loc*elem)}
	hid := &guest.Hidden{First: first, N: n, Width: w, Kind: make([]byte, n), Window: make([]uint32, n),
		Pad: make([]byte, n*rb), Mask: make([]byte, n*rb), Parity: make([]byte, n)}
	for i := range n {
		slot := first + uint64(i)
		kind, window := g.sched.role(slot)
		hid.Kind[i], hid.Window[i] = byte(kind), uint32(window)
		mask, flips := hid.Mask[i*rb:(i+1)*rb], hid.Pad[i*rb:(i+1)*rb]
		g.stream.Reset(&g.sched.root, labelSlot, slot)
		g.drawPads()
		if kind != guest.SlotTarget {
			hid.Parity[i] = g.trap(kind, window, mask, flips)
		}
		g.emit(kind, rows.Row(i), flips)
	}
	return rows, hid, nil
}

// trap draws the gates of a trap; flips gets the bits that they flip.
func (g *Generator) trap(kind guest.SlotKind, window int, mask, flips []byte) (parity byte) {
	switch {
	case g.family.draw != nil:
		parity = g.family.draw(g, window, mask, flips)
	case kind == guest.SlotMatch:
		g.match([2]uint8{gateH: cH, gateS: cS}, [2]uint8{gateH: cH, gateS: cSdag})
	default:
		parity = g.parity(mask)
	}
	if kind == guest.SlotMatch {
		for q := range g.frame {
			mask[q>>3] |= 1 << (q & 7)
		}
	}
	return parity
}

func (g *Generator) drawPads() {
	g.stream.FillUniform(g.pads, numDraw)
	for l, d := range g.pads {
		g.pads[l] = byte(circuit.PauliDraw[d&3])
	}
	if g.noPads {
		clear(g.pads)
	}
}

// match draws kind A: base becomes the gates whose ideal circuit is the identity
// on |0…0> or |+…+>. dress are the dressing gates by dressing bit, undress their
// inverses.
func (g *Generator) match(dress, undress [2]uint8) {
	s := &g.plan.Skeleton
	w := s.Width
	mode := g.stream.Uniform(2) == 1
	for j, layer := range s.Layers {
		base := g.base[j*w : (j+1)*w]
		g.stream.FillUniform(g.draw[:len(layer)], 2)
		for k, p := range layer {
			c := g.draw[k]
			g.dressOne(base, j, mode, p.A, gateS-c, &dress, &undress)
			g.dressOne(base, j, mode, p.B, gateH+c, &dress, &undress)
		}
		g.stream.FillUniform(g.draw[:len(g.idle[j])], 2)
		for k, q := range g.idle[j] {
			g.dressOne(base, j, mode, q, g.draw[k], &dress, &undress)
		}
	}
	last := g.base[len(s.Layers)*w:]
	for q := range last {
		last[q] = cI
		if len(s.Layers) > 0 {
			last[q] = undress[g.dress[q]]
			if mode {
				last[q] = cliff.mul[cH][last[q]]
			}
		}
	}
}

// dressOne sets the gate of one qubit before CZ layer j to D_j·D_{j-1}^-1, or
// D_0·(H in mode 1).
func (g *Generator) dressOne(base []uint8, j int, mode bool, q uint16, d uint8, dress, undress *[2]uint8) {
	switch {
	case j > 0:
		base[q] = cliff.mul[dress[d]][undress[g.dress[q]]]
	case mode:
		base[q] = cliff.mul[dress[d]][cH]
	default:
		base[q] = dress[d]
	}
	g.dress[q] = d
}

// parity draws kind B: base becomes random Cliffords on a random product
// eigenstate; mask the qubits whose parity is then known, and the result that
// parity.
func (g *Generator) parity(mask []byte) byte {
	s := &g.plan.Skeleton
	w, f := s.Width, g.frame
	for all := circuit.PauliI; all == circuit.PauliI; {
		for q := range f {
			f[q] = circuit.PauliDraw[g.stream.Uniform(numDraw)&3]
			all |= f[q]
		}
	}
	sign := g.stream.Uniform(2) == 1
	flip := sign
	neg := sign
	for j := 0; ; j++ {
		for q := range w {
			v, p := g.stream.Uniform(numVs), g.stream.Uniform(numDraw)
			c := uint8(4*v + p)
			before := f[q]
			im := cliff.act[c][before]
			f[q], neg = im.p, neg != im.neg
			if j == 0 {
				c = cliff.mul[c][prepOf[before]]
				if flip && before != circuit.PauliI {
					c, flip = cliff.mul[c][cX], false
				}
			}
			if j == len(s.Layers) {
				c = cliff.mul[rotOf[im.p]][c]
			}
			g.base[j*w+q] = c
		}
		if j == len(s.Layers) {
			break
		}
		for _, p := range s.Layers[j] {
			a, b := f[p.A], f[p.B]
			neg = neg != (a&b&1&(a>>1^b>>1) == 1)
		}
		s.PushFrame(j, f)
	}
	for q := range f {
		if f[q] != circuit.PauliI {
			mask[q>>3] |= 1 << (q & 7)
		}
	}
	if neg {
		return 1
	}
	return 0
}

// emit merges the pads into the gates of a slot and writes the indexes; padOut
// gets the X part of the last pad on top of what it holds.
func (g *Generator) emit(kind guest.SlotKind, row, padOut []byte) {
	s, f := &g.plan.Skeleton, g.frame
	w := s.Width
	clear(f)
	wide := g.plan.IndexSize() == 4
	for j := 0; ; j++ {
		for q := range w {
			l := j*w + q
			p := g.pads[l]
			at := int(f[q])<<2 | int(p)
			var x uint32
			if kind == guest.SlotTarget {
				x = g.target[l<<4|at]
			} else {
				x = g.clifford[int(g.base[l])<<4|at]
			}
			if wide {
				binary.LittleEndian.PutUint32(row[4*l:], x)
			} else {
				binary.LittleEndian.PutUint16(row[2*l:], uint16(x))
			}
			f[q] = circuit.Pauli(p)
		}
		if j == len(s.Layers) {
			break
		}
		s.PushFrame(j, f)
	}
	for q := range f {
		padOut[q>>3] ^= byte(f[q]&circuit.PauliX) << (q & 7)
	}
}

// onesIn counts set bits.
func onesIn(b []byte) (n int) {
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}
