//go:build !faketee

package main

import (
	"crypto/x509"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/quote"
)

// fakeTEEs is empty: this build has no fake TEE and trusts no root of one.
var fakeTEEs map[string]quote.Source

func fakeTEERoots(attest.Kind) []*x509.Certificate { return nil }
