package main

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// maxRootFiles bounds the files of one folder of roots.
const maxRootFiles = 64

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
		return loadTrust(dir, string(k), k.Vendor())
	}
	t := &evidence.Trust{Roots: v.PinnedRoots()}
	t.Roots.Certs = append(t.Roots.Certs, fakeTEERoots(k)...)
	own := e.ownRoots()
	if own == "" {
		return t, nil
	}
	more, err := loadTrust(own, string(k), k.Vendor())
	if err != nil {
		return nil, err
	}
	t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, more.Roots.Certs...), append(t.Roots.Between, more.Roots.Between...)
	if len(t.Roots.Certs) == len(more.Roots.Certs) || len(more.Roots.Certs) > 0 {
		t.Roots.Where += " and " + more.Roots.Where
	}
	return t, nil
}

// vendorTrust is what is trusted for a vendor of quantum computers: the roots and
// revocation lists in its folder, and those roots in the folder of the kind whose
// organisation is the vendor. No root is pinned.
func (e *program) vendorTrust(dir, vendor string) (*evidence.Trust, error) {
	if dir == "" {
		if dir = e.ownRoots(); dir == "" {
			return &evidence.Trust{Roots: &attest.Roots{Where: "no folder: there is no data directory"}}, nil
		}
	}
	name := vendorFolder(vendor)
	t, err := loadTrust(dir, name)
	if err != nil {
		return nil, err
	}
	shared, err := loadTrust(dir, string(attest.QPU))
	if err != nil {
		return nil, err
	}
	for _, c := range shared.Roots.Certs {
		if slices.Equal(c.Subject.Organization, []string{vendor}) {
			t.Roots.Certs = append(t.Roots.Certs, c)
		}
	}
	t.CRLs = append(t.CRLs, shared.CRLs...)
	t.Roots.Between = append(t.Roots.Between, shared.Roots.Between...)
	t.Roots.Where += " and " + shared.Roots.Where
	return t, nil
}

// vendorFolder is the name of a vendor's folder: lower case, and a hyphen for
// everything but letters, digits and underscore, at most 64 characters.
func vendorFolder(vendor string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(vendor))
	return name[:min(len(name), 64)]
}

// loadTrust reads *.pem and *.crl of folders below dir. Folders that are absent are
// named in the refusal of a chain.
func loadTrust(dir string, names ...string) (*evidence.Trust, error) {
	t := &evidence.Trust{Roots: &attest.Roots{}}
	var where []string
	for _, name := range slices.Compact(names) {
		folder := filepath.Join(dir, name)
		where = append(where, folder)
		list, err := os.ReadDir(folder)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, cli.Errorf(cli.BadConfig, "--roots", "%w", err)
		}
		files := 0
		for _, f := range list {
			ext := filepath.Ext(f.Name())
			if ext != ".pem" && ext != ".crl" {
				continue
			}
			if files++; files > maxRootFiles {
				return nil, cli.Errorf(cli.BadConfig, "--roots", "%s holds more than %d files", folder, maxRootFiles)
			}
			if err := addTrust(t, filepath.Join(folder, f.Name()), ext); err != nil {
				return nil, err
			}
		}
	}
	t.Roots.Where = strings.Join(where, " and ")
	return t, nil
}

func addTrust(t *evidence.Trust, path, ext string) error {
	b, err := os.ReadFile(path)
	if limit := map[string]int{".pem": attest.MaxCerts, ".crl": attest.MaxCollateral}[ext]; err == nil && len(b) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--roots", "%w", err)
	}
	if ext == ".crl" {
		t.CRLs = append(t.CRLs, crlBytes(b))
		return nil
	}
	r, err := attest.ParseRoots(path, b)
	if err != nil {
		return cli.Errorf(cli.BadConfig, "--roots", "%s: %w", path, err)
	}
	t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, r.Certs...), append(t.Roots.Between, r.Between...)
	return nil
}

// crlBytes is the DER of a revocation list, which may be one PEM block.
func crlBytes(b []byte) []byte {
	if block, rest := pem.Decode(b); block != nil && block.Type == "X509 CRL" && len(bytes.TrimSpace(rest)) == 0 {
		return block.Bytes
	}
	return b
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
