// Package report is the form in which measurements are kept, and the page and
// drawings that are made of them.
//
// It promises that the page is a function of the reports alone. It measures
// nothing and reads no clock.
package report

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/animicaorg/engine/bench/machine"
)

// Status of a row.
const (
	Measured    = "measured"
	Unsupported = "unsupported" // the engine cannot do this work yet
)

// Row is one workload. Seconds are wall time; nil is "not measured".
type Row struct {
	ID            string   `json:"id"`
	SecondsMin    *float64 `json:"seconds_min"`
	SecondsMedian *float64 `json:"seconds_median"`
	Peer          string   `json:"peer,omitempty"`  // the fastest peer, with version and setting
	Ratio         *float64 `json:"ratio,omitempty"` // peer's minimum over the engine's: above 1 the engine is faster
	// FloorSeconds is what the counted arithmetic and memory traffic take at the
	// measured limits of the machine; no engine of this design is faster.
	FloorSeconds *float64 `json:"floor_seconds"`

	Work    string  `json:"work"`
	Status  string  `json:"status"`
	Threads int     `json:"threads,omitempty"`
	Rounds  int     `json:"rounds,omitempty"`
	Target  float64 `json:"target,omitempty"` // wanted Ratio
	// TargetSeconds is the wanted time of work that has no peer.
	TargetSeconds float64  `json:"target_seconds,omitempty"`
	FloorShare    *float64 `json:"floor_share,omitempty"` // FloorSeconds / SecondsMin
	GateRate      float64  `json:"amplitude_gates_per_second,omitempty"`
	FloorBytes    float64  `json:"floor_bytes,omitempty"` // memory traffic of the floor
	FloorFMAs     float64  `json:"floor_fmas,omitempty"`
	CPUSecondsMin float64  `json:"cpu_seconds_min,omitempty"` // processor time of all threads
	MemoryBytes   int64    `json:"memory_bytes,omitempty"`    // peak resident, less that at width 2
	// MemoryShare is MemoryBytes over the bytes of the amplitudes alone, less 1.
	MemoryShare *float64           `json:"memory_share,omitempty"`
	PhasesMS    map[string]float64 `json:"phases_ms,omitempty"`
	// OtherLoad is the share of the machine's processors that neither engine nor
	// peers used while the rounds ran, but somebody else: 0 is a quiet machine.
	OtherLoad *float64 `json:"other_load,omitempty"`
	Rivals    []Rival  `json:"rivals,omitempty"` // peers that were timed, the fastest first
	Note      string   `json:"note,omitempty"`
}

// Rival is a peer at one setting. Those that lost a first trial by far have one
// time only.
type Rival struct {
	Peer          string  `json:"peer"`
	SecondsMin    float64 `json:"seconds_min"`
	SecondsMedian float64 `json:"seconds_median"`
	CPUSecondsMin float64 `json:"cpu_seconds_min,omitempty"`
	MemoryBytes   int64   `json:"memory_bytes,omitempty"`
	Rounds        int     `json:"rounds"`
}

// Point of a curve.
type Point struct {
	X       float64 `json:"x"`
	Seconds float64 `json:"seconds"`
}

// Series is one line of a chart.
type Series struct {
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Curve is time against one size.
type Curve struct {
	ID     string   `json:"id"` // file name of the drawing
	Title  string   `json:"title"`
	XLabel string   `json:"x_label"`
	LogX   bool     `json:"log_x"`
	Growth Growth   `json:"growth,omitempty"`
	From   float64  `json:"from,omitempty"` // least x of the slope
	Series []Series `json:"series"`
}

// Report is one run of the benchmark.
type Report struct {
	Date    string `json:"date"`    // YYYY-MM-DD
	Machine string `json:"machine"` // its class: processor, cores, memory; no name
	Engine  string `json:"engine"`  // version and arithmetic
	// Load is the load average of one minute when the run began.
	Load   float64           `json:"load"`
	Limits []*machine.Limits `json:"limits"`
	Rows   []Row             `json:"rows"`
	Curves []Curve           `json:"curves,omitempty"`
}

// Write writes a report as JSON.
func (r *Report) Write(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// Read reads a report.
func Read(path string) (*Report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(Report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("report %s: %w", path, err)
	}
	return r, nil
}
