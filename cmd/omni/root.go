package main

import (
	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
)

// program is one run of the command.
type program struct {
	*cli.App
	cfg      config
	endpoint string // --endpoint
	keyDir   string // --key-dir

	keyIdentity string // --key-identity
}

// config is the configuration file.
type config struct {
	Endpoint string `yaml:"endpoint"`
}

const long = `omni is the network side of verifiable quantum jobs.

  omni devnet
  omni aicf serve --dev
  omni aicf provider_register --bundle provider_bundle.json --stake 5000
  omni aicf submit job.json
  omni aicf policy show policy.yaml
  omni aicf policy simulate --cases cases.json

Results go to stdout, words and progress to stderr. Every verb takes --json.`

func (o *program) root() *cobra.Command {
	root := o.Root("Rules of the quantum job network", long)
	o.Setup = func(*cobra.Command) error {
		_, err := o.LoadConfig(&o.cfg)
		return err
	}
	aicf := o.Group("aicf", "The job network",
		o.providerRegister(), o.providerStake("provider_stake", "Move available balance into stake", false),
		o.providerStake("provider_unstake", "Begin to move stake back", true), o.providerHeartbeat(), o.providers(), o.eligibility(),
		o.submit(), o.listJobs(), o.getJob(), o.queueList(), o.explain(),
		o.getBalance(), o.claimPayout(), o.statement(), o.fund(), o.slashes(), o.dispute(), o.check(),
		o.claimVerbs(), o.receiptVerbs(), o.status(), o.policyVerb(), o.serve(), o.backup())
	o.endpointFlag(aicf)
	root.AddCommand(aicf, o.devnet())
	return root
}
