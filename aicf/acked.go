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
		Sealed     *SealedLease    `json:"sealed"`
		ExpiresMS  int64           `json:"expires_ms"`
		DeadlineMS int64           `json:"deadline_ms"`
		Receipt    Receipt         `json:"receipt"`
	}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	out := Acked{Sealed: raw.Sealed, ExpiresMS: raw.ExpiresMS, DeadlineMS: raw.DeadlineMS, Receipt: raw.Receipt}
	switch s := raw.Sealed; {
	case s == nil:
		l, err := job.ParseLease(raw.Lease)
		if err != nil {
			return err
		}
		out.Lease = l
	case raw.Lease != nil || s.Statement == nil || len(s.Blob) == 0:
		return Refuse(SchemaError, "a sealed lease wants statement and blob, and no lease beside them").In("/sealed")
	}
	*a = out
	return nil
}

// IssuedMS is when the service signed the lease: by its frame, or, where only the runner
// can read that, by the statement beside it, in whole seconds.
func (a *Acked) IssuedMS() int64 {
	if a.Sealed != nil {
		return int64(a.Sealed.Statement.SignedAt) * 1000
	}
	return int64(a.Lease.IssuedMS)
}
