package sev

import (
	"crypto/x509"
	"embed"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

//go:embed roots/*.pem
var rootFiles embed.FS

// PinnedRoots are AMD's root keys (ARK) of Milan, Genoa and Turin, with the
// signing keys for VCEK and VLEK certificates (ASK, ASVK) between.
func (Verifier) PinnedRoots() *attest.Roots {
	const where = "the AMD roots pinned in this build"
	list, err := rootFiles.ReadDir("roots")
	if err != nil {
		return &attest.Roots{Where: where}
	}
	var files [][]byte
	for _, f := range list {
		b, err := rootFiles.ReadFile("roots/" + f.Name())
		if err != nil {
			return &attest.Roots{Where: where}
		}
		files = append(files, b)
	}
	r, err := attest.ParseRoots(where, files...)
	if err != nil {
		return &attest.Roots{Where: where + ", which do not parse"}
	}
	seen := map[string]bool{} // each ARK stands in two files
	r.Certs = slices.DeleteFunc(r.Certs, func(c *x509.Certificate) bool {
		twice := seen[string(c.Raw)]
		seen[string(c.Raw)] = true
		return twice
	})
	return r
}
