package iqm

import (
	"context"
	"crypto/sha3"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/sim"
)

type job struct {
	id, tag   string
	computer  *computer
	payload   []byte
	shots     int
	circuits  []*parsed
	rows      [][]byte // of each circuit, guest.RowBytes of its bits a shot
	accepted  time.Time
	cancelled time.Time     // zero: not
	gone      chan struct{} // closed when cancelled
}

// create accepts a job: it is simulated before it is counted.
func (s *Server) create(w http.ResponseWriter, r *http.Request, alias, kind string, body []byte, lost bool) {
	c, q := findComputer(alias), r.URL.Query()
	switch {
	case c == nil:
		refuse(w, 404, "qc_not_found", "there is no such quantum computer")
		return
	case kind != "circuit":
		refuse(w, 400, "unsupported_job_type", "only circuit is served here")
		return
	case len([]rune(q.Get("tag"))) > maxTag:
		refuse(w, 400, "invalid_input", "tag is longer than 50 characters")
		return
	case q.Get("use_timeslot") != "" && q.Get("use_timeslot") != "false":
		refuse(w, 403, "no_booked_timeslots", "there are no timeslots here")
		return
	}
	sub, circuits, err := parse(body, c)
	if err != nil {
		refuse(w, 400, "invalid_job_payload", err.Error())
		return
	}
	s.mu.Lock()
	s.ids++
	id := uuid("fake/iqm/job\x00" + string(s.o.Seed[:]) + string(binary.LittleEndian.AppendUint64(nil, s.ids)))
	s.mu.Unlock()
	j := &job{id: id, tag: q.Get("tag"), computer: c, payload: body, shots: *sub.Shots, circuits: circuits, gone: make(chan struct{})}
	for i, p := range circuits {
		rows, err := s.simulate(context.WithoutCancel(r.Context()), j, i, p)
		if err != nil {
			refuse(w, 400, "invalid_job_payload", err.Error())
			return
		}
		j.rows = append(j.rows, rows)
	}
	s.mu.Lock()
	j.accepted = s.o.Now()
	s.jobs[id], s.last = j, string(body)
	s.tags[j.tag]++
	s.order = append(s.order, id)
	view := s.view(j)
	s.mu.Unlock()
	if s.o.Accepted != nil {
		s.o.Accepted(j.tag)
	}
	if lost {
		panic(http.ErrAbortHandler)
	}
	answer(w, 200, view)
}

// simulate fixes the outcomes of one circuit: a function of seed, job and place.
func (s *Server) simulate(ctx context.Context, j *job, i int, p *parsed) ([]byte, error) {
	h := sha3.Sum256([]byte("fake/iqm/shots\x00" + string(s.o.Seed[:]) + j.id + string(binary.LittleEndian.AppendUint64(nil, uint64(i)))))
	r, err := sim.Sim(ctx, p.circuit, sim.SimOptions{Shots: j.shots, Key: [16]byte(h[:16]), Threads: 1, MemoryBytes: 1 << 30, Noise: s.o.Noise})
	if err != nil {
		return nil, err
	}
	if r.State != nil {
		r.State.Close()
	}
	return r.Rows, nil
}

// measurements is the artifact of one circuit: for each key shots of bits.
func (j *job) measurements(i int) map[string][][]int {
	p, out := j.circuits[i], map[string][][]int{}
	rb, first := guest.RowBytes(p.circuit.Clbits), 0
	for k, key := range p.keys {
		list := make([][]int, j.shots)
		for n := range list {
			row := j.rows[i][n*rb : (n+1)*rb]
			for b := first; b < first+p.bits[k]; b++ {
				list[n] = append(list[n], int(row[b>>3]>>(b&7)&1))
			}
		}
		out[key], first = list, first+p.bits[k]
	}
	return out
}

// counts is the artifact of one circuit as a histogram: keys in the order of their
// measurements, the first bit first.
func (j *job) counts(i int) object {
	p, out := j.circuits[i], map[string]int{}
	rb := guest.RowBytes(p.circuit.Clbits)
	for n := range j.shots {
		row, text := j.rows[i][n*rb:(n+1)*rb], make([]byte, p.circuit.Clbits)
		for b := range text {
			text[b] = '0' + row[b>>3]>>(b&7)&1
		}
		out[string(text)]++
	}
	return object{"measurement_keys": p.keys, "counts": out}
}
