package trust

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"regexp"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Status is what governance says of a module.
type Status string

// Statuses. Jobs that run when a module becomes Revoked may end under the epoch
// they started with; RevokedHard stops those too.
const (
	Candidate   Status = "candidate" // listed for review, not to be run
	Active      Status = "active"
	Deprecated  Status = "deprecated" // may run, should not be chosen
	Revoked     Status = "revoked"
	RevokedHard Status = "revoked-hard"
)

// Revoked reports whether the status takes the module back.
func (s Status) Revoked() bool { return s == Revoked || s == RevokedHard }

func (s Status) known() bool {
	return s == Candidate || s == Active || s == Deprecated || s.Revoked()
}

// DomainRecord is the domain of a record's frame.
const DomainRecord = "qprov/v1/module-record"

// Record is what governance says of one module. Heights are block heights: the
// record counts from Activation on and no longer at Expiry.
type Record struct {
	Kind         string // compiler or traps
	Name         string // [a-z0-9_-], 1..64
	Version      string // [0-9a-z.+-], 1..64
	SHA3         digest.Digest
	SHA256       digest.Digest
	Size         uint64        // bytes
	MeteredSHA3  digest.Digest // of the module after metering; zero where it is not metered
	Meter        string        // meter of MeteredSHA3, empty without one
	Profile      string        // of limits, such as L1
	ABI          string        // qx1
	Capabilities string        // words, space separated; empty is none
	Fuel         string        // formula, for people
	Vectors      digest.Digest // of the frame of vectors
	Source       string        // where the source is
	Commit       string        // revision of the source
	Toolchain    string        // what it was built with
	Builders     []digest.Digest
	Audits       []digest.Digest
	Status       Status
	Activation   uint64
	Expiry       uint64
}

// Frame implements transcript.Framed.
func (r Record) Frame() *transcript.Frame {
	if err := r.check(); err != nil {
		return transcript.NewFrame(DomainRecord).Fail(err)
	}
	return transcript.NewFrame(DomainRecord).Text(1, r.Kind).Text(2, r.Name).Text(3, r.Version).H32(4, r.SHA3).H32(5, r.SHA256).
		U64(6, r.Size).OptionalH32(7, r.MeteredSHA3).Text(8, r.Meter).Text(9, r.Profile).Text(10, r.ABI).Text(11, r.Capabilities).
		Text(12, r.Fuel).H32(13, r.Vectors).Text(14, r.Source).Text(15, r.Commit).Text(16, r.Toolchain).
		Bytes(17, join(r.Builders), MaxDigests*digest.Size).Bytes(18, join(r.Audits), MaxDigests*digest.Size).
		Text(19, string(r.Status)).U64(20, r.Activation).U64(21, r.Expiry)
}

// ID is the digest of the record's frame.
func (r *Record) ID() (digest.Digest, error) { return transcript.Sum(r) }

var (
	nameForm    = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)
	versionForm = regexp.MustCompile(`^[0-9a-z.+-]{1,64}$`)
)

func (r *Record) check() error {
	bad := func(field string, v any) error { return fmt.Errorf("record: %s is %v: %w", field, v, ErrForm) }
	if _, err := abi.ParseKind(r.Kind); err != nil {
		return fmt.Errorf("record: %w: %w", err, ErrForm)
	}
	switch {
	case !nameForm.MatchString(r.Name):
		return bad("name", r.Name)
	case !versionForm.MatchString(r.Version):
		return bad("version", r.Version)
	case r.Size == 0 || r.Size > MaxModule:
		return bad("size", r.Size)
	case r.ABI != "qx1":
		return bad("abi", r.ABI)
	case r.MeteredSHA3.IsZero() != (r.Meter == ""):
		return bad("meter", r.Meter)
	case r.SHA3.IsZero() || r.SHA256.IsZero() || r.Vectors.IsZero():
		return bad("hash", "all zero")
	case !r.Status.known():
		return bad("status", r.Status)
	case r.Expiry <= r.Activation:
		return bad("expiry", r.Expiry)
	case len(r.Builders) > MaxDigests || len(r.Audits) > MaxDigests:
		return bad("builders or audits", len(r.Builders)+len(r.Audits))
	}
	return nil
}

// ParseRecord reads a record's frame.
func ParseRecord(b []byte) (*Record, error) {
	f := open(b, DomainRecord, 21, MaxRecord)
	r := &Record{Kind: f.text(), Name: f.text(), Version: f.text(), SHA3: f.h32(), SHA256: f.h32(), Size: f.u64(),
		MeteredSHA3: f.optional(), Meter: f.text(), Profile: f.text(), ABI: f.text(), Capabilities: f.text(), Fuel: f.text(),
		Vectors: f.h32(), Source: f.text(), Commit: f.text(), Toolchain: f.text(), Builders: f.digests(MaxDigests), Audits: f.digests(MaxDigests),
		Status: Status(f.text()), Activation: f.u64(), Expiry: f.u64()}
	if f.err != nil {
		return nil, f.err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Artifact is a module whose bytes were hashed and compared with a record. It
// holds a copy of its own, so what was hashed is what Bytes returns.
type Artifact struct {
	Record Record
	wasm   []byte
}

// Match hashes a copy of the bytes and compares it with the record. It is ErrBytes
// where they differ.
func (r *Record) Match(wasm []byte) (*Artifact, error) {
	if uint64(len(wasm)) > MaxModule {
		return nil, fmt.Errorf("%s %s: %d bytes: %w", r.Name, r.Version, len(wasm), ErrBytes)
	}
	held := bytes.Clone(wasm)
	return r.match(held, digest.Sum(held))
}

// match takes bytes that nobody else holds, and their hash.
func (r *Record) match(held []byte, sum digest.Digest) (*Artifact, error) {
	if uint64(len(held)) != r.Size {
		return nil, fmt.Errorf("%s %s: %d bytes, record says %d: %w", r.Name, r.Version, len(held), r.Size, ErrBytes)
	}
	if sum != r.SHA3 {
		return nil, fmt.Errorf("%s %s: sha3-256 %s, record says %s: %w", r.Name, r.Version, sum, r.SHA3, ErrBytes)
	}
	if got := digest.Digest(sha256.Sum256(held)); got != r.SHA256 {
		return nil, fmt.Errorf("%s %s: sha256 %s, record says %s: %w", r.Name, r.Version, got, r.SHA256, ErrBytes)
	}
	return &Artifact{Record: *r, wasm: held}, nil
}

// Bytes returns a copy of the bytes that were hashed.
func (a *Artifact) Bytes() []byte { return bytes.Clone(a.wasm) }
