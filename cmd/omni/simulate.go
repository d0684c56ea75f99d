package main

import (
	"encoding/json"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
)

// Limits of a batch file.
const (
	maxBatchBytes = 8 << 20
	maxBatchCases = 10_000
	maxBatchDepth = 24
)

func (o *program) policySimulate() *cobra.Command {
	var cases, policy string
	c := &cobra.Command{
		Use: "simulate --cases FILE", Short: "Answer a batch of questions about the network's rules",
		Long: `Answer a batch of questions about the network's rules, offline. FILE ("-" is
stdin) holds {"cases":[{"op":…},…]}; the answer is {"results":[…]} in the same
order. A case that is refused is {"error":{"name","message"}}; the others are
still answered. With --policy, members that a case leaves out come from it.

  split settle price units slash_plan severity sla heartbeat backoff
  assign shuffle job_id task_id bridge_id`,
		Example: `  echo '{"cases":[{"op":"split","total":1001}]}' | omni aicf policy simulate --cases -`,
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			if cases == "" {
				return cli.Errorf(cli.Usage, "--cases", "is needed").WithHint("--cases FILE, - is stdin")
			}
			rules := &simulator{}
			if policy != "" {
				p, _, err := o.loadPolicy("--policy", policy)
				if err != nil {
					return err
				}
				rules.policy = p
			}
			b, err := o.ReadInput("--cases", cases, maxBatchBytes, cli.JobInvalid)
			if err != nil {
				return err
			}
			nodes, err := batchCases(b)
			if err != nil {
				return err
			}
			results := make([]any, len(nodes))
			for i := range nodes {
				results[i] = rules.answer(&nodes[i])
			}
			return o.Print(map[string]any{"results": results}, func(w io.Writer) {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				for _, r := range results {
					_ = enc.Encode(r) // to a buffer
				}
			})
		},
	}
	c.Flags().StringVar(&cases, "cases", "", "`FILE` with the cases; - is stdin")
	c.Flags().StringVar(&policy, "policy", "", "policy `FILE`, default or lineage, for what a case leaves out")
	return c
}

// batchCases reads {"cases":[…]}.
func batchCases(b []byte) ([]strictjson.Node, error) {
	root, err := strictjson.Parse(b, strictjson.Limits{Bytes: maxBatchBytes, Depth: maxBatchDepth, Values: 50 * maxBatchCases})
	if err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "cases", "%w", err)
	}
	if root.Kind != strictjson.Object || len(root.Members) != 1 || root.Members[0].Key != "cases" || root.Members[0].Value.Kind != strictjson.Array {
		return nil, cli.Errorf(cli.JobInvalid, "cases", "a batch is an object with the one member cases, an array").WithHint(`{"cases":[{"op":"split","total":1001}]}`)
	}
	cases := root.Members[0].Value.Items
	if len(cases) > maxBatchCases {
		return nil, cli.Errorf(cli.JobInvalid, "cases", "%d cases, at most %d in one file", len(cases), maxBatchCases)
	}
	return cases, nil
}

// simulator answers cases; policy may be nil.
type simulator struct{ policy *aicf.Policy }

// answer answers one case or says why not.
func (s *simulator) answer(n *strictjson.Node) any {
	var stuck *refusal
	f := fields{n, "", &stuck}
	if n.Kind != strictjson.Object {
		return refusedCase{refusal{invalidCase, "a case is an object"}}
	}
	op, known := s.ops()[f.text("op")]
	if !known {
		f.refuse(unknownOp, "op %.40q is not known", f.text("op"))
		return refusedCase{*stuck}
	}
	f.only(append(op.members, "op")...)
	if stuck != nil {
		return refusedCase{*stuck}
	}
	out, err := op.do(f)
	if stuck == nil && err != nil && !errors.Is(err, errStuck) {
		f.refuse(domainError, "%v", err)
	}
	if stuck != nil {
		return refusedCase{*stuck}
	}
	return out
}

// errStuck says that the fields hold the refusal.
var errStuck = errors.New("refused")

// operation is one op: the members it takes and its function.
type operation struct {
	members []string
	do      func(fields) (any, error)
}

func (s *simulator) ops() map[string]operation {
	call := []string{"chain_id", "height", "tx_hash", "caller", "payload"}
	return map[string]operation{
		"split":      {[]string{"total", "bps", "remainder"}, s.split},
		"settle":     {[]string{"per_unit", "splits_bps", "remainder", "cap_rule", "cap", "claims", "slashes"}, s.settle},
		"price":      {[]string{"units", "per_unit", "min", "max", "rounding", "surge", "quality"}, s.price},
		"units":      {[]string{"width", "depth", "shots", "profile"}, s.units},
		"slash_plan": {[]string{"reason", "severity_bps", "stake", "earnings", "epoch"}, slashPlan},
		"severity":   {[]string{"traps_ratio", "qos_score", "latency_p99_ms", "availability"}, severity},
		"sla":        {[]string{"table", "stake", "recent_offenses", "metrics"}, evaluate},
		"heartbeat":  {[]string{"events"}, heartbeat},
		"backoff":    {[]string{"attempt"}, backoff},
		"assign":     {[]string{"random_seed", "providers", "quotas", "inflight", "jobs"}, s.assign},
		"shuffle":    {[]string{"beacon", "epoch", "salt", "candidates"}, shuffle},
		"job_id":     {call, jobID},
		"task_id":    {call, taskID},
		"bridge_id":  {[]string{"chain_id", "height", "tx_hash", "caller", "circuit", "shots", "depth", "width", "traps_ratio"}, bridgeID},
	}
}
