package zoo

import (
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// attack is a change of the circuit that a per-slot chance does not describe.
type attack struct {
	omit func(layer, layers, pair int) bool // which CZ are left out; nil: none
	conj bool                               // complex-conjugate every gate of the middle qubit
	bare bool                               // tests only: the slots have no pads
}

// framer follows Pauli errors through trap slots, 64 slots at a time, one per bit.
//
// Leaving out a CZ is an error too: the pad before it is undone behind it as if
// it had been carried through, which leaves Z on each side where the pad of the
// other has an X part. A trap of kind A keeps its state whether or not a CZ is
// there (a CNOT does not change |0…0> or |+…+>), so the error is all. A trap of
// kind B measures a Pauli P; where P passes all omitted CZ unchanged the slot
// behaves as ever, else the leftover pad makes its parity a fair coin.
type framer struct {
	s          *circuit.Skeleton
	attack     attack
	q          uint16 // qubit of conj
	p1, p2, ro *rare
	x, z, d    []uint64
}

func newFramer(s *Setup, a attack, p stats.Policy) *framer {
	w := s.Width
	return &framer{s: &s.Plan.Skeleton, attack: a, q: uint16(w / 2), p1: newRare(ppb(p.P1)), p2: newRare(ppb(p.P2)), ro: newRare(ppb(p.RO)),
		x: make([]uint64, w), z: make([]uint64, w), d: make([]uint64, w)}
}

// match plays 64 traps of kind A and returns those that pass.
func (f *framer) match(r *words) uint64 {
	clear(f.x)
	clear(f.z)
	mode := r.word()
	if f.attack.conj { // Y on |0>, which is X up to phase
		f.x[f.q], f.z[f.q] = ^uint64(0), ^uint64(0)
	}
	for j, layer := range f.s.Layers {
		f.undress(j, mode)
		for _, p := range layer {
			f.d[p.A] = r.word()
			f.d[p.B] = ^f.d[p.A]
		}
		f.dressIdle(r, layer)
		f.dress()
		f.noise1(r, f.hitFrame)
		for k, p := range layer {
			if f.omits(j, k) {
				if !f.attack.bare {
					f.z[p.A] ^= r.word()
					f.z[p.B] ^= r.word()
				}
				continue
			}
			f.z[p.A], f.z[p.B] = f.z[p.A]^f.x[p.B], f.z[p.B]^f.x[p.A]
			f.noise2(r, p, f.hitFrame)
			if c, ok := f.partner(p); ok {
				f.z[c] = ^f.z[c]
			}
		}
	}
	f.undress(len(f.s.Layers), mode)
	if len(f.s.Layers) > 0 {
		f.swap(mode)
	}
	f.noise1(r, f.hitFrame)
	if f.attack.conj {
		f.x[f.q] = ^f.x[f.q]
	}
	fails := uint64(0)
	for _, x := range f.x {
		fails |= x ^ r.rareLanes(f.ro)
	}
	return ^fails
}

// undress applies the inverse dressing of the layer before, or the first H of
// mode 1. S and its inverse act alike on Paulis up to sign.
func (f *framer) undress(j int, mode uint64) {
	switch {
	case j > 0:
		f.dress()
	case len(f.s.Layers) > 0:
		f.swap(mode)
	}
}

// dress applies S in the lanes of d and H in the others.
func (f *framer) dress() {
	for q, d := range f.d {
		x, z := f.x[q], f.z[q]
		f.x[q], f.z[q] = x&d|z&^d, (z^x)&d|x&^d
	}
}

func (f *framer) dressIdle(r *words, layer []circuit.Pair) {
	at := 0
	for q := range f.d { // pairs are ascending by their first qubit, neighbours in a brickwork
		for at < len(layer) && int(layer[at].B) < q {
			at++
		}
		if at == len(layer) || q < int(layer[at].A) {
			f.d[q] = r.word()
		}
	}
}

// swap applies H on every qubit in the lanes given.
func (f *framer) swap(lanes uint64) {
	for q := range f.x {
		t := (f.x[q] ^ f.z[q]) & lanes
		f.x[q], f.z[q] = f.x[q]^t, f.z[q]^t
	}
}

func (f *framer) omits(layer, pair int) bool {
	return f.attack.omit != nil && f.attack.omit(layer, len(f.s.Layers), pair)
}

// partner is the other qubit of a pair with the conjugated one.
func (f *framer) partner(p circuit.Pair) (uint16, bool) {
	switch {
	case !f.attack.conj:
	case p.A == f.q:
		return p.B, true
	case p.B == f.q:
		return p.A, true
	}
	return 0, false
}

// hit takes the error (x, z) on qubit q.
type hit func(q uint16, x, z uint64)

func (f *framer) hitFrame(q uint16, x, z uint64) {
	f.x[q] ^= x
	f.z[q] ^= z
}

// noise1 draws the errors after a layer of one-qubit gates.
func (f *framer) noise1(r *words, h hit) {
	for q := range f.x {
		if n := r.rareLanes(f.p1); n != 0 {
			x, z := r.trit()
			h(uint16(q), x&n, z&n)
		}
	}
}

// noise2 draws the errors after one CZ: one of 15 Pauli pairs.
func (f *framer) noise2(r *words, p circuit.Pair, h hit) {
	n := r.rareLanes(f.p2)
	var xa, za, xb, zb uint64
	for open := n; open != 0; open &^= xa | za | xb | zb {
		xa, za = xa|r.word()&open, za|r.word()&open
		xb, zb = xb|r.word()&open, zb|r.word()&open
	}
	if n != 0 {
		h(p.A, xa, za)
		h(p.B, xb, zb)
	}
}

// parity plays 64 traps of kind B and returns those that pass. x and z are then
// the Pauli that the trap measures.
func (f *framer) parity(r *words) uint64 {
	f.drawPauli(r)
	var flips, coin uint64
	anti := func(q uint16, x, z uint64) { flips ^= x&f.z[q] ^ z&f.x[q] }
	if f.attack.conj {
		flips ^= f.x[f.q] | f.z[f.q]
	}
	for j, layer := range f.s.Layers {
		f.cliffords(r)
		f.noise1(r, anti)
		for k, p := range layer {
			xa, xb := f.x[p.A], f.x[p.B]
			f.z[p.A], f.z[p.B] = f.z[p.A]^xb, f.z[p.B]^xa
			if f.omits(j, k) {
				coin |= xa | xb
				continue
			}
			f.noise2(r, p, anti)
			if c, ok := f.partner(p); ok {
				flips ^= f.x[c]
			}
		}
	}
	for q := range f.x { // the last gates turn P to Z where it is not the identity
		f.x[q], f.z[q] = 0, f.x[q]|f.z[q]
	}
	f.noise1(r, anti)
	if f.attack.conj {
		flips ^= f.z[f.q]
	}
	for q := range f.z {
		flips ^= f.z[q] & r.rareLanes(f.ro)
	}
	return ^flips&^coin | r.word()&coin
}

// drawPauli draws a uniform Pauli that is not the identity in every lane.
func (f *framer) drawPauli(r *words) {
	clear(f.x)
	clear(f.z)
	for open := ^uint64(0); open != 0; {
		seen := uint64(0)
		for q := range f.x {
			f.x[q] |= r.word() & open
			f.z[q] |= r.word() & open
			seen |= f.x[q] | f.z[q]
		}
		open &^= seen
	}
}

// cliffords turns every Pauli that is not the identity into a uniform one.
func (f *framer) cliffords(r *words) {
	for q := range f.x {
		on := f.x[q] | f.z[q]
		x, z := r.trit()
		f.x[q], f.z[q] = x&on, z&on
	}
}
