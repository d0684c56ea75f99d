package fleet

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Subjects. PREFIX is the same for all members; a provider that shares a cluster with
// others gives each its own account or another prefix.
type subjects struct{ prefix string }

// DefaultPrefix is where a fleet talks when nothing else is set.
const DefaultPrefix = "qfleet"

func (s subjects) root() string            { return fmt.Sprintf("%s.%d", s.prefix, Protocol) }
func (s subjects) who() string             { return s.root() + ".who" }
func (s subjects) worker(id string) string { return s.root() + ".work." + id }
func (s subjects) head(run string) string  { return s.root() + ".head." + run }
func (s subjects) stop() string            { return s.root() + ".stop" }

// presence is a worker's answer to "who".
type presence struct {
	Protocol       int    `json:"protocol"`
	Worker         string `json:"worker"`
	NumericVersion int    `json:"numeric_version"`
	Threads        int    `json:"threads"`
}

const maxPresence = 4096

func decodePresence(raw []byte) (presence, error) {
	var p presence
	if len(raw) > maxPresence {
		return p, fmt.Errorf("%w: presence of %d bytes, at most %d", ErrFrame, len(raw), maxPresence)
	}
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("%w: presence: %v", ErrFrame, err)
	}
	if id, err := hex.DecodeString(p.Worker); err != nil || len(id) != 16 || hex.EncodeToString(id) != p.Worker {
		return p, fmt.Errorf("%w: presence: worker must be 16 bytes in lower-case hex", ErrFrame)
	}
	return p, nil
}

// question asks for a part of a head.
type question struct {
	Head   string `json:"head"`
	Offset int    `json:"offset"`
}

func newID() (id [16]byte) {
	if _, err := rand.Read(id[:]); err != nil {
		panic(err) // crypto/rand does not fail on supported systems
	}
	return id
}

// payload is how many bytes of one message a connection takes, with room for headers.
func payload(c *nats.Conn) int { return int(min(c.MaxPayload(), 8<<20)) - 4096 }
