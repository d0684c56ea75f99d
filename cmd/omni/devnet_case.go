package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/internal/cli"
)

// playCase plays a dispute and tells its story.
func (o *program) playCase(ctx context.Context, cfg devnet.Config, f *devnetFlags) error {
	began := time.Now()
	s, err := devnet.Play(ctx, cfg, devnet.Case{Cheat: f.cheat.Value, Appeal: f.appeal})
	if err != nil {
		if s != nil {
			for _, step := range s.Steps {
				o.Say("%-9s %s", step.Who, step.What)
			}
		}
		out := cli.Errorf(cli.NetworkService, "--cheat", "%w", err)
		if errors.Is(err, devnet.ErrStory) {
			out.Named("NetworkBroken").WithHint("the network's policy does not punish the fault, or its service does not do what it should")
		}
		return out
	}
	s.Elapsed = time.Since(began).Milliseconds()
	return o.Print(s, func(w io.Writer) { writeStory(w, s) })
}

func writeStory(w io.Writer, s *devnet.Story) {
	for i, step := range s.Steps {
		fmt.Fprintf(w, "%2d  %-9s %s\n", i+1, step.Who, step.What)
	}
	fmt.Fprintln(w, "\nThe ledger says")
	for _, e := range s.Entries {
		fmt.Fprintf(w, "  %s\n", e)
	}
	end := fmt.Sprintf("%d taken for good, the disputed jobs paid %d", s.Taken, s.Paid)
	if s.Appeal {
		end = fmt.Sprintf("%d held and %d returned, staked %d before and after", s.Slash.Amount, s.Returned, s.After.Staked)
	}
	fmt.Fprintf(w, "slash %s: %s; %s\nledger imbalance %d, %d invariants hold; %d ms\n", s.Slash.State, s.Slash.Reason, end, s.Balance, len(s.Checks), s.Elapsed)
}
