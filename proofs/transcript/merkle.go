package transcript

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/animicaorg/engine/digest"
)

// Trees are those of RFC 6962 §2.1 with SHA3-256 in place of SHA-256.

// LeafHash is H(0x00 ‖ data).
func LeafHash(data []byte) digest.Digest { return digest.SumParts([]byte{0}, data) }

// NodeHash is H(0x01 ‖ left ‖ right).
func NodeHash(left, right digest.Digest) digest.Digest {
	return digest.SumParts([]byte{1}, left[:], right[:])
}

// Tree computes a root while leaves stream in, in memory logarithmic in their
// number. The zero Tree is empty.
type Tree struct {
	size  uint64
	stack []digest.Digest // roots of the perfect subtrees, largest first
}

// Size is the number of leaves.
func (t *Tree) Size() uint64 { return t.size }

// Append adds one leaf.
func (t *Tree) Append(data []byte) { t.AppendHash(LeafHash(data)) }

// AppendHash adds one leaf by its LeafHash.
func (t *Tree) AppendHash(leaf digest.Digest) {
	for range bits.TrailingZeros64(^t.size) {
		last := len(t.stack) - 1
		leaf = NodeHash(t.stack[last], leaf)
		t.stack = t.stack[:last]
	}
	t.stack = append(t.stack, leaf)
	t.size++
}

// Root returns the root of the leaves so far; of none, SHA3-256 of the empty
// string.
func (t *Tree) Root() digest.Digest {
	if len(t.stack) == 0 {
		return digest.Sum(nil)
	}
	r := t.stack[len(t.stack)-1]
	for i := len(t.stack) - 2; i >= 0; i-- {
		r = NodeHash(t.stack[i], r)
	}
	return r
}

// ErrInclusion is wrapped by refusals of inclusion proofs.
var ErrInclusion = errors.New("leaf is not proved to be in the tree")

// split is the largest power of two below n, n > 1.
func split(n int) int { return 1 << (bits.Len(uint(n-1)) - 1) }

func rootOf(leaves []digest.Digest) digest.Digest {
	var t Tree
	for _, l := range leaves {
		t.AppendHash(l)
	}
	return t.Root()
}

// InclusionProof returns the audit path of leaf number index (RFC 6962 §2.1.1),
// nearest sibling first.
func InclusionProof(leaves []digest.Digest, index int) ([]digest.Digest, error) {
	if index < 0 || index >= len(leaves) {
		return nil, fmt.Errorf("leaf %d of %d: %w", index, len(leaves), ErrInclusion)
	}
	var path []digest.Digest
	for len(leaves) > 1 {
		k := split(len(leaves))
		if index < k {
			path = append(path, rootOf(leaves[k:]))
			leaves = leaves[:k]
		} else {
			path = append(path, rootOf(leaves[:k]))
			leaves, index = leaves[k:], index-k
		}
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path, nil
}

// VerifyInclusion checks an audit path (RFC 9162 §2.1.3.2).
func VerifyInclusion(root, leaf digest.Digest, index, size uint64, path []digest.Digest) error {
	if index >= size {
		return fmt.Errorf("leaf %d of %d: %w", index, size, ErrInclusion)
	}
	fn, sn, r := index, size-1, leaf
	for _, p := range path {
		if sn == 0 {
			return fmt.Errorf("path of %d is too long: %w", len(path), ErrInclusion)
		}
		if fn&1 == 1 || fn == sn {
			r = NodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = NodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r != root {
		return fmt.Errorf("leaf %d of %d leads to another root: %w", index, size, ErrInclusion)
	}
	return nil
}
