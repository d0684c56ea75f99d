package transcript

import (
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/digest"
)

// SlotsPerLeaf is the number of consecutive slots in one leaf of the outcomes
// tree; the last leaf may hold fewer.
const SlotsPerLeaf = 64

// MaxShots bounds the slots of one job.
const MaxShots = 10_000_000

// Outcomes are the raw outcomes of all slots of a job in slot order.
type Outcomes struct {
	Width    uint64 // bits of a row, 1..MaxWidth
	Slots    uint64 // 1..MaxShots
	Rows     []byte // Slots rows of Stride(Width) bytes, little-endian; zero for absent slots
	Presence []byte // bit i&7 of byte i>>3: slot i was executed; unused bits zero
}

// AllPresent returns the presence bits of n executed slots.
func AllPresent(n uint64) []byte {
	b := make([]byte, (n+7)/8)
	for i := range b {
		b[i] = 0xff
	}
	if n%8 != 0 {
		b[len(b)-1] = 1<<(n%8) - 1
	}
	return b
}

// Present reports whether slot i was executed.
func (o *Outcomes) Present(i uint64) bool { return o.Presence[i>>3]&(1<<(i&7)) != 0 }

// Executed is the number of slots present.
func (o *Outcomes) Executed() (n uint64) {
	for i := range o.Slots {
		if o.Present(i) {
			n++
		}
	}
	return n
}

// Validate checks the rules stated at the fields.
func (o *Outcomes) Validate() error {
	if o.Slots < 1 || o.Slots > MaxShots {
		return fmt.Errorf("outcomes of %d slots, want 1..%d: %w", o.Slots, MaxShots, ErrFrame)
	}
	if err := checkRows(o.Width, o.Rows); err != nil {
		return fmt.Errorf("outcomes: %w", err)
	}
	stride := uint64(Stride(o.Width))
	if uint64(len(o.Rows)) != o.Slots*stride || uint64(len(o.Presence)) != (o.Slots+7)/8 {
		return fmt.Errorf("outcomes: %d row bytes and %d presence bytes for %d slots of width %d: %w", len(o.Rows), len(o.Presence), o.Slots, o.Width, ErrFrame)
	}
	if o.Slots%8 != 0 && o.Presence[len(o.Presence)-1]>>(o.Slots%8) != 0 {
		return fmt.Errorf("outcomes: presence bit above slot %d: %w", o.Slots-1, ErrFrame)
	}
	for i := range o.Slots {
		if o.Present(i) {
			continue
		}
		for _, b := range o.Rows[i*stride : (i+1)*stride] {
			if b != 0 {
				return fmt.Errorf("outcomes: absent slot %d has bits: %w", i, ErrFrame)
			}
		}
	}
	return nil
}

// Leaves is the number of leaves of the outcomes tree.
func (o *Outcomes) Leaves() uint64 { return (o.Slots + SlotsPerLeaf - 1) / SlotsPerLeaf }

// Leaf returns the data of leaf k: u64 first slot ‖ u64 n ‖ rows ‖ presence
// bits of slots first .. first+n-1 (bit 0 of the first byte is slot first),
// integers big-endian. k < Leaves().
func (o *Outcomes) Leaf(k uint64) []byte {
	first := k * SlotsPerLeaf
	n := min(SlotsPerLeaf, o.Slots-first)
	stride := uint64(Stride(o.Width))
	b := binary.BigEndian.AppendUint64(nil, first)
	b = binary.BigEndian.AppendUint64(b, n)
	b = append(b, o.Rows[first*stride:(first+n)*stride]...)
	return append(b, o.Presence[first/8:(first+n+7)/8]...)
}

// Root validates o and returns outcomes_root.
func (o *Outcomes) Root() (digest.Digest, error) {
	if err := o.Validate(); err != nil {
		return digest.Digest{}, err
	}
	var t Tree
	for k := range o.Leaves() {
		t.Append(o.Leaf(k))
	}
	return t.Root(), nil
}

// Proof returns the audit path of leaf k, so that one window of slots can be
// opened alone.
func (o *Outcomes) Proof(k uint64) ([]digest.Digest, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	hashes := make([]digest.Digest, o.Leaves())
	for i := range hashes {
		hashes[i] = LeafHash(o.Leaf(uint64(i)))
	}
	if k >= uint64(len(hashes)) {
		return nil, fmt.Errorf("leaf %d of %d: %w", k, len(hashes), ErrInclusion)
	}
	return InclusionProof(hashes, int(k))
}

// outcomesMagic opens the file form of outcomes.
const outcomesMagic = "QXO1"

// outcomesHead is the length of the file's head: magic, u32 zero, u64 width,
// u64 slots, integers big-endian.
const outcomesHead = 24

// MarshalBinary returns the file form: head ‖ Rows ‖ Presence.
func (o *Outcomes) MarshalBinary() ([]byte, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, outcomesHead+len(o.Rows)+len(o.Presence))
	b = append(b, outcomesMagic+"\x00\x00\x00\x00"...)
	b = binary.BigEndian.AppendUint64(b, o.Width)
	b = binary.BigEndian.AppendUint64(b, o.Slots)
	return append(append(b, o.Rows...), o.Presence...), nil
}

// ParseOutcomes reads the file form. The result aliases b.
func ParseOutcomes(b []byte) (*Outcomes, error) {
	if len(b) < outcomesHead || string(b[:8]) != outcomesMagic+"\x00\x00\x00\x00" {
		return nil, fmt.Errorf("outcomes file has another head: %w", ErrFrame)
	}
	o := &Outcomes{Width: binary.BigEndian.Uint64(b[8:]), Slots: binary.BigEndian.Uint64(b[16:])}
	if o.Width < 1 || o.Width > MaxWidth || o.Slots < 1 || o.Slots > MaxShots {
		return nil, fmt.Errorf("outcomes file: width %d, %d slots: %w", o.Width, o.Slots, ErrFrame)
	}
	b = b[outcomesHead:]
	rows, pres := o.Slots*uint64(Stride(o.Width)), (o.Slots+7)/8
	if uint64(len(b)) != rows+pres {
		return nil, fmt.Errorf("outcomes file: %d bytes behind the head, want %d: %w", len(b), rows+pres, ErrFrame)
	}
	o.Rows, o.Presence = b[:rows:rows], b[rows:]
	return o, o.Validate()
}
