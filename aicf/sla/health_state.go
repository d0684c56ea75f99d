package sla

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/animicaorg/engine/aicf"
)

// state is what a stored score consists of. Score is its numerator over 2^160,
// times are decimal seconds.
type state struct {
	Score    string       `json:"score"`
	Last     *storedBeat  `json:"last,omitempty"`
	Success  *json.Number `json:"success,omitempty"`
	Failures int          `json:"failures,omitempty"`
}

type storedBeat struct {
	T       json.Number  `json:"t"`
	OK      bool         `json:"ok"`
	Latency *json.Number `json:"latency_ms,omitempty"`
}

// MarshalText writes the score so that UnmarshalText goes on from it exactly.
// Times keep nine decimals.
func (h *Health) MarshalText() ([]byte, error) {
	n := new(big.Int).Mul(h.score.Num(), fixedOne)
	s := state{Score: n.Quo(n, h.score.Denom()).Text(16), Failures: h.failures, Success: number(h.success)}
	if h.last != nil {
		s.Last = &storedBeat{*number(h.last.T), h.last.OK, number(h.last.LatencyMS)}
	}
	return json.Marshal(s)
}

func number(r *big.Rat) *json.Number {
	if r == nil {
		return nil
	}
	n := json.Number(r.FloatString(9))
	return &n
}

// UnmarshalText reads what MarshalText wrote; the empty text is NewHealth.
func (h *Health) UnmarshalText(b []byte) error {
	*h = *NewHealth()
	if len(b) == 0 {
		return nil
	}
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("health: %w", err)
	}
	n, ok := new(big.Int).SetString(s.Score, 16)
	if !ok || n.Sign() < 0 || n.Cmp(fixedOne) > 0 {
		return fmt.Errorf("health: score %.50q is refused", s.Score)
	}
	h.score.SetFrac(n, fixedOne)
	h.failures = s.Failures
	var err error
	read := func(n *json.Number) *big.Rat {
		if n == nil || err != nil {
			return nil
		}
		var r *big.Rat
		r, err = aicf.ParseRational(n.String())
		return r
	}
	h.success = read(s.Success)
	if s.Last != nil {
		h.last = &Beat{read(&s.Last.T), s.Last.OK, read(s.Last.Latency)}
	}
	return err
}

// PPM is the score in parts per million, floored.
func (h *Health) PPM() uint64 {
	n := new(big.Int).Mul(h.score.Num(), big.NewInt(1_000_000))
	return n.Quo(n, h.score.Denom()).Uint64()
}
