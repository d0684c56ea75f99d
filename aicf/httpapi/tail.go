package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/animicaorg/engine/aicf"
)

// told is an event as streams send it.
type told struct {
	seq  uint64
	kind string
	raw  []byte
}

// tail shares one look at the log among all streams that wait at the same place: a
// thousand listeners of one event cost one query and one encoding.
type tail struct {
	read func(ctx context.Context, after uint64, limit int) ([]aicf.Event, error)

	mu    sync.Mutex
	at    uint64          // the frames lie behind this event
	seen  <-chan struct{} // closed by the next commit of this process
	taken time.Time
	page  []told
}

// stale is how long a look counts that no commit of this process made old: other
// replicas commit unheard.
const stale = pollEvery / 2

// behind returns at most eventPage events behind after. changed was taken before
// the call: what was committed until then is in the answer.
func (t *tail) behind(ctx context.Context, after uint64, changed <-chan struct{}) ([]told, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.page != nil && t.at == after && t.seen == changed && time.Since(t.taken) < stale {
		return t.page, nil
	}
	list, err := t.read(ctx, after, eventPage)
	if err != nil {
		return nil, err
	}
	page := make([]told, len(list))
	for i := range list {
		raw, err := json.Marshal(&list[i])
		if err != nil {
			return nil, err
		}
		page[i] = told{list[i].Seq, list[i].Type, fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", list[i].Seq, list[i].Type, raw)}
	}
	if len(page) < eventPage { // who is far behind is alone there
		t.at, t.seen, t.taken, t.page = after, changed, time.Now(), page
	}
	return page, nil
}
