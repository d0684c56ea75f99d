package main

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs/auditlog"
)

// maxPolicyBytes bounds a trap policy file.
const maxPolicyBytes = 64 << 10

// readTask reads the job or lease, builds its circuit and picks the policy. tier is
// who will hold the secret of the traps.
func (e *program) readTask(path string, f *runFlags, tier string) (*engine.Task, error) {
	b, err := e.ReadInput("JOB", path, job.MaxDocument, cli.JobInvalid)
	if err != nil {
		return nil, err
	}
	return e.parseTask(path, b, f, tier)
}

func (e *program) parseTask(path string, b []byte, f *runFlags, tier string) (*engine.Task, error) {
	j, lease, err := job.ParseAny(b)
	if err != nil {
		return nil, jsonError(err)
	}
	if err := checkTier(j.Spec.TrapMode, tier); err != nil {
		return nil, err
	}
	signed := lease != nil && lease.Signed()
	if err := chooseTraps(&j.Spec, f, signed); err != nil {
		return nil, err
	}
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

// chooseTraps settles the trap library of a job: --traps names it in a job that is
// not leased yet, else the job does.
func chooseTraps(s *job.Spec, f *runFlags, signed bool) error {
	if f.traps != "" {
		m, err := shippedTraps("--traps", f.traps, cli.Usage)
		if err != nil {
			return err
		}
		major, _, _ := strings.Cut(m.Version, ".")
		if signed && !s.TakesTraps(m.Name, m.Version) {
			name, want := s.Traps()
			return cli.Errorf(cli.Usage, "--traps", "the lease is for a job with trap_family %s@%s", name, want).WithHint("leave --traps out")
		}
		if err := s.SetTrapFamily(m.Name + "@" + major); err != nil {
			return cli.Errorf(cli.Internal, "--traps", "%w", err)
		}
	}
	f.traps, _ = s.Traps()
	return nil
}

// trapTier is who holds the secret of the traps in a run of this program: its own
// process. A job that asks for more must not be run and recorded as if it had it.
const trapTier = job.TrapModeProcess

// tier is who held the secret of the traps in this session: the environment, where the
// lease came sealed to a key that lives there.
func (s *session) tier() string {
	if s.sealed != nil {
		return job.TrapModeTEE
	}
	return trapTier
}

func checkTier(mode, tier string) error {
	switch {
	case mode == tier:
		return nil
	case tier == job.TrapModeVerifier:
		return cli.Errorf(cli.Unsupported, "spec.trap_mode", "the job asks for %s, which is not the verifier's to plan", mode).WithHint("engine run, or a job with trap_mode verifier")
	case mode == job.TrapModeTEE:
		return cli.Errorf(cli.Unsupported, "spec.trap_mode", "tee needs a seed that came sealed to an enrolled runner key; this run's trap_tier is %s", tier).
			WithHint("run the job through a provider in a TEE, or ask for trap_mode process")
	}
	return cli.Errorf(cli.Unsupported, "spec.trap_mode", "%s needs slots that the verifier made; this run's trap_tier is %s", mode, tier).
		WithHint("the verifier: engine traps plan JOB --out DIR; the provider: engine run DIR/%s", batchDoc)
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
