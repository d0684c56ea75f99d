package auditlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/animicaorg/engine/keys"
)

// Witness is a party that signs checkpoints which extend all that it saw before
// (C2SP tlog-cosignature: Ed25519, signature type 0x04, or ML-DSA-44, type 0x06).
type Witness struct{ key *noteKey }

// MaxWitness bounds the text form of a witness in bytes.
const MaxWitness = 4096

// NewWitness names a witness by its key name and raw key of suite keys.Ed25519 or
// keys.MLDSA44.
func NewWitness(name, alg string, public []byte) (*Witness, error) {
	kind := byte(typeCosignature)
	if alg == keys.MLDSA44 {
		kind = typeMLDSA44
	} else if alg != keys.Ed25519 {
		return nil, fmt.Errorf("cosignatures are %s or %s, not %.40q: %w", keys.Ed25519, keys.MLDSA44, alg, keys.ErrKey)
	}
	k, err := newNoteKey(name, kind, public)
	if err != nil {
		return nil, err
	}
	return &Witness{k}, nil
}

// ParseWitness reads the text form of C2SP signed-note: name+hash+key.
func ParseWitness(vkey string) (*Witness, error) {
	name, rest, _ := strings.Cut(vkey, "+")
	hash, text, ok := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(raw) < 2 || raw[0] != typeCosignature && raw[0] != typeMLDSA44 {
		return nil, fmt.Errorf("witness %.100q: want name+hash+key of type 4 or 6: %w", vkey, ErrCheckpoint)
	}
	w, err := NewWitness(name, algOf(raw[0]), raw[1:])
	if err != nil {
		return nil, err
	}
	if want := fmt.Sprintf("%08x", w.key.KeyHash()); want != hash {
		return nil, fmt.Errorf("witness %s: hash %.20q, want %s: %w", name, hash, want, ErrCheckpoint)
	}
	if w.String() != vkey { // package base64 skips line ends
		return nil, fmt.Errorf("witness %.100q is not in its one spelling: %w", vkey, ErrCheckpoint)
	}
	return w, nil
}

// String is the form that ParseWitness reads.
func (w *Witness) String() string {
	return fmt.Sprintf("%s+%08x+%s", w.key.name, w.key.KeyHash(), base64.StdEncoding.EncodeToString(append([]byte{w.key.kind}, w.key.public...)))
}

// Name is the witness's key name.
func (w *Witness) Name() string { return w.key.name }

// Time returns when w cosigned the checkpoint, in Unix seconds. A signature
// line of w that does not verify makes the whole note refused.
func (w *Witness) Time(signed []byte) (unix uint64, ok bool, err error) {
	n, err := openNote(signed, w.key)
	var none *note.UnverifiedNoteError
	if errors.As(err, &none) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	for _, s := range n.Sigs {
		raw, err := base64.StdEncoding.DecodeString(s.Base64)
		if err != nil || len(raw) < 12 {
			continue
		}
		if t := binary.BigEndian.Uint64(raw[4:]); !ok || t < unix {
			unix, ok = t, true
		}
	}
	return unix, ok, nil
}

// WitnessedTime is the time at which quorum of the witnesses had cosigned the
// checkpoint: the quorum-th smallest of their times. ok is false while fewer did,
// and always for a quorum of 0.
func WitnessedTime(signed []byte, witnesses []*Witness, quorum int) (unix uint64, ok bool, err error) {
	var times []uint64
	seen := map[string]bool{}
	for _, w := range witnesses {
		if seen[string(w.key.public)] {
			continue // one key counts once, whatever its names
		}
		seen[string(w.key.public)] = true
		t, had, err := w.Time(signed)
		if err != nil {
			return 0, false, err
		}
		if had {
			times = append(times, t)
		}
	}
	if quorum < 1 || len(times) < quorum {
		return 0, false, nil
	}
	slices.Sort(times)
	return times[quorum-1], true, nil
}

// Cosign adds a witness's line to a checkpoint. The caller has checked that the
// checkpoint extends the last one it cosigned (Watch does). s is Ed25519 or ML-DSA-44,
// of role witness, and signs nothing else: Ed25519's message does not name the witness.
func Cosign(ctx context.Context, signed []byte, name string, s keys.Signer, nowUnix uint64) ([]byte, error) {
	body, _, ok := bytes.Cut(signed, []byte("\n\n"))
	body = append(bytes.Clone(body), '\n')
	if _, err := parseBody(body); err != nil || !ok {
		return nil, fmt.Errorf("cosigning: %w", errors.Join(err, ErrCheckpoint))
	}
	if r, ok := s.(interface{ Role() keys.Role }); ok {
		if err := r.Role().Allows(keys.PurposeCosignature); err != nil {
			return nil, err
		}
	}
	w, err := NewWitness(name, s.Alg(), s.Public())
	if err != nil {
		return nil, err
	}
	msg, err := w.key.cosigned(nowUnix, body)
	if err != nil {
		return nil, err
	}
	sig, err := s.SignMessage(ctx, msg)
	if err != nil {
		return nil, fmt.Errorf("cosigning: %w", err)
	}
	raw := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, w.key.KeyHash()), nowUnix)
	line := "— " + name + " " + base64.StdEncoding.EncodeToString(append(raw, sig...)) + "\n"
	out := append(bytes.Clone(signed), line...)
	if t, had, err := w.Time(out); err != nil || !had || t > nowUnix {
		return nil, fmt.Errorf("cosignature at %s does not verify: %w", strconv.FormatUint(nowUnix, 10), errors.Join(err, ErrCheckpoint))
	}
	return out, nil
}
