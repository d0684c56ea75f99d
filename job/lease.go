package job

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Lease is a job given to one provider.
type Lease struct {
	transcript.LeaseFrame
	Job *Job
	// The opening of the seed (both absent in an unsigned lease).
	Nonce  digest.Digest
	Beacon []byte
	// The service's signature over the frame; Sig.Sig is empty in an unsigned
	// lease, which the network refuses.
	Public []byte // Ed25519 key of the service
	Sig    keys.Signature
}

// Signed reports whether the lease claims a signature (Verify checks it).
func (l *Lease) Signed() bool { return len(l.Sig.Sig) != 0 }

// Local wraps a bare job: chain_id, round and fence 0, a lease_id of its own,
// and the job's seed.
func Local(j *Job, policyHash digest.Digest) (*Lease, error) {
	id, err := transcript.LocalLeaseID(j.JobID)
	if err != nil {
		return nil, err
	}
	return &Lease{LeaseFrame: transcript.LeaseFrame{LeaseID: id, JobID: j.JobID, Seed: j.Spec.Seed, PolicyHash: policyHash}, Job: j}, nil
}

// ParseAny reads a lease, or a bare job, for which lease is nil.
func ParseAny(b []byte) (j *Job, lease *Lease, err error) {
	c := strictjson.Open(b, limits)
	if c.Has("job_spec") {
		l := readLease(c)
		if err := c.Err(); err != nil {
			return nil, nil, err
		}
		return l.Job, l, nil
	}
	j = read(c)
	return j, nil, c.Err()
}

// ParseLease reads a lease. It checks what can be checked without the circuit;
// Verify checks the signature.
func ParseLease(b []byte) (*Lease, error) {
	c := strictjson.Open(b, limits)
	l := readLease(c)
	if err := c.Err(); err != nil {
		return nil, err
	}
	return l, nil
}

var signedMembers = []string{"chain_id", "round", "job_id", "job_hash", "provider_id", "fence", "seed", "policy_hash", "issued_ms", "deadline_ms",
	"nonce", "beacon", "public_key", "key_id", "signed_at_unix", "signature"}

func readLease(c strictjson.Cursor) *Lease {
	c.Only(append([]string{"lease_id", "ttl_ms", "job_spec"}, signedMembers...)...)
	l := &Lease{Job: read(c.Member("job_spec"))}
	l.LeaseID = c.Member("lease_id").Hash()
	l.TTLMS = c.Member("ttl_ms").Uint(1, MaxLatencyMS)
	if c.Err() != nil {
		return l
	}
	if unsigned(c) {
		l.JobID, l.Seed = l.Job.JobID, l.Job.Spec.Seed
		return l
	}
	l.ChainID, l.Round = c.Member("chain_id").Uint(0, maxUint), c.Member("round").Uint(0, maxUint)
	l.JobID, l.JobHash = c.Member("job_id").Hash(), c.Member("job_hash").Hash()
	l.ProviderID, l.Fence = c.Member("provider_id").Hash(), c.Member("fence").Uint(0, maxUint)
	l.Seed, l.PolicyHash = c.Member("seed").Hash(), c.Member("policy_hash").Hash()
	l.IssuedMS = c.Member("issued_ms").Uint(0, MaxTimeMS)
	l.DeadlineMS = c.Member("deadline_ms").Uint(l.IssuedMS, MaxTimeMS)
	l.Nonce, l.Beacon = c.Member("nonce").Hash(), c.Member("beacon").Hex(transcript.MaxBeacon)
	l.readSignature(c)
	if c.Err() == nil {
		l.checkIDs(c)
	}
	return l
}

// maxUint and MaxTimeMS keep integers exact in every JSON reader.
const (
	maxUint   = 1<<53 - 1
	MaxTimeMS = 1<<53 - 1
)

func unsigned(c strictjson.Cursor) bool {
	for _, m := range signedMembers {
		if c.Has(m) {
			return false
		}
	}
	return true
}

func (l *Lease) readSignature(c strictjson.Cursor) {
	p := c.Member("public_key")
	alg, public, err := keys.ParsePublic(p.Text(256))
	if err != nil {
		p.Fail("", "%v", err)
	}
	l.Public = public
	l.Sig = keys.Signature{Purpose: keys.PurposeLease, Alg: alg, KeyID: c.Member("key_id").Hash(),
		SignedAtUnix: c.Member("signed_at_unix").Uint(0, maxUint), Sig: c.Member("signature").Hex(8192)}
	if len(l.Sig.Sig) == 0 {
		c.Member("signature").Fail("", "is empty")
	}
}

// checkIDs compares what the document says twice.
func (l *Lease) checkIDs(c strictjson.Cursor) {
	if l.JobID != l.Job.JobID {
		c.Member("job_id").Fail("", "is not the job_id of job_spec")
	}
	if id, err := transcript.LeaseID(l.ChainID, l.JobID, l.ProviderID, l.Fence); err != nil || id != l.LeaseID {
		c.Member("lease_id").Fail("", "is not the id of this chain, job, provider and fence (want %s)", id)
	}
	if seed, err := transcript.LeaseSeed(l.Job.Spec.Seed, l.Beacon, l.LeaseID, l.Nonce); err != nil || seed != l.Seed {
		c.Member("seed").Fail("", "is not derived from spec.seed, beacon, lease_id and nonce")
	}
}

// Sign fills Public and Sig. The frame must be complete.
func (l *Lease) Sign(ctx context.Context, service keys.Signer, nowUnix uint64) error {
	d, err := transcript.Sum(l.LeaseFrame)
	if err != nil {
		return err
	}
	l.Public = service.Public()
	l.Sig, err = keys.Sign(ctx, service, keys.PurposeLease, d, nowUnix)
	return err
}

// Verify checks the service's signature. Whether the key is the network's is
// the caller's to decide (Sig.KeyID).
func (l *Lease) Verify() error {
	d, err := transcript.Sum(l.LeaseFrame)
	if err != nil {
		return err
	}
	if err := l.Sig.Verify(keys.Ed25519, l.Public, keys.PurposeLease, d); err != nil {
		return fmt.Errorf("lease %s: %w", l.LeaseID, err)
	}
	return nil
}

// CheckJob compares job_hash with the job, once the circuit is known.
func (l *Lease) CheckJob(circuitHash digest.Digest, width, depth uint64) error {
	d, err := transcript.Sum(l.Job.SpecFrame(circuitHash, width, depth))
	if err != nil {
		return err
	}
	if d != l.JobHash {
		return &Error{Field: "/job_hash", Msg: fmt.Sprintf("is %s, the job hashes to %s", l.JobHash, d), Hint: "the service leased another job or circuit"}
	}
	return nil
}

// Params are the parameters that enter J. Width and depth are the circuit's own.
func (l *Lease) Params(width, depth uint64) transcript.JobParams {
	return transcript.JobParams{JobID: l.JobID, CircuitID: l.Job.Spec.CircuitID, Width: width, Depth: depth,
		TrapRatioPPM: l.Job.Spec.TrapRatioPPM, TrapMode: l.Job.Spec.TrapMode, PolicyHash: l.PolicyHash, TrapFamily: l.Job.Spec.TrapFamily}
}

type leaseJSON struct {
	LeaseID    digest.Digest `json:"lease_id"`
	TTLMS      uint64        `json:"ttl_ms"`
	ChainID    uint64        `json:"chain_id"`
	Round      uint64        `json:"round"`
	JobID      digest.Digest `json:"job_id"`
	JobHash    digest.Digest `json:"job_hash"`
	ProviderID digest.Digest `json:"provider_id"`
	Fence      uint64        `json:"fence"`
	Seed       digest.Digest `json:"seed"`
	PolicyHash digest.Digest `json:"policy_hash"`
	IssuedMS   uint64        `json:"issued_ms"`
	DeadlineMS uint64        `json:"deadline_ms"`
	Nonce      digest.Digest `json:"nonce"`
	Beacon     string        `json:"beacon"`
	Public     string        `json:"public_key"`
	KeyID      digest.Digest `json:"key_id"`
	SignedAt   uint64        `json:"signed_at_unix"`
	Signature  string        `json:"signature"`
	Job        *Job          `json:"job_spec"`
}

// MarshalJSON writes the document that ParseLease reads.
func (l *Lease) MarshalJSON() ([]byte, error) {
	if !l.Signed() {
		return json.Marshal(struct {
			LeaseID digest.Digest `json:"lease_id"`
			TTLMS   uint64        `json:"ttl_ms"`
			Job     *Job          `json:"job_spec"`
		}{l.LeaseID, max(l.TTLMS, 1), l.Job})
	}
	return json.Marshal(leaseJSON{l.LeaseID, l.TTLMS, l.ChainID, l.Round, l.JobID, l.JobHash, l.ProviderID, l.Fence, l.Seed, l.PolicyHash,
		l.IssuedMS, l.DeadlineMS, l.Nonce, hex.EncodeToString(l.Beacon), keys.PublicText(keys.Ed25519, l.Public), l.Sig.KeyID,
		l.Sig.SignedAtUnix, hex.EncodeToString(l.Sig.Sig), l.Job})
}

// Equal reports whether two leases are the same document.
func (l *Lease) Equal(m *Lease) bool {
	a, errA := json.Marshal(l)
	b, errB := json.Marshal(m)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}
