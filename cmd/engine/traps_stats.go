package main

import (
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Limits of a batch file.
const (
	maxBatchBytes = 4 << 20
	maxBatchCases = 10_000
)

func (e *program) trapsStats() *cobra.Command {
	return &cobra.Command{
		Use: "stats FILE", Short: "Answer a batch of questions about counts of passed traps",
		Long: `Answer a batch of questions about k passes in n trials. FILE ("-" is stdin) holds
{"cases":[{"op":…},…]}; the answer is {"results":[…]} in the same order. A case
that is refused is {"error":{"name","message"}}; the others are still answered.

  wilson, hoeffding, clopper_pearson {k,n,alpha}     two-sided interval: lower, upper
  sprt {k,n,p0,p1,alpha,beta}                        llr in nats of p1 over p0, and decision:
                                                     accept (p0), reject or continue
  upper_tail, lower_tail {k,n,p}                     log10 of P[Bin(n,p) >= k], <= k
  fisher, tippett {p:[…]}                            combined p-value: p, log10
  accept_threshold {n,p0,alpha}                      accept: least passes of the exact test
  e_process {p_a,p_b,alpha,windows:[[kA,nA,kB,nB],…]}
                                                     first_bad window, evidence, limits (nats)
  cusum {p_a,p_b,mean_jobs,jobs:[[kA,nA,kB,nB],…]}   the same over jobs; alarms are then
                                                     mean_jobs apart or more on average
  eps95 {shots,traps,fails}                          accreditation bounds eps95_markov, eps95_hidden
  finite_population {shots,traps,fails,delta}        upper: share of corrupted targets
  t_min {p_a,p_b,width,mix_a}                        t_min, null where none suffices
  layout {shots,ratio_ppm}                           traps, windows
  pass_rates {n1,n2,width,p1,p2,ro}                  closed forms of docs/traps.md

Tails are certified up to n = 10000000.

alpha, beta, p, p0, p1 are probabilities between 0 and 1, both excluded.`,
		Example: `  echo '{"cases":[{"op":"wilson","k":980,"n":1000,"alpha":0.01}]}' | engine traps stats -`,
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := e.ReadInput("FILE", args[0], maxBatchBytes, cli.JobInvalid)
			if err != nil {
				return err
			}
			cases, err := batchCases(b)
			if err != nil {
				return err
			}
			results := make([]any, len(cases))
			for i := range cases {
				results[i] = answerCase(&cases[i])
			}
			return e.Print(map[string]any{"results": results}, func(w io.Writer) {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				for _, r := range results {
					_ = enc.Encode(r) // to a buffer
				}
			})
		},
	}
}

// batchCases reads {"cases":[…]}.
func batchCases(b []byte) ([]strictjson.Node, error) {
	root, err := strictjson.Parse(b, strictjson.Limits{Bytes: maxBatchBytes, Depth: 8, Values: 40 * maxBatchCases})
	if err != nil {
		return nil, jsonError(err)
	}
	if root.Kind != strictjson.Object || len(root.Members) != 1 || root.Members[0].Key != "cases" || root.Members[0].Value.Kind != strictjson.Array {
		return nil, cli.Errorf(cli.JobInvalid, "cases", "a batch is an object with the one member cases, an array").WithHint(`{"cases":[{"op":"wilson","k":980,"n":1000,"alpha":0.01}]}`)
	}
	cases := root.Members[0].Value.Items
	if len(cases) > maxBatchCases {
		return nil, cli.Errorf(cli.JobInvalid, "cases", "%d cases, at most %d in one file", len(cases), maxBatchCases)
	}
	return cases, nil
}

// jsonError gives refusals of strictjson a code and a dotted field.
func jsonError(err error) *cli.Error {
	out := cli.Errorf(cli.JobInvalid, "", "%w", err)
	var field *strictjson.Error
	if errors.As(err, &field) {
		out.Field, out.Message, out.Hint = dotted(field.Field), field.Msg, field.Hint
	}
	return out
}

// dotted turns a JSON pointer (RFC 6901) into a.b.c.
func dotted(pointer string) string {
	s := strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
}
