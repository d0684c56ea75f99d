package trust

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Domains of a set's frame and of the list in it.
const (
	DomainSet     = "qprov/v1/module-set"
	domainRecords = "qprov/v1/module-records"
)

// Set is everything that is listed in one epoch. It is in force from Activation
// on, until a later set is, and never at Expiry or above.
type Set struct {
	ChainID    uint64
	Epoch      uint64        // 1, 2, …
	Previous   digest.Digest // of the set of the epoch before; zero in epoch 1 only
	Root       digest.Digest // of the root whose keys sign it
	Activation uint64        // block height
	Expiry     uint64        // block height
	Records    []Record      // sorted by kind, name, version; each module once
}

// Frame implements transcript.Framed.
func (s Set) Frame() *transcript.Frame {
	list := transcript.NewFrame(domainRecords)
	if err := s.check(); err != nil {
		return list.Fail(err)
	}
	for i, r := range s.Records {
		b, err := transcript.Encode(r)
		if err != nil {
			return list.Fail(err)
		}
		list.Bytes(uint16(i+1), b, MaxRecord)
	}
	b, err := list.Encode()
	if err != nil {
		return list
	}
	return transcript.NewFrame(DomainSet).U64(1, s.ChainID).U64(2, s.Epoch).OptionalH32(3, s.Previous).H32(4, s.Root).
		U64(5, s.Activation).U64(6, s.Expiry).Bytes(7, b, MaxSet)
}

func compareRecords(a, b Record) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Version, b.Version))
}

// Sort brings the records into the order that a set demands.
func (s *Set) Sort() { slices.SortFunc(s.Records, compareRecords) }

func (s *Set) check() error {
	bad := func(format string, a ...any) error {
		return fmt.Errorf("set: %s: %w", fmt.Sprintf(format, a...), ErrForm)
	}
	switch {
	case s.Epoch == 0:
		return bad("epoch 0, the first is 1")
	case (s.Epoch == 1) != s.Previous.IsZero():
		return bad("epoch %d with previous set %s; only epoch 1 has none", s.Epoch, s.Previous)
	case s.Root.IsZero():
		return bad("names no root")
	case s.Expiry <= s.Activation:
		return bad("expires at height %d, activated at %d", s.Expiry, s.Activation)
	case len(s.Records) > MaxRecords:
		return bad("%d records, limit %d", len(s.Records), MaxRecords)
	}
	seen := map[digest.Digest]bool{}
	for i := range s.Records {
		r := &s.Records[i]
		if i > 0 && compareRecords(s.Records[i-1], *r) >= 0 {
			return bad("record %d (%s %s %s) is repeated or out of order", i, r.Kind, r.Name, r.Version)
		}
		if seen[r.SHA3] {
			return bad("module %s stands in two records", r.SHA3)
		}
		seen[r.SHA3] = true
	}
	return nil
}

// ParseSet reads a set's frame.
func ParseSet(b []byte) (*Set, error) {
	f := open(b, DomainSet, 7, MaxSet)
	s := &Set{ChainID: f.u64(), Epoch: f.u64(), Previous: f.optional(), Root: f.h32(), Activation: f.u64(), Expiry: f.u64()}
	raw := f.raw()
	if f.err != nil {
		return nil, f.err
	}
	list := open(raw, domainRecords, -1, MaxSet)
	if list.err != nil {
		return nil, list.err
	}
	if len(list.fields) > MaxRecords {
		return nil, fmt.Errorf("set: %d records, limit %d: %w", len(list.fields), MaxRecords, ErrForm)
	}
	for i, x := range list.fields {
		if int(x.ID) != i+1 {
			return nil, fmt.Errorf("set: record %d where %d is due: %w", x.ID, i+1, ErrForm)
		}
		r, err := ParseRecord(x.Value)
		if err != nil {
			return nil, fmt.Errorf("set: record %d: %w", i, err)
		}
		s.Records = append(s.Records, *r)
	}
	return s, s.check()
}

// Find returns the record of a module by its SHA3-256.
func (s *Set) Find(module digest.Digest) (*Record, bool) {
	for i := range s.Records {
		if s.Records[i].SHA3 == module {
			return &s.Records[i], true
		}
	}
	return nil, false
}
