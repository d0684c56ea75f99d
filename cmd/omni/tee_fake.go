//go:build faketee

package main

import (
	"crypto/x509"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/faketee"
)

// fakeTEERoots is the root of the platform that does not exist; it counts under --dev only.
func fakeTEERoots(k attest.Kind) []*x509.Certificate {
	if k != attest.TDX {
		return nil
	}
	return faketee.Roots().Certs
}
