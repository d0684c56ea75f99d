package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/stats"
)

// Limits of a submission.
const (
	maxName     = 64
	maxPriority = 9
	maxJobTTL   = 30 * 24 * 3600 * 1000
	// maxNetworkDocument bounds a job document; own circuits of more bytes do not
	// belong into a ledger.
	maxNetworkDocument = 1 << 20
)

// Order is a submission that was read and whose circuit was built; it needs no
// store.
type Order struct {
	aicf.JobSubmission
	Parsed      *job.Job
	CircuitHash digest.Digest
	JobHash     digest.Digest
	Width       uint64
	Depth       uint64
	TrapPolicy  digest.Digest
	Traps, TMin uint64
	Request     digest.Digest // of everything that the buyer said
}

// Read checks a submission. The work is bounded by the limits of package
// circuit.
func Read(s aicf.JobSubmission) (*Order, error) {
	if err := checkNames(&s); err != nil {
		return nil, err
	}
	if len(s.Job) > maxNetworkDocument {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the job has %d bytes, at most %d", len(s.Job), maxNetworkDocument).In("/job")
	}
	j, err := job.Parse(s.Job)
	if err != nil {
		return nil, schema(err)
	}
	c, err := build(&j.Spec)
	if err != nil {
		return nil, err
	}
	o := &Order{JobSubmission: s, Parsed: j, Width: uint64(c.Width()), Depth: uint64(c.Depth())}
	if d := j.Spec.Width; d != 0 && d != o.Width {
		return nil, aicf.Refuse(aicf.SchemaError, "width is %d, the circuit's is %d", d, o.Width).In("/job/spec/width")
	}
	if d := j.Spec.Depth; j.Spec.Circuit != nil && d != 0 && d != o.Depth {
		return nil, aicf.Refuse(aicf.SchemaError, "depth is %d, the circuit's is %d", d, o.Depth).In("/job/spec/depth")
	}
	if o.CircuitHash, err = c.Hash(); err != nil {
		return nil, err
	}
	if o.JobHash, err = transcript.Sum(j.SpecFrame(o.CircuitHash, o.Width, o.Depth)); err != nil {
		return nil, err
	}
	if err := o.judgeTraps(c); err != nil {
		return nil, err
	}
	doc, err := json.Marshal(s)
	o.Request = digest.Sum(doc)
	return o, err
}

func checkNames(s *aicf.JobSubmission) error {
	for _, n := range []struct{ field, v string }{{"/region", s.Region}, {"/algorithm", s.Algorithm}} {
		if len(n.v) > maxName || strings.ContainsAny(n.v, "|\x00") {
			return aicf.Refuse(aicf.SchemaError, "%d bytes, at most %d, without | and NUL", len(n.v), maxName).In(n.field)
		}
		if err := transcript.CheckText(n.v); err != nil {
			return aicf.Refuse(aicf.SchemaError, "%v", err).In(n.field)
		}
	}
	if s.Priority > maxPriority {
		return aicf.Refuse(aicf.SchemaError, "priority is %d, want 0..%d", s.Priority, maxPriority).In("/priority")
	}
	if s.TTLMS < 0 || s.TTLMS > maxJobTTL {
		return aicf.Refuse(aicf.SchemaError, "ttl_ms is %d, want 0..%d", s.TTLMS, int64(maxJobTTL)).In("/ttl_ms")
	}
	if s.TrapPolicy == "" {
		s.TrapPolicy = job.ExactPolicy
	}
	return nil
}

func schema(err error) error {
	var e *job.Error
	if errors.As(err, &e) {
		f := aicf.Refuse(aicf.SchemaError, "%s", e.Msg).In("/job" + e.Field)
		f.Hint = e.Hint
		return f
	}
	return aicf.Refuse(aicf.SchemaError, "%v", err).In("/job")
}

// sealedClass ends the class of jobs whose leases are sealed to a runner in a TEE.
const sealedClass = "|" + job.TrapModeTEE

// class groups the jobs that the same providers can serve.
func (o *Order) class() string {
	c := o.Region + "|" + o.Algorithm
	if o.Parsed.Spec.TrapMode == job.TrapModeTEE {
		c += sealedClass
	}
	return c
}

// Sealed says that the job's leases are sealed to a runner (trap_mode tee).
func (j *JobRow) Sealed() bool { return strings.HasSuffix(j.Class, sealedClass) }

func build(s *job.Spec) (*circuit.Circuit, error) {
	if s.TrapMode == job.TrapModeVerifier {
		return nil, aicf.Refuse(aicf.SchemaError, "trap_mode verifier is between a buyer and one provider: the buyer plans the slots and judges them, the network leases whole jobs").
			In("/job/spec/trap_mode").Try("engine traps plan JOB, outside of the network; here trap_mode process or tee")
	}
	if s.Circuit == nil {
		c, err := circuit.Generate(s.CircuitID, int(s.Width), int(s.Depth), s.Seed)
		if err != nil {
			return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/job/spec/circuit_id")
		}
		return c, nil
	}
	if s.Circuit.Path != "" {
		return nil, aicf.Refuse(aicf.SchemaError, "a path means nothing to the network").In("/job/spec/circuit/path").Try("send the source: omni aicf submit does")
	}
	c, _, err := circuit.Parse(circuit.Format(s.Circuit.Format), []byte(s.Circuit.Source), circuit.Options{Params: s.Circuit.Params})
	if err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/job/spec/circuit/source")
	}
	return c, nil
}

// judgeTraps refuses jobs that can only end without a verdict. The gate counts
// are bounds from above, which ask for a trap more rather than one fewer.
func (o *Order) judgeTraps(c *circuit.Circuit) error {
	p, err := job.NamedTrapPolicy(o.JobSubmission.TrapPolicy)
	if err != nil {
		return aicf.Refuse(aicf.SchemaError, "%v", err).In("/trap_policy")
	}
	if o.TrapPolicy, err = p.Hash(); err != nil {
		return err
	}
	low, err := c.Lower()
	if err != nil {
		return aicf.Refuse(aicf.SchemaError, "%v", err).In("/job/spec/circuit")
	}
	n2 := uint64(0)
	for _, op := range low.Ops {
		if op.Gate == circuit.CZ {
			n2++
		}
	}
	policy := stats.ExactPolicy()
	policy.P1, policy.P2, policy.RO = p.Record.P1, p.Record.P2, p.Record.RO
	pa, pb := stats.PassRates(o.Width*(o.Depth+1), n2, o.Width, policy)
	o.TMin = policy.TMin(pa, pb, o.Width, true)
	o.Traps = (o.Parsed.Spec.Shots*o.Parsed.Spec.TrapRatioPPM + 999_999) / 1_000_000
	if o.Traps >= o.TMin || o.AcceptInsufficient {
		return nil
	}
	f := aicf.Refuse(aicf.SchemaError, "%d trap shots can only end without a verdict; %d are needed", o.Traps, o.TMin).In("/job/spec/trap_ratio")
	if o.TMin <= o.Parsed.Spec.Shots {
		ppm := (o.TMin*1_000_000 + o.Parsed.Spec.Shots - 1) / o.Parsed.Spec.Shots
		return f.Try("trap_ratio %s, or accept_insufficient (then nothing is paid)", transcript.FormatRatio(ppm))
	}
	return f.Try("raise shots to at least %d", o.TMin)
}

// Price is what the buyer pays for so many units under a policy, and the three
// shares of it.
func Price(p *aicf.Policy, units uint64) (aicf.Amount, economics.Shares, error) {
	q := p.Economics.Pricing.Quantum
	floor := p.Economics.FeeFloorAtomic
	gross, err := economics.Price(economics.Quote{Units: units, PerUnit: q.BasePerUnit, Tiers: q.Piecewise, Min: &floor})
	if err != nil {
		return 0, economics.Shares{}, fmt.Errorf("price of %d units: %w", units, err)
	}
	bps, err := p.Economics.Splits.BPS()
	if err != nil {
		return 0, economics.Shares{}, err
	}
	parts, err := economics.Split(gross, economics.Shares{Provider: bps[0], Treasury: bps[1], Miner: bps[2]}, economics.Remainder(p.Filled().Remainder))
	return aicf.Amount(gross), parts, err
}

// Units are those of the job, and those that are paid at most.
func (o *Order) Units(divisor uint64) (units, payable uint64, err error) {
	units, err = economics.Units(o.Width, o.Depth, o.Parsed.Spec.Shots, divisor)
	payable = units
	if most := o.Parsed.PriceUnits; most > 0 {
		payable = min(units, most)
	}
	return units, payable, err
}
