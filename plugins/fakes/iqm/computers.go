package iqm

import (
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"slices"
)

// computer is a quantum computer that the server has: qubits QB1, QB2, … and the
// pairs that a tunable coupler joins.
type computer struct {
	alias string
	n     int
	pairs [][2]int // numbers of qubits, as the vendor spells the locus
}

// computers are of the shapes that the vendor publishes: a square lattice of twenty
// qubits and a star of five.
var computers = []*computer{
	{"garnet", 20, [][2]int{{1, 2}, {1, 4}, {2, 5}, {3, 4}, {8, 3}, {4, 5}, {9, 4}, {5, 6}, {10, 5}, {6, 7}, {11, 6}, {12, 7}, {8, 9}, {8, 13}, {9, 10}, {9, 14},
		{10, 11}, {10, 15}, {11, 12}, {16, 11}, {17, 12}, {13, 14}, {14, 15}, {18, 14}, {16, 15}, {19, 15}, {16, 17}, {16, 20}, {18, 19}, {19, 20}}},
	{"adonis", 5, [][2]int{{1, 3}, {2, 3}, {4, 3}, {5, 3}}},
}

func findComputer(alias string) *computer {
	for _, c := range computers {
		if c.alias == alias || c.id("computer") == alias {
			return c
		}
	}
	return nil
}

// id is an id that belongs to the computer, in the form of a UUID.
func (c *computer) id(what string) string { return uuid("fake/iqm/" + what + "\x00" + c.alias) }

// uuid is a function of its text.
func uuid(text string) string {
	h := sha3.Sum256([]byte(text))
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-4" + x[13:16] + "-8" + x[17:20] + "-" + x[20:]
}

func qubit(k int) string { return fmt.Sprintf("QB%d", k) }

// index is the place of a qubit's name, from 0; -1: there is none.
func (c *computer) index(name string) int {
	for k := range c.n {
		if qubit(k+1) == name {
			return k
		}
	}
	return -1
}

// coupled tells whether CZ is calibrated on two qubits, in either order.
func (c *computer) coupled(a, b int) bool {
	return slices.ContainsFunc(c.pairs, func(p [2]int) bool { return p == [2]int{a + 1, b + 1} || p == [2]int{b + 1, a + 1} })
}

func (c *computer) names() []string {
	var out []string
	for k := range c.n {
		out = append(out, qubit(k+1))
	}
	return out
}

// single is every qubit as a locus of its own.
func (c *computer) single() [][]string {
	var out [][]string
	for _, q := range c.names() {
		out = append(out, []string{q})
	}
	return out
}

func (c *computer) double() [][]string {
	var out [][]string
	for _, p := range c.pairs {
		out = append(out, []string{qubit(p[0]), qubit(p[1])})
	}
	return out
}

type object = map[string]any

// gate is a gate's entry of the dynamic quantum architecture.
func gate(implementation string, loci [][]string) object {
	return object{"implementations": object{implementation: object{"loci": loci}}, "default_implementation": implementation, "override_default_implementation": object{}}
}

// dynamic is the dynamic quantum architecture of the only calibration set.
func (c *computer) dynamic() object {
	return object{"calibration_set_id": c.id("calibration"), "qubits": c.names(), "computational_resonators": []string{},
		"gates": object{"prx": gate("drag_gaussian", c.single()), "cz": gate("tgss", c.double()), "measure": gate("constant", c.single())}}
}
