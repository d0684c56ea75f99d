package evidence

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/animicaorg/engine/proofs/attest"
)

// Folder reads the files of one folder below a folder of roots, by name; a folder
// that is not there has none. where is repeated in refusals.
type Folder func(name string) (files map[string][]byte, where string, err error)

// MaxTrustFiles bounds the files of one folder that are read.
const MaxTrustFiles = 64

// VendorFolder is the name of the folder for a vendor of quantum computers: lower
// case, and a hyphen for everything but letters, digits and underscore, at most 64
// characters. "" has none.
func VendorFolder(vendor string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, strings.ToLower(vendor))
	return name[:min(len(name), 64)]
}

// LoadTrust reads *.pem and *.crl of folders. Folders that are absent are named in
// the refusal of a chain.
func LoadTrust(dir Folder, names ...string) (*Trust, error) {
	t := &Trust{Roots: &attest.Roots{}}
	var searched []string
	for _, name := range slices.Compact(names) {
		files, where, err := dir(name)
		if err != nil {
			return nil, err
		}
		searched = append(searched, where)
		if len(files) > MaxTrustFiles {
			return nil, fmt.Errorf("%s holds more than %d files", where, MaxTrustFiles)
		}
		for _, f := range slices.Sorted(maps.Keys(files)) {
			if err := t.add(where+"/"+f, files[f]); err != nil {
				return nil, err
			}
		}
	}
	t.Roots.Where = strings.Join(searched, " and ")
	return t, nil
}

func (t *Trust) add(name string, b []byte) error {
	limit := map[string]int{".pem": attest.MaxCerts, ".crl": attest.MaxCollateral}[path.Ext(name)]
	switch {
	case limit == 0:
		return nil
	case len(b) > limit:
		return fmt.Errorf("%s has more than %d bytes", name, limit)
	case path.Ext(name) == ".crl":
		t.CRLs = append(t.CRLs, RevocationList(b))
		return nil
	}
	r, err := attest.ParseRoots(name, b)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, r.Certs...), append(t.Roots.Between, r.Between...)
	return nil
}

// RevocationList is the DER of a revocation list, which may be one PEM block.
func RevocationList(b []byte) []byte {
	if block, rest := pem.Decode(b); block != nil && block.Type == "X509 CRL" && len(bytes.TrimSpace(rest)) == 0 {
		return block.Bytes
	}
	return b
}

// VendorTrust is what a folder says about a vendor of quantum computers: the roots
// and revocation lists in the vendor's folder, and those roots in the folder of the
// kind whose organisation is the vendor. No root is pinned.
func VendorTrust(dir Folder, vendor string) (*Trust, error) {
	t, err := LoadTrust(dir, VendorFolder(vendor))
	if err != nil {
		return nil, err
	}
	shared, err := LoadTrust(dir, string(attest.QPU))
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

// TEETrust is what a folder says about a kind of TEE.
func TEETrust(dir Folder, k attest.Kind) (*Trust, error) {
	return LoadTrust(dir, string(k), k.Vendor())
}
