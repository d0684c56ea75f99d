package plan

import "github.com/animicaorg/engine/circuit"

// joinable reports whether nothing but a phase of 0 or π stands between the last
// rotation of q and the next.
func (b *builder) joinable(q int) bool {
	k := int32(len(b.p.Rots[q]))
	return k > 0 && b.noted[q] != k && b.p.Rots[q][k-1].Pair == 0 && b.alpha[q]&(circuit.Pi-1) == 0
}

// join makes one rotation of the last one of q and Ry(theta), and returns the half
// turns that are left over. Ry(θ)·Z·Ry(φ) is Ry(θ-φ)·Z. Where nothing is left of
// it, the count of q goes back by one: what was noted there before acts again.
func (b *builder) join(q int, theta circuit.Angle) (turns int) {
	last := len(b.p.Rots[q]) - 1
	rot := &b.p.Rots[q][last]
	if b.alpha[q]&circuit.Pi != 0 {
		theta -= rot.Rest
		rot.Alpha += circuit.Pi
	} else {
		theta += rot.Rest
	}
	turns, rot.Rest = theta.SplitHalfTurns()
	b.alpha[q], b.open[q] = 0, b.open[q][:0]
	if rot.Rest != 0 {
		return turns
	}
	if last > 0 { // on |0⟩ a phase is 1
		b.alpha[q] = rot.Alpha
	}
	b.p.Rots[q] = b.p.Rots[q][:last]
	return turns
}
