package main

import "github.com/spf13/cobra"

func (e *program) trapsVerb() *cobra.Command {
	return e.Group("traps", "Statistics and verdicts of traps", e.trapsStats(), e.trapsPlan(), e.trapsJudge(), e.trapsZoo(), e.trapsPower(), e.trapsAudit(), e.trapsFraud())
}
