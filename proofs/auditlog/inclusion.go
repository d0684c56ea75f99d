package auditlog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// ErrInclusion is wrapped by every refusal of an inclusion proof.
var ErrInclusion = errors.New("inclusion proof refused")

// MaxInclusion bounds an exported proof in bytes.
const MaxInclusion = 128 << 10

const inclusionHeader = "c2sp.org/tlog-proof@v1"

// Inclusion is an exported proof that a leaf is in the log (C2SP tlog-proof,
// with the leaf as extra data).
type Inclusion struct {
	Leaf       []byte // the entry's frame
	Index      uint64
	Path       tlog.RecordProof
	Checkpoint []byte // signed, with the cosignatures of witnesses
}

// MarshalText writes the text form.
func (p *Inclusion) MarshalText() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", inclusionHeader, base64.StdEncoding.EncodeToString(p.Leaf), p.Index)
	for _, h := range p.Path {
		fmt.Fprintln(&b, base64.StdEncoding.EncodeToString(h[:]))
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes(), nil
}

// ParseInclusion reads the text form; Verify judges it.
func ParseInclusion(b []byte) (*Inclusion, error) {
	if len(b) > MaxInclusion {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), MaxInclusion, ErrInclusion)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || len(lines) < 3 || lines[0] != inclusionHeader {
		return nil, fmt.Errorf("want %s, extra, index, hashes, an empty line and a checkpoint: %w", inclusionHeader, ErrInclusion)
	}
	p := &Inclusion{Checkpoint: checkpoint}
	extra, ok1 := strings.CutPrefix(lines[1], "extra ")
	index, ok2 := strings.CutPrefix(lines[2], "index ")
	var err1, err2 error
	p.Leaf, err1 = base64.StdEncoding.Strict().DecodeString(extra)
	p.Index, err2 = strconv.ParseUint(index, 10, 62)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || strconv.FormatUint(p.Index, 10) != index {
		return nil, fmt.Errorf("lines extra and index: %w", ErrInclusion)
	}
	if len(lines) > 3+64 {
		return nil, fmt.Errorf("%d hashes, limit 64: %w", len(lines)-3, ErrInclusion)
	}
	for _, line := range lines[3:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return nil, fmt.Errorf("%.60q is no hash: %w", line, ErrInclusion)
		}
		p.Path = append(p.Path, tlog.Hash(h))
	}
	if again, _ := p.MarshalText(); !bytes.Equal(again, b) {
		return nil, fmt.Errorf("not in canonical form: %w", ErrInclusion)
	}
	return p, nil
}

// Verify checks the log's signature and the path, and returns the entry and the
// checkpoint that covers it.
func (p *Inclusion) Verify(origin string, public []byte) (*Entry, Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, origin, public)
	if err != nil {
		return nil, c, fmt.Errorf("%w: %w", ErrInclusion, err)
	}
	if p.Index >= c.Size || tlog.CheckRecord(p.Path, int64(c.Size), c.Root, int64(p.Index), tlog.RecordHash(p.Leaf)) != nil {
		return nil, c, fmt.Errorf("entry %d is not in the tree of %d entries: %w", p.Index, c.Size, ErrInclusion)
	}
	e, err := ParseEntry(p.Leaf)
	return e, c, err
}
