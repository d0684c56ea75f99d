package circuit

import (
	"cmp"
	"crypto/sha3"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// CanonicalVersion is the version of the byte form in SPEC.md. History:
// 1 (November 2026): first.
const CanonicalVersion = 1

// hashDomain separates circuit hashes from all other hashes.
const hashDomain = "qprov/v1/circuit"

// ErrCanonical is wrapped by every refusal of ParseCanonical.
var ErrCanonical = errors.New("not canonical circuit bytes")

var canonicalMagic = [4]byte{'Q', 'C', 'B', CanonicalVersion}

// CanonicalBytes returns the byte form of SPEC.md: the same bytes for the same
// operations in the same order on the same bits, whatever the names of the
// registers and the way angles and gate names were spelled. It fails only where
// Validate fails.
func (c *Circuit) CanonicalBytes() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.Explicit()
	if c.Clbits > MaxClbits || len(c.Ops) > MaxOps {
		return nil, fmt.Errorf("the implied measurement exceeds a bound: %w", ErrInvalid)
	}
	conds, ids := c.canonicalConds()
	b := make([]byte, 0, 64+24*len(c.Ops))
	b = append(b, canonicalMagic[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(c.Qubits))
	b = binary.BigEndian.AppendUint32(b, uint32(c.Clbits))
	b = binary.BigEndian.AppendUint32(b, uint32(len(conds)))
	for _, d := range conds {
		b = append(b, d...)
	}
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Ops)))
	for i := range c.Ops {
		b = appendOp(b, &c.Ops[i], ids, c.Qubits)
	}
	return b, nil
}

const condFlag = 0x80

func appendOp(b []byte, op *Op, ids []uint32, qubits int) []byte {
	q, n := op.Q, op.NQ
	if op.Gate == Barrier {
		slices.Sort(q[:n])
		if int(n) == qubits {
			n = 0
		}
	}
	flags := n
	if op.Cond != 0 {
		flags |= condFlag
	}
	b = append(b, byte(op.Gate), flags)
	for _, k := range q[:n] {
		b = binary.BigEndian.AppendUint16(b, k)
	}
	if op.Gate == Measure {
		b = binary.BigEndian.AppendUint32(b, op.Clbit)
	}
	if op.Cond != 0 {
		b = binary.BigEndian.AppendUint32(b, ids[op.Cond-1])
	}
	for _, p := range op.Params[:gateTable[op.Gate].Params] {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	return b
}

// canonicalConds encodes the conditions in use, each once, in order of first
// use, and maps positions in c.Conds to positions there.
func (c *Circuit) canonicalConds() (conds []string, ids []uint32) {
	ids = make([]uint32, len(c.Conds))
	done := make([]bool, len(c.Conds))
	byBytes := map[string]uint32{}
	for i := range c.Ops {
		k := c.Ops[i].Cond
		if k == 0 || done[k-1] {
			continue
		}
		s := string(appendCond(nil, c.Conds[k-1]))
		id, ok := byBytes[s]
		if !ok {
			id = uint32(len(conds))
			byBytes[s] = id
			conds = append(conds, s)
		}
		done[k-1], ids[k-1] = true, id
	}
	return conds, ids
}

// appendCond writes the terms in normal form, sorted, each once.
func appendCond(b []byte, d Cond) []byte {
	terms := make([]string, len(d.Terms))
	for i, t := range d.Terms {
		terms[i] = string(appendTerm(nil, t))
	}
	slices.Sort(terms)
	terms = slices.Compact(terms)
	b = binary.BigEndian.AppendUint16(b, uint16(len(terms)))
	for _, t := range terms {
		b = append(b, t...)
	}
	return b
}

// appendTerm writes the normal form.
func appendTerm(b []byte, t CondTerm) []byte {
	t = t.normal()
	if t.Negate {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	b = append(b, byte(len(t.Bits)))
	for _, k := range t.Bits {
		b = binary.BigEndian.AppendUint32(b, k)
	}
	return binary.BigEndian.AppendUint64(b, t.Value)
}

// normal has its bits ascending, with the value permuted alike; on one bit
// "differs from v" becomes "equals 1-v".
func (t CondTerm) normal() CondTerm {
	order := make([]int, len(t.Bits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(t.Bits[i], t.Bits[j]) })
	out := CondTerm{Bits: make([]uint32, len(order)), Negate: t.Negate}
	for k, i := range order {
		out.Bits[k] = t.Bits[i]
		out.Value |= t.Value >> i & 1 << k
	}
	if len(order) == 1 && out.Negate {
		out.Value, out.Negate = out.Value^1, false
	}
	return out
}

// Hash is the circuit_hash: SHA3-256 of a frame with the domain
// "qprov/v1/circuit" and the canonical bytes as its only field, number 1.
func (c *Circuit) Hash() (digest.Digest, error) {
	body, err := c.CanonicalBytes()
	if err != nil {
		return digest.Digest{}, err
	}
	h := sha3.New256()
	head := append([]byte{byte(len(hashDomain))}, hashDomain...)
	head = append(head, 0, 1, 0, 1) // one field, number 1
	head = binary.BigEndian.AppendUint32(head, uint32(len(body)))
	h.Write(head)
	h.Write(body)
	var d digest.Digest
	h.Sum(d[:0])
	return d, nil
}
