package iqm

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/rest"
)

// job is what the driver reads of a vendor's job.
type job struct {
	ID          string `json:"id"`
	Status      string `json:"status"`
	Tag         string `json:"tag"`
	Runtime     *int64 `json:"runtime_ms"`
	Compilation *struct {
		Set string `json:"calibration_set_id"`
	} `json:"compilation"`
	Timeline []struct {
		Status string `json:"status"`
		Time   string `json:"timestamp"`
	} `json:"timeline"`
	Errors []struct {
		Code    string `json:"error_code"`
		Message string `json:"message"`
	} `json:"errors"`
}

var states = map[string]driverv1.JobState{
	"waiting": driverv1.JobState_JOB_STATE_QUEUED, "processing": driverv1.JobState_JOB_STATE_RUNNING, "completed": driverv1.JobState_JOB_STATE_SUCCEEDED,
	"failed": driverv1.JobState_JOB_STATE_FAILED, "cancelled": driverv1.JobState_JOB_STATE_CANCELLED,
}

var (
	kindLetters = map[driverv1.ResultKind]string{driverv1.ResultKind_RESULT_KIND_PER_SHOT: "s", driverv1.ResultKind_RESULT_KIND_COUNTS: "c"}
	kinds       = map[string]driverv1.ResultKind{"s": driverv1.ResultKind_RESULT_KIND_PER_SHOT, "c": driverv1.ResultKind_RESULT_KIND_COUNTS}
)

// ticket is a job id of the contract: the vendor's id and what was asked for, since
// the vendor keeps no metadata beside a short tag. As text:
// UUID.kind.width.slots.shots.metrics, where metrics is the id of the metric set
// that the calibration snapshot has, or 0.
type ticket struct {
	id           string
	kind         driverv1.ResultKind
	width        int
	slots, shots uint64
	metrics      string
}

func (t ticket) String() string {
	return fmt.Sprintf("%s.%s.%d.%d.%d.%s", t.id, kindLetters[t.kind], t.width, t.slots, t.shots, t.metrics)
}

// readTicket reads what String wrote.
func readTicket(s string) (t ticket, ok bool) {
	p := strings.Split(s, ".")
	if len(p) != 6 || len(s) > 128 {
		return t, false
	}
	t = ticket{id: p[0], kind: kinds[p[1]], metrics: p[5]}
	var err [3]error
	t.width, err[0] = strconv.Atoi(p[2])
	t.slots, err[1] = strconv.ParseUint(p[3], 10, 32)
	t.shots, err[2] = strconv.ParseUint(p[4], 10, 32)
	good := err == [3]error{} && isUUID(t.id) && (t.metrics == "0" || isUUID(t.metrics)) && t.kind != 0 && t.width >= 1 && t.width <= 4096 &&
		t.slots >= 1 && t.slots <= guest.MaxShots && t.shots >= 1 && t.shots <= guest.MaxShots && (t.slots == 1 || t.shots == 1)
	return t, good && t.String() == s
}

func stamp(s string) *timestamppb.Timestamp {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return nil
	}
	return timestamppb.New(t)
}

// wire is the job as the contract has it.
func (j *job) wire(t ticket) (*driverv1.Job, error) {
	state, ok := states[j.Status]
	if !ok || j.ID != t.id {
		return nil, rest.BadAnswer(fmt.Errorf("a job with id %.80q and status %.40q, asked for %s", j.ID, j.Status, t.id))
	}
	out := &driverv1.Job{JobId: t.String(), State: state}
	for i, e := range j.Timeline {
		if i == 0 {
			out.AcceptedAt = stamp(e.Time)
		}
		if e.Status == "execution_started" && out.StartedAt == nil {
			out.StartedAt = stamp(e.Time)
		}
		if i == len(j.Timeline)-1 && state >= driverv1.JobState_JOB_STATE_SUCCEEDED {
			out.FinishedAt = stamp(e.Time)
		}
	}
	if state == driverv1.JobState_JOB_STATE_SUCCEEDED {
		out.SlotsDone = t.slots
	}
	if r := j.Runtime; r != nil && *r >= 0 && *r < 1<<40 {
		ns := uint64(*r) * 1_000_000
		out.QpuNs = &ns
	}
	if state == driverv1.JobState_JOB_STATE_FAILED {
		out.Error = &driverv1.ErrorDetail{Code: driver.ExecutionFailed, VendorMessage: "the vendor gives no reason"}
		if len(j.Errors) > 0 {
			out.Error.VendorCode, out.Error.VendorMessage = rest.Cut(j.Errors[0].Code, 128), rest.Cut(j.Errors[0].Message, 1024)
		}
	}
	return out, nil
}

// calibrationID is the contract's name of a calibration set and a metric set.
func calibrationID(set, metrics string) string { return set + "." + metrics }

// parseMeasurements reads the artifact: for each circuit one key, for each shot one
// bit a qubit.
func parseMeasurements(b []byte, t ticket) ([]byte, error) {
	var list []map[string][][]int8
	if err := rest.Decode(b, &list); err != nil {
		return nil, fmt.Errorf("measurements: %w", err)
	}
	if uint64(len(list)) != t.slots {
		return nil, fmt.Errorf("%d circuits, want %d", len(list), t.slots)
	}
	rb := guest.RowBytes(t.width)
	out := make([]byte, 0, int(t.slots*t.shots)*rb)
	for i, c := range list {
		shots := c[measurement]
		if len(c) != 1 || uint64(len(shots)) != t.shots {
			return nil, fmt.Errorf("circuit %d: %d keys and %d shots, want one of %d", i, len(c), len(shots), t.shots)
		}
		for n, bits := range shots {
			if len(bits) != t.width {
				return nil, fmt.Errorf("circuit %d, shot %d: %d bits, want %d", i, n, len(bits), t.width)
			}
			row := make([]byte, rb)
			for q, x := range bits {
				if x != 0 && x != 1 {
					return nil, fmt.Errorf("circuit %d, shot %d: qubit %d is in state %d", i, n, q, x)
				}
				row[q>>3] |= byte(x) << (q & 7)
			}
			out = append(out, row...)
		}
	}
	return out, nil
}
