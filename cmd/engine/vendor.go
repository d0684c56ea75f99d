package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
)

func (e *program) vendorVerb() *cobra.Command {
	cert := e.Group("cert", "The certificate that a vendor gives a quantum device", e.vendorIssue(), e.vendorVerify())
	return e.Group("vendor", "Vendors of quantum computers: certificates of their devices", cert)
}

func (e *program) vendorVerify() *cobra.Command {
	var f attestFlags
	c := &cobra.Command{
		Use: "verify FILE", Short: "Verify a vendor certificate",
		Long: `Verify a vendor certificate, or the one in a provider bundle, and print what the
vendor says about the device. It is "engine attest verify --kind qpu --evidence
FILE". Trusted are the roots in DIR/NAME/*.pem, NAME being the vendor in lower
case with hyphens for other characters; DIR is DATA_DIR/roots without --roots.

Exit 0 when accepted, 41 when refused.`,
		Example: "  engine vendor cert verify certificate.json --at now\n  engine vendor cert verify provider_bundle.json --roots roots --at 2026-11-25T12:00:00Z",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			f.evidence = args[0]
			return e.verifyVendorEvidence(&f)
		},
	}
	p := c.Flags()
	p.StringVar(&f.collateral, "crl", "", "`FILE` with a revocation list of the vendor, DER or PEM")
	p.StringVar(&f.roots, "roots", "", "`DIR` of trusted roots, in place of DATA_DIR/roots")
	p.StringVar(&f.at, "at", "", "judge validity at this `TIME`: RFC 3339 or now")
	p.StringVar(&f.policy, "policy", "", "JSON `FILE` with vendors, denied_claims, denied_devices, denied_keys, require_crl")
	p.StringSliceVar(&f.policyKeys, "policy-key", nil, "`KEYS` (ed25519:HEX), one of which must have signed the policy")
	addTestKeys(p, &f)
	return c
}

// addTestKeys adds the flag without which published keys certify nothing.
func addTestKeys(p *pflag.FlagSet, f *attestFlags) {
	p.BoolVar(&f.testKeys, "allow-test-keys", false, "accept the certificate of a test vendor whose keys are published (qpu)")
}

// vendorError gives refusals while issuing an exit code.
func vendorError(err error) *cli.Error {
	return cli.Errorf(cli.AttestationError, "", "%w", attest.AsRefusal(err))
}
