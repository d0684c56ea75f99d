package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/modules/trust"
)

// Fetch asks a transport for the bytes of a hash and checks the bytes held.
func Fetch(ctx context.Context, t Transport, d digest.Digest, max int64) ([]byte, error) {
	b, err := t.Blob(ctx, d, max)
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(b), max, ErrLimit)
	}
	return b, checkHash(b, d)
}

// Documents fetches and parses all documents of a transport.
func Documents(ctx context.Context, t Transport) ([]*trust.Signed, error) {
	sums, err := t.Documents(ctx)
	if err != nil {
		return nil, err
	}
	if len(sums) > MaxDocuments {
		return nil, fmt.Errorf("%d documents, limit %d: %w", len(sums), MaxDocuments, ErrLimit)
	}
	var out []*trust.Signed
	for _, sum := range sums {
		b, err := Fetch(ctx, t, sum, trust.MaxSigned)
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", sum, err)
		}
		d, err := trust.ParseSigned(b)
		if err != nil {
			return nil, fmt.Errorf("document %s: %w", sum, err)
		}
		out = append(out, d)
	}
	return out, nil
}

// Chain builds the chain of the store's documents, from the root that the mark
// pins, and checks it against the mark.
func (s *Store) Chain(m trust.Mark) (*trust.Chain, error) {
	docs, err := s.Load()
	if err != nil {
		return nil, err
	}
	return build(m, docs)
}

// Accept keeps documents if the chain of the mark takes them together with those
// that the store holds.
func (s *Store) Accept(m trust.Mark, docs ...*trust.Signed) (*trust.Chain, error) {
	held, err := s.Load()
	if err != nil {
		return nil, err
	}
	c, err := build(m, append(held, docs...))
	if err != nil {
		return nil, err
	}
	return c, s.Add(c.Documents()...)
}

func build(m trust.Mark, docs []*trust.Signed) (*trust.Chain, error) {
	for _, d := range docs {
		if d.Digest() != m.Pin {
			continue
		}
		c, err := trust.NewChain(m.Pin, d)
		if err != nil {
			return nil, err
		}
		if err := c.Offer(docs); err != nil {
			return nil, err
		}
		return c, m.Check(c)
	}
	return nil, fmt.Errorf("pinned root %s: %w", m.Pin, ErrNotFound)
}

// Pull fetches the documents of a transport, offers them to the chain that the
// store holds, and keeps them if the whole is accepted and in force at the
// height. Then it fetches every module that may run at the height, with its
// vectors. The chain returned is what to mark.
func (s *Store) Pull(ctx context.Context, t Transport, m trust.Mark, height uint64, p *trust.Policy) (*trust.Chain, []trust.Record, error) {
	fresh, err := Documents(ctx, t)
	if err != nil {
		return nil, nil, err
	}
	held, err := s.Load()
	if err != nil {
		return nil, nil, err
	}
	// A transport that is behind is told from one that is not by its own chain.
	if _, err := build(m, fresh); err != nil {
		return nil, nil, err
	}
	c, err := build(m, append(held, fresh...))
	if err != nil {
		return nil, nil, err
	}
	set, err := c.At(height)
	if err != nil {
		return nil, nil, err
	}
	var records []trust.Record
	for i := range set.Records {
		r := &set.Records[i]
		if _, err := c.Lookup(r.SHA3, height, p); err != nil {
			continue // not to be run at this height
		}
		if err := s.pullModule(ctx, t, r); err != nil {
			return nil, nil, fmt.Errorf("%s %s: %w", r.Name, r.Version, err)
		}
		records = append(records, *r)
	}
	return c, records, s.Add(c.Documents()...)
}

func (s *Store) pullModule(ctx context.Context, t Transport, r *trust.Record) error {
	wasm, err := s.obtain(ctx, t, r.SHA3, int64(r.Size))
	if err != nil {
		return err
	}
	if _, err := r.Match(wasm); err != nil {
		return err
	}
	_, err = s.obtain(ctx, t, r.Vectors, trust.MaxVectorFile)
	return err
}

// obtain returns a blob of the store, or fetches and stores it.
func (s *Store) obtain(ctx context.Context, t Transport, d digest.Digest, max int64) ([]byte, error) {
	if b, err := s.Get(d, max); err == nil {
		return b, nil
	}
	b, err := Fetch(ctx, t, d, max)
	if err != nil {
		return nil, err
	}
	_, err = s.Put(b)
	return b, err
}

// Publication collects the documents of the store and every module and vectors
// that they name, as far as the store has them.
func (s *Store) Publication() (*Publication, error) {
	docs, err := s.Load()
	if err != nil {
		return nil, err
	}
	p := &Publication{}
	seen := map[digest.Digest]bool{}
	take := func(list *[][]byte, d digest.Digest, max int64) {
		if b, err := s.Get(d, max); err == nil && !seen[d] {
			seen[d] = true
			*list = append(*list, b)
		}
	}
	for _, d := range docs {
		b, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		p.Documents = append(p.Documents, b)
		set, err := trust.ParseSet(d.Frame)
		if err != nil {
			continue // a root
		}
		for _, r := range set.Records {
			take(&p.Modules, r.SHA3, trust.MaxModule)
			take(&p.Vectors, r.Vectors, trust.MaxVectorFile)
		}
	}
	return p, nil
}
