//go:build faketee

// Package faketee is an Intel TDX platform that does not exist: it mints quotes of
// the right form under a root whose key everyone has. It is only in builds with the
// tag faketee, its proofs carry the dev flag, and no release build knows its root.
// It shows the way from a run to a proof of level tee-signed without hardware, and
// nothing else.
package faketee

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
)

// Name is how --tee calls it.
const Name = "fake"

// Why stands in refusals of the root.
const Why = "the fake TEE of builds with the tag faketee"

// Source implements quote.Source. Now is the clock that collateral is made for.
type Source struct{ Now func() time.Time }

// Kind implements quote.Source.
func (Source) Kind() attest.Kind { return attest.TDX }

// Quote implements quote.Source.
func (s Source) Quote(ctx context.Context, d digest.Digest) (*attest.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ev := attesttest.DCAP{TDX: true, ReportData: append(d[:], make([]byte, 32)...), At: s.Now()}.Mint().Evidence
	return &ev, nil
}

// Roots is the root of the platform.
func Roots() *attest.Roots { return attesttest.DCAP{TDX: true}.Mint().Roots }

// Fingerprint is the root's, in hexadecimal digits.
func Fingerprint() string { return hex.EncodeToString(attest.Fingerprint(Roots().Certs[0])) }

// Measurement is what every quote is about.
func Measurement() []byte { return attesttest.DCAP{TDX: true}.DCAPMeasurement() }
