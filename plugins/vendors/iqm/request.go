package iqm

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
)

// The table: one native gate for one gate, nothing merged and nothing left out. Each
// qubit has a frame f, which begins at 0; angles are radians modulo 2π.
//
//	u3(θ, φ, λ) on q → prx(angle θ, phase π/2 - λ - f) on q, then f += φ + λ
//	cz a, b          → cz a, b
//	at the end       → measure on all qubits, in the order of the bits
//
// prx(θ, φ) = exp(-i(X cos φ + Y sin φ)θ/2) = Rz(φ)·Rx(θ)·Rz(-φ), and
// u3(θ, φ, λ) = Rz(φ+λ)·prx(θ, π/2-λ) up to a global phase. The Rz is not a pulse on
// this hardware but the phase of those that follow: it commutes with cz, and before
// a measurement in Z it does nothing.

type instruction struct {
	Name  string   `json:"name"`
	Locus []string `json:"locus"`
	Args  args     `json:"args"`
}

type args struct {
	Angle *float64 `json:"angle,omitempty"`
	Phase *float64 `json:"phase,omitempty"`
	Key   string   `json:"key,omitempty"`
}

type program struct {
	Name         string        `json:"name"`
	Instructions []instruction `json:"instructions"`
}

// request is the body of POST /jobs/{qc}/circuit. What is not said is the server's
// default, so everything that changes a circuit is said.
type request struct {
	Circuits       []program `json:"circuits"`
	CalibrationSet string    `json:"calibration_set_id"`
	Shots          uint64    `json:"shots"`
	Heralding      string    `json:"heralding_mode"`
	ActiveReset    *int      `json:"active_reset_cycles"`
	DD             string    `json:"dd_mode"`
}

const (
	// maxBody bounds the body of a POST.
	maxBody = 32 << 20
	// measurement is the key of the only measurement of a circuit.
	measurement = "m"
)

// encode makes the body of a submission; equal submissions give equal bytes. The
// first circuit's name is label, the others' their number.
func encode(a *architecture, s *driver.Submission, label string) ([]byte, error) {
	b := s.Batch
	if w := b.Skeleton.Width; w > len(a.names) {
		return nil, &driver.Error{Code: driver.TooManyQubits, Field: "skeleton.width", VendorMessage: fmt.Sprintf("width %d, calibration set %s has %d qubits", w, a.set, len(a.names))}
	}
	// A gate is 80 to 110 bytes of JSON: refuse before it is made.
	if per := uint64(b.Rows.Locations + b.Skeleton.NumCZ()); per*60 > maxBody/s.Slots() {
		return nil, tooLarge()
	}
	r := &request{CalibrationSet: a.set, Shots: s.ShotsPerSlot, Heralding: "none", DD: "disabled"}
	for i := range b.Rows.N {
		p, err := gates(a, b.Layered(i))
		if err != nil {
			return nil, err
		}
		r.Circuits = append(r.Circuits, program{Name: strconv.Itoa(i), Instructions: p})
	}
	r.Circuits[0].Name = label
	body, err := json.Marshal(r)
	if err == nil && len(body) > maxBody {
		return nil, tooLarge()
	}
	return body, err
}

func tooLarge() error {
	return &driver.Error{Code: driver.ProgramTooLarge, Field: "slots", VendorMessage: "the job would be more than 32 MiB of JSON", Hint: "lower max_circuits of the driver's configuration"}
}

// gates is one circuit by the table.
func gates(a *architecture, l *circuit.Layered) ([]instruction, error) {
	w := l.Skeleton.Width
	out := make([]instruction, 0, len(l.U)+l.Skeleton.NumCZ()+1)
	frame := make([]circuit.Angle, w)
	for j := range len(l.Skeleton.Layers) + 1 {
		for q := range w {
			u := l.U[j*w+q]
			angle, phase := u.Theta.Radians(), turn(circuit.HalfPi-u.Lambda-frame[q]).Radians()
			frame[q] += u.Phi + u.Lambda
			out = append(out, instruction{Name: "prx", Locus: a.names[q : q+1 : q+1], Args: args{Angle: &angle, Phase: &phase}})
		}
		if j == len(l.Skeleton.Layers) {
			break
		}
		for _, p := range l.Skeleton.Layers[j] {
			locus, ok := a.cz[p]
			if !ok {
				return nil, &driver.Error{Code: driver.Connectivity, Field: "skeleton.layers", VendorMessage: fmt.Sprintf("layer %d: cz is not calibrated on %s and %s", j, a.names[p.A], a.names[p.B])}
			}
			out = append(out, instruction{Name: "cz", Locus: locus[:]})
		}
	}
	return append(out, instruction{Name: "measure", Locus: a.names[:w], Args: args{Key: measurement}}), nil
}

// turn reduces an angle modulo 2π to [0, 2π).
func turn(a circuit.Angle) circuit.Angle { return a & (circuit.TwoPi - 1) }
