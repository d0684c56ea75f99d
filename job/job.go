// Package job reads what a buyer asks for: the guide's job document and the
// lease that the network puts around it.
//
// It promises that a document has one meaning or is refused with the field that
// is wrong: unknown, repeated and wrongly typed members, floats for integers,
// upper-case hexadecimal and anything over its limits are refused. It does not
// build the circuit, read files or check that width and depth are the circuit's.
package job

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Limits of a job.
const (
	MaxWidth     = 4096       // qubits
	MaxDepth     = 1_000_000  // layers
	MaxShots     = 10_000_000 // slots, traps included
	MaxLatencyMS = 1 << 42    // milliseconds, above 100 years
	MaxDocument  = 16 << 20   // bytes of the JSON
	maxParams    = 4096       // inputs of a parametrised circuit
	maxName      = 256        // bytes of a name
)

// KindQuantum is the only kind of job.
const KindQuantum = "quantum"

// The trap modes say who holds the secret of the traps.
const (
	TrapModeProcess  = "process"  // the provider's engine, in a process of its own; the default
	TrapModeTEE      = "tee"      // an engine inside a TEE: the lease's seed comes sealed to it
	TrapModeVerifier = "verifier" // the verifier supplies the trap slots
)

// The circuit formats.
const (
	FormatOpenQASM3 = "openqasm3"
	FormatOpenQASM2 = "openqasm2"
	FormatJSON      = "json"
)

// Error is every refusal of this package. Field is a JSON pointer into the
// document; the empty string is the document itself.
type Error = strictjson.Error

// Job is the guide's job document.
type Job struct {
	JobID        digest.Digest
	Kind         string
	Spec         Spec
	MaxLatencyMS uint64 // 0: no limit
	PriceUnits   uint64 // the buyer's maximum; 0: none named
}

// Spec says what to run.
type Spec struct {
	CircuitID    string   // named generator; empty when Circuit is set
	Circuit      *Circuit // the buyer's own circuit
	Width        uint64   // qubits; 0: what the circuit has (only with Circuit)
	Depth        uint64   // layers; 0: what the circuit has
	Shots        uint64   // all slots, traps included
	TrapRatioPPM uint64   // share of trap slots in parts per million
	TrapMode     string
	TrapFamily   string // NAME@MAJOR of the trap library; empty: DefaultTraps
	Seed         digest.Digest
}

// DefaultTraps is the trap library of jobs that name none. Spec.TrapFamily is empty
// for it, so that naming it changes no digest.
const DefaultTraps = "accredit@1"

var familyForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}@[1-9][0-9]{0,3}$`)

// SetTrapFamily takes NAME@MAJOR.
func (s *Spec) SetTrapFamily(family string) error {
	if !familyForm.MatchString(family) {
		return fmt.Errorf("trap family %.60q is not NAME@MAJOR", family)
	}
	if s.TrapFamily = family; family == DefaultTraps {
		s.TrapFamily = ""
	}
	return nil
}

// Traps returns manifest name and major version of the job's trap library.
func (s *Spec) Traps() (name, major string) {
	family := s.TrapFamily
	if family == "" {
		family = DefaultTraps
	}
	name, major, _ = strings.Cut(family, "@")
	return name, major
}

// TakesTraps reports whether a library with this manifest is the job's.
func (s *Spec) TakesTraps(name, version string) bool {
	wantName, wantMajor := s.Traps()
	major, _, _ := strings.Cut(version, ".")
	return name == wantName && major == wantMajor
}

// Circuit is a circuit in source form. Exactly one of Source and Path is set.
type Circuit struct {
	Format string
	Source string
	Path   string // relative to the job's file; only where the caller allows files
	Params map[string]float64
}

// limits bound the JSON documents of this package.
var limits = strictjson.Limits{Bytes: MaxDocument, Depth: 16, Values: 1 << 16}

// Parse reads a job document without a lease.
func Parse(b []byte) (*Job, error) {
	c := strictjson.Open(b, limits)
	j := read(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return j, nil
}

func read(c strictjson.Cursor) *Job {
	c.Only("job_id", "kind", "spec", "max_latency_ms", "price")
	j := &Job{JobID: c.Member("job_id").Hash()}
	j.Kind = c.Member("kind").OneOf(KindQuantum)
	j.Spec = readSpec(c.Member("spec"))
	if m, ok := c.Optional("max_latency_ms"); ok {
		j.MaxLatencyMS = m.Uint(1, MaxLatencyMS)
	}
	if p, ok := c.Optional("price"); ok {
		j.PriceUnits = p.Only("units").Member("units").Uint(0, 1<<63-1)
	}
	return j
}

func readSpec(c strictjson.Cursor) Spec {
	c.Only("circuit_id", "circuit", "width", "depth", "shots", "trap_ratio", "trap_mode", "trap_family", "seed")
	var s Spec
	id, named := c.Optional("circuit_id")
	own, given := c.Optional("circuit")
	switch {
	case named && given:
		own.Fail("give circuit or circuit_id, not both", "is beside circuit_id")
	case named:
		if s.CircuitID = id.Text(maxName); s.CircuitID == "" {
			id.Fail("", "is empty")
		} else if err := transcript.CheckText(s.CircuitID); err != nil {
			id.Fail("", "%v", err)
		}
		s.Width = c.Member("width").Uint(1, MaxWidth)
	case given:
		s.Circuit = readCircuit(own)
		if w, ok := c.Optional("width"); ok {
			s.Width = w.Uint(1, MaxWidth)
		}
	default:
		c.Member("circuit_id").Fail("", "is missing")
	}
	if d, ok := c.Optional("depth"); ok {
		s.Depth = d.Uint(1, MaxDepth)
	}
	s.Shots = c.Member("shots").Uint(1, MaxShots)
	s.TrapRatioPPM = Ratio(c.Member("trap_ratio"))
	s.TrapMode = TrapModeProcess
	if m, ok := c.Optional("trap_mode"); ok {
		s.TrapMode = m.OneOf(TrapModeProcess, TrapModeTEE, TrapModeVerifier)
	}
	if m, ok := c.Optional("trap_family"); ok {
		if err := s.SetTrapFamily(m.Text(maxName)); err != nil {
			m.Fail("for instance "+DefaultTraps, "is not NAME@MAJOR")
		}
	}
	s.Seed = c.Member("seed").Hash()
	return s
}

// Ratio reads a ratio from the text of a JSON number into parts per million.
func Ratio(c strictjson.Cursor) uint64 {
	n := c.Node()
	if n == nil {
		return 0
	}
	if n.Kind != strictjson.Number {
		c.Fail("", "is %s, want a number", n.Kind)
		return 0
	}
	ppm, err := transcript.ParseRatio(n.Text)
	if err != nil {
		c.Fail("from 0 to 1 with at most six decimals, no exponent", "is %.40s", n.Text)
	}
	return ppm
}

func readCircuit(c strictjson.Cursor) *Circuit {
	c.Only("format", "source", "path", "params")
	out := &Circuit{Format: c.Member("format").OneOf(FormatOpenQASM3, FormatOpenQASM2, FormatJSON)}
	src, hasSource := c.Optional("source")
	path, hasPath := c.Optional("path")
	switch {
	case hasSource && hasPath:
		path.Fail("give source or path, not both", "is beside source")
	case hasSource:
		if out.Source = src.Text(MaxDocument); out.Source == "" {
			src.Fail("", "is empty")
		}
	case hasPath:
		if out.Path = path.Text(maxName * 16); out.Path == "" {
			path.Fail("", "is empty")
		}
	default:
		c.Member("source").Fail("", "is missing")
	}
	if p, ok := c.Optional("params"); ok {
		out.Params = readParams(p)
	}
	return out
}

func readParams(c strictjson.Cursor) map[string]float64 {
	n := c.Node()
	if n == nil {
		return nil
	}
	if n.Kind != strictjson.Object || len(n.Members) > maxParams {
		c.Fail("", "want an object of at most %d numbers", maxParams)
		return nil
	}
	out := make(map[string]float64, len(n.Members))
	for _, m := range n.Members {
		v, err := strconv.ParseFloat(m.Value.Text, 64)
		if m.Value.Kind != strictjson.Number || err != nil || len(m.Key) > maxName {
			c.Member(m.Key).Fail("", "want a finite number")
			return nil
		}
		out[m.Key] = v
	}
	return out
}

// SpecFrame is the frame whose digest is job_hash. Width and depth are the
// circuit's own.
func (j *Job) SpecFrame(circuitHash digest.Digest, width, depth uint64) transcript.JobSpecFrame {
	return transcript.JobSpecFrame{JobID: j.JobID, Kind: j.Kind, CircuitHash: circuitHash, Width: width, Depth: depth,
		Shots: j.Spec.Shots, TrapRatioPPM: j.Spec.TrapRatioPPM, TrapMode: j.Spec.TrapMode, SpecSeed: j.Spec.Seed,
		MaxLatencyMS: j.MaxLatencyMS, PriceUnits: j.PriceUnits, TrapFamily: j.Spec.TrapFamily}
}

type circuitJSON struct {
	Format string             `json:"format"`
	Source string             `json:"source,omitempty"`
	Path   string             `json:"path,omitempty"`
	Params map[string]float64 `json:"params,omitempty"`
}

type specJSON struct {
	CircuitID string          `json:"circuit_id,omitempty"`
	Circuit   *circuitJSON    `json:"circuit,omitempty"`
	Width     uint64          `json:"width,omitempty"`
	Depth     uint64          `json:"depth,omitempty"`
	Shots     uint64          `json:"shots"`
	TrapRatio json.RawMessage `json:"trap_ratio"`
	TrapMode  string          `json:"trap_mode,omitempty"`
	Family    string          `json:"trap_family,omitempty"`
	Seed      digest.Digest   `json:"seed"`
}

type priceJSON struct {
	Units uint64 `json:"units"`
}

// MarshalJSON writes the document that Parse reads.
func (j *Job) MarshalJSON() ([]byte, error) {
	s := specJSON{CircuitID: j.Spec.CircuitID, Width: j.Spec.Width, Depth: j.Spec.Depth, Shots: j.Spec.Shots,
		TrapRatio: json.RawMessage(transcript.FormatRatio(j.Spec.TrapRatioPPM)), TrapMode: j.Spec.TrapMode, Family: j.Spec.TrapFamily, Seed: j.Spec.Seed}
	if c := j.Spec.Circuit; c != nil {
		s.Circuit = &circuitJSON{c.Format, c.Source, c.Path, c.Params}
	}
	if s.TrapMode == TrapModeProcess {
		s.TrapMode = ""
	}
	if j.Spec.TrapRatioPPM > transcript.PPM {
		return nil, fmt.Errorf("spec.trap_ratio is %d ppm, limit %d", j.Spec.TrapRatioPPM, transcript.PPM)
	}
	return json.Marshal(struct {
		JobID        digest.Digest `json:"job_id"`
		Kind         string        `json:"kind"`
		Spec         specJSON      `json:"spec"`
		MaxLatencyMS uint64        `json:"max_latency_ms,omitempty"`
		Price        priceJSON     `json:"price"`
	}{j.JobID, j.Kind, s, j.MaxLatencyMS, priceJSON{j.PriceUnits}})
}
