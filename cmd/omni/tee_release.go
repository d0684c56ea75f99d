//go:build !faketee

package main

import (
	"crypto/x509"

	"github.com/animicaorg/engine/proofs/attest"
)

// fakeTEERoots: no test root is in a release (decision H3).
func fakeTEERoots(attest.Kind) []*x509.Certificate { return nil }
