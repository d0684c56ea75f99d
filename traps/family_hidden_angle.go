package traps

import (
	"github.com/animicaorg/engine/circuit"
)

// Free gates of hidden_angle@1: Rz(φ), Rz(φ)·H, H·Rz(φ), H·Rz(φ)·H for φ = k·2π/32,
// numbered 24 + 32·form + k.
const (
	angleSteps = 32
	formRz     = 0
	formAfterH = 1
	formThenH  = 2
	formBoth   = 3
	maxBlock   = 4 // qubits of a block
)

// hiddenAngle spreads an angle of 0 or π in random parts over a block of entangled
// qubits, (|0…0> + e^iθ|1…1>)/√2; the parity of the block tells which. Its gates
// are not Clifford ones.
var hiddenAngle = family{name: "hidden_angle", mix: Mix{B: 1}, about: "an angle of 0 or π in random parts on 2 to 4 entangled qubits", rates: parityFloor(maxBlock),
	gates: freeGates(), draw: drawHiddenAngle}

func freeGates() (out []circuit.U3Angles) {
	for form := range 4 {
		for k := range circuit.Angle(angleSteps) {
			phi := k * (circuit.HalfPi / (angleSteps / 4))
			u := [4]circuit.U3Angles{{Lambda: phi}, {Theta: circuit.HalfPi, Phi: phi, Lambda: 2 * circuit.HalfPi},
				{Theta: circuit.HalfPi, Lambda: 2*circuit.HalfPi + phi}, {Theta: phi, Phi: 3 * circuit.HalfPi, Lambda: circuit.HalfPi}}[form]
			out = append(out, u.Normal())
		}
	}
	return out
}

// block is the entangled qubits of one slot.
type block struct {
	qubit [maxBlock]uint16 // in order of joining; the first is the root
	fresh [maxBlock]bool   // joined at the CZ layer just passed
	n     int
}

func (b *block) has(q uint16) bool {
	for _, x := range b.qubit[:b.n] {
		if x == q {
			return true
		}
	}
	return false
}

func (b *block) add(q uint16) {
	b.qubit[b.n], b.fresh[b.n] = q, true
	b.n++
}

func drawHiddenAngle(g *Generator, _ int, mask, _ []byte) byte {
	s := &g.plan.Skeleton
	w, m := s.Width, len(s.Layers)
	clear(g.base)
	pairs := 0
	for _, layer := range s.Layers {
		pairs += len(layer)
	}
	var b block
	var entry, size int
	if pairs > 0 {
		entry, size = g.firstPair(&b, int(g.stream.Uniform(uint64(pairs))))
	} else {
		b.add(uint16(g.stream.Uniform(uint64(w))))
		b.fresh[0], size = false, 1
		g.base[b.qubit[0]] = cH
	}
	theta := g.stream.Uniform(2)
	sum := uint64(0)
	for j := entry + 1; j <= m; j++ {
		for i := b.n - 1; i >= 0; i-- {
			q, k := b.qubit[i], (angleSteps/2*theta-sum)%angleSteps
			if i > 0 || j < m { // else the root's last part, which makes the sum
				k = g.stream.Uniform(angleSteps)
			}
			sum += k
			form := formRz
			if b.fresh[i] {
				form |= formAfterH
			}
			if j == m {
				form |= formThenH
			}
			b.fresh[i] = false
			g.base[j*w+int(q)] = uint8(numCliffords + angleSteps*form + int(k))
		}
		if j < m {
			sum += g.grow(&b, j, size)
		}
	}
	if m == 0 {
		g.base[b.qubit[0]] = uint8(numCliffords + angleSteps*formBoth + int(angleSteps/2*theta))
	}
	for _, q := range b.qubit[:b.n] {
		mask[q>>3] |= 1 << (q & 7)
	}
	return byte(theta)
}

// firstPair starts a block at the CZ with number at, in list order.
func (g *Generator) firstPair(b *block, at int) (layer, size int) {
	s := &g.plan.Skeleton
	size = 2 + int(g.stream.Uniform(maxBlock-1))
	for at >= len(s.Layers[layer]) {
		at -= len(s.Layers[layer])
		layer++
	}
	p := s.Layers[layer][at]
	root, other := p.A, p.B
	if g.stream.Uniform(2) == 1 {
		root, other = other, root
	}
	b.add(root)
	b.fresh[0] = false
	b.add(other)
	g.base[layer*s.Width+int(root)], g.base[layer*s.Width+int(other)] = cH, cH
	return layer, size
}

// grow lets CZ layer j act on a block: a CZ inside it adds π, a CZ to a qubit
// outside takes that in while the block is smaller than size. It returns the
// angle in steps.
func (g *Generator) grow(b *block, j, size int) (sum uint64) {
	w := g.plan.Skeleton.Width
	for _, p := range g.plan.Skeleton.Layers[j] {
		switch a, c := b.has(p.A), b.has(p.B); {
		case a && c:
			sum += angleSteps / 2
		case a != c && b.n < size:
			q := p.A
			if a {
				q = p.B
			}
			b.add(q)
			g.base[j*w+int(q)] = cH
		}
	}
	return sum
}
