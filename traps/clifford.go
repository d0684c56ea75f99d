package traps

import "github.com/animicaorg/engine/circuit"

// The 24 one-qubit Cliffords up to phase. Number 4v+p is PauliDraw[p]·V[v], a
// matrix product (the right factor acts first), V = {I, H, S, H·S, S·H, H·S·H}.
const numCliffords = 24

// vUnits are the triples of V in units of π/2.
var vUnits = [6][3]circuit.Angle{{0, 0, 0}, {1, 0, 2}, {0, 0, 1}, {1, 0, 3}, {1, 1, 2}, {1, 3, 1}}

// signed is ±Pauli.
type signed struct {
	p   circuit.Pauli
	neg bool
}

// action is what conjugation by a Clifford does to I, X, Z, Y (in Pauli order).
type action [4]signed

// cliffords holds all the tables; it is the same on every machine.
type cliffords struct {
	triple [numCliffords]circuit.U3Angles
	act    [numCliffords]action
	mul    [numCliffords][numCliffords]uint8 // mul[a][b] = a·b
}

var cliff = newCliffords()

var (
	actH = action{{circuit.PauliI, false}, {circuit.PauliZ, false}, {circuit.PauliX, false}, {circuit.PauliY, true}}
	actS = action{{circuit.PauliI, false}, {circuit.PauliY, false}, {circuit.PauliZ, false}, {circuit.PauliX, true}}
	actI = pauliAction(circuit.PauliI)
)

// pauliAction is conjugation by P: a sign on what anticommutes with it.
func pauliAction(p circuit.Pauli) (a action) {
	for q := range circuit.Pauli(4) {
		a[q] = signed{q, (p&1&(q>>1) ^ p>>1&q&1) == 1}
	}
	return a
}

// after returns the action of the product a·b.
func (a action) after(b action) (c action) {
	for q := range c {
		s := a[b[q].p]
		c[q] = signed{s.p, s.neg != b[q].neg}
	}
	return c
}

func newCliffords() *cliffords {
	c := new(cliffords)
	v := [6]action{actI, actH, actS, actH.after(actS), actS.after(actH), actH.after(actS).after(actH)}
	number := make(map[action]uint8, numCliffords)
	for i := range c.act {
		p := circuit.PauliDraw[i%4]
		c.act[i] = pauliAction(p).after(v[i/4])
		u := vUnits[i/4]
		c.triple[i] = circuit.U3Angles{Theta: u[0] * circuit.HalfPi, Phi: u[1] * circuit.HalfPi, Lambda: u[2] * circuit.HalfPi}.Left(p)
		number[c.act[i]] = uint8(i)
	}
	for a := range c.mul {
		for b := range c.mul[a] {
			c.mul[a][b] = number[c.act[a].after(c.act[b])]
		}
	}
	return c
}

// Numbers of the Cliffords that the constructions name.
const (
	cI      = 0
	cX      = 1
	cH      = 4
	cS      = 8
	cSdag   = 11 // Z·S
	cSH     = 16
	cHSdag  = 13 // X·H·S
	gateH   = 0  // dressing bit of kind A
	gateS   = 1
	numVs   = 6
	numDraw = 4
)

// prepOf takes |0> to the +1 eigenstate of a Pauli; rotOf takes a Pauli to +Z.
// Both are indexed by Pauli.
var (
	prepOf = [4]uint8{circuit.PauliI: cI, circuit.PauliZ: cI, circuit.PauliX: cH, circuit.PauliY: cSH}
	rotOf  = [4]uint8{circuit.PauliI: cI, circuit.PauliZ: cI, circuit.PauliX: cH, circuit.PauliY: cHSdag}
)
