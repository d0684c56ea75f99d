package tlogwitness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/proofs/auditlog"
)

// Client asks one witness.
type Client struct {
	Witness *auditlog.Witness
	URL     string       // submission prefix, http or https
	HTTP    *http.Client // nil: one with a limit of 10 s

	old uint64 // size that the witness signed last, as far as known
}

// maxAnswer bounds an answer in bytes.
const maxAnswer = auditlog.MaxNote

// Log is what a client needs of the audit log.
type Log interface {
	Head() (c auditlog.Checkpoint, signed []byte, pending int, err error)
	ProveConsistency(old uint64) (tlog.TreeProof, error)
	AddCosignatures(signed []byte) error
}

// Cosign has the witness sign the log's newest checkpoint and adds its line there. A
// witness that knows another size says which, and is asked once more. unix is the time in
// its signature.
func (c *Client) Cosign(ctx context.Context, l Log) (unix uint64, err error) {
	head, signed, _, err := l.Head()
	if err != nil {
		return 0, err
	}
	if signed == nil {
		return 0, fmt.Errorf("the log has no checkpoint yet: %w", auditlog.ErrCheckpoint)
	}
	if at, ok, err := c.Witness.Time(signed); err != nil || ok {
		return at, err // it has signed this one
	}
	for range 2 {
		proof, err := l.ProveConsistency(c.old)
		if err != nil {
			return 0, err
		}
		lines, old, err := c.post(ctx, &Request{c.old, proof, signed})
		if err != nil {
			return 0, fmt.Errorf("witness %s: %w", c.Witness.Name(), err)
		}
		if lines == nil {
			c.old = old
			continue
		}
		with, at, err := c.take(signed, lines)
		if err != nil {
			return 0, err
		}
		c.old = head.Size
		return at, l.AddCosignatures(with)
	}
	return 0, fmt.Errorf("witness %s says that it signed for %d entries last, and then that it did not: %w", c.Witness.Name(), c.old, auditlog.ErrCheckpoint)
}

// take appends the answer's lines of this witness, and nothing else, to the checkpoint.
func (c *Client) take(signed, lines []byte) (with []byte, at uint64, err error) {
	with = bytes.Clone(signed)
	for line := range strings.Lines(string(lines)) {
		if strings.HasPrefix(line, "— "+c.Witness.Name()+" ") {
			with = append(with, line...)
		}
	}
	at, ok, err := c.Witness.Time(with)
	if err == nil && !ok {
		err = fmt.Errorf("no line of its key in the answer: %w", auditlog.ErrCheckpoint)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("witness %s: %w", c.Witness.Name(), err)
	}
	return with, at, nil
}

// post makes one call. lines nil: the witness signed for old entries last.
func (c *Client) post(ctx context.Context, in *Request) (lines []byte, old uint64, err error) {
	body, err := in.MarshalText()
	if err != nil {
		return nil, 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+Path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	h := c.HTTP
	if h == nil {
		h = &http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	answer, err := h.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, 0, err
	case len(text) > maxAnswer:
		return nil, 0, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	case answer.StatusCode == http.StatusOK:
		return append([]byte{}, text...), 0, nil
	case answer.StatusCode == http.StatusConflict && answer.Header.Get("Content-Type") == sizeType:
		if old, err = strconv.ParseUint(strings.TrimSuffix(string(text), "\n"), 10, 62); err != nil {
			return nil, 0, fmt.Errorf("answers 409 with size %.30q", text)
		}
		if old == in.Old {
			return nil, 0, fmt.Errorf("answers 409 with the size that was sent, %d", old)
		}
		return nil, old, nil
	}
	return nil, 0, fmt.Errorf("answers %s: %.200q", answer.Status, text)
}
