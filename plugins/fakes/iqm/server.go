package iqm

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/plugins/fakes/faults"
)

// Options of a server.
type Options struct {
	Seed     [32]byte
	Token    string        // the only one that is let in
	Delay    time.Duration // from acceptance to the end of a job
	Slow     time.Duration // of the fault slow
	Faults   []faults.Fault
	Noise    *noise.Model // of every qubit alike; nil: none
	Now      func() time.Time
	Accepted func(tag string) // hears of every accepted job before the reply; may be nil
}

// Server implements http.Handler.
type Server struct {
	o    Options
	plan faults.Plan

	mu    sync.Mutex
	jobs  map[string]*job
	order []string // ids, oldest first
	tags  map[string]int
	ids   uint64
	last  string // body of the last accepted POST
}

// ErrNoise: a snapshot that tells qubits apart.
var ErrNoise = errors.New("the snapshot names qubits: this fake has one noise for all")

// New makes a server without jobs.
func New(o Options) (*Server, error) {
	if o.Noise != nil && (len(o.Noise.Qubits) > 0 || slices.ContainsFunc(o.Noise.Rules, func(r noise.Rule) bool { return len(r.Qubits) > 0 })) {
		return nil, ErrNoise
	}
	s := &Server{o: o, jobs: map[string]*job{}, tags: map[string]int{}}
	s.plan.Set(o.Faults)
	return s, nil
}

// Jobs is how many jobs were accepted with a tag.
func (s *Server) Jobs(tag string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tags[tag]
}

// Total is how many jobs were accepted.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// IDs are those of all accepted jobs, oldest first.
func (s *Server) IDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

// LastBody is the body of the last accepted POST.
func (s *Server) LastBody() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Plan replaces the faults.
func (s *Server) Plan(f []faults.Fault) { s.plan.Set(f) }

// refuse answers with the vendor's form of an error.
func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, object{"error_code": code, "message": message, "request_id": "00000000-0000-4000-8000-000000000000"})
}

// planned are the error codes of the faults' statuses.
var planned = map[int]string{429: "rate_limit_exceeded", 500: "internal_error", 503: "internal_error"}

func answer(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a caller that went away
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v1/")
	if !ok {
		refuse(w, 404, "not_found", "there is only /api/v1")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, 413, "request_payload_too_large", "the body is too large")
		return
	}
	p := strings.Split(path, "/")
	post := r.Method == http.MethodPost && len(p) == 3 && p[0] == "jobs" && p[2] != "cancel"
	w, left, done := s.plan.Meet(w, r, post, s.o.Slow, func(w http.ResponseWriter, status int, text string) { refuse(w, status, planned[status], text) })
	if done {
		return
	}
	if left == faults.StaleAuth || r.Header.Get("Authorization") != "Bearer "+s.o.Token {
		refuse(w, 401, "unauthorized", "the token is not valid")
		return
	}
	switch {
	case post:
		s.create(w, r, p[1], p[2], body, left == faults.LostReply)
	case p[0] == "quantum-computers" && r.Method == http.MethodGet:
		s.quantumComputers(w, p[1:])
	case p[0] == "calibration-sets" && r.Method == http.MethodGet && len(p) >= 3:
		s.calibrationSets(w, p[1], p[2], strings.Join(p[3:], "/"))
	case p[0] == "jobs" && len(p) >= 2:
		s.job(w, r, p[1], strings.Join(p[2:], "/"))
	default:
		refuse(w, 404, "not_found", "there is nothing here")
	}
}

func (s *Server) quantumComputers(w http.ResponseWriter, p []string) {
	if len(p) == 0 {
		list := []object{}
		for _, c := range computers {
			list = append(list, object{"id": c.id("computer"), "alias": c.alias, "display_name": "Fake " + c.alias, "station_control_version": "16.0", "proxy_path": nil})
		}
		answer(w, 200, object{"quantum_computers": list})
		return
	}
	c := findComputer(p[0])
	if c == nil {
		refuse(w, 404, "qc_not_found", "there is no such quantum computer")
		return
	}
	switch strings.Join(p[1:], "/") {
	case "health":
		answer(w, 200, object{"healthy": true, "updated_at": s.o.Now().UTC().Format(time.RFC3339)})
	case "limits":
		answer(w, 200, object{"max_circuits_per_job": maxCircuits, "max_executions_per_job": maxExecutions, "max_instructions_per_circuit": maxInstructions, "max_shots_per_circuit": maxShots})
	case "artifacts/static-quantum-architectures":
		answer(w, 200, []object{{"dut_label": "fake", "qubits": c.names(), "computational_resonators": []string{}, "connectivity": c.double()}})
	default:
		refuse(w, 404, "qc_artifact_not_found", "there is nothing here")
	}
}

func (s *Server) calibrationSets(w http.ResponseWriter, alias, set, rest string) {
	c := findComputer(alias)
	switch {
	case c == nil:
		refuse(w, 404, "qc_not_found", "there is no such quantum computer")
	case set != "default" && set != c.id("calibration"):
		refuse(w, 404, "calibration_set_not_found", "there is no such calibration set")
	case rest == "":
		answer(w, 200, c.calibration())
	case rest == "dynamic-quantum-architecture":
		answer(w, 200, c.dynamic())
	case rest == "metrics":
		answer(w, 200, c.metrics(s.o.Noise))
	default:
		refuse(w, 404, "not_found", "there is nothing here")
	}
}
