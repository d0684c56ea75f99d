package ionq

import (
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// The tables, gate by gate, nothing merged and nothing left out, up to global phase
// (Rz(a) = exp(-iaZ/2), zz(a) = exp(-iaZZ/2); angles in radians). Gate set qis:
//
//	u3(θ, φ, λ) on q → rz(λ) q, ry(θ) q, rz(φ) q
//	cz a, b          → rz(π/2) a, rz(π/2) b, zz(-π/2) a b
//
// The second line is CZ = exp(iπ(1-Z)(1-Z')/4) multiplied out. The native tables are
// in native.go.

// gate is one operation.
type gate struct {
	Gate     string    `json:"gate"`
	Target   *int      `json:"target,omitempty"`
	Targets  []int     `json:"targets,omitempty"`
	Rotation *float64  `json:"rotation,omitempty"` // radians, of qis
	Phase    *float64  `json:"phase,omitempty"`    // turns, of native gates
	Phases   []float64 `json:"phases,omitempty"`
	Angle    *float64  `json:"angle,omitempty"`
}

type circuitEntry struct {
	Name    string `json:"name"`
	Circuit []gate `json:"circuit"`
}

type input struct {
	Gateset  string         `json:"gateset"`
	Qubits   int            `json:"qubits"`
	Circuit  []gate         `json:"circuit,omitempty"`
	Circuits []circuitEntry `json:"circuits,omitempty"`
}

type settings struct {
	Compilation struct {
		Opt int `json:"opt"`
	} `json:"compilation"`
	Mitigation struct {
		Debiasing bool `json:"debiasing"`
	} `json:"error_mitigation"`
}

// request is the body of POST /jobs.
type request struct {
	Type     string            `json:"type"`
	Name     string            `json:"name"`
	Backend  string            `json:"backend"`
	Shots    uint64            `json:"shots"`
	Metadata map[string]string `json:"metadata"`
	Settings settings          `json:"settings"`
	Input    input             `json:"input"`
}

const (
	single = "ionq.circuit.v1"
	multi  = "ionq.multi-circuit.v1"
	// maxBody bounds the body of a POST.
	maxBody = 32 << 20
)

// kindNames are the result kinds as metadata spells them.
var kindNames = map[driverv1.ResultKind]string{
	driverv1.ResultKind_RESULT_KIND_PER_SHOT: "per_shot", driverv1.ResultKind_RESULT_KIND_COUNTS: "counts", driverv1.ResultKind_RESULT_KIND_PROBABILITIES: "probabilities",
}

// tag is what the driver writes into a job's metadata, so that the vendor's list
// alone tells what a job is.
func tag(s *driver.Submission) map[string]string {
	d := s.Digest()
	return map[string]string{
		"engine_key": hex.EncodeToString(s.Key[:]), "engine_batch": hex.EncodeToString(d[:]), "engine_kind": kindNames[s.Kind],
		"engine_width": strconv.Itoa(s.Batch.Skeleton.Width), "engine_slots": strconv.FormatUint(s.Slots(), 10), "engine_shots": strconv.FormatUint(s.ShotsPerSlot, 10),
	}
}

// encode makes the body of a submission; equal submissions give equal bytes.
func encode(cfg *config, s *driver.Submission) ([]byte, error) {
	b := s.Batch
	r := &request{Type: single, Name: "engine-" + hex.EncodeToString(s.Key[:4]), Backend: cfg.backend, Shots: s.ShotsPerSlot, Metadata: tag(s), Input: input{Gateset: "qis", Qubits: b.Skeleton.Width}}
	translate := gates
	if cfg.gateset != "qis" {
		translate, r.Input.Gateset = nativeGates(cfg.gateset == "native-ms"), "native"
	}
	// A gate is 40 to 75 bytes of JSON, and there are two to five for each: refuse
	// before they are made.
	per := uint64(2*b.Rows.Locations + b.Skeleton.NumCZ())
	if per*40 > maxBody/s.Slots() {
		return nil, tooLarge()
	}
	if s.Slots() == 1 {
		r.Input.Circuit = translate(b.Layered(0))
	} else {
		r.Type = multi
		for i := range b.Rows.N {
			r.Input.Circuits = append(r.Input.Circuits, circuitEntry{Name: strconv.Itoa(i), Circuit: translate(b.Layered(i))})
		}
	}
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
func gates(l *circuit.Layered) []gate {
	w := l.Skeleton.Width
	out := make([]gate, 0, 3*(len(l.U)+l.Skeleton.NumCZ()))
	one := func(name string, q int, a circuit.Angle) {
		r := a.Radians()
		out = append(out, gate{Gate: name, Target: &q, Rotation: &r})
	}
	for j := range len(l.Skeleton.Layers) + 1 {
		for q := range w {
			u := l.U[j*w+q]
			one("rz", q, u.Lambda)
			one("ry", q, u.Theta)
			one("rz", q, u.Phi)
		}
		if j == len(l.Skeleton.Layers) {
			break
		}
		for _, p := range l.Skeleton.Layers[j] {
			one("rz", int(p.A), circuit.HalfPi)
			one("rz", int(p.B), circuit.HalfPi)
			r := -circuit.HalfPi.Radians()
			out = append(out, gate{Gate: "zz", Targets: []int{int(p.A), int(p.B)}, Rotation: &r})
		}
	}
	return out
}
