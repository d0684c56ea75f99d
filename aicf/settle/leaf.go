package settle

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ErrLeaf is wrapped by every refusal of ParseLeaf.
var ErrLeaf = errors.New("no claim line")

const leafDomain = "qprov/v1/claim-line"

// Leaf is the frame of a settled line (domain qprov/v1/claim-line), a leaf of
// the epoch's RFC 6962 tree.
func (l *Line) Leaf(number uint64) ([]byte, error) {
	return transcript.NewFrame(leafDomain).U64(1, number).H32(2, l.Claim).H32(3, l.Job).H32(4, l.Provider).H32(5, l.Nullifier).
		U64(6, l.Payable).U64(7, uint64(l.Gross)).U64(8, uint64(l.Share)).U64(9, uint64(l.Treasury)).U64(10, uint64(l.Miner)).H32(11, l.Policy).Encode()
}

// ClaimLine is what a leaf says: who earned what for which job.
type ClaimLine struct {
	Epoch      uint64        `json:"epoch"`
	Claim      digest.Digest `json:"claim"`
	JobID      digest.Digest `json:"job_id"`
	ProviderID digest.Digest `json:"provider_id"`
	Nullifier  digest.Digest `json:"nullifier"`
	Payable    uint64        `json:"payable_units"`
	Gross      aicf.Amount   `json:"gross"`
	Provider   aicf.Amount   `json:"provider"`
	Treasury   aicf.Amount   `json:"treasury"`
	Miner      aicf.Amount   `json:"miner"`
	Policy     digest.Digest `json:"policy"`
}

// ParseLeaf reads what Leaf encodes and nothing else; the shares must add up.
func ParseLeaf(b []byte) (*ClaimLine, error) {
	domain, fields, err := transcript.ParseFrame(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	l := &ClaimLine{}
	var share, treasury, miner, gross uint64
	into := []any{&l.Epoch, &l.Claim, &l.JobID, &l.ProviderID, &l.Nullifier, &l.Payable, &gross, &share, &treasury, &miner, &l.Policy}
	if domain != leafDomain || len(fields) != len(into) {
		return nil, fmt.Errorf("%w: domain %.40q with %d fields", ErrLeaf, domain, len(fields))
	}
	for i, f := range fields {
		switch to := into[i].(type) {
		case *uint64:
			if len(f.Value) != 8 {
				return nil, fmt.Errorf("%w: field %d has %d bytes", ErrLeaf, f.ID, len(f.Value))
			}
			*to = binary.BigEndian.Uint64(f.Value)
		case *digest.Digest:
			if len(f.Value) != len(to) {
				return nil, fmt.Errorf("%w: field %d has %d bytes", ErrLeaf, f.ID, len(f.Value))
			}
			*to = digest.Digest(f.Value)
		}
		if int(f.ID) != i+1 {
			return nil, fmt.Errorf("%w: field %d at place %d", ErrLeaf, f.ID, i+1)
		}
	}
	for i, v := range []uint64{gross, share, treasury, miner} {
		if v > aicf.MaxAmount {
			return nil, fmt.Errorf("%w: field %d is %d", ErrLeaf, 7+i, v)
		}
	}
	if gross != share+treasury+miner {
		return nil, fmt.Errorf("%w: gross %d is not %d + %d + %d", ErrLeaf, gross, share, treasury, miner)
	}
	l.Gross, l.Provider, l.Treasury, l.Miner = aicf.Amount(gross), aicf.Amount(share), aicf.Amount(treasury), aicf.Amount(miner)
	return l, nil
}
