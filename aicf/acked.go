package aicf

import (
	"encoding/json"

	"github.com/animicaorg/engine/job"
)

// UnmarshalJSON reads what encoding/json writes of an Acked; the lease is read
// by job.ParseLease.
func (a *Acked) UnmarshalJSON(b []byte) error {
	var raw struct {
		Lease      json.RawMessage `json:"lease"`
		ExpiresMS  int64           `json:"expires_ms"`
		DeadlineMS int64           `json:"deadline_ms"`
		Receipt    Receipt         `json:"receipt"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	l, err := job.ParseLease(raw.Lease)
	if err != nil {
		return err
	}
	*a = Acked{l, raw.ExpiresMS, raw.DeadlineMS, raw.Receipt}
	return nil
}
