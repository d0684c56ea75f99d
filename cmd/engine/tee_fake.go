//go:build faketee

package main

import (
	"crypto/x509"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/faketee"
	"github.com/animicaorg/engine/proofs/attest/quote"
)

// fakeTEEs are the environments that do not exist, by the value of --tee.
var fakeTEEs = map[string]quote.Source{faketee.Name: faketee.Source{Now: time.Now}}

// fakeTEERoots is the root of the fake platform; proofs under it need the dev flag.
func fakeTEERoots(k attest.Kind) []*x509.Certificate {
	if k != attest.TDX {
		return nil
	}
	return faketee.Roots().Certs
}
