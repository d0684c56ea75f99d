package ionq

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
)

// Options of a server.
type Options struct {
	Seed     [32]byte
	Key      string        // the only api key that is let in
	Delay    time.Duration // from acceptance to the end of a job
	Slow     time.Duration // of the fault slow
	Faults   []Fault
	Now      func() time.Time
	Accepted func(engineKey string) // hears of every accepted job before the reply; may be nil
}

// Backends are the names that the server knows, with their qubits.
var Backends = map[string]int{"qpu.aria-1": 25, "qpu.forte-1": 36, "simulator": 29}

// Server implements http.Handler.
type Server struct {
	o Options

	mu     sync.Mutex
	faults []Fault
	jobs   map[string]*job
	order  []string // of parents, oldest first
	tags   map[string]int
	ids    uint64
	last   string // body of the last accepted POST
}

type job struct {
	id, parent string
	sub        *submission
	children   []string
	accepted   time.Time
	canceled   time.Time // zero: not
	gates      [2]int
	shots      []string           // nil on the simulator
	chances    map[string]float64 // nil on a device
}

// New makes a server without jobs.
func New(o Options) *Server {
	return &Server{o: o, faults: slices.Clone(o.Faults), jobs: map[string]*job{}, tags: map[string]int{}}
}

// Jobs is how many jobs were accepted whose metadata say engine_key: key.
func (s *Server) Jobs(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tags[key]
}

// Total is how many jobs were accepted.
func (s *Server) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.order)
}

// LastBody is the body of the last accepted POST.
func (s *Server) LastBody() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Plan replaces the faults.
func (s *Server) Plan(f []Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = slices.Clone(f)
}

func refuse(w http.ResponseWriter, status int, name, message string) {
	answer(w, status, map[string]any{"statusCode": status, "error": name, "message": message})
}

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
	path, ok := strings.CutPrefix(r.URL.Path, "/v0.4/")
	if !ok {
		refuse(w, 404, "Not Found", "there is only /v0.4")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, 413, "Payload Too Large", "the body is too large")
		return
	}
	post := r.Method == http.MethodPost && path == "jobs"
	s.mu.Lock()
	fault := s.fault(post)
	s.mu.Unlock()
	switch fault {
	case "429":
		w.Header().Set("Retry-After", "0")
		refuse(w, 429, "Too Many Requests", "slow down")
		return
	case "500", "503":
		status, _ := strconv.Atoi(fault)
		refuse(w, status, http.StatusText(status), "planned")
		return
	case "slow":
		t := time.NewTimer(s.o.Slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
		}
	case "cut":
		w = &cutter{ResponseWriter: w}
	}
	if fault == "stale-auth" || r.Header.Get("Authorization") != "apiKey "+s.o.Key {
		refuse(w, 401, "Unauthorized Error", "the api key is not valid")
		return
	}
	if post {
		s.create(w, r, body, fault == "lost-reply")
		return
	}
	s.route(w, r, strings.Split(path, "/"))
}

// cutter sends half of a body and closes the connection.
type cutter struct{ http.ResponseWriter }

func (c *cutter) Write(b []byte) (int, error) {
	c.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = c.ResponseWriter.Write(b[:len(b)/2])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (c *cutter) WriteHeader(int) {} // Write sends it, with the length

func (s *Server) route(w http.ResponseWriter, r *http.Request, p []string) {
	switch {
	case r.Method == http.MethodGet && len(p) == 1 && p[0] == "backends":
		s.backends(w)
	case r.Method == http.MethodGet && len(p) == 4 && p[0] == "backends" && p[2] == "characterizations":
		s.characterization(w, p[1], p[3])
	case r.Method == http.MethodGet && len(p) == 1 && p[0] == "jobs":
		s.list(w, r)
	case r.Method == http.MethodGet && len(p) == 2 && p[0] == "jobs" && p[1] == "estimate":
		s.estimate(w, r)
	case len(p) >= 2 && p[0] == "jobs":
		s.mu.Lock()
		j := s.jobs[p[1]]
		s.mu.Unlock()
		if j == nil {
			refuse(w, 404, "Not Found Error", "this job does not exist")
			return
		}
		s.job(w, r, j, strings.Join(p[2:], "/"))
	default:
		refuse(w, 404, "Not Found Error", "there is nothing here")
	}
}

// create accepts a job: it is simulated before it is counted.
func (s *Server) create(w http.ResponseWriter, r *http.Request, body []byte, lost bool) {
	sub, circuits, err := parse(body, Backends)
	if err != nil {
		answer(w, 400, map[string]any{"statusCode": 400, "error": "Bad Request Error", "message": err.Error(), "validation": map[string]any{"source": "payload", "keys": []string{"input"}}})
		return
	}
	made := make([]*job, 0, len(circuits)+1)
	for _, c := range circuits {
		j := &job{sub: sub, id: s.newID()}
		// Outcomes depend on the job's place in the order of this server, and are
		// fixed here, before anybody can ask.
		if err := s.simulate(context.WithoutCancel(r.Context()), j, c); err != nil {
			refuse(w, 400, "Bad Request Error", err.Error())
			return
		}
		made = append(made, j)
	}
	parent := made[0]
	if sub.Type == "ionq.multi-circuit.v1" {
		parent = &job{sub: sub, id: s.newID()}
		for _, j := range made {
			j.parent = parent.id
			parent.children = append(parent.children, j.id)
			parent.gates[0] += j.gates[0]
			parent.gates[1] += j.gates[1]
		}
		made = append(made, parent)
	}
	key := sub.Metadata["engine_key"]
	s.mu.Lock()
	for _, j := range made {
		j.accepted = s.o.Now()
		s.jobs[j.id] = j
	}
	s.order = append(s.order, parent.id)
	s.tags[key]++
	s.last = string(body)
	s.mu.Unlock()
	if s.o.Accepted != nil {
		s.o.Accepted(key)
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, 201, map[string]any{"id": parent.id, "status": "submitted", "session_id": nil})
}

// newID is the next id, in the form of a UUID.
func (s *Server) newID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	h := sha3.Sum256(binary.LittleEndian.AppendUint64(append([]byte("fake/id\x00"), s.o.Seed[:]...), s.ids))
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-4" + x[13:16] + "-8" + x[17:20] + "-" + x[20:]
}

// simulate fixes the outcomes of one circuit.
func (s *Server) simulate(ctx context.Context, j *job, c *circuit.Circuit) error {
	for _, op := range c.Ops {
		j.gates[min(1, int(op.NQ)-1)]++
	}
	h := sha3.Sum256(append(append([]byte("fake/shots\x00"), s.o.Seed[:]...), j.id...))
	o := sim.SimOptions{Shots: j.sub.Shots, Key: [16]byte(h[:16]), Threads: 1, MemoryBytes: 1 << 30}
	if j.sub.Backend == "simulator" {
		p, err := statevector.FromOps(c.Qubits, c.Ops)
		if err != nil {
			return err
		}
		st, err := statevector.Simulate(ctx, p, statevector.Options{Precision: statevector.Complex128, Threads: 1, MemoryBytes: 1 << 30})
		if err != nil {
			return err
		}
		defer st.Close()
		j.chances = map[string]float64{}
		for x, v := range st.Probabilities() {
			if v > 1e-12 {
				j.chances[strconv.Itoa(x)] = v
			}
		}
		return nil
	}
	r, err := sim.Sim(ctx, c, o)
	if err != nil {
		return err
	}
	if r.State != nil {
		r.State.Close()
	}
	rb := guest.RowBytes(r.Clbits)
	for i := range r.Shots {
		b := slices.Clone(r.Rows[i*rb : (i+1)*rb])
		slices.Reverse(b)
		j.shots = append(j.shots, new(big.Int).SetBytes(b).String())
	}
	return nil
}

// cost is a made-up tariff, in dollars.
func cost(ones, twos, shots int) float64 {
	return float64(shots) * (0.0001*float64(ones) + 0.001*float64(twos))
}

func (s *Server) estimate(w http.ResponseWriter, r *http.Request) {
	n := func(k string) int { v, _ := strconv.Atoi(r.URL.Query().Get(k)); return v }
	if Backends[r.URL.Query().Get("backend")] == 0 || n("shots") < 1 {
		refuse(w, 400, "Bad Request Error", "backend and shots are required")
		return
	}
	answer(w, 200, map[string]any{"estimated_cost": map[string]any{"value": cost(n("1q_gates"), n("2q_gates"), n("shots")), "unit": "usd"},
		"estimated_execution_time": float64(n("shots")) * 0.01, "current_predicted_queue_time": 0})
}

// calibrationID names the only characterization of a backend.
func calibrationID(backend string) string {
	h := sha3.Sum256([]byte("fake/characterization\x00" + backend))
	x := hex.EncodeToString(h[:16])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

func (s *Server) backends(w http.ResponseWriter) {
	out := []map[string]any{}
	for _, n := range []string{"qpu.aria-1", "qpu.forte-1", "simulator"} {
		b := map[string]any{"backend": n, "status": "available", "qubits": Backends[n], "degraded": false, "average_queue_time": 0}
		if n != "simulator" {
			b["characterization_id"] = calibrationID(n)
		}
		out = append(out, b)
	}
	answer(w, 200, out)
}

func (s *Server) characterization(w http.ResponseWriter, backend, id string) {
	if Backends[backend] == 0 || backend == "simulator" || id != calibrationID(backend) {
		refuse(w, 404, "Not Found Error", "there is no such characterization")
		return
	}
	answer(w, 200, map[string]any{"id": id, "backend": backend, "date": "2026-11-01T00:00:00Z", "qubits": Backends[backend], "connectivity": [][]int{},
		"fidelity": map[string]any{"spam": map[string]any{"median": 0.995}, "1q": map[string]any{"median": 0.9998}, "2q": map[string]any{"median": 0.995}},
		"timing":   map[string]any{"readout": 0.00025, "reset": 0.00015, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1}})
}

// status is a function of the clock; the lock is held.
func (s *Server) status(j *job) string {
	p := j
	if j.parent != "" {
		p = s.jobs[j.parent]
	}
	age := s.o.Now().Sub(p.accepted)
	switch {
	case !p.canceled.IsZero():
		return "canceled"
	case age >= s.o.Delay:
		return "completed"
	case age >= s.o.Delay/2:
		return "started"
	case age >= s.o.Delay/4:
		return "ready"
	}
	return "submitted"
}

// view is a job as the vendor shows it; the lock is held.
func (s *Server) view(j *job) map[string]any {
	null := func(v string) any {
		if v == "" {
			return nil
		}
		return v
	}
	const form = "2006-01-02T15:04:05.000Z"
	at := func(d time.Duration) string { return j.accepted.Add(d).UTC().Format(form) }
	status := s.status(j)
	v := map[string]any{"id": j.id, "status": status, "type": j.sub.Type, "backend": j.sub.Backend, "name": null(j.sub.Name), "metadata": j.sub.Metadata, "shots": j.sub.Shots,
		"parent_job_id": null(j.parent), "child_job_ids": j.children, "session_id": nil, "submitted_at": at(0), "started_at": nil, "completed_at": nil, "failure": nil,
		"stats": map[string]any{"qubits": j.sub.Input.Qubits, "gate_counts": map[string]int{"1q": j.gates[0], "2q": j.gates[1]}}, "output": map[string]any{}}
	if j.sub.Backend != "simulator" {
		v["characterization_id"] = calibrationID(j.sub.Backend)
	}
	if status == "started" || status == "completed" {
		v["started_at"] = at(s.o.Delay / 2)
	}
	if status == "completed" {
		v["completed_at"], v["execution_duration_ms"] = at(s.o.Delay), s.o.Delay.Milliseconds()
		kind := "shots"
		if j.chances != nil {
			kind = "probabilities"
		}
		v["results"] = map[string]any{kind: map[string]any{"url": fmt.Sprintf("/v0.4/jobs/%s/results/%s", j.id, kind)}}
	}
	return v
}

func (s *Server) job(w http.ResponseWriter, r *http.Request, j *job, rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status(j)
	switch {
	case r.Method == http.MethodGet && rest == "":
		answer(w, 200, s.view(j))
	case r.Method == http.MethodGet && rest == "cost":
		answer(w, 200, map[string]any{"cost": map[string]any{"value": cost(j.gates[0], j.gates[1], j.sub.Shots), "unit": "usd"}})
	case r.Method == http.MethodGet && rest == "results/shots" && status == "completed" && j.shots != nil:
		list := make([]json.Number, len(j.shots))
		for i, x := range j.shots {
			list[i] = json.Number(x)
		}
		answer(w, 200, list)
	case r.Method == http.MethodGet && rest == "results/probabilities" && status == "completed" && j.chances != nil:
		answer(w, 200, j.chances)
	case r.Method == http.MethodPut && rest == "status/cancel":
		if status == "completed" || j.parent != "" {
			refuse(w, 409, "Conflict", "the job has ended")
			return
		}
		j.canceled = s.o.Now()
		answer(w, 200, map[string]any{"id": j.id, "status": "canceled"})
	default:
		refuse(w, 404, "Not Found Error", "there is nothing here")
	}
}

// list pages through parents, newest first; with parent_job_id through children.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		limit = 25
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := slices.Clone(s.order)
	slices.Reverse(ids)
	if p := s.jobs[q.Get("parent_job_id")]; p != nil {
		ids = p.children
	}
	if n := q.Get("next"); n != "" {
		at := slices.Index(ids, n)
		if at < 0 {
			refuse(w, 400, "Bad Request Error", "next is not a page of this list")
			return
		}
		ids = ids[at:]
	}
	out := map[string]any{"next": nil}
	if len(ids) > limit {
		out["next"], ids = ids[limit], ids[:limit]
	}
	jobs := []map[string]any{}
	for _, id := range ids {
		jobs = append(jobs, s.view(s.jobs[id]))
	}
	out["jobs"] = jobs
	answer(w, 200, out)
}
