package economics

import (
	"encoding/binary"
	"fmt"
	"math/big"
)

// MaxAttempts is how often a job is tried; a later attempt is its end.
const MaxAttempts = 6

// Backoff is min(60, 2 × 1.8^(attempt-1)) seconds before attempt number attempt,
// counted from 1. There is no jitter.
func Backoff(attempt uint64) (*big.Rat, error) {
	if attempt < 1 || attempt > MaxAmount {
		return nil, fmt.Errorf("attempt is %d, want at least 1: %w", attempt, ErrRange)
	}
	limit, delay := big.NewRat(60, 1), big.NewRat(2, 1)
	for range min(attempt-1, MaxAttempts) {
		delay.Mul(delay, big.NewRat(9, 5))
	}
	if delay.Cmp(limit) > 0 {
		return limit, nil
	}
	return delay, nil
}

func u64(v uint64) []byte { return binary.BigEndian.AppendUint64(nil, v) }
