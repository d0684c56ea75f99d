package sim

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/stabilizer"
	"github.com/animicaorg/engine/circuit"
)

// group is the slots of one canonical circuit.
type group struct {
	first    int // its first slot
	slots    int
	clifford bool
}

// plan is a batch sorted into groups, numbered by first slot.
type plan struct {
	b      *backends.Batch
	table  *circuit.FrameTable
	gates  []stabilizer.Gate // per canonical triple
	ok     []bool            // per canonical triple: it is Clifford
	groups []group
	of     []uint32 // per slot: its group
	rows   []byte   // per slot: the X part of its final frame; outcomes are XORed in
}

// scratch is what canonicalising one slot needs.
type scratch struct {
	row, ids []uint32
	frame    []circuit.Pauli
	bytes    []byte
}

func newScratch(b *backends.Batch) *scratch {
	n := b.Rows.Locations
	return &scratch{make([]uint32, n), make([]uint32, n), make([]circuit.Pauli, b.Skeleton.Width), make([]byte, 4*n)}
}

// canonical sets s.ids and s.frame for slot i.
func (p *plan) canonical(s *scratch, i int) {
	p.b.Rows.Expand(i, s.row)
	p.table.Slot(&p.b.Skeleton, s.row, s.ids, s.frame)
}

// window is how many slots are canonicalised before they are numbered: it bounds
// the digests held.
const window = 1 << 12

// newPlan canonicalises all slots. Canonical circuits are told apart by SHA-256
// of their ids; the map is only looked up, never walked.
func newPlan(ctx context.Context, b *backends.Batch) (*plan, error) {
	p := &plan{b: b, table: circuit.NewFrameTable(b.Palette), of: make([]uint32, b.Rows.N)}
	p.gates, p.ok = stabilizer.GatesOf(p.table.Canon)
	rb := guest.RowBytes(b.Skeleton.Width)
	p.rows = make([]byte, b.Rows.N*rb)
	number := map[[sha256.Size]byte]uint32{}
	digests := make([][sha256.Size]byte, min(window, b.Rows.N))
	scratches := make([]*scratch, workers(b.Threads))
	for w := range scratches {
		scratches[w] = newScratch(b)
	}
	for start := 0; start < b.Rows.N; start += window {
		n := min(window, b.Rows.N-start)
		const perTask = 16
		err := parallel(ctx, b.Threads, (n+perTask-1)/perTask, func(worker, task int) error {
			for k := task * perTask; k < min((task+1)*perTask, n); k++ {
				digests[k] = p.slot(scratches[worker], start+k)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		for k := range n {
			p.join(number, digests[k], start+k)
		}
	}
	s := scratches[0]
	for g := range p.groups {
		p.canonical(s, p.groups[g].first)
		p.groups[g].clifford = p.isClifford(s.ids)
	}
	return p, nil
}

// slot canonicalises slot i, stores its frame and returns its digest.
func (p *plan) slot(s *scratch, i int) [sha256.Size]byte {
	p.canonical(s, i)
	rb := guest.RowBytes(p.b.Skeleton.Width)
	row := p.rows[i*rb:][:rb]
	for q, f := range s.frame {
		row[q>>3] |= byte(f&circuit.PauliX) << (q & 7)
	}
	for l, id := range s.ids {
		binary.LittleEndian.PutUint32(s.bytes[4*l:], id)
	}
	return sha256.Sum256(s.bytes)
}

func (p *plan) join(number map[[sha256.Size]byte]uint32, d [sha256.Size]byte, slot int) {
	g, seen := number[d]
	if !seen {
		g = uint32(len(p.groups))
		number[d] = g
		p.groups = append(p.groups, group{first: slot})
	}
	p.groups[g].slots++
	p.of[slot] = g
}

func (p *plan) isClifford(ids []uint32) bool {
	for _, id := range ids {
		if !p.ok[id] {
			return false
		}
	}
	return true
}
