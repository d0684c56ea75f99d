// Package tlogwitness speaks the C2SP tlog-witness protocol: a provider hands the newest
// checkpoint of his audit log to a witness over HTTP, and takes its cosignature back.
//
// The server promises to sign only checkpoints that extend what it signed before, for logs
// whose keys it was given, and to remember a checkpoint durably before it answers; requests
// about one log are served one after the other. It authenticates nobody else: whoever has a
// signed checkpoint may submit it. The client takes nothing from the answer but lines that
// verify under the witness's key.
package tlogwitness

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/proofs/auditlog"
)

// ErrRequest is wrapped by every refusal of a request's form.
var ErrRequest = errors.New("add-checkpoint request refused")

// maxProof is how many hashes a consistency proof may have.
const maxProof = 63

// maxRequest bounds a request in bytes.
const maxRequest = auditlog.MaxNote + 64 + maxProof*48

// Path is the call's place under the submission prefix.
const Path = "/add-checkpoint"

// sizeType is the media type of the size in an answer 409.
const sizeType = "text/x.tlog.size"

// Request is the body of add-checkpoint: the checkpoint, and the proof that it extends the
// tree of Old entries.
type Request struct {
	Old        uint64
	Proof      tlog.TreeProof
	Checkpoint []byte // signed
}

// MarshalText writes the body.
func (r *Request) MarshalText() ([]byte, error) {
	b := fmt.Appendf(nil, "old %d\n", r.Old)
	for _, h := range r.Proof {
		b = append(append(b, base64.StdEncoding.EncodeToString(h[:])...), '\n')
	}
	return append(append(b, '\n'), r.Checkpoint...), nil
}

// ParseRequest reads the one spelling that MarshalText writes. The checkpoint is not looked
// at.
func ParseRequest(b []byte) (*Request, error) {
	if len(b) > maxRequest {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), maxRequest, ErrRequest)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	number, old := strings.CutPrefix(lines[0], "old ")
	if !ok || !old || len(lines) > 1+maxProof || len(checkpoint) > auditlog.MaxNote {
		return nil, fmt.Errorf("want a line old N, at most %d hashes, an empty line and a checkpoint: %w", maxProof, ErrRequest)
	}
	r := &Request{Checkpoint: checkpoint}
	var err error
	if r.Old, err = strconv.ParseUint(number, 10, 62); err != nil || strconv.FormatUint(r.Old, 10) != number {
		return nil, fmt.Errorf("old size %.30q: %w", number, ErrRequest)
	}
	for i, line := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != tlog.HashSize || base64.StdEncoding.EncodeToString(raw) != line { // package base64 skips \r
			return nil, fmt.Errorf("line %d is no hash in base64: %w", i+2, ErrRequest)
		}
		r.Proof = append(r.Proof, tlog.Hash(raw))
	}
	return r, nil
}
