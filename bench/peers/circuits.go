package peers

import (
	"encoding/json"
	"fmt"
	"os"
)

// Op is one gate of a circuit file: ["cp",[0,3],[0.5]]. Names are u3, h, x, z, s,
// t, sx, sy, p, cz, cx, swap, cp, fsim
// (e^{-iθ(XX+YY)/2}, then e^{-iφ} where both qubits are 1), mcz (Z under all other
// qubits) and depolarize (X, Y or Z, a third of Params[0] each).
type Op struct {
	Gate   string
	Qubits []int
	Params []float64 // radians
}

// MarshalJSON writes the array form.
func (o Op) MarshalJSON() ([]byte, error) {
	if len(o.Params) == 0 {
		return json.Marshal([]any{o.Gate, o.Qubits})
	}
	return json.Marshal([]any{o.Gate, o.Qubits, o.Params})
}

// Circuit is what a peer builds from.
type Circuit struct {
	Qubits int  `json:"qubits"`
	Ops    []Op `json:"ops"`
}

// WriteCircuits writes a circuit file.
func WriteCircuits(path string, c []Circuit) error {
	b, err := json.Marshal(struct {
		Circuits []Circuit `json:"circuits"`
	}{c})
	if err != nil {
		return fmt.Errorf("circuit file: %w", err)
	}
	return os.WriteFile(path, b, 0o644)
}
