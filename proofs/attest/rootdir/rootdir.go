// Package rootdir reads trusted roots for attestation evidence from folders: *.pem and *.crl
// below KIND or VENDOR.
//
// It promises what package evidence needs of a folder: at most evidence.MaxTrustFiles are
// read, a folder that is not there has no files, and the place is named in refusals. It
// judges nothing.
package rootdir

import (
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// Folder reads folders below dir.
func Folder(dir string) evidence.Folder {
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

// Anchors say what is trusted.
type Anchors struct {
	// Only is a folder that takes the place of everything else; "": none.
	Only string
	// Own is where an operator drops roots for good, beside the pinned ones; "": nowhere.
	Own string
	// More are roots of a kind that this build adds to the pinned ones; nil: none.
	More func(attest.Kind) []*x509.Certificate
}

// TEE is what is trusted for a kind of TEE.
func (a Anchors) TEE(v attest.Verifier) (*evidence.Trust, error) {
	k := v.Kind()
	if a.Only != "" {
		return evidence.TEETrust(Folder(a.Only), k)
	}
	t := &evidence.Trust{Roots: v.PinnedRoots()}
	if a.More != nil {
		t.Roots.Certs = append(t.Roots.Certs, a.More(k)...)
	}
	if a.Own == "" {
		return t, nil
	}
	more, err := evidence.TEETrust(Folder(a.Own), k)
	if err != nil {
		return nil, err
	}
	if len(more.Roots.Certs) > 0 || len(t.Roots.Certs) == 0 {
		t.Roots.Where += " and " + more.Roots.Where
	}
	t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, more.Roots.Certs...), append(t.Roots.Between, more.Roots.Between...)
	return t, nil
}

// Kind is [Anchors.TEE] by the name of the kind; one that no verifier knows has no roots.
func (a Anchors) Kind(k attest.Kind) (*evidence.Trust, error) {
	for _, v := range evidence.Verifiers() {
		if v.Kind() == k {
			return a.TEE(v)
		}
	}
	return &evidence.Trust{Roots: &attest.Roots{Where: "no folder"}}, nil
}

// Vendor is what is trusted for a vendor of quantum computers. No root is pinned.
func (a Anchors) Vendor(vendor string) (*evidence.Trust, error) {
	dir := a.Only
	if dir == "" {
		dir = a.Own
	}
	if dir == "" {
		return &evidence.Trust{Roots: &attest.Roots{Where: "no folder: there is no data directory"}}, nil
	}
	return evidence.VendorTrust(Folder(dir), vendor)
}
