package main

import (
	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys/agekeys"
)

// program is one run of the command.
type program struct {
	*cli.App
	cfg        config
	configFile string // that was read; empty: none
	dataDir    string // --data-dir

	keyIdentity, keyPassphrase string // files that open sealed keys
}

const long = `engine runs verifiable quantum jobs.

A job is planned first: its circuit is compiled, trap circuits are mixed in, and
the digests of all of it are logged. Then it is executed, the traps are judged
by a sandboxed module, and a proof is written that verifies offline.

  engine run examples/jobs/guide.json --out qrun
  engine proof verify qrun/proof.json --bundle qrun

Results go to stdout, words and progress to stderr. Every verb takes --json.`

func (e *program) root() *cobra.Command {
	root := e.Root("Run verifiable quantum jobs and check their proofs", long)
	e.Setup = e.loadConfig
	root.PersistentFlags().StringVar(&e.dataDir, "data-dir", "", "`DIR` of keys, journal, audit log and circuit store (default $XDG_DATA_HOME/animica/engine)")
	root.PersistentFlags().StringVar(&e.keyIdentity, "key-identity", "", "`FILE` of the age identity that opens sealed keys (default a service credential, else $XDG_CONFIG_HOME/animica/"+agekeys.CredentialName+")")
	root.PersistentFlags().StringVar(&e.keyPassphrase, "key-passphrase", "", "`FILE` of the passphrase that opens a root key sealed with one")
	root.AddCommand(
		e.runVerb(), e.proofVerb(), e.circuitVerb(), e.simVerb(), e.trapsVerb(),
		e.attestVerb(), e.vendorVerb(), e.moduleVerb(), e.driverVerb(), e.fakeVerb(), e.keysVerb(), e.identityVerb(), e.bundleVerb(), e.auditVerb(), e.sbomVerb(),
		e.providerVerb(), e.workerVerb(), e.brokerVerb(), e.benchVerb(), e.calibrateVerb(), e.doctorVerb(), e.versionVerb(),
	)
	return root
}
