package ionq

import (
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

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

// backends are all, or the one that is named.
func (s *Server) backends(w http.ResponseWriter, only string) {
	out := []map[string]any{}
	for _, n := range []string{"qpu.aria-1", "qpu.forte-1", "simulator"} {
		b := map[string]any{"backend": n, "status": "available", "qubits": Backends[n], "degraded": false, "average_queue_time": 0}
		if n != "simulator" {
			b["characterization_id"] = calibrationID(n)
		}
		if n == only {
			answer(w, 200, b)
			return
		}
		out = append(out, b)
	}
	if only != "" {
		refuse(w, 404, "Not Found Error", "there is no such backend")
		return
	}
	answer(w, 200, out)
}

// characterizations are a backend's only one, in a list or by its id.
func (s *Server) characterizations(w http.ResponseWriter, backend, id string) {
	if Backends[backend] == 0 || backend == "simulator" || id != "" && id != calibrationID(backend) {
		refuse(w, 404, "Not Found Error", "there is no such characterization")
		return
	}
	v := map[string]any{"id": calibrationID(backend), "backend": backend, "date": "2026-11-01T00:00:00Z", "qubits": Backends[backend], "connectivity": [][]int{},
		"fidelity": map[string]any{"spam": map[string]any{"median": 0.995}, "1q": map[string]any{"median": 0.9998}, "2q": map[string]any{"median": 0.995}},
		"timing":   map[string]any{"readout": 0.00025, "reset": 0.00015, "1q": 0.00013, "2q": 0.00097, "t1": 100, "t2": 1}}
	if id == "" {
		answer(w, 200, map[string]any{"characterizations": []any{v}, "pages": 1})
		return
	}
	answer(w, 200, v)
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
		results := map[string]any{}
		for kind, have := range map[string]bool{"probabilities": true, "shots": j.shots != nil} {
			if have && j.children == nil {
				results[kind] = map[string]any{"url": fmt.Sprintf("/v0.4/jobs/%s/results/%s", j.id, kind)}
			}
		}
		v["results"] = results
	}
	return v
}

// probabilities are computed on the simulator, and frequencies of shots on a device.
func (j *job) probabilities() map[string]float64 {
	if j.chances != nil {
		return j.chances
	}
	out := map[string]float64{}
	for _, x := range j.shots {
		out[x]++
	}
	for x := range out {
		out[x] /= float64(len(j.shots))
	}
	return out
}

func (s *Server) job(w http.ResponseWriter, r *http.Request, j *job, rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.status(j)
	switch {
	case r.Method == http.MethodGet && rest == "":
		answer(w, 200, s.view(j))
	case r.Method == http.MethodGet && rest == "cost":
		answer(w, 200, map[string]any{"cost": map[string]any{"value": cost(j.gates[0], j.gates[1], int(j.sub.Shots)), "unit": "usd"}})
	case r.Method == http.MethodGet && rest == "results/shots" && status == "completed" && j.shots != nil:
		list := make([]json.Number, len(j.shots))
		for i, x := range j.shots {
			list[i] = json.Number(x)
		}
		answer(w, 200, list)
	case r.Method == http.MethodGet && rest == "results/probabilities" && status == "completed" && j.children == nil:
		answer(w, 200, j.probabilities())
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
