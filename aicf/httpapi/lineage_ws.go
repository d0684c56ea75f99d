package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/animicaorg/engine/aicf"
)

// lineageTopics are the topics of the lineage's socket, by the events of the log.
var lineageTopics = map[string]string{
	aicf.EvLeased: "aicf.jobAssigned", aicf.EvCompleted: "aicf.jobCompleted", aicf.EvSlashExecuted: "aicf.providerSlashed", aicf.EvEpochSettled: "aicf.epochSettled",
}

const (
	maxSocketRead = 1 << 10 // bytes of a message; only "ping" means something
	maxPongs      = 16      // answers that wait to be written; more pings are dropped
)

// frame is one message of the socket.
type frame struct {
	Event string      `json:"event"`
	TS    float64     `json:"ts"` // Unix seconds
	Data  *aicf.Event `json:"data,omitempty"`
}

// socket is the lineage's WebSocket: events of the log from now on, or from behind ?after, of
// the topics that the query names. The same events with resume by a header are /aicf/events.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	wanted, after, err := s.subscribed(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	c, err := websocket.Accept(w, r, nil) // refuses pages of other hosts by their Origin
	if err != nil {
		return // Accept has answered
	}
	defer c.CloseNow()
	if s.cfg.Observer != nil {
		s.cfg.Observer.Streaming(1)
		defer s.cfg.Observer.Streaming(-1)
	}
	c.SetReadLimit(maxSocketRead)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	pings := make(chan struct{}, maxPongs)
	go func() {
		defer cancel()
		for {
			kind, message, err := c.Read(ctx)
			if err != nil {
				return
			}
			if kind == websocket.MessageText && string(message) == "ping" {
				select {
				case pings <- struct{}{}:
				default:
				}
			}
		}
	}()
	if err := s.feed(ctx, c, wanted, after, pings); err == nil {
		_ = c.Close(websocket.StatusGoingAway, "the service shuts down") // the client may have gone
	}
}

// subscribed reads the query: topics, and where to begin.
func (s *Server) subscribed(r *http.Request) (wanted map[string]bool, after uint64, err error) {
	known := []string{}
	for _, topic := range lineageTopics {
		known = append(known, topic)
	}
	slices.Sort(known)
	wanted = map[string]bool{}
	for _, topic := range strings.Split(r.URL.Query().Get("topics"), ",") {
		switch topic = strings.TrimSpace(topic); {
		case topic == "":
		case !slices.Contains(known, topic):
			return nil, 0, aicf.Refuse(aicf.SchemaError, "no topic %.40q", topic).In("topics").Try("%s", strings.Join(known, ", "))
		default:
			wanted[topic] = true
		}
	}
	if at := r.URL.Query().Get("after"); at != "" {
		after, err = cursor(at)
		return wanted, after, err
	}
	st, err := s.cfg.Network.Status(r.Context())
	if err != nil {
		return nil, 0, err
	}
	return wanted, st.Events, nil
}

// feed writes until the client goes (an error) or the service drains (nil).
func (s *Server) feed(ctx context.Context, c *websocket.Conn, wanted map[string]bool, after uint64, pings <-chan struct{}) error {
	write := func(f frame) error {
		raw, err := json.Marshal(f)
		if err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, writeLimit)
		defer cancel()
		return c.Write(limited, websocket.MessageText, raw)
	}
	beat, poll := time.NewTicker(keepAlive), time.NewTicker(pollEvery)
	defer beat.Stop()
	defer poll.Stop()
	for !s.health.off.Load() {
		changed := s.cfg.Network.Changed()
		page, err := s.cfg.Network.Events(ctx, after, eventPage)
		if err != nil {
			return err
		}
		for i := range page {
			after = page[i].Seq
			topic := lineageTopics[page[i].Type]
			if topic == "" || len(wanted) > 0 && !wanted[topic] {
				continue
			}
			if err := write(frame{topic, float64(page[i].TSMS) / 1000, &page[i]}); err != nil {
				return err
			}
		}
		if len(page) == eventPage {
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pings:
			if err := write(frame{Event: "pong", TS: float64(s.now().UnixMilli()) / 1000}); err != nil {
				return err
			}
		case <-beat.C:
			limited, cancel := context.WithTimeout(ctx, writeLimit)
			err := c.Ping(limited)
			cancel()
			if err != nil {
				return err
			}
		case <-changed:
		case <-poll.C:
		}
	}
	return nil
}
