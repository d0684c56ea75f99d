package sev

import (
	"encoding/binary"
	"slices"

	"github.com/animicaorg/engine/proofs/attest"
)

// Sizes in bytes.
const (
	reportSize = 1184
	signedSize = 0x2a0
	scalarSize = 72 // of r and s, little-endian
)

// Signing keys of a report (field at 0x48, bits 4:2).
const (
	keyVCEK = 0 // of the chip
	keyVLEK = 1 // of the cloud provider
)

// Report is a parsed report. Nothing in it is verified.
type Report struct {
	b          []byte
	Version    uint32
	Policy     uint64
	VMPL       uint32
	SigningKey uint32
	// Family, Model and Stepping are CPUID values, from version 3 on.
	Family, Model, Stepping byte
}

func malformed(format string, a ...any) error { return attest.Refuse(attest.BadFormat, format, a...) }

// ParseReport reads a report of version 2..5. Reserved bytes must be zero.
func ParseReport(b []byte) (*Report, error) {
	if len(b) != reportSize {
		return nil, malformed("SEV-SNP report of %d bytes, want %d", len(b), reportSize)
	}
	le := binary.LittleEndian
	r := &Report{b: b, Version: le.Uint32(b), Policy: le.Uint64(b[8:]), VMPL: le.Uint32(b[0x30:]), SigningKey: le.Uint32(b[0x48:]) >> 2 & 7}
	switch {
	case r.Version < 2 || r.Version > 5:
		return nil, malformed("SEV-SNP report of version %d, want 2..5", r.Version)
	case le.Uint32(b[0x34:]) != 1:
		return nil, malformed("signature algorithm %d, want 1 (ECDSA P-384 with SHA-384)", le.Uint32(b[0x34:]))
	case r.Policy&policyReserved == 0:
		return nil, malformed("policy %#x lacks the bit that must be set", r.Policy)
	case r.VMPL > 3:
		return nil, malformed("privilege level %d, want 0..3", r.VMPL)
	case le.Uint32(b[0x48:])&2 != 0:
		return nil, malformed("the chip's key is masked: the report is not signed")
	case r.SigningKey != keyVCEK && r.SigningKey != keyVLEK:
		return nil, malformed("signing key %d, want 0 (VCEK) or 1 (VLEK)", r.SigningKey)
	case !r.reservedZero():
		return nil, malformed("reserved bytes of the report are not zero")
	}
	if r.Version >= 3 {
		r.Family, r.Model, r.Stepping = b[0x188], b[0x189], b[0x18a]
	}
	return r, nil
}

func (r *Report) reservedZero() bool {
	cpuid, mitigations := 0x188, 0x1f8
	if r.Version >= 3 {
		cpuid = 0x18b
	}
	if r.Version >= 5 {
		mitigations = 0x208
	}
	b := r.b
	return attest.Zero(b[0x4c:0x50]) && attest.Zero(b[cpuid:0x1a0]) && attest.Zero(b[mitigations:signedSize]) &&
		attest.Zero(b[signedSize+48:signedSize+scalarSize]) && attest.Zero(b[signedSize+scalarSize+48:])
}

// Bits of the guest policy.
const (
	policyReserved  = 1 << 17
	policyMigration = 1 << 18
	policyDebug     = 1 << 19
)

// Debug and Migration are bits of the guest policy.
func (r *Report) Debug() bool     { return r.Policy&policyDebug != 0 }
func (r *Report) Migration() bool { return r.Policy&policyMigration != 0 }

// ReportData, and the other methods, return the field of that name.
func (r *Report) ReportData() []byte   { return r.b[0x50:0x90] }
func (r *Report) Measurement() []byte  { return r.b[0x90:0xc0] }
func (r *Report) HostData() []byte     { return r.b[0xc0:0xe0] }
func (r *Report) IDKey() []byte        { return r.b[0xe0:0x110] }
func (r *Report) AuthorKey() []byte    { return r.b[0x110:0x140] }
func (r *Report) ReportedTCB() []byte  { return r.b[0x180:0x188] }
func (r *Report) ChipID() []byte       { return r.b[0x1a0:0x1e0] }
func (r *Report) CommittedTCB() []byte { return r.b[0x1e0:0x1e8] }
func (r *Report) LaunchTCB() []byte    { return r.b[0x1f0:0x1f8] }

// GuestSVN is the version that the owner of the guest gave it.
func (r *Report) GuestSVN() uint32 { return binary.LittleEndian.Uint32(r.b[4:]) }

// Signed is what the signature covers.
func (r *Report) Signed() []byte { return r.b[:signedSize] }

// Signature is r | s, big-endian.
func (r *Report) Signature() []byte {
	out := make([]byte, 0, 96)
	for i := range 2 {
		from := signedSize + i*scalarSize
		x := slices.Clone(r.b[from : from+48])
		slices.Reverse(x)
		out = append(out, x...)
	}
	return out
}
