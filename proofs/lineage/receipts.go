package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/animicaorg/engine/digest"
)

// ErrReceipts is wrapped by every refusal of trap receipts.
var ErrReceipts = errors.New("trap receipts refused")

// Receipt is the outcome of one trap circuit over Count shots.
type Receipt struct {
	TrapDigest digest.Digest
	Count      uint64
	OK         bool
}

// Totals are what receipts add up to.
type Totals struct {
	Root      digest.Digest
	OK, Total uint64 // shots
}

const (
	maxReceipts = 10_000
	maxCount    = 1 << 53
)

// SumReceipts returns the Merkle root and the shots. Leaf = H("Animica/QTrapItem/v1"
// ‖ digest ‖ u64be count ‖ 01 or 00), node = H("Animica/QTrapRoot/v1" ‖ left ‖
// right), an odd node is paired with itself, no leaves give the hash of the node
// tag. Because the pairing makes [a,b,c] and [a,b,c,c] alike, a repeated leaf is
// refused. A root that is not nil must be the one computed.
func SumReceipts(receipts []Receipt, root *digest.Digest) (*Totals, error) {
	if len(receipts) > maxReceipts {
		return nil, fmt.Errorf("%d receipts, limit %d: %w", len(receipts), maxReceipts, ErrReceipts)
	}
	t := &Totals{}
	level := make([]digest.Digest, len(receipts))
	seen := map[digest.Digest]bool{}
	for i, r := range receipts {
		if r.Count > maxCount || t.Total+r.Count > maxCount {
			return nil, fmt.Errorf("receipt %d: more than 2^53 shots: %w", i, ErrReceipts)
		}
		t.Total += r.Count
		flag := byte(0)
		if r.OK {
			flag, t.OK = 1, t.OK+r.Count
		}
		leaf := binary.BigEndian.AppendUint64(r.TrapDigest[:], r.Count)
		level[i] = digest.SumParts([]byte("Animica/QTrapItem/v1"), leaf, []byte{flag})
		if seen[level[i]] {
			return nil, fmt.Errorf("receipt %d repeats an earlier leaf: %w", i, ErrReceipts)
		}
		seen[level[i]] = true
	}
	t.Root = fold(level)
	if root != nil && *root != t.Root {
		return nil, fmt.Errorf("root is %s, computed %s: %w", root, t.Root, ErrReceipts)
	}
	return t, nil
}

func fold(level []digest.Digest) digest.Digest {
	tag := []byte("Animica/QTrapRoot/v1")
	if len(level) == 0 {
		return digest.Sum(tag)
	}
	for len(level) > 1 {
		var next []digest.Digest
		for i := 0; i < len(level); i += 2 {
			l, r := level[i], level[min(i+1, len(level)-1)]
			next = append(next, digest.SumParts(tag, l[:], r[:]))
		}
		level = next
	}
	return level[0]
}

// QoSScore is 0.45 latency + 0.30 success + 0.25 uptime, 0..1; latency is
// 1 - ln(1+p95/1500)/ln 5, at least 0. Rates are in permil. It is for display
// and for comparison with the lineage; nothing is hashed or judged by it.
func QoSScore(p95MS, successPermil, uptimePermil uint64) (float64, error) {
	if successPermil > 1000 || uptimePermil > 1000 || p95MS > maxCount {
		return 0, fmt.Errorf("success and uptime are 0..1000 permil: %w", ErrEnvelope)
	}
	latency := max(0, 1-math.Log1p(float64(p95MS)/1500)/math.Log(5))
	return 0.45*latency + 0.30*float64(successPermil)/1000 + 0.25*float64(uptimePermil)/1000, nil
}
