package mockqpu

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/internal/wholefile"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// store is the vendor's memory: jobs in a folder, which outlives the driver.
// One job is three files named by its key: .job (a driverv1.Job), .in (the
// submission) and .out (outcomes), each written whole or not at all.
type store struct {
	dir string
	mu  sync.Mutex
	job map[string]*driverv1.Job // by job id
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &store{dir: dir, job: map[string]*driverv1.Job{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.job"))
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return nil, err
		}
		j := &driverv1.Job{}
		if err := proto.Unmarshal(b, j); err != nil {
			return nil, fmt.Errorf("%s: %w", n, err)
		}
		s.job[j.JobId] = j
	}
	return s, nil
}

// jobID is the vendor's name of a key.
func jobID(key [32]byte) string { return "mock-" + hex.EncodeToString(key[:16]) }

func (s *store) file(id, ext string) string { return filepath.Join(s.dir, id+ext) }

// write makes a file whole or not at all.
func write(name string, b []byte) error { return wholefile.Write(name, b, 0o600) }

// accept takes a submission, or finds the one that was taken under its key. This
// is where the vendor's own dedup happens.
func (s *store) accept(sub *driver.Submission, now time.Time) (j *driverv1.Job, known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, digest := jobID(sub.Key), sub.Digest()
	if j := s.job[id]; j != nil {
		if string(j.BatchSha3) != string(digest[:]) {
			return nil, true, &driver.Error{Code: driver.KeyReused, Field: "idempotency_key", VendorMessage: "this key stands for another batch"}
		}
		return proto.CloneOf(j), true, nil
	}
	in, err := sub.MarshalBinary()
	if err != nil {
		return nil, false, err
	}
	if err := write(s.file(id, ".in"), in); err != nil {
		return nil, false, err
	}
	j = &driverv1.Job{JobId: id, IdempotencyKey: sub.Key[:], BatchSha3: digest[:], State: driverv1.JobState_JOB_STATE_QUEUED, AcceptedAt: timestamppb.New(now)}
	return proto.CloneOf(j), false, s.save(j)
}

// save is called with the lock held.
func (s *store) save(j *driverv1.Job) error {
	b, err := proto.Marshal(j)
	if err != nil {
		return err
	}
	s.job[j.JobId] = j
	return write(s.file(j.JobId, ".job"), b)
}

// change edits a job unless it has ended; it tells whether it did.
func (s *store) change(id string, f func(*driverv1.Job)) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j := s.job[id]
	if j == nil || ended(j.State) {
		return false, nil
	}
	j = proto.CloneOf(j)
	f(j)
	return true, s.save(j)
}

func (s *store) get(id string) (*driverv1.Job, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.job[id]; j != nil {
		return proto.CloneOf(j), nil
	}
	return nil, &driver.Error{Code: driver.UnknownJob, Field: "job_id", VendorMessage: fmt.Sprintf("there is no job %.128q", id)}
}

func (s *store) submission(id string) (*driver.Submission, error) {
	b, err := os.ReadFile(s.file(id, ".in"))
	if err != nil {
		return nil, err
	}
	return driver.UnmarshalSubmission(b)
}

func (s *store) outcomes(id string, width, n int) (*guest.Outcomes, error) {
	b, err := os.ReadFile(s.file(id, ".out"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &driver.Error{Code: driver.ResultGone, VendorMessage: "the outcomes were deleted"}
	}
	if err != nil {
		return nil, err
	}
	o := &guest.Outcomes{N: n, Width: width, Rows: b, Present: make([]byte, (n+7)/8)}
	if len(b) != n*guest.RowBytes(width) {
		return nil, &driver.Error{Code: driver.ResultGone, VendorMessage: "the outcomes are damaged"}
	}
	for i := range n {
		o.Present[i>>3] |= 1 << (i & 7)
	}
	return o, nil
}

// list is all jobs, by id.
func (s *store) list() []*driverv1.Job {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*driverv1.Job, 0, len(s.job))
	for _, j := range s.job {
		out = append(out, proto.CloneOf(j))
	}
	slices.SortFunc(out, func(a, b *driverv1.Job) int { return strings.Compare(a.JobId, b.JobId) })
	return out
}

func ended(s driverv1.JobState) bool { return s >= driverv1.JobState_JOB_STATE_SUCCEEDED }
