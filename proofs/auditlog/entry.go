package auditlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Kind says what an entry records.
type Kind string

// The kinds. The first seven follow one lease from its acceptance to its pay.
const (
	LeaseAccepted Kind = "lease-accepted" // before anything is compiled
	JobBound      Kind = "job-bound"      // J, before the compiler runs
	ExecBound     Kind = "exec-bound"     // X, before the first shot
	Result        Kind = "result"         // R, before anything is signed
	Attestation   Kind = "evidence"       // TEE or device evidence over R
	Proof         Kind = "proof"          // the claim C, before the proof leaves the program
	Settlement    Kind = "settlement"     // what the network paid
	Rotation      Kind = "rotation"       // a statement about a key
	Policy        Kind = "policy"         // a change of policy or configuration
	SBOM          Kind = "sbom"           // what this host runs, when it changed
	Incident      Kind = "incident"
)

var kinds = []Kind{LeaseAccepted, JobBound, ExecBound, Result, Attestation, Proof, Settlement, Rotation, Policy, SBOM, Incident}

// Errors of the package.
var (
	ErrEntry = errors.New("log entry refused")
	ErrLog   = errors.New("audit log damaged") // tiles, entries or checkpoint do not fit together
	ErrFork  = errors.New("audit log forked")  // two histories, or one that shrank
)

// Entry is one leaf of the log. Digests that are zero are absent.
type Entry struct {
	Kind     Kind
	TimeMS   uint64        // Unix milliseconds; the operator's word
	LeaseID  digest.Digest // absent for entries about no lease
	Job      digest.Digest // J
	Exec     digest.Digest // X
	Result   digest.Digest // R
	Evidence digest.Digest
	Proof    digest.Digest // C
	Previous uint64        // 1 + index of the entry before of this lease; 0: none. Append fills it
	Payload  digest.Digest // SHA3-256 of the body beside the tree
}

// maxLeaf bounds a leaf in bytes; a full frame has less than 400.
const maxLeaf = 1024

// Frame implements transcript.Framed (domain qprov/v1/log-entry).
func (e Entry) Frame() *transcript.Frame {
	return transcript.NewFrame("qprov/v1/log-entry").Text(1, string(e.Kind)).U64(2, e.TimeMS).OptionalH32(3, e.LeaseID).
		OptionalH32(4, e.Job).OptionalH32(5, e.Exec).OptionalH32(6, e.Result).OptionalH32(7, e.Evidence).OptionalH32(8, e.Proof).
		U64(9, e.Previous).OptionalH32(10, e.Payload)
}

// leaf returns the bytes that the tree holds.
func (e Entry) leaf() ([]byte, error) {
	if !slices.Contains(kinds, e.Kind) {
		return nil, fmt.Errorf("kind %.40q is not known: %w", e.Kind, ErrEntry)
	}
	return transcript.Encode(e)
}

// ParseEntry reads a leaf and refuses whatever an Entry would not have written.
func ParseEntry(leaf []byte) (*Entry, error) {
	if len(leaf) > maxLeaf {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(leaf), maxLeaf, ErrEntry)
	}
	domain, fields, err := transcript.ParseFrame(leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if domain != "qprov/v1/log-entry" || len(fields) != 10 {
		return nil, fmt.Errorf("frame %.40q of %d fields: %w", domain, len(fields), ErrEntry)
	}
	e := &Entry{Kind: Kind(fields[0].Value)}
	if !slices.Contains(kinds, e.Kind) {
		return nil, fmt.Errorf("kind %.40q is not known: %w", e.Kind, ErrEntry)
	}
	for i, f := range fields {
		if int(f.ID) != i+1 {
			return nil, fmt.Errorf("field %d where field %d is due: %w", f.ID, i+1, ErrEntry)
		}
		switch to := e.at(i + 1).(type) {
		case *uint64:
			if len(f.Value) != 8 {
				return nil, fmt.Errorf("field %d has %d bytes, want 8: %w", f.ID, len(f.Value), ErrEntry)
			}
			*to = binary.BigEndian.Uint64(f.Value)
		case *digest.Digest:
			if len(f.Value) == 0 {
				continue
			}
			if len(f.Value) != digest.Size {
				return nil, fmt.Errorf("field %d has %d bytes, want 0 or %d: %w", f.ID, len(f.Value), digest.Size, ErrEntry)
			}
			if *to = digest.Digest(f.Value); to.IsZero() {
				return nil, fmt.Errorf("field %d is zero instead of absent: %w", f.ID, ErrEntry)
			}
		}
	}
	return e, nil
}

// at returns where field id goes, nil for the kind.
func (e *Entry) at(id int) any {
	switch id {
	case 2:
		return &e.TimeMS
	case 3:
		return &e.LeaseID
	case 4:
		return &e.Job
	case 5:
		return &e.Exec
	case 6:
		return &e.Result
	case 7:
		return &e.Evidence
	case 8:
		return &e.Proof
	case 9:
		return &e.Previous
	case 10:
		return &e.Payload
	}
	return nil
}
