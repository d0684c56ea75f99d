package main

import (
	"cmp"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// trustFlags say what a verifier of proofs relies on for evidence.
type trustFlags struct {
	attestFlags
	dir string
}

func (f *trustFlags) add(p *pflag.FlagSet) {
	f.prefix = "attest-"
	p.StringVar(&f.dir, "roots", "", "`DIR` of trusted roots for evidence, in place of the pinned ones and of DATA_DIR/roots")
	p.StringVar(&f.policy, "attest-policy", "", "JSON `FILE` with accepted measurements, patch levels, vendors and deny lists")
	p.StringSliceVar(&f.policyKeys, "attest-policy-key", nil, "`KEYS` (ed25519:HEX), one of which must have signed the attestation policy")
	p.StringVar(&f.collateral, "collateral", "", "`FILE` with revocation lists and patch levels, in place of those in the proof")
	p.StringSliceVar(&f.allow, "allow-tcb", nil, "`STATUS,…` of the patch level to accept beside UpToDate and Unrated")
}

// attester judges the evidence of proofs.
func (e *program) attester(f *trustFlags) (*evidence.Attester, error) {
	if err := checkRootsDir(f.dir); err != nil {
		return nil, err
	}
	rules, err := e.attestRules(&f.attestFlags)
	if err != nil {
		return nil, err
	}
	from := e.anchors(f.dir)
	a := &evidence.Attester{Policy: rules.Policy, Allow: rules.AllowTCB, Published: evidence.PublishedRoots(),
		TEE:    func(k attest.Kind) (*evidence.Trust, error) { return trusted(from.Kind(k)) },
		Vendor: func(vendor string) (*evidence.Trust, error) { return trusted(from.Vendor(vendor)) }}
	if f.collateral != "" {
		if a.Collateral, err = e.ReadInput("--collateral", f.collateral, attest.MaxCollateral, cli.AttestationError); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func orDash(s string) string { return cmp.Or(s, "-") }
