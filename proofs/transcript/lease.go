package transcript

import "github.com/animicaorg/engine/digest"

// LeaseFrame is what the service signs when it gives a job to a provider.
type LeaseFrame struct {
	ChainID    uint64
	Round      uint64
	LeaseID    digest.Digest
	JobID      digest.Digest
	JobHash    digest.Digest
	ProviderID digest.Digest
	Fence      uint64        // the attempt; grows with every new lease of a job
	Seed       digest.Digest // LeaseSeed of the opened nonce
	PolicyHash digest.Digest
	IssuedMS   uint64 // Unix time in milliseconds
	TTLMS      uint64 // milliseconds
	DeadlineMS uint64 // Unix time in milliseconds
}

// Frame implements Framed (domain qprov/v1/lease).
func (l LeaseFrame) Frame() *Frame {
	return NewFrame("qprov/v1/lease").U64(1, l.ChainID).U64(2, l.Round).H32(3, l.LeaseID).
		H32(4, l.JobID).H32(5, l.JobHash).H32(6, l.ProviderID).U64(7, l.Fence).H32(8, l.Seed).
		H32(9, l.PolicyHash).U64(10, l.IssuedMS).U64(11, l.TTLMS).U64(12, l.DeadlineMS)
}

// LeaseID is the id of attempt number attempt of a job with a provider.
func LeaseID(chainID uint64, jobID, providerID digest.Digest, attempt uint64) (digest.Digest, error) {
	return NewFrame("qprov/v1/lease-id").U64(1, chainID).H32(2, jobID).H32(3, providerID).U64(4, attempt).Sum()
}

// LocalLeaseID is the lease_id of a job that runs without a network.
func LocalLeaseID(jobID digest.Digest) (digest.Digest, error) {
	return NewFrame("qprov/v1/local-lease").H32(1, jobID).Sum()
}

// MaxBeacon bounds a beacon value in bytes.
const MaxBeacon = 1024

// LeaseSeed derives the execution seed of a lease.
func LeaseSeed(specSeed digest.Digest, beacon []byte, leaseID, nonce digest.Digest) (digest.Digest, error) {
	return NewFrame("qprov/v1/lease-seed").H32(1, specSeed).Bytes(2, beacon, MaxBeacon).H32(3, leaseID).H32(4, nonce).Sum()
}

// LeaseNonceHash is the commitment that an offer shows before the nonce is
// opened.
func LeaseNonceHash(nonce digest.Digest) (digest.Digest, error) {
	return NewFrame("qprov/v1/lease-nonce").H32(1, nonce).Sum()
}
