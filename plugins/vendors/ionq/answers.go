package ionq

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// job is what the driver reads of a vendor's job. The vendor adds members at will,
// so that unknown ones are passed over.
type job struct {
	ID        string            `json:"id"`
	Status    string            `json:"status"`
	Backend   string            `json:"backend"`
	Metadata  map[string]string `json:"metadata"`
	Shots     uint64            `json:"shots"`
	Parent    string            `json:"parent_job_id"`
	Children  []string          `json:"child_job_ids"`
	Submitted string            `json:"submitted_at"`
	Started   string            `json:"started_at"`
	Completed string            `json:"completed_at"`
	Duration  *uint64           `json:"execution_duration_ms"`
	Calib     string            `json:"characterization_id"`
	Failure   *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"failure"`
}

type jobPage struct {
	Jobs []job  `json:"jobs"`
	Next string `json:"next"`
}

type backendInfo struct {
	Backend string `json:"backend"`
	Status  string `json:"status"`
	Qubits  uint32 `json:"qubits"`
	Calib   string `json:"characterization_id"`
	Place   string `json:"location"`
}

// characterization times are seconds.
type characterization struct {
	ID       string `json:"id"`
	Date     string `json:"date"`
	Qubits   uint32 `json:"qubits"`
	Fidelity map[string]struct {
		Median *float64 `json:"median"`
		Stderr *float64 `json:"stderr"`
	} `json:"fidelity"`
	Timing map[string]float64 `json:"timing"`
}

type estimate struct {
	Cost struct {
		Value json.Number `json:"value"`
		Unit  string      `json:"unit"`
	} `json:"estimated_cost"`
	Execution float64 `json:"estimated_execution_time"` // seconds
	Queue     float64 `json:"current_predicted_queue_time"`
}

var states = map[string]driverv1.JobState{
	"submitted": driverv1.JobState_JOB_STATE_QUEUED, "ready": driverv1.JobState_JOB_STATE_QUEUED,
	"started": driverv1.JobState_JOB_STATE_RUNNING, "running": driverv1.JobState_JOB_STATE_RUNNING,
	"completed": driverv1.JobState_JOB_STATE_SUCCEEDED, "failed": driverv1.JobState_JOB_STATE_FAILED, "canceled": driverv1.JobState_JOB_STATE_CANCELLED,
}

// failures map the vendor's failure codes; others are EXECUTION_FAILED.
var failures = map[string]driver.Code{
	"CompilationError": driver.CompilationFailed, "ContractExpiredError": driver.Quota, "InvalidInput": driver.ProgramInvalid, "QuotaExhaustedError": driver.Quota,
	"TooManyControls": driver.GateUnsupported, "TooManyGates": driver.ProgramTooLarge, "TooLongPredictedExecutionTime": driver.ProgramTooLarge, "UnsupportedGate": driver.GateUnsupported,
	"NotEnoughQubits": driver.TooManyQubits, "TooManyShots": driver.TooManyShots, "BudgetExceeded": driver.Budget,
}

func stamp(s string) *timestamppb.Timestamp {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return timestamppb.New(t)
}

// meaning is what a job's tag says.
type meaning struct {
	key, batch   []byte
	kind         driverv1.ResultKind
	width        int
	slots, shots uint64
}

// read interprets the tag; ok is false for jobs that no driver of ours made.
func (j *job) read() (m meaning, ok bool) {
	var err [5]error
	m.key, err[0] = hex.DecodeString(j.Metadata["engine_key"])
	m.batch, err[1] = hex.DecodeString(j.Metadata["engine_batch"])
	m.width, err[2] = strconv.Atoi(j.Metadata["engine_width"])
	m.slots, err[3] = strconv.ParseUint(j.Metadata["engine_slots"], 10, 32)
	m.shots, err[4] = strconv.ParseUint(j.Metadata["engine_shots"], 10, 32)
	for k, n := range kindNames {
		if n == j.Metadata["engine_kind"] {
			m.kind = k
		}
	}
	ok = errors.Join(err[:]...) == nil && len(m.key) == 32 && len(m.batch) == 32 && m.width >= 1 && m.width <= 4096 && m.kind != 0 &&
		m.slots >= 1 && m.slots <= guest.MaxShots && m.shots >= 1 && m.shots <= guest.MaxShots && (m.slots == 1 || m.shots == 1)
	return m, ok
}

// wire is the job as the contract has it.
func (j *job) wire(poll time.Duration) (*driverv1.Job, error) {
	state, ok := states[j.Status]
	if !ok || !rest.Segment(j.ID) {
		return nil, rest.BadAnswer(fmt.Errorf("a job with id %.80q and status %.40q", j.ID, j.Status))
	}
	out := &driverv1.Job{JobId: j.ID, State: state, AcceptedAt: stamp(j.Submitted), StartedAt: stamp(j.Started), FinishedAt: stamp(j.Completed)}
	if m, ok := j.read(); ok {
		out.IdempotencyKey, out.BatchSha3 = m.key, m.batch
		if state == driverv1.JobState_JOB_STATE_SUCCEEDED {
			out.SlotsDone = m.slots
		}
	}
	if j.Duration != nil && *j.Duration < 1<<40 {
		ns := *j.Duration * 1_000_000
		out.QpuNs = &ns
	}
	if state == driverv1.JobState_JOB_STATE_FAILED {
		out.Error = &driverv1.ErrorDetail{Code: driver.ExecutionFailed, VendorMessage: "the vendor gives no reason"}
		if f := j.Failure; f != nil {
			out.Error.VendorCode, out.Error.VendorMessage = rest.Cut(f.Code, 128), rest.Cut(f.Message, 1024)
			if c, ok := failures[f.Code]; ok {
				out.Error.Code = c
			}
		}
	}
	if state < driverv1.JobState_JOB_STATE_SUCCEEDED {
		out.NextPoll = durationpb.New(poll)
	}
	return out, nil
}

// row turns a decimal key, whose lowest bit is qubit 0, into a row.
func row(s string, width int) ([]byte, error) {
	if len(s) < 1 || len(s) > 1300 {
		return nil, fmt.Errorf("an outcome of %d digits", len(s))
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return nil, fmt.Errorf("the outcome %.80q is not a decimal integer", s)
		}
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok || n.BitLen() > width {
		return nil, fmt.Errorf("the outcome %.80q has more than %d bits", s, width)
	}
	b := n.FillBytes(make([]byte, guest.RowBytes(width)))
	slices.Reverse(b)
	return b, nil
}

// parseShots reads a list of shots: decimal integers, as numbers or strings.
func parseShots(b []byte, width, n int) ([]byte, error) {
	var list []any
	if err := rest.Decode(b, &list); err != nil {
		return nil, fmt.Errorf("shots: %w", err)
	}
	if len(list) != n {
		return nil, fmt.Errorf("%d shots, want %d", len(list), n)
	}
	out := make([]byte, 0, n*guest.RowBytes(width))
	for i, v := range list {
		text, ok := v.(string)
		if x, num := v.(json.Number); num {
			text, ok = x.String(), true
		}
		if !ok {
			return nil, fmt.Errorf("shot %d is a %T", i, v)
		}
		r, err := row(text, width)
		if err != nil {
			return nil, fmt.Errorf("shot %d: %w", i, err)
		}
		out = append(out, r...)
	}
	return out, nil
}

// parseProbabilities reads an object of outcomes, in ascending order of outcome.
func parseProbabilities(b []byte, width int) ([]driver.Pair, error) {
	var m map[string]float64
	if err := rest.Decode(b, &m); err != nil {
		return nil, fmt.Errorf("probabilities: %w", err)
	}
	out := make([]driver.Pair, 0, len(m))
	sum := 0.0
	for k, p := range m {
		r, err := row(k, width)
		if err != nil {
			return nil, err
		}
		if !(p >= 0 && p <= 1+1e-9) {
			return nil, fmt.Errorf("the probability of %s is %v", k, p)
		}
		sum += p
		out = append(out, driver.Pair{Row: r, Probability: min(p, 1)})
	}
	if !(sum > 0.999 && sum < 1.001) {
		return nil, fmt.Errorf("the probabilities add up to %v", sum)
	}
	slices.SortFunc(out, func(a, b driver.Pair) int {
		for i := len(a.Row) - 1; i >= 0; i-- {
			if a.Row[i] != b.Row[i] {
				return int(a.Row[i]) - int(b.Row[i])
			}
		}
		return 0
	})
	for i := 1; i < len(out); i++ {
		if string(out[i].Row) == string(out[i-1].Row) {
			return nil, errors.New("an outcome stands twice")
		}
	}
	return out, nil
}
