package iqm

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// status is a function of the clock; the lock is held.
func (s *Server) status(j *job) string {
	age := s.o.Now().Sub(j.accepted)
	switch {
	case !j.cancelled.IsZero():
		return "cancelled"
	case age >= s.o.Delay:
		return "completed"
	case age >= s.o.Delay/2:
		return "processing"
	}
	return "waiting"
}

// view is a job as the vendor shows it; the lock is held.
func (s *Server) view(j *job) object {
	const station, server = "iqm-station-control", "iqm-server"
	timeline := []object{}
	event := func(source, status string, at time.Time) {
		timeline = append(timeline, object{"source": source, "status": status, "timestamp": at.UTC().Format("2006-01-02T15:04:05.000000Z")})
	}
	status := s.status(j)
	event(server, "created", j.accepted)
	if status == "processing" || status == "completed" {
		event(station, "received", j.accepted.Add(s.o.Delay/2))
		event(station, "execution_started", j.accepted.Add(s.o.Delay/2))
	}
	v := object{"id": j.id, "type": "circuit", "qc": object{"id": j.computer.id("computer")}, "status": status, "tag": nil, "execution": nil, "queue_position": nil, "runtime_ms": nil,
		"compilation": object{"calibration_set_id": j.computer.id("calibration")}, "messages": []object{}, "errors": []object{}, "artifacts": []object{}}
	if j.tag != "" {
		v["tag"] = j.tag
	}
	switch status {
	case "waiting":
		v["queue_position"] = 0
	case "completed":
		event(station, "execution_ended", j.accepted.Add(s.o.Delay))
		event(server, "ready", j.accepted.Add(s.o.Delay))
		v["runtime_ms"], v["artifacts"] = (s.o.Delay / 2).Milliseconds(), []object{{"type": "measurements"}, {"type": "measurement_counts"}}
	case "cancelled":
		event(server, "cancelled", j.cancelled)
	}
	v["timeline"] = timeline
	return v
}

func (s *Server) job(w http.ResponseWriter, r *http.Request, id, rest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.jobs[id]
	if j == nil {
		refuse(w, 404, "job_not_found", "there is no such job")
		return
	}
	get := r.Method == http.MethodGet
	switch status := s.status(j); {
	case get && rest == "":
		s.show(w, r, j)
	case get && rest == "payload":
		w.Header().Set("IQM-Job-Type", "circuit")
		answer(w, 200, json.RawMessage(j.payload))
	case get && rest == "artifacts/measurements" && status == "completed":
		list := make([]map[string][][]int, len(j.circuits))
		for i := range list {
			list[i] = j.measurements(i)
		}
		answer(w, 200, list)
	case get && rest == "artifacts/measurement_counts" && status == "completed":
		list := make([]object, len(j.circuits))
		for i := range list {
			list[i] = j.counts(i)
		}
		answer(w, 200, list)
	case get:
		refuse(w, 404, "job_artifact_not_found", "there is no such artifact")
	case r.Method == http.MethodPost && rest == "cancel":
		if status == "completed" || status == "cancelled" {
			refuse(w, 403, "illegal_job_status", "the job has ended")
			return
		}
		j.cancelled = s.o.Now()
		close(j.gone)
		answer(w, 200, s.view(j))
	case r.Method == http.MethodDelete && rest == "":
		delete(s.jobs, id)
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, 404, "not_found", "there is nothing here")
	}
}

// maxHold bounds a long poll, as the vendor has it.
const maxHold = 30 * time.Second

// show answers with the job, at once or when it has ended; the lock is held, but
// not while it waits.
func (s *Server) show(w http.ResponseWriter, r *http.Request, j *job) {
	q := r.URL.Query()
	if q.Get("wait_until_terminal") == "true" && j.cancelled.IsZero() {
		seconds := 10
		if t := q.Get("timeout_seconds"); t != "" {
			n, err := strconv.Atoi(t)
			if err != nil || n < 0 || time.Duration(n)*time.Second > maxHold {
				refuse(w, 400, "invalid_input", "timeout_seconds is 0 to 30")
				return
			}
			seconds = n
		}
		left, hold := j.accepted.Add(s.o.Delay).Sub(s.o.Now()), time.Duration(seconds)*time.Second
		if left > hold {
			w.Header().Set("IQM-Long-Poll-Timed-Out", "true")
		}
		s.mu.Unlock()
		t := time.NewTimer(min(left, hold))
		select {
		case <-t.C:
		case <-j.gone:
			w.Header().Del("IQM-Long-Poll-Timed-Out")
		case <-r.Context().Done():
		}
		t.Stop()
		s.mu.Lock()
	}
	answer(w, 200, s.view(j))
}
