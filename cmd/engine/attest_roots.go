package main

import (
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/rootdir"
)

// ownRoots is the folder where an operator drops roots for good; empty where there
// is no data directory.
func (e *program) ownRoots() string {
	dir, err := e.data()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "roots")
}

// anchors are the roots in dir, else the pinned ones and those that the operator dropped into
// the data directory.
func (e *program) anchors(dir string) rootdir.Anchors {
	return rootdir.Anchors{Only: dir, Own: e.ownRoots(), More: fakeTEERoots}
}

// teeTrust is what is trusted for a kind of TEE.
func (e *program) teeTrust(dir string, v attest.Verifier) (*evidence.Trust, error) {
	return trusted(e.anchors(dir).TEE(v))
}

// vendorTrust is what is trusted for a vendor of quantum computers.
func (e *program) vendorTrust(dir, vendor string) (*evidence.Trust, error) {
	return trusted(e.anchors(dir).Vendor(vendor))
}

// trusted gives errors of a folder their exit code.
func trusted(t *evidence.Trust, err error) (*evidence.Trust, error) {
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--roots", "%w", err)
	}
	return t, nil
}

// checkRootsDir refuses a folder of --roots that is not there.
func checkRootsDir(dir string) error {
	if dir == "" {
		return nil
	}
	if _, err := os.Stat(dir); err != nil {
		return cli.Errorf(cli.Usage, "--roots", "%w", err)
	}
	return nil
}
