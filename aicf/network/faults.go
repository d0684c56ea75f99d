package network

import (
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/penalty"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/registry"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// accuseFork proposes a slash for an audit log that shrank or forked.
func (s *Service) accuseFork(t *store.Tx, term *epoch.Term, r *registry.Row, h aicf.Heartbeat, known *aicf.CheckpointNote) error {
	_, err := penalty.Propose(t, term, penalty.Accusation{Provider: r.ID, Reason: aicf.ReasonCheckpoint,
		Document: map[string]any{"known": known, "now": h.Checkpoint, "seq": h.Seq}})
	return err
}

// beat counts a heartbeat, or a missed one, in the provider's window.
func (s *Service) beat(t *store.Tx, _ *epoch.Term, provider digest.Digest, missed uint64) error {
	return penalty.Beat(t, provider, 1-min(1, missed), missed)
}

// lost counts a lease that ended without a result.
func (s *Service) lost(t *store.Tx, term *epoch.Term, l *queue.LeaseRow) error {
	return penalty.Lost(t, term, l.Provider)
}
