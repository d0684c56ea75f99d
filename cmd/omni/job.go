package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
)

// maxJobFile bounds a job document: the service's limit of a body.
const maxJobFile = 1 << 20

func (o *program) submit() *cobra.Command {
	var j aicf.JobSubmission
	var ttl time.Duration
	c := &cobra.Command{
		Use: "submit JOB", Short: "Submit a job; its price goes into escrow",
		Long: `Submit a job document (the guide's, as engine run takes it). The price moves from
the available balance into escrow and comes back if nobody earns it. The same job
again gives the same answer. A first submission makes and enrols the buyer's key.`,
		Example: "  omni aicf submit examples/jobs/guide.json",
		Args:    cli.Args("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := o.ReadInput("JOB", args[0], maxJobFile, cli.JobInvalid)
			if err != nil {
				return err
			}
			parsed, err := job.Parse(raw)
			if err != nil {
				return cli.Errorf(cli.JobInvalid, "JOB", "%w", err)
			}
			j.Job, j.TTLMS = raw, ttl.Milliseconds()
			c, _, err := o.asBuyer(cmd.Context())
			if err != nil {
				return err
			}
			out, err := c.Submit(cmd.Context(), "submit-"+parsed.JobID.String(), j)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "job_id   %s\nstatus   %s\nunits    %d\nescrow   %d\ntraps    %d (at least %d)\n", out.JobID, out.State, out.Units, out.Escrow, out.Traps, out.TrapsMin)
			})
		},
	}
	f := c.Flags()
	f.StringVar(&j.Region, "region", "", "`REGION` that the provider must be in")
	f.StringVar(&j.Algorithm, "algorithm", "", "`NAME` that the provider must offer")
	f.Uint64Var(&j.Priority, "priority", 0, "0 to 9, 9 first")
	f.DurationVar(&ttl, "ttl", 0, "`TIME` until the job expires (default the policy's)")
	f.BoolVar(&j.AcceptInsufficient, "accept-insufficient", false, "submit although the traps are too few for a verdict; nothing is paid then")
	f.StringVar(&j.TrapPolicy, "trap-policy", "", "exact@1 or ref@1 (default exact@1)")
	return c
}

type jobsAnswer struct {
	Jobs []aicf.Job `json:"jobs"`
}

// allJobs follows the pages.
func (o *program) allJobs(ctx context.Context, c *client.Client, f aicf.JobFilter) (*jobsAnswer, error) {
	all := &jobsAnswer{Jobs: []aicf.Job{}}
	f.Limit = 500
	for cursor := ""; ; {
		page, err := c.Jobs(ctx, f, cursor)
		if err != nil {
			return nil, o.refused(err)
		}
		all.Jobs = append(all.Jobs, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all, nil
		}
	}
}

func printJobs(a *jobsAnswer) func(io.Writer) {
	return func(w io.Writer) {
		for _, j := range a.Jobs {
			fmt.Fprintf(w, "%s  %-10s %5d units  attempt %d  %s\n", j.ID, j.State, j.Units, j.Attempt, j.Reason)
		}
		fmt.Fprintf(w, "%d jobs\n", len(a.Jobs))
	}
}

func (o *program) listJobs() *cobra.Command {
	var status string
	var provider, requester idFlag
	c := &cobra.Command{
		Use: "list_jobs", Short: "List jobs, all pages", Args: cli.Args(),
		Example: "  omni aicf list_jobs --status completed",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			all, err := o.allJobs(cmd.Context(), c, aicf.JobFilter{State: aicf.JobState(status), Provider: provider.id, Requester: requester.id})
			if err != nil {
				return err
			}
			return o.Print(all, printJobs(all))
		},
	}
	f := c.Flags()
	f.StringVar(&status, "status", "", "queued, delayed, offered, leased, verifying, completed, failed, expired or cancelled")
	f.Var(&provider, "provider", "only of this provider_id")
	f.Var(&requester, "requester", "only of this account")
	return c
}

func (o *program) queueList() *cobra.Command {
	return &cobra.Command{
		Use: "queue_list", Short: "List the jobs that wait or run", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			all := &jobsAnswer{Jobs: []aicf.Job{}}
			for _, state := range []aicf.JobState{aicf.Queued, aicf.Delayed, aicf.Offered, aicf.Leased, aicf.Verifying} {
				some, err := o.allJobs(cmd.Context(), c, aicf.JobFilter{State: state})
				if err != nil {
					return err
				}
				all.Jobs = append(all.Jobs, some.Jobs...)
			}
			return o.Print(all, printJobs(all))
		},
	}
}

type jobAnswer struct {
	*aicf.Job
	Timeline []aicf.Event `json:"timeline"`
}

func (o *program) getJob() *cobra.Command {
	return &cobra.Command{
		Use: "get_job ID", Short: "Show a job and what happened to it", Args: cli.Args("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID("ID", args[0])
			if err != nil {
				return err
			}
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			j, err := c.Job(cmd.Context(), id)
			if err != nil {
				return o.refused(err)
			}
			t, err := c.Timeline(cmd.Context(), id)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(jobAnswer{j, t.Events}, func(w io.Writer) {
				fmt.Fprintf(w, "job_id   %s\nstatus   %s %s\nprovider %s\n", j.ID, j.State, j.Reason, j.Provider)
				for _, e := range t.Events {
					fmt.Fprintf(w, "%8d  %s  %-16s fence %d\n", e.Seq, time.UnixMilli(e.TSMS).UTC().Format(time.TimeOnly), e.Type, e.Fence)
				}
			})
		},
	}
}

func (o *program) explain() *cobra.Command {
	return &cobra.Command{
		Use: "explain JOB", Short: "Explain how the pay of a job comes about", Args: cli.Args("JOB"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID("JOB", args[0])
			if err != nil {
				return err
			}
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			l, err := c.Explain(cmd.Context(), id)
			if err != nil {
				return o.refused(err)
			}
			return o.Print(l, func(w io.Writer) { printLine(w, l) })
		},
	}
}
