package devnet

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/transcript"
)

// caseJob is the job of the cases: the guide's circuit, small.
const caseJob = `{"job_id":"00","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":8,"depth":16,"shots":800,"trap_ratio":0.3,
"seed":"00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"},"max_latency_ms":%d,"price":{"units":20}}`

// submit hands in a job.
func (p *play) submit(ctx context.Context, maxLatencyMS int) error {
	id, doc, err := renamed(fmt.Appendf(nil, caseJob, maxLatencyMS), 0)
	if err != nil {
		return err
	}
	_, err = p.buyer.Submit(ctx, "submit-"+id.String(), aicf.JobSubmission{Job: doc})
	if err == nil {
		p.jobs = append(p.jobs, id)
	}
	return err
}

// work has the accused take one offer to its end.
func (p *play) work(ctx context.Context) (*agent.Entry, error) {
	e, err := p.accused.agent.Once(ctx, 10*time.Second)
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, broken("the provider got no work")
	case e.State != agent.Done || e.Outcome == nil:
		return nil, broken("lease %s is %s: %s", e.Lease, e.State, e.Reason)
	}
	return e, nil
}

// rejected wants the network not to have paid.
func (p *play) rejected(ctx context.Context) error {
	e, err := p.work(ctx)
	if err != nil {
		return err
	}
	if e.Outcome.Status != aicf.LeaseRejected || e.Outcome.Accrued != 0 {
		return broken("the result of lease %s is %s and earned %d", e.Lease, e.Outcome.Status, e.Outcome.Accrued)
	}
	p.tell("network", "pays nothing: %s", e.Outcome.Failure.Message)
	return nil
}

// redo has the honest provider do the job that was refused.
func (p *play) redo(ctx context.Context) error {
	for range 60 {
		p.pass(time.Second)
		if _, err := p.Service.Sweep(ctx, p.nowMS()); err != nil {
			return err
		}
		if _, err := p.Net.Provider.Beat(ctx); err != nil {
			return err
		}
		e, err := p.Net.Provider.Once(ctx, 0)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		if e.Outcome == nil || e.Outcome.Status != aicf.LeaseCompleted {
			return broken("the honest provider's lease %s is %s: %s", e.Lease, e.State, e.Reason)
		}
		p.tell("network", "gives the job to provider %s, who earns %d", short(p.Held.ProviderID), e.Outcome.Accrued)
		return nil
	}
	return broken("nobody is given the job that was refused")
}

// put stores a bundle at the service.
func put(ctx context.Context, c *client.Client, tar []byte) (digest.Digest, error) {
	name := digest.Sum(tar)
	return name, c.PutBundle(ctx, "", name, bytes.NewReader(tar))
}

func (p *play) dispute(ctx context.Context, tar []byte) (*aicf.DisputeOutcome, error) {
	name, err := put(ctx, p.accused.own, tar)
	if err != nil {
		return nil, err
	}
	return p.accused.own.Dispute(ctx, "", aicf.Dispute{SlashID: p.Slash.ID, Bundle: name})
}

// otherFile is a file of outcomes as good as the one given, of another run.
func otherFile(file []byte) ([]byte, error) {
	o, err := transcript.ParseOutcomes(file)
	if err != nil {
		return nil, err
	}
	row := len(o.Rows) / int(o.Slots)
	o.Rows = append(bytes.Clone(o.Rows[row:]), o.Rows[:row]...)
	return o.MarshalBinary()
}

// bent is a bundle with one outcome changed.
func bent(b *proofs.Bundle) ([]byte, error) {
	c := *b
	c.Outcomes = bytes.Clone(b.Outcomes)
	c.Outcomes[len(c.Outcomes)/2] ^= 1
	return c.Tar()
}

// onDevice joins the accused with a device that vendor certifies.
func (p *play) onDevice(ctx context.Context, config string, v *vendor, hand func(context.Context, *execution) (*proofs.Bundle, error)) (*executor, error) {
	name := "accused-" + p.Cheat
	if p.Appeal {
		name += "-appeal"
	}
	d, err := p.openDevice(ctx, name, config, v)
	if err != nil {
		return nil, err
	}
	x := &executor{backend: d, device: d, hand: hand}
	p.accused, err = p.Net.join(ctx, name, x)
	return x, err
}

// trusted mints the devices' vendor into the network's policy.
func (p *play) trusted() (*vendor, error) {
	v, err := newVendor("animica", p.now())
	if err != nil {
		return nil, err
	}
	return v, p.trust(v)
}

// foreign is the bundle of a run whose evidence is of a device that a CA of the provider's
// own certifies: a forged signature of the device.
func (p *play) foreign(ctx context.Context, e *execution) ([]byte, error) {
	v, err := newVendor("animica", p.now())
	if err != nil {
		return nil, err
	}
	d, x := *e.device, *e.executor
	about := d.Device()
	from := p.now().Truncate(time.Second)
	forged, err := v.certify(about, about.Keys[0].PublicKey, from)
	if err != nil {
		return nil, err
	}
	d.cert = *forged
	x.device = &d
	f := *e
	f.executor = &x
	b, err := f.prove(ctx, e.run.Claim())
	if err != nil {
		return nil, err
	}
	return b.Tar()
}

// omitCZ: a device leaves out every CZ, and its owner signs a report that says all traps
// passed. Accused without cause: the outbox sent the file of another run.
func (p *play) omitCZ() script {
	var run *execution
	var right *proofs.Bundle
	hand := func(ctx context.Context, e *execution) (*proofs.Bundle, error) {
		run = e
		var err error
		if !p.Appeal {
			right, err = e.lie(ctx)
			return right, err
		}
		if right, err = e.prove(ctx, e.run.Claim()); err != nil {
			return nil, err
		}
		wrong := *right
		wrong.Outcomes, err = otherFile(right.Outcomes)
		return &wrong, err
	}
	return script{redo: true,
		join: func(ctx context.Context) error {
			v, err := p.trusted()
			if err != nil {
				return err
			}
			config := `{"omit_cz":true}`
			if p.Appeal {
				config = `{}`
			}
			_, err = p.onDevice(ctx, config, v, hand)
			return err
		},
		commit: func(ctx context.Context) error {
			if p.Appeal {
				p.tell("provider", "runs the job on its device, which signs; its outbox sends the outcomes of another file")
			} else {
				p.tell("provider", "runs the job on a device that leaves out every CZ, and signs a report that says all traps passed")
			}
			if err := p.submit(ctx, 60_000); err != nil {
				return err
			}
			return p.rejected(ctx)
		},
		forged: func(ctx context.Context) error {
			tar, err := bent(right)
			if err != nil {
				return err
			}
			if err := p.refused(ctx, "the bundle with an outcome changed", tar); err != nil {
				return err
			}
			if tar, err = p.foreign(ctx, run); err != nil {
				return err
			}
			if err := p.refused(ctx, "a signature by a device of its own making", tar); err != nil || p.Appeal {
				return err
			}
			if tar, err = right.Tar(); err != nil {
				return err
			}
			return p.refused(ctx, "its bundle, signed by the device that left out every CZ", tar)
		},
		genuine: func(ctx context.Context) error {
			tar, err := right.Tar()
			if err != nil {
				return err
			}
			return p.accepted(ctx, "the whole bundle, signed by the device", tar)
		}}
}

// lie claims that all traps passed. The journal, which knows better, is left out.
func (e *execution) lie(ctx context.Context) (*proofs.Bundle, error) {
	v := *e.run.Outcome.Verdict
	v.Decision, v.TrapPass, v.TrapFail, v.Reasons, v.FirstBad, v.Judged = guest.DecisionPass, v.Shots, 0, 0, guest.NoWindow, v.Shots
	v.KA, v.KB = v.NA, v.NB
	v.WindowPass = append([]uint32(nil), v.WindowTraps...)
	report := v.Append(nil)
	c := e.run.Claim()
	c.Status, c.TrapPass, c.TrapFail, c.TrapReportHash, c.Logged = transcript.StatusCompleted, v.TrapPass, 0, digest.Sum(report), proofs.Digests{}
	liar, out := *e, *e.run.Outcome
	out.Report = report
	liar.run.Outcome, liar.journal = &out, nil
	return liar.prove(ctx, c)
}

// forgedQuote: the evidence of the device leads to a CA of the provider's own. Accused
// without cause: the network does not have the vendor's root yet.
func (p *play) forgedQuote() script {
	var v *vendor
	var right *proofs.Bundle
	hand := func(ctx context.Context, e *execution) (b *proofs.Bundle, err error) {
		right, err = e.prove(ctx, e.run.Claim())
		return right, err
	}
	return script{redo: true,
		join: func(ctx context.Context) (err error) {
			if p.Appeal {
				v, err = newVendor("animica", p.now())
			} else {
				if _, err = p.trusted(); err != nil {
					return err
				}
				v, err = newVendor("animica", p.now()) // the same name, other keys
			}
			if err != nil {
				return err
			}
			if p.Appeal {
				if err := p.distrust(v); err != nil {
					return err
				}
			}
			_, err = p.onDevice(ctx, `{}`, v, hand)
			return err
		},
		commit: func(ctx context.Context) error {
			if p.Appeal {
				p.tell("provider", "runs the job on a certified device, whose vendor's root the network does not have yet")
			} else {
				p.tell("provider", "runs the job with evidence of a device that it certified itself under the vendor's name")
			}
			if err := p.submit(ctx, 60_000); err != nil {
				return err
			}
			return p.rejected(ctx)
		},
		forged: func(ctx context.Context) error {
			tar, err := right.Tar()
			if err != nil {
				return err
			}
			what := "its bundle, signed by the device that it certified itself"
			if p.Appeal {
				what = "its bundle, whose vendor the network still does not know"
			}
			if err := p.refused(ctx, what, tar); err != nil {
				return err
			}
			if tar, err = bent(right); err != nil {
				return err
			}
			return p.refused(ctx, "the bundle with an outcome changed", tar)
		},
		genuine: func(ctx context.Context) error {
			if err := p.trust(v); err != nil {
				return err
			}
			p.tell("network", "drops the vendor's root into its folder")
			tar, err := right.Tar()
			if err != nil {
				return err
			}
			return p.accepted(ctx, "the same bundle, signed by the device", tar)
		}}
}

// doubleResult: a second claim under one fence, with another histogram. Accused without
// cause: the same result handed in again with another time, by a provider that was restored
// from a backup.
func (p *play) doubleResult() script {
	var run *execution
	var first, second *proofs.Bundle
	hand := func(ctx context.Context, e *execution) (b *proofs.Bundle, err error) {
		run = e
		first, err = e.prove(ctx, e.run.Claim())
		return first, err
	}
	return script{
		join: func(ctx context.Context) error {
			v, err := p.trusted()
			if err != nil {
				return err
			}
			_, err = p.onDevice(ctx, `{}`, v, hand)
			return err
		},
		commit: func(ctx context.Context) error {
			if err := p.submit(ctx, 60_000); err != nil {
				return err
			}
			e, err := p.work(ctx)
			if err != nil {
				return err
			}
			if e.Outcome.Status != aicf.LeaseCompleted {
				return broken("the first result is %s: %v", e.Outcome.Status, e.Outcome.Failure)
			}
			p.tell("network", "accepts the result: %d accrue", e.Outcome.Accrued)
			c := run.run.Claim()
			c.Logged = proofs.Digests{}
			again := *run
			again.journal = nil
			if p.Appeal {
				c.FinishedUnixMS += 7
				p.tell("provider", "is restored from a backup, and hands the same result in again with another time")
			} else {
				c.HistDigest = digest.Sum([]byte("another histogram"))
				p.tell("provider", "hands in another histogram under the same fence")
			}
			if second, err = again.prove(ctx, c); err != nil {
				return err
			}
			return p.twice(ctx, e, second)
		},
		forged: func(ctx context.Context) error {
			tar, err := first.Tar()
			if err != nil {
				return err
			}
			if err := p.refused(ctx, "the bundle of its first claim", tar); err != nil {
				return err
			}
			if p.Appeal {
				tar, err = bent(second)
			} else {
				tar, err = second.Tar()
			}
			if err != nil {
				return err
			}
			if p.Appeal {
				return p.refused(ctx, "the bundle of the second claim with an outcome changed", tar)
			}
			return p.refused(ctx, "the bundle of its second claim, signed by the device", tar)
		},
		genuine: func(ctx context.Context) error {
			tar, err := second.Tar()
			if err != nil {
				return err
			}
			return p.accepted(ctx, "the whole bundle of the second claim, signed by the device", tar)
		}}
}

// twice hands in a second claim under the fence of an entry, which must be refused.
func (p *play) twice(ctx context.Context, e *agent.Entry, b *proofs.Bundle) error {
	tar, err := b.Tar()
	if err != nil {
		return err
	}
	name, err := put(ctx, p.accused.own, tar)
	if err != nil {
		return err
	}
	fence := e.Fence
	_, err = p.accused.own.Result(ctx, "", aicf.ResultRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}, Proof: json.RawMessage(b.Proof), Bundle: name})
	if aicf.CodeOf(err) != aicf.LeaseFenced {
		return broken("the second claim is answered by %v, want %s", err, aicf.LeaseFenced)
	}
	p.tell("network", "refuses the second claim: %v", err)
	return nil
}

const (
	lateMS  = 200              // max_latency_ms of the jobs of a provider that is late
	stoodMS = 10_000           // and of one that the network makes late
	outage  = 40 * time.Second // how long the network stands still
)

// late: every job of a window takes longer than its buyer allows. Accused without cause: the
// network stood still when the last result was to be handed in.
func (p *play) late() script {
	var last *proofs.Bundle
	var run *execution
	var x *executor
	hand := func(ctx context.Context, e *execution) (b *proofs.Bundle, err error) {
		run = e
		if last, err = e.prove(ctx, e.run.Claim()); err == nil && p.Appeal && len(p.jobs) == windowJobs {
			p.pass(outage)
		}
		return last, err
	}
	return script{
		join: func(ctx context.Context) error {
			v, err := p.trusted()
			if err != nil {
				return err
			}
			x, err = p.onDevice(ctx, `{}`, v, hand)
			return err
		},
		commit: func(ctx context.Context) error {
			allowed := stoodMS
			if !p.Appeal {
				allowed, x.takes = lateMS, 3*lateMS*time.Millisecond/2
				p.tell("provider", "takes more than the %d ms that each job of a window of %d allows", lateMS, windowJobs)
			}
			late := 0
			for range windowJobs {
				if err := p.submit(ctx, allowed); err != nil {
					return err
				}
				e, err := p.work(ctx)
				if err != nil {
					return err
				}
				if e.Outcome.Status != aicf.LeaseCompleted {
					return broken("the result of lease %s is %s: %v", e.Lease, e.Outcome.Status, e.Outcome.Failure)
				}
				if e.Outcome.Late {
					late++
				}
			}
			if p.Appeal {
				p.tell("network", "stands still for %v after the last of %d jobs was done and before its result could be handed in", outage, windowJobs)
				p.jobs = p.jobs[windowJobs-1:]
			}
			p.tell("network", "counts %d of %d jobs late", late, windowJobs)
			_, err := p.accused.agent.Beat(ctx)
			return err
		},
		forged: func(ctx context.Context) error {
			tar, err := p.foreign(ctx, run)
			if err != nil {
				return err
			}
			if err := p.refused(ctx, "a signature by a device of its own making", tar); err != nil {
				return err
			}
			if p.Appeal {
				if tar, err = bent(last); err != nil {
					return err
				}
				return p.refused(ctx, "the bundle with an outcome changed", tar)
			}
			if tar, err = last.Tar(); err != nil {
				return err
			}
			return p.refused(ctx, "its last bundle, signed by the device", tar)
		},
		genuine: func(ctx context.Context) error {
			tar, err := last.Tar()
			if err != nil {
				return err
			}
			return p.accepted(ctx, "the bundle of the late job, signed by the device", tar)
		}}
}
