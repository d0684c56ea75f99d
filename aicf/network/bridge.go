package network

import (
	"context"
	"math"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// readOnce is the key under which the ids of results that were taken are kept.
var readOnce = digest.Sum([]byte("qprov/v1/result-taken"))

// TakeResult gives a final job to its requester once: NoResultYet before the
// end, Conflict when it was taken. The same idempotency key gives it again.
func (s *Service) TakeResult(ctx context.Context, c aicf.Call, id digest.Digest) (*aicf.Job, error) {
	return update(ctx, s, c, func(t *store.Tx, _ *epoch.Term) (*aicf.Job, error) {
		j, err := queue.Find(t, id)
		if err != nil {
			return nil, err
		}
		if err := s.acts(c, j.Requester); err != nil {
			return nil, err
		}
		if !j.State.Final() {
			return nil, aicf.Refuse(aicf.NoResultYet, "job %s is %s", id, j.State).After(1000)
		}
		n, err := t.Exec("INSERT INTO nonce (key_id, nonce, until_ms) VALUES (?, ?, ?) ON CONFLICT (key_id, nonce) DO NOTHING", readOnce, id[:], int64(math.MaxInt64))
		if err == nil && n == 0 {
			err = aicf.Refuse(aicf.Conflict, "the result of job %s was read", id).Try("GET /aicf/jobs/%s shows the job as often as wanted", id)
		}
		if err != nil {
			return nil, err
		}
		v := j.View()
		return &v, nil
	})
}
