package lineage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/animicaorg/engine/digest"
)

// ErrID is wrapped where an id's inputs are refused.
var ErrID = errors.New("id inputs refused")

// Call is the contract call that asks for a job.
type Call struct {
	ChainID, Height uint64
	TxHash, Caller  []byte
}

const maxPart = 1 << 20

// JobID is the queue's id: H("animica/task-id/v1" ‖ 00 ‖ u64be chain ‖ u64be
// height ‖ tx hash, caller, payload, each behind its u32be length).
func JobID(c Call, payload []byte) (digest.Digest, error) {
	b := append([]byte("animica/task-id/v1\x00"), c.numbers()...)
	for _, p := range [][]byte{c.TxHash, c.Caller, payload} {
		if len(p) > maxPart {
			return digest.Digest{}, fmt.Errorf("a part of %d bytes, limit %d: %w", len(p), maxPart, ErrID)
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return digest.Sum(b), nil
}

// TaskID is the capability's id: H("animica/cap.task_id/v1" ‖ u64be chain ‖
// u64be height ‖ tx hash and caller, each behind its u16be length ‖ H(payload)),
// the payload as canonical CBOR.
func TaskID(c Call, payload Value) (digest.Digest, error) {
	if c.ChainID == 0 || len(c.TxHash) == 0 || len(c.Caller) == 0 {
		return digest.Digest{}, fmt.Errorf("chain_id, tx_hash and caller are not empty: %w", ErrID)
	}
	b := append([]byte("animica/cap.task_id/v1"), c.numbers()...)
	for _, p := range [][]byte{c.TxHash, c.Caller} {
		if len(p) > math.MaxUint16 {
			return digest.Digest{}, fmt.Errorf("a part of %d bytes, limit 65535: %w", len(p), ErrID)
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(p))), p...)
	}
	sum := digest.Sum(Encode(payload))
	return digest.Sum(append(b, sum[:]...)), nil
}

// BridgeID is the bridge's id: H over chain id and height as minimal big-endian
// integers, tx hash, caller and payload, each behind its u32be length. The
// payload is the sorted JSON that BridgePayload writes.
func BridgeID(c Call, payload []byte) digest.Digest {
	var b []byte
	for _, p := range [][]byte{minimal(c.ChainID), minimal(c.Height), c.TxHash, c.Caller, payload} {
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
	}
	return digest.Sum(b)
}

// BridgePayload is the JSON of a quantum call with sorted keys and no spaces.
// depth, width and trapsRatio are JSON tokens; empty is null.
func BridgePayload(circuit []byte, shots uint64, depth, width, trapsRatio string) []byte {
	null := func(s string) string {
		if s == "" {
			return "null"
		}
		return s
	}
	return fmt.Appendf(nil, `{"circuit_digest":"0x%s","depth":%s,"kind":"QUANTUM","shots":%d,"traps_ratio":%s,"width":%s}`,
		digest.Sum(circuit), null(depth), shots, null(trapsRatio), null(width))
}

func (c Call) numbers() []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, c.ChainID), c.Height)
}

func minimal(v uint64) []byte {
	n := max(1, (bits.Len64(v)+7)/8)
	return binary.BigEndian.AppendUint64(nil, v)[8-n:]
}
