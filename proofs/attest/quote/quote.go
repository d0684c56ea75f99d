// Package quote makes attestation evidence on the machine that it runs on: the other
// side of the verifiers beside it. Each source speaks the interface of the operating
// system or of the device: configfs-tsm (Intel TDX, AMD SEV-SNP), /dev/attestation
// (Intel SGX under Gramine), the Nitro Secure Module, a TPM 2.0.
//
// It promises that the evidence it returns is what the platform gave for the digest
// asked for, whole and of its own request. It verifies nothing: whoever relies on a
// quote does. Collateral and certificates that the platform does not hand out are
// the operator's to add.
package quote

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
)

// ErrAbsent is wrapped where the platform is not what was asked for.
var ErrAbsent = errors.New("this machine has no such environment")

// Source makes quotes.
type Source interface {
	Kind() attest.Kind
	// Quote returns evidence that binds d: a field of 64 bytes holds d and 32 zero
	// bytes, a free field d alone.
	Quote(ctx context.Context, d digest.Digest) (*attest.Evidence, error)
}

// reportData is d and 32 zero bytes.
func reportData(d digest.Digest) []byte { return append(d[:], make([]byte, 32)...) }

// Open returns the source of a kind on this machine, at its usual place.
func Open(k attest.Kind) (Source, error) {
	switch k {
	case attest.TDX, attest.SEV:
		return NewTSM(k, OS{}), present(k, tsmReports)
	case attest.SGX:
		return NewGramine(gramineDir), present(k, gramineDir)
	case attest.Nitro:
		return NewNSM(nsmDevice), present(k, nsmPath)
	case attest.TPM:
		return NewTPM(tpmPath, nil), present(k, tpmPath)
	}
	return nil, fmt.Errorf("no source of quotes of kind %s: %w", k, ErrAbsent)
}

func present(k attest.Kind, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("kind %s needs %s: %w: %w", k, path, ErrAbsent, err)
	}
	return nil
}
