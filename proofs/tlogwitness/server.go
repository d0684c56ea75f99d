package tlogwitness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
)

// Memory keeps the newest checkpoint that was signed of each log.
type Memory interface {
	// Last returns the signed checkpoint; nil: none yet.
	Last(origin string) ([]byte, error)
	// Keep returns when the checkpoint is durable.
	Keep(origin string, signed []byte) error
	// Note keeps evidence against a log's key.
	Note(origin string, c *auditlog.Contradiction) error
}

// Server is a witness; its handler answers add-checkpoint.
type Server struct {
	Witness *auditlog.Witness
	Key     keys.Signer       // of Witness
	Logs    map[string][]byte // public key of each log by its origin
	Memory  Memory
	Now     func() time.Time
	Log     *slog.Logger // nil: silent

	mu sync.Mutex // one checkpoint after the other
}

// ServeHTTP implements http.Handler for POST …/add-checkpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.HasSuffix(r.URL.Path, Path) {
		http.Error(w, "POST "+Path, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "POST "+Path, http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, fmt.Sprintf("the request has more than %d bytes, or ended early", maxRequest), http.StatusBadRequest)
		return
	}
	a := s.add(r.Context(), body)
	if a.status == http.StatusOK || a.status == http.StatusConflict && a.kind != "" {
		w.Header().Set("Content-Type", a.kind)
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.text)
		return
	}
	http.Error(w, a.text, a.status)
}

// answer is what a call comes to. kind is the media type, empty for words.
type answer struct {
	status     int
	kind, text string
}

func words(status int, format string, args ...any) answer {
	return answer{status: status, text: fmt.Sprintf(format, args...)}
}

func (s *Server) add(ctx context.Context, body []byte) answer {
	r, err := ParseRequest(body)
	if err != nil {
		return words(http.StatusBadRequest, "%v", err)
	}
	origin, _, _ := strings.Cut(string(r.Checkpoint), "\n")
	public, known := s.Logs[origin]
	if !known {
		return words(http.StatusNotFound, "log %.200q is not watched here", origin)
	}
	next, err := auditlog.OpenCheckpoint(r.Checkpoint, origin, public)
	if err != nil {
		return words(http.StatusForbidden, "%v", err)
	}
	r.Checkpoint = ownLines(r.Checkpoint, origin)
	if r.Old > next.Size {
		return words(http.StatusBadRequest, "old size %d, the checkpoint is of %d", r.Old, next.Size)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	watch := &auditlog.Watch{Origin: origin, Public: public}
	if watch.Last, err = s.Memory.Last(origin); err != nil {
		return s.broken("the memory", err)
	}
	if a, ok := s.extends(watch, r); !ok {
		return a
	}
	if err := s.Memory.Keep(origin, r.Checkpoint); err != nil {
		return s.broken("the memory", err)
	}
	with, err := auditlog.Cosign(ctx, r.Checkpoint, s.Witness.Name(), s.Key, uint64(s.Now().Unix()))
	if err != nil {
		return s.broken("the signature", err)
	}
	return answer{http.StatusOK, "text/plain; charset=utf-8", string(with[len(r.Checkpoint):])}
}

// ownLines is a checkpoint with the lines of its log alone: what other parties wrote below
// it is neither kept nor judged.
func ownLines(signed []byte, origin string) []byte {
	body, lines, _ := bytes.Cut(signed, []byte("\n\n"))
	out := append(bytes.Clone(body), "\n\n"...)
	for line := range bytes.Lines(lines) {
		if bytes.HasPrefix(line, []byte("— "+origin+" ")) {
			out = append(out, line...)
		}
	}
	return out
}

// extends judges a checkpoint against the last one that was signed.
func (s *Server) extends(watch *auditlog.Watch, r *Request) (answer, bool) {
	last := uint64(0)
	if watch.Last != nil {
		kept, err := auditlog.OpenCheckpoint(watch.Last, watch.Origin, watch.Public)
		if err != nil {
			return s.broken("the memory", err), false
		}
		last = kept.Size
	}
	if r.Old != last {
		return answer{http.StatusConflict, sizeType, fmt.Sprintf("%d\n", last)}, false
	}
	if r.Old == 0 && len(r.Proof) > 0 {
		return words(http.StatusUnprocessableEntity, "a proof from an empty log has no hashes"), false
	}
	_, err := watch.Advance(r.Checkpoint, r.Proof)
	var c *auditlog.Contradiction
	switch {
	case errors.As(err, &c):
		if err := s.Memory.Note(watch.Origin, c); err != nil {
			return s.broken("the memory", err), false
		}
		return words(http.StatusConflict, "%v", err), false
	case err != nil:
		return words(http.StatusUnprocessableEntity, "%v", err), false
	}
	return answer{}, true
}

func (s *Server) broken(what string, err error) answer {
	if s.Log != nil {
		s.Log.Error("nothing was signed", "because of", what, "error", err)
	}
	return words(http.StatusInternalServerError, "%s of this witness failed", what)
}
