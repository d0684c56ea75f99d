package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

func (e *program) attestVerb() *cobra.Command {
	return e.Group("attest", "Verify attestation evidence offline", e.attestVerify(), e.attestChain(), e.attestWindow())
}

// kindFlag is --kind.
func kindFlag(c *cobra.Command) *cli.Choice {
	k := &cli.Choice{}
	for _, v := range evidence.Verifiers() {
		k.Allowed = append(k.Allowed, string(v.Kind()))
	}
	k.Allowed = append(k.Allowed, string(attest.QPU))
	c.Flags().Var(k, "kind", "what the evidence is")
	return k
}

func attestVerifier(k *cli.Choice) (attest.Verifier, error) {
	for _, v := range evidence.Verifiers() {
		if string(v.Kind()) == k.Value {
			return v, nil
		}
	}
	return nil, cli.Errorf(cli.Usage, "--kind", "is needed").WithHint("one of %s", strings.Join(k.Allowed, ", "))
}

type attestFlags struct {
	evidence, collateral, cert, roots, report, at, policy string
	allow, policyKeys                                     []string
	prefix                                                string // of --policy and --policy-key in this verb
	testKeys                                              bool   // qpu: roots whose keys are published count
}

type attestPolicy struct {
	ID      string        `json:"id"`
	Version uint64        `json:"version"`
	Hash    digest.Digest `json:"hash"`
	Signer  string        `json:"signer,omitempty"`
}

type attestReason struct {
	Code    attest.Reason `json:"code"`
	Message string        `json:"message"`
}

type attestAnswer struct {
	Verdict string         `json:"verdict"` // accepted or refused
	Reason  string         `json:"reason"`
	Reasons []attestReason `json:"reasons"`
	At      string         `json:"at,omitempty"`
	Policy  *attestPolicy  `json:"policy,omitempty"`
	*attest.Result
	Error *cli.Body `json:"error,omitempty"`
}

func (e *program) attestVerify() *cobra.Command {
	var f attestFlags
	c := &cobra.Command{
		Use: "verify", Short: "Verify evidence and judge it",
		Long: `Verify attestation evidence without network and print it in one normal form.
Nothing is accepted without a time: --at names it, "--at now" is the clock of this
machine. Roots are those pinned in this build and those in DATA_DIR/roots; with
--roots DIR they are instead the self-signed certificates in DIR/KIND/*.pem and
DIR/VENDOR/*.pem (intel, amd, aws, arm, tcg). The roots of a vendor of quantum
computers are in DIR/NAME/*.pem, its revocation lists in DIR/NAME/*.crl.

Debug mode, migratable environments and bytes behind the evidence are always
refused. Report data is judged with --expect-report-data only: 32 bytes are a
digest that must stand there with zero bytes behind it, any other length must be
the whole field. The evidence of kind qpu is a vendor certificate, or a provider
bundle with one. Files, policy and kinds: docs/attestation.md.

Exit 0 when accepted, 41 when refused.`,
		Example: `  engine attest verify --kind tdx --evidence q.bin --collateral c.json --at 2025-06-20T00:00:00Z
  engine attest verify --kind sev --evidence r.bin --cert vcek.der --at now --policy policy.json
  engine attest verify --kind qpu --evidence provider_bundle.json --roots roots --at now`,
		Args: cli.Args(),
	}
	kind := kindFlag(c)
	c.RunE = func(*cobra.Command, []string) error {
		if kind.Value == string(attest.QPU) {
			return e.verifyVendorEvidence(&f)
		}
		v, err := attestVerifier(kind)
		if err != nil {
			return err
		}
		return e.verifyEvidence(v, &f)
	}
	p := c.Flags()
	p.StringVar(&f.evidence, "evidence", "", "`FILE` with the quote, report, document or token; - is stdin")
	p.StringVar(&f.collateral, "collateral", "", "`FILE` with the vendor's revocation lists and patch levels")
	p.StringVar(&f.cert, "cert", "", "`FILE` with the certificates or the key that the evidence leaves out, DER or PEM")
	p.StringVar(&f.roots, "roots", "", "`DIR` of trusted roots, in place of the pinned ones and of DATA_DIR/roots")
	p.StringVar(&f.report, "expect-report-data", "", "`HEX` that the evidence must bind")
	p.StringVar(&f.at, "at", "", "judge validity at this `TIME`: RFC 3339 or now")
	p.StringSliceVar(&f.allow, "allow-tcb", nil, "`STATUS,…` of the patch level to accept beside UpToDate and Unrated")
	p.StringVar(&f.policy, "policy", "", "JSON `FILE` with accepted measurements and patch levels")
	addTestKeys(p, &f)
	p.StringSliceVar(&f.policyKeys, "policy-key", nil, "`KEYS` (ed25519:HEX), one of which must have signed the policy")
	return c
}

// verifyEvidence reads what the flags name, checks it and prints the verdict.
func (e *program) verifyEvidence(v attest.Verifier, f *attestFlags) error {
	ev, err := e.readEvidence(f)
	if err != nil {
		return err
	}
	params, err := e.attestParams(v, f.roots, f.at)
	if err != nil {
		return err
	}
	// Where no public authority exists, a bare key on the command line is the
	// caller's own word for it.
	if k := v.Kind(); k == attest.CCA || k == attest.TPM {
		if _, _, err := attest.ParsePublicKey(ev.Certs); err == nil {
			params.Key, ev.Certs = ev.Certs, nil
		}
	}
	rules, err := e.attestRules(f)
	if err != nil {
		return err
	}
	return e.printVerdict(attest.Check(v, *ev, *params, *rules), params, rules)
}

func (e *program) readEvidence(f *attestFlags) (*attest.Evidence, error) {
	if f.evidence == "" {
		return nil, cli.Errorf(cli.Usage, "--evidence", "is needed")
	}
	var ev attest.Evidence
	for _, in := range []struct {
		flag, path string
		max        int64
		to         *[]byte
	}{
		{"--evidence", f.evidence, attest.MaxEvidence, &ev.Raw},
		{"--collateral", f.collateral, attest.MaxCollateral, &ev.Collateral},
		{"--cert", f.cert, attest.MaxCerts, &ev.Certs},
	} {
		if in.path == "" {
			continue
		}
		b, err := e.ReadInput(in.flag, in.path, in.max, cli.AttestationError)
		if err != nil {
			return nil, err
		}
		*in.to = b
	}
	return &ev, nil
}

func (e *program) attestParams(v attest.Verifier, roots, at string) (*attest.Params, error) {
	when, err := attestTime(at)
	if err != nil {
		return nil, err
	}
	if err := checkRootsDir(roots); err != nil {
		return nil, err
	}
	t, err := e.teeTrust(roots, v)
	if err != nil {
		return nil, err
	}
	return &attest.Params{At: when, Roots: t.Roots}, nil
}

// attestTime is the time of --at; the zero time where it is not given, which
// refuses.
func attestTime(at string) (time.Time, error) {
	ms, err := parseTime("--at", at)
	if err != nil || ms == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(int64(ms)).UTC(), nil
}

func (e *program) attestRules(f *attestFlags) (*attest.Rules, error) {
	r := &attest.Rules{}
	if f.report != "" {
		b, err := hex.DecodeString(f.report)
		if err != nil || len(b) > 1024 {
			return nil, cli.Errorf(cli.Usage, "--expect-report-data", "want hexadecimal digits, two a byte, at most 1024 bytes")
		}
		r.ExpectReportData = b
	}
	for _, s := range f.allow {
		if !slices.Contains(attest.Statuses, attest.TCBStatus(s)) {
			return nil, cli.Errorf(cli.Usage, "--allow-tcb", "%.60q cannot be allowed", s).WithHint("%s", joinStatuses())
		}
		r.AllowTCB = append(r.AllowTCB, attest.TCBStatus(s))
	}
	if f.policy == "" {
		if len(f.policyKeys) > 0 {
			return nil, cli.Errorf(cli.Usage, "--"+f.prefix+"policy-key", "goes with --%spolicy", f.prefix)
		}
		return r, nil
	}
	doc, err := e.ReadInput("--"+f.prefix+"policy", f.policy, attest.MaxPolicy, cli.BadConfig)
	if err != nil {
		return nil, err
	}
	if r.Policy, err = attest.ParsePolicy(doc, f.policyKeys...); err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--"+f.prefix+"policy", "%w", err)
	}
	return r, nil
}

func joinStatuses() string {
	var names []string
	for _, s := range attest.Statuses {
		names = append(names, string(s))
	}
	return strings.Join(names, ", ")
}

func (e *program) printVerdict(v *attest.Verdict, p *attest.Params, rules *attest.Rules) error {
	a := attestAnswer{Verdict: "accepted", Result: v.Result, Reasons: []attestReason{}}
	if !p.At.IsZero() {
		a.At = p.At.Format(time.RFC3339Nano)
	}
	if q := rules.Policy; q != nil {
		a.Policy = &attestPolicy{q.ID, q.Version, q.Hash, q.Signer}
	}
	var failed *cli.Error
	for _, r := range v.Refusals {
		a.Reasons = append(a.Reasons, attestReason{r.Reason, r.Message})
		if failed == nil {
			failed = attestError(r)
			a.Verdict, a.Reason, a.Error = "refused", r.Message, failed.Body()
		}
	}
	err := e.Print(a, func(w io.Writer) { a.write(w) })
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

// attestError gives a refusal its exit code and the next step.
func attestError(r *attest.Refusal) *cli.Error {
	field := map[attest.Reason]string{attest.BadTime: "--at", attest.BadCollateral: "--collateral", attest.BadReportData: "--expect-report-data"}[r.Reason]
	out := cli.Errorf(cli.AttestationError, field, "%w", r)
	switch r.Reason {
	case attest.BadTime:
		out.WithHint("--at 2026-11-25T12:00:00Z, or --at now")
	case attest.BadChain:
		out.WithHint("an operator's own roots go into DIR/KIND/*.pem, with --roots DIR")
	case attest.BadTCB:
		out.WithHint("--collateral gives the levels; --allow-tcb or --policy accept others than UpToDate")
	}
	return out
}

func (a *attestAnswer) write(w io.Writer) {
	if r := a.Result; r != nil {
		fmt.Fprintf(w, "kind         %s, version %d\nmeasurement  %s\nreport_data  %s\n", r.Kind, r.Version, r.Measurement, r.ReportData)
		for _, x := range r.Extra {
			fmt.Fprintf(w, "%-12s %s\n", x.Name, x.Value)
		}
		fmt.Fprintf(w, "tcb_status   %s %s\n", r.TCBStatus, strings.Join(r.Advisories, " "))
		fmt.Fprintf(w, "root         %s %s\n", r.RootName, r.Root)
		for _, n := range r.Notes {
			fmt.Fprintf(w, "note         %s\n", n)
		}
	}
	fmt.Fprintln(w, a.Verdict)
}
