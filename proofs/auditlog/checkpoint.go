package auditlog

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// MaxNote bounds a checkpoint with its signatures in bytes.
const MaxNote = 64 << 10

// maxSignatures bounds the signature lines of a checkpoint.
const maxSignatures = 64

// ErrCheckpoint is wrapped by every refusal of a checkpoint.
var ErrCheckpoint = errors.New("checkpoint refused")

// Checkpoint is what a log says about itself: this many entries, this root.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   tlog.Hash // SHA-256, RFC 6962 §2.1
}

// Origin names the log of a provider. It is the name of the log's key too.
func Origin(provider digest.Digest) string { return "animica.org/audit/" + provider.String() }

// Body is the text that is signed (C2SP tlog-checkpoint, no extension lines).
func (c Checkpoint) Body() []byte {
	return fmt.Appendf(nil, "%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Hash is SHA3-256 of the body: what a heartbeat carries, so that whoever
// receives heartbeats is a witness.
func (c Checkpoint) Hash() digest.Digest { return digest.Sum(c.Body()) }

func (c Checkpoint) tree() tlog.Tree { return tlog.Tree{N: int64(c.Size), Hash: c.Root} }

// parseBody reads a body and refuses every spelling that Body would not have
// written; extension lines too.
func parseBody(text []byte) (Checkpoint, error) {
	lines := strings.Split(string(text), "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" || strings.ContainsAny(lines[0], " +\t") {
		return Checkpoint{}, fmt.Errorf("want origin, size and root on a line each: %w", ErrCheckpoint)
	}
	c := Checkpoint{Origin: lines[0]}
	var err error
	if c.Size, err = strconv.ParseUint(lines[1], 10, 62); err != nil {
		return Checkpoint{}, fmt.Errorf("size %.30q: %w", lines[1], ErrCheckpoint)
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return Checkpoint{}, fmt.Errorf("root is not 32 bytes in base64: %w", ErrCheckpoint)
	}
	c.Root = tlog.Hash(root)
	if string(c.Body()) != string(text) {
		return Checkpoint{}, fmt.Errorf("not in canonical form: %w", ErrCheckpoint)
	}
	if c.Size == 0 && c.Root != sha256.Sum256(nil) {
		return Checkpoint{}, fmt.Errorf("an empty log with another root: %w", ErrCheckpoint)
	}
	return c, nil
}

// The signature types of C2SP signed-note that are used here.
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04
	typeMLDSA44     = 0x06
)

// algOf is the suite of the keys that make a type of signature.
func algOf(kind byte) string {
	if kind == typeMLDSA44 {
		return keys.MLDSA44
	}
	return keys.Ed25519
}

// noteKey is one key as package note takes it: it verifies, and signs where it has
// a signer.
type noteKey struct {
	name   string
	kind   byte
	public []byte
	sign   func(msg []byte) ([]byte, error)
}

func newNoteKey(name string, kind byte, public []byte) (*noteKey, error) {
	if err := keys.CheckWitness(algOf(kind), public); err != nil {
		return nil, fmt.Errorf("key of %.100q: %w", name, err)
	}
	if name == "" || len(name) > 255 || strings.ContainsAny(name, " +\t\n\r") {
		return nil, fmt.Errorf("%.100q is no name of a key: %w", name, ErrCheckpoint)
	}
	return &noteKey{name: name, kind: kind, public: public}, nil
}

// Name implements note.Verifier and note.Signer.
func (k *noteKey) Name() string { return k.name }

// KeyHash implements note.Verifier and note.Signer.
func (k *noteKey) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(k.name+"\n"), append([]byte{k.kind}, k.public...)...))
	return binary.BigEndian.Uint32(h[:])
}

// Verify implements note.Verifier.
func (k *noteKey) Verify(msg, sig []byte) bool {
	if k.kind != typeEd25519 {
		if len(sig) < 8 || binary.BigEndian.Uint64(sig) > math.MaxInt64 {
			return false
		}
		var err error
		if msg, err = k.cosigned(binary.BigEndian.Uint64(sig), msg); err != nil {
			return false
		}
		sig = sig[8:]
	}
	return keys.VerifyWitness(algOf(k.kind), k.public, msg, sig) == nil
}

// Sign implements note.Signer.
func (k *noteKey) Sign(msg []byte) ([]byte, error) { return k.sign(msg) }

// cosigned is the message of a cosignature: the text under a header for Ed25519, a
// structure that names the witness for ML-DSA-44 (C2SP tlog-cosignature).
func (k *noteKey) cosigned(unix uint64, body []byte) ([]byte, error) {
	if k.kind == typeCosignature {
		return append(fmt.Appendf(nil, "cosignature/v1\ntime %d\n", unix), body...), nil
	}
	c, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	if len(c.Origin) > 255 {
		return nil, fmt.Errorf("origin of %d bytes: %w", len(c.Origin), ErrCheckpoint)
	}
	b := append([]byte("subtree/v1\n\x00"), byte(len(k.name)))
	b = binary.BigEndian.AppendUint64(append(b, k.name...), unix)
	b = append(append(b, byte(len(c.Origin))), c.Origin...)
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, 0), c.Size)
	return append(b, c.Root[:]...), nil
}

// SignCheckpoint signs with a log key, which must be Ed25519 in role log.
func SignCheckpoint(ctx context.Context, c Checkpoint, s keys.Signer) ([]byte, error) {
	if err := checkLogKey(s); err != nil {
		return nil, err
	}
	k, err := newNoteKey(c.Origin, typeEd25519, s.Public())
	if err != nil {
		return nil, err
	}
	k.sign = func(msg []byte) ([]byte, error) { return s.SignMessage(ctx, msg) }
	b, err := note.Sign(&note.Note{Text: string(c.Body())}, k)
	if err != nil {
		return nil, fmt.Errorf("signing a checkpoint: %w", err)
	}
	_, err = OpenCheckpoint(b, c.Origin, s.Public())
	return b, err
}

func checkLogKey(s keys.Signer) error {
	if r, ok := s.(interface{ Role() keys.Role }); ok {
		if err := r.Role().Allows(keys.PurposeCheckpoint); err != nil {
			return err
		}
	}
	if s.Alg() != keys.Ed25519 {
		return fmt.Errorf("checkpoints are signed with %s, this key is %s: %w", keys.Ed25519, s.Alg(), keys.ErrKey)
	}
	return nil
}

// OpenCheckpoint verifies the log's signature and reads the checkpoint.
// Signatures by other keys are ignored.
func OpenCheckpoint(b []byte, origin string, public []byte) (Checkpoint, error) {
	k, err := newNoteKey(origin, typeEd25519, public)
	if err != nil {
		return Checkpoint{}, err
	}
	n, err := openNote(b, k)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseBody([]byte(n.Text))
	if err == nil && c.Origin != origin {
		err = fmt.Errorf("is of log %.100q, want %s: %w", c.Origin, origin, ErrCheckpoint)
	}
	return c, err
}

func openNote(b []byte, k *noteKey) (*note.Note, error) {
	if len(b) > MaxNote {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), MaxNote, ErrCheckpoint)
	}
	n, err := note.Open(b, note.VerifierList(k))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	if len(n.Sigs)+len(n.UnverifiedSigs) > maxSignatures {
		return nil, fmt.Errorf("more than %d signatures: %w", maxSignatures, ErrCheckpoint)
	}
	// Package note leaves the unused last bits of base64 open: one signature would
	// have four spellings, and a proof four forms.
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return nil, fmt.Errorf("signature of %s is not in its one spelling: %w", s.Name, ErrCheckpoint)
		}
	}
	return n, nil
}

// CheckBody says whether text is what the key of a log signs: the text of a
// checkpoint of this log.
func CheckBody(text []byte, origin string) error {
	c, err := parseBody(text)
	if err == nil && c.Origin != origin {
		err = fmt.Errorf("is of log %.100q, want %s: %w", c.Origin, origin, ErrCheckpoint)
	}
	return err
}
