package ionq

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
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
	"github.com/animicaorg/engine/plugins/fakes/faults"
)

// Options of a server.
type Options struct {
	Seed     [32]byte
	Key      string        // the only api key that is let in
	Delay    time.Duration // from acceptance to the end of a job
	Slow     time.Duration // of the fault slow
	Faults   []faults.Fault
	Now      func() time.Time
	Accepted func(engineKey string) // hears of every accepted job before the reply; may be nil
}

// Backends are the names that the server knows, with their qubits.
var Backends = map[string]int{"qpu.aria-1": 25, "qpu.forte-1": 36, "simulator": 29}

// Server implements http.Handler.
type Server struct {
	o    Options
	plan faults.Plan

	mu    sync.Mutex
	jobs  map[string]*job
	order []string // of parents, oldest first
	tags  map[string]int
	ids   uint64
	last  string // body of the last accepted POST
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
	s := &Server{o: o, jobs: map[string]*job{}, tags: map[string]int{}}
	s.plan.Set(o.Faults)
	return s
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
func (s *Server) Plan(f []faults.Fault) { s.plan.Set(f) }

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
	w, left, done := s.plan.Meet(w, r, post, s.o.Slow, func(w http.ResponseWriter, status int, text string) { refuse(w, status, http.StatusText(status), text) })
	if done {
		return
	}
	if left == faults.StaleAuth || r.Header.Get("Authorization") != "apiKey "+s.o.Key {
		refuse(w, 401, "Unauthorized Error", "the api key is not valid")
		return
	}
	if post {
		s.create(w, r, body, left == faults.LostReply)
		return
	}
	s.route(w, r, strings.Split(path, "/"))
}

func (s *Server) route(w http.ResponseWriter, r *http.Request, p []string) {
	switch {
	case r.Method == http.MethodGet && p[0] == "backends" && len(p) <= 2:
		s.backends(w, strings.Join(p[1:], ""))
	case r.Method == http.MethodGet && p[0] == "backends" && len(p) <= 4 && p[2] == "characterizations":
		s.characterizations(w, p[1], strings.Join(p[3:], ""))
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
	o := sim.SimOptions{Shots: int(j.sub.Shots), Key: [16]byte(h[:16]), Threads: 1, MemoryBytes: 1 << 30}
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
