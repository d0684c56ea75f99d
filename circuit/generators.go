package circuit

import (
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrGenerator is wrapped by every refusal of Generate.
var ErrGenerator = errors.New("no such generated circuit")

// GeneratorInfo describes one circuit_id.
type GeneratorInfo struct {
	ID       string
	MinWidth int
	MaxWidth int
	// FreeDepth says that the caller chooses the depth, at least 1; otherwise
	// the width determines it.
	FreeDepth bool
	Seeded    bool // the circuit depends on the seed
	Doc       string

	build func(c *Circuit, depth int, seed [32]byte)
}

// MaxGeneratedOps bounds what Generate builds.
const MaxGeneratedOps = 1 << 22

// Generators lists the known circuit_ids in alphabetical order.
func Generators() []GeneratorInfo {
	return []GeneratorInfo{
		{ID: "animica.quantum.trapset.v1", MinWidth: 1, MaxWidth: MaxQubits, FreeDepth: true, Seeded: true, build: buildTrapset,
			Doc: "depth layers: u3 with angles of the seed on every qubit, then CZ on neighbours, alternating"},
		{ID: "ghz", MinWidth: 2, MaxWidth: MaxQubits, build: buildGHZ,
			Doc: "h, then a chain of cx: all bits equal"},
		{ID: "grover_demo", MinWidth: 2, MaxWidth: 12, Seeded: true, build: buildGrover,
			Doc: "Grover's search for an item drawn from the seed, with the best number of iterations"},
		{ID: "qft_small", MinWidth: 2, MaxWidth: 63, Seeded: true, build: buildQFT,
			Doc: "the inverse Fourier transform of the phase state of an integer drawn from the seed: the outcome is that integer"},
	}
}

// Generate builds the circuit that circuit_id, width, depth and spec.seed name.
// Depth 0 leaves the depth to generators that determine it; a depth that is not
// the circuit's own is refused with the right one in the message. No circuit
// has a Measure: qubit i goes to clbit i.
//
// The depth of animica.quantum.trapset.v1 is its number of layers. Circuit.Depth
// agrees from width 3 on; at widths 1 and 2 every other CZ layer is empty and
// Depth is smaller.
func Generate(id string, width, depth int, seed [32]byte) (*Circuit, error) {
	var ids []string
	for _, g := range Generators() {
		if g.ID == id {
			return g.generate(width, depth, seed)
		}
		ids = append(ids, g.ID)
	}
	return nil, fmt.Errorf("circuit_id %q; known are %s: %w", id, strings.Join(ids, ", "), ErrGenerator)
}

func (g *GeneratorInfo) generate(width, depth int, seed [32]byte) (*Circuit, error) {
	if width < g.MinWidth || width > g.MaxWidth {
		return nil, fmt.Errorf("%s: width %d outside %d..%d: %w", g.ID, width, g.MinWidth, g.MaxWidth, ErrGenerator)
	}
	if depth < 0 || g.FreeDepth && (depth < 1 || depth > MaxGeneratedOps/width) {
		return nil, fmt.Errorf("%s: depth %d outside 1..%d at width %d: %w", g.ID, depth, MaxGeneratedOps/width, width, ErrGenerator)
	}
	c := &Circuit{Qubits: width, Clbits: width, QRegs: []Register{{"q", width}}, CRegs: []Register{{"c", width}}}
	g.build(c, depth, seed)
	if d := c.Depth(); !g.FreeDepth && depth != 0 && depth != d {
		return nil, fmt.Errorf("%s: depth %d, but at width %d it is %d: %w", g.ID, depth, width, d, ErrGenerator)
	}
	return c, nil
}

// DeclaredDepths lists what a caller may have passed to Generate as the depth of a
// circuit whose own depth is depth, ascending: depth itself, and for the trapset
// circuit at widths 1 and 2 the few numbers of layers, empty ones included, that
// come to it. A circuit that one of them makes may still have another depth.
func DeclaredDepths(id string, width, depth int) []int {
	out := []int{depth}
	if id != "animica.quantum.trapset.v1" || width > 2 || depth < 1 {
		return out
	}
	most := 4*depth/3 + 2 // width 2: of four layers one is empty
	least := most - 4
	if width == 1 { // every other layer is empty
		least, most = 2*depth-1, 2*depth
	}
	for d := max(least, depth+1); d <= most; d++ {
		out = append(out, d)
	}
	return out
}

// Answer returns the only outcome of qft_small, or the marked item of
// grover_demo, as an integer whose bit i is clbit i; ok is false for other ids
// and for widths that they do not take.
func Answer(id string, width int, seed [32]byte) (y uint64, ok bool) {
	for _, g := range Generators() {
		if g.ID == id && (id == "qft_small" || id == "grover_demo") && width >= g.MinWidth && width <= g.MaxWidth {
			return draw(id, width, seed), true
		}
	}
	return 0, false
}

// draw is the first little-endian word of
// SHAKE256("qprov/v1/circuit-draw" ‖ u8 len(id) ‖ id ‖ seed) modulo 2^width.
func draw(id string, width int, seed [32]byte) uint64 {
	h := sha3.NewSHAKE256()
	h.Write([]byte("qprov/v1/circuit-draw"))
	h.Write([]byte{byte(len(id))})
	h.Write([]byte(id))
	h.Write(seed[:])
	var w [8]byte
	h.Read(w[:])
	return binary.LittleEndian.Uint64(w[:]) & (1<<width - 1)
}

// add appends a gate on qubits q.
func (c *Circuit) add(g Gate, p []Angle, q ...int) {
	c.Ops = append(c.Ops, gateOp(g, p, q...))
}

// buildTrapset is animica.quantum.trapset.v1 (decision B3): cycle k draws three
// words per qubit from SHAKE256("qprov/v1/circuit-stream" ‖ u64be k ‖ seed).
func buildTrapset(c *Circuit, depth int, seed [32]byte) {
	words := make([]byte, 24*c.Qubits)
	for layer := range depth {
		k := layer / 2
		if layer%2 == 1 {
			for q := k % 2; q+1 < c.Qubits; q += 2 {
				c.add(CZ, nil, q, q+1)
			}
			continue
		}
		h := sha3.NewSHAKE256()
		h.Write([]byte("qprov/v1/circuit-stream"))
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(k)))
		h.Write(seed[:])
		h.Read(words)
		for q := range c.Qubits {
			var p [3]Angle
			for i := range p {
				p[i] = Angle(binary.LittleEndian.Uint64(words[24*q+8*i:])) & angleMask
			}
			c.add(U3, p[:], q)
		}
	}
}

func buildGHZ(c *Circuit, _ int, _ [32]byte) {
	c.add(H, nil, 0)
	for q := range c.Qubits - 1 {
		c.add(CX, nil, q, q+1)
	}
}

// buildQFT prepares (1/√N)·Σ e^(2πi·y·x/N)|x>, a product state, and undoes the
// Fourier transform (Nielsen and Chuang §5.1, qubit 0 lowest).
func buildQFT(c *Circuit, _ int, seed [32]byte) {
	n, y := c.Qubits, draw("qft_small", c.Qubits, seed)
	for q := range n {
		c.add(H, nil, q)
		c.add(P, []Angle{Angle(y<<(63-n+q)) & (TwoPi - 1) & angleMask}, q) // 2π·y·2^q/2^n
	}
	for q := range n / 2 {
		c.add(Swap, nil, q, n-1-q)
	}
	for q := range n {
		for k := range q {
			c.add(CP, []Angle{-(TwoPi >> (q - k + 1) & angleMask)}, k, q)
		}
		c.add(H, nil, q)
	}
}

// groverIterations is floor(π/4·√(2^n)).
var groverIterations = [13]int{2: 1, 2, 3, 4, 6, 8, 12, 17, 25, 35, 50}

// buildGrover marks one item by phase (id where its bit is 1, x where it is 0,
// so that the depth does not depend on the item) and reflects about the mean.
func buildGrover(c *Circuit, _ int, seed [32]byte) {
	n, item := c.Qubits, draw("grover_demo", c.Qubits, seed)
	all := make([]int, n)
	each := func(g func(q int) Gate) {
		for q := range n {
			all[q] = q
			c.add(g(q), nil, q)
		}
	}
	always := func(g Gate) func(int) Gate { return func(int) Gate { return g } }
	mask := func(q int) Gate {
		if item>>q&1 == 1 {
			return ID
		}
		return X
	}
	flip := func() { c.Ops = append(c.Ops, multiControlledPhase(Pi, all)...) }
	each(always(H))
	for range groverIterations[n] {
		each(mask)
		flip()
		each(mask)
		each(always(H))
		each(always(X))
		flip()
		each(always(X))
		each(always(H))
	}
}
