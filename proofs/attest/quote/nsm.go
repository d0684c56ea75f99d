package quote

import (
	"context"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/cose"
)

const (
	nsmPath     = "/dev/nsm"
	maxNSM      = 12288 // bytes of a request or answer (Linux, drivers/misc/nsm.c)
	nsmTextHead = "\x6b" + "Attestation"
)

// NSM asks the security module of a Nitro enclave. exchange sends one request and
// returns the answer.
type NSM struct {
	exchange func(request []byte) ([]byte, error)
}

// NewNSM makes the source of kind nitro.
func NewNSM(exchange func(request []byte) ([]byte, error)) *NSM { return &NSM{exchange} }

// Kind implements Source.
func (*NSM) Kind() attest.Kind { return attest.Nitro }

// Quote implements Source: user_data is the digest, nonce and public_key are null.
func (n *NSM) Quote(ctx context.Context, d digest.Digest) (*attest.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// {"Attestation": {"user_data": h'…', "nonce": null, "public_key": null}}
	request := []byte("\xa1" + nsmTextHead + "\xa3" + "\x69user_data" + "\x58\x20" + string(d[:]) + "\x65nonce\xf6" + "\x6apublic_key\xf6")
	b, err := n.exchange(request)
	if err != nil {
		return nil, fmt.Errorf("nsm: %w", err)
	}
	if len(b) > maxNSM {
		return nil, fmt.Errorf("nsm: answer of %d bytes, limit %d", len(b), maxNSM)
	}
	v, err := cose.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("nsm: %w", err)
	}
	if e := v.Get("Error"); e.Is(cose.Text) {
		return nil, fmt.Errorf("nsm: the module answers %.60q", e.Bytes)
	}
	doc := v.Get("Attestation").Get("document")
	if !doc.Is(cose.Bytes) {
		return nil, fmt.Errorf("nsm: the answer holds no document")
	}
	return &attest.Evidence{Raw: doc.Bytes}, nil
}
