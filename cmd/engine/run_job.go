package main

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/auditlog"
)

// maxPolicyBytes bounds a trap policy file.
const maxPolicyBytes = 64 << 10

// readTask reads the job or lease, builds its circuit and picks the policy.
func (e *program) readTask(path string, f *runFlags) (*engine.Task, error) {
	b, err := e.ReadInput("JOB", path, job.MaxDocument, cli.JobInvalid)
	if err != nil {
		return nil, err
	}
	j, lease, err := job.ParseAny(b)
	if err != nil {
		return nil, jsonError(err)
	}
	if err := checkTier(j.Spec.TrapMode); err != nil {
		return nil, err
	}
	signed := lease != nil && lease.Signed()
	policy, err := e.trapPolicy(f.policy, lease, signed)
	if err != nil {
		return nil, err
	}
	h, err := policy.Hash()
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--trap-policy", "%w", err)
	}
	switch {
	case lease == nil:
		if lease, err = job.Local(j, h); err != nil {
			return nil, cli.Errorf(cli.JobInvalid, "job_id", "%w", err)
		}
	case !signed:
		e.Warn("the lease is not signed: networks will refuse the proof")
		lease.PolicyHash = h
	}
	c, err := e.jobCircuit(path, &j.Spec)
	if err != nil {
		return nil, err
	}
	return &engine.Task{Lease: lease, Circuit: c, Policy: policy}, nil
}

// trapTier is who holds the secret of the traps in a run of this program: its own
// process. A job that asks for more must not be run and recorded as if it had it.
const trapTier = job.TrapModeProcess

func checkTier(mode string) error {
	switch mode {
	case trapTier:
		return nil
	case job.TrapModeTEE:
		return cli.Errorf(cli.Unsupported, "spec.trap_mode", "tee needs a seed that came sealed to an enrolled runner key; this run's trap_tier is %s", trapTier).
			WithHint("run the job through a provider in a TEE, or ask for trap_mode process")
	}
	return cli.Errorf(cli.Unsupported, "spec.trap_mode", "%s needs trap slots made elsewhere; this run's trap_tier is %s", mode, trapTier).
		WithHint("trap_mode process, and an audit of the target: engine traps audit")
}

// trapPolicy is the policy that a signed lease names by hash, among the embedded
// ones and the one given; everything else takes the one given.
func (e *program) trapPolicy(given string, lease *job.Lease, signed bool) (*job.TrapPolicy, error) {
	if signed {
		for _, name := range policyNames {
			p, err := job.NamedTrapPolicy(name)
			if err != nil {
				return nil, cli.Errorf(cli.Internal, "", "%w", err)
			}
			if h, err := p.Hash(); err == nil && h == lease.PolicyHash {
				return p, nil
			}
		}
	}
	var p *job.TrapPolicy
	var err error
	if slices.Contains(policyNames, given) {
		p, err = job.NamedTrapPolicy(given)
	} else {
		var doc []byte
		if doc, err = e.ReadInput("--trap-policy", given, maxPolicyBytes, cli.BadConfig); err != nil {
			return nil, err
		}
		p, err = job.ParseTrapPolicy(doc)
	}
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--trap-policy", "%w", err)
	}
	return p, nil // of a lease the engine refuses it unless its hash is the lease's
}

// policyNames are the embedded trap policies.
var policyNames = []string{job.ExactPolicy, "ref@1"}

// jobCircuit builds the circuit that a job names or carries.
func (e *program) jobCircuit(jobPath string, s *job.Spec) (*circuit.Circuit, error) {
	if s.Circuit == nil {
		c, err := circuit.Generate(s.CircuitID, int(s.Width), int(s.Depth), s.Seed)
		if err != nil {
			return nil, cli.Errorf(cli.JobInvalid, "spec.circuit_id", "%w", err)
		}
		return c, nil
	}
	src, field := []byte(s.Circuit.Source), "spec.circuit.source"
	if s.Circuit.Path != "" {
		field = "spec.circuit.path"
		if !filepath.IsLocal(s.Circuit.Path) {
			return nil, cli.Errorf(cli.JobInvalid, field, "%q leaves the folder of the job", s.Circuit.Path).WithHint("a path below the job's own folder")
		}
		var err error
		if src, err = e.ReadInput(field, filepath.Join(filepath.Dir(jobPath), s.Circuit.Path), maxCircuitBytes, cli.JobInvalid); err != nil {
			var coded *cli.Error
			if errors.As(err, &coded) {
				coded.Code = cli.JobInvalid
			}
			return nil, err
		}
	}
	return e.parseFormat(src, circuit.Format(s.Circuit.Format), field, circuit.Options{Params: s.Circuit.Params})
}

// specField finds the member that an engine message is about.
var specField = regexp.MustCompile(`\b(spec|lease)\.[a-z_]+`)

// runError gives what the engine says an exit code.
func runError(err error) error {
	out := cli.Errorf(cli.ExecutionFailed, "", "%w", err)
	if m := specField.FindString(out.Message); m != "" {
		out.Field = m
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, auditlog.ErrLog), errors.Is(err, auditlog.ErrFork):
		return auditError(err)
	case guestError(err, out):
	case isDriverError(err):
		return driverError(err)
	case errors.Is(err, backends.ErrTooLarge):
		out.Code = cli.Unsupported
		out.Named("TooLarge").WithHint("fewer qubits, more --memory, or another backend")
	case errors.Is(err, backends.ErrUnsupported):
		out.Code = cli.Unsupported
	case errors.Is(err, engine.ErrRefused):
		out.Code = cli.JobInvalid
	case errors.Is(err, backends.ErrUnavailable):
		out.Code = cli.DeviceUnavailable
	case errors.Is(err, engine.ErrViolation):
		out.Named("ABI_VIOLATION").WithHint("the module broke its contract; use another one")
	}
	return out
}
