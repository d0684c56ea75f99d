package trust

import (
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// reader takes the fields of a frame in order; the first error sticks.
type reader struct {
	domain string
	fields []transcript.Field
	next   int
	err    error
}

// open splits a frame that must be of a domain and have fields 1..n.
func open(b []byte, domain string, n, limit int) *reader {
	r := &reader{domain: domain}
	if len(b) > limit {
		r.fail("%d bytes, limit %d", len(b), limit)
		return r
	}
	got, fields, err := transcript.ParseFrame(b)
	switch {
	case err != nil:
		r.err = fmt.Errorf("%s: %w: %w", domain, ErrForm, err)
	case got != domain:
		r.err = fmt.Errorf("domain %q, want %q: %w", got, domain, ErrDomain)
	case n >= 0 && len(fields) != n:
		r.fail("%d fields, want %d", len(fields), n)
	}
	for i, f := range fields {
		if int(f.ID) != i+1 && n >= 0 {
			r.fail("field %d where %d is due", f.ID, i+1)
		}
	}
	r.fields = fields
	return r
}

func (r *reader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %s: %w", r.domain, fmt.Sprintf(format, a...), ErrForm)
	}
}

func (r *reader) raw() []byte {
	if r.err != nil || r.next >= len(r.fields) {
		r.fail("fields end at %d", r.next)
		return nil
	}
	r.next++
	return r.fields[r.next-1].Value
}

func (r *reader) u64() uint64 {
	b := r.raw()
	if r.err == nil && len(b) != 8 {
		r.fail("field %d has %d bytes, want 8", r.next, len(b))
	}
	if r.err != nil {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (r *reader) h32() (d digest.Digest) {
	b := r.raw()
	if r.err == nil && len(b) != len(d) {
		r.fail("field %d has %d bytes, want %d", r.next, len(b), len(d))
	}
	copy(d[:], b)
	return d
}

// optional reads a digest or nothing; an all-zero one is not canonical.
func (r *reader) optional() (d digest.Digest) {
	b := r.raw()
	if len(b) == 0 {
		return d
	}
	r.next--
	if d = r.h32(); d.IsZero() {
		r.fail("field %d is an all-zero hash", r.next)
	}
	return d
}

func (r *reader) text() string {
	s := string(r.raw())
	if err := transcript.CheckText(s); err != nil {
		r.fail("field %d: %v", r.next, err)
	}
	return s
}

func (r *reader) digests(max int) []digest.Digest {
	b := r.raw()
	if len(b)%digest.Size != 0 || len(b)/digest.Size > max {
		r.fail("field %d has %d bytes, want up to %d hashes", r.next, len(b), max)
		return nil
	}
	var out []digest.Digest
	for ; len(b) > 0; b = b[digest.Size:] {
		out = append(out, digest.Digest(b[:digest.Size]))
	}
	return out
}

func join(list []digest.Digest) []byte {
	var b []byte
	for _, d := range list {
		b = append(b, d[:]...)
	}
	return b
}
