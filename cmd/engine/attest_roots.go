package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// rootsFolder reads folders below dir.
func rootsFolder(dir string) evidence.Folder {
	return func(name string) (map[string][]byte, string, error) {
		where := filepath.Join(dir, name)
		list, err := os.ReadDir(where)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, where, err
		}
		list = slices.DeleteFunc(list, func(f os.DirEntry) bool { return filepath.Ext(f.Name()) != ".pem" && filepath.Ext(f.Name()) != ".crl" })
		files := map[string][]byte{}
		for _, f := range list[:min(len(list), evidence.MaxTrustFiles+1)] {
			if files[f.Name()], err = os.ReadFile(filepath.Join(where, f.Name())); err != nil {
				return nil, where, err
			}
		}
		return files, where, nil
	}
}

// ownRoots is the folder where an operator drops roots for good; empty where there
// is no data directory.
func (e *program) ownRoots() string {
	dir, err := e.data()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "roots")
}

// teeTrust is what is trusted for a kind of TEE: with a folder the roots in it, else
// the pinned ones and those that the operator dropped into the data directory.
func (e *program) teeTrust(dir string, v attest.Verifier) (*evidence.Trust, error) {
	k := v.Kind()
	if dir != "" {
		return trusted(evidence.TEETrust(rootsFolder(dir), k))
	}
	t := &evidence.Trust{Roots: v.PinnedRoots()}
	t.Roots.Certs = append(t.Roots.Certs, fakeTEERoots(k)...)
	own := e.ownRoots()
	if own == "" {
		return t, nil
	}
	more, err := trusted(evidence.TEETrust(rootsFolder(own), k))
	if err != nil {
		return nil, err
	}
	if len(more.Roots.Certs) > 0 || len(t.Roots.Certs) == 0 {
		t.Roots.Where += " and " + more.Roots.Where
	}
	t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, more.Roots.Certs...), append(t.Roots.Between, more.Roots.Between...)
	return t, nil
}

// vendorTrust is what is trusted for a vendor of quantum computers: what is in the
// folder, else in that of the data directory.
func (e *program) vendorTrust(dir, vendor string) (*evidence.Trust, error) {
	if dir == "" {
		if dir = e.ownRoots(); dir == "" {
			return &evidence.Trust{Roots: &attest.Roots{Where: "no folder: there is no data directory"}}, nil
		}
	}
	return trusted(evidence.VendorTrust(rootsFolder(dir), vendor))
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
