package quote

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
)

// gramineDir is where the Gramine library OS shows an enclave its quoting interface.
const gramineDir = "/dev/attestation"

// Gramine asks the quoting enclave through Gramine's pseudo files.
type Gramine struct {
	dir   string
	files OS
}

// NewGramine makes the source of kind sgx.
func NewGramine(dir string) *Gramine { return &Gramine{dir: dir} }

// Kind implements Source.
func (*Gramine) Kind() attest.Kind { return attest.SGX }

// Quote implements Source: user_report_data is written, then quote is read.
func (g *Gramine) Quote(ctx context.Context, d digest.Digest) (*attest.Evidence, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := g.files.WriteFile(filepath.Join(g.dir, "user_report_data"), reportData(d)); err != nil {
		return nil, fmt.Errorf("gramine: %w", err)
	}
	b, err := g.files.ReadFile(filepath.Join(g.dir, "quote"))
	if err != nil {
		return nil, fmt.Errorf("gramine: %w", err)
	}
	if len(b) == 0 || len(b) > attest.MaxEvidence {
		return nil, fmt.Errorf("gramine: quote of %d bytes, limit %d", len(b), attest.MaxEvidence)
	}
	return &attest.Evidence{Raw: b}, nil
}
