package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/modules/oci"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
)

// trustNames gives each refusal its code and name.
var trustNames = []struct {
	err  error
	code cli.Code
	name string
}{
	{trust.ErrThreshold, cli.AttestationError, "Threshold"}, {trust.ErrDuplicateKey, cli.AttestationError, "DuplicateKey"},
	{trust.ErrUnknownKey, cli.AttestationError, "UnknownKey"}, {trust.ErrDomain, cli.AttestationError, "WrongDomain"},
	{trust.ErrSignature, cli.AttestationError, "Signature"}, {trust.ErrRotation, cli.AttestationError, "Rotation"},
	{trust.ErrRollback, cli.ChecksumMismatch, "Rollback"}, {trust.ErrFork, cli.ChecksumMismatch, "Fork"}, {trust.ErrGap, cli.ChecksumMismatch, "Gap"},
	{trust.ErrExpired, cli.ModuleRefused, "Expired"}, {trust.ErrNotActive, cli.ModuleRefused, "NotActive"}, {trust.ErrNotListed, cli.ModuleRefused, "NotListed"},
	{trust.ErrRevoked, cli.ModuleRefused, "Revoked"}, {trust.ErrRemoved, cli.ModuleRefused, "Removed"}, {trust.ErrBytes, cli.ModuleRefused, "Bytes"},
	{trust.ErrSelfTest, cli.ModuleRefused, "SelfTest"}, {trust.ErrForm, cli.ChecksumMismatch, "Malformed"},
	{store.ErrHash, cli.ChecksumMismatch, "Hash"}, {store.ErrIndex, cli.ChecksumMismatch, "Index"}, {store.ErrLimit, cli.ChecksumMismatch, "Limit"},
	{store.ErrNotFound, cli.ChecksumMismatch, "NotFound"}, {store.ErrTransport, cli.NetworkService, "Transport"},
}

// trustError gives refusals of packages trust and store an exit code.
func trustError(field string, err error) error {
	var coded *cli.Error
	if err == nil || errors.As(err, &coded) {
		return err
	}
	for _, r := range trustNames {
		if errors.Is(err, r.err) {
			return cli.Errorf(r.code, field, "%w", err).Named(r.name)
		}
	}
	out := cli.Errorf(cli.BadConfig, field, "%w", err)
	guestError(err, out)
	return out
}

// governed is what a node keeps of governance: DATA_DIR/modules with the store,
// and beside it the mark and the operator's policy.
type governed struct {
	dir    string
	store  *store.Store
	mark   trust.Mark // zero before a root is pinned
	policy *trust.Policy
}

const maxSmallFile = 1 << 18

func (e *program) governed() (*governed, error) {
	data, err := e.data()
	if err != nil {
		return nil, err
	}
	g := &governed{dir: filepath.Join(data, "modules"), policy: &trust.Policy{}}
	if g.store, err = store.Open(filepath.Join(g.dir, "store")); err != nil {
		return nil, trustError("--data-dir", err)
	}
	if b, ok, err := g.read(e, "mark.json"); err != nil {
		return nil, err
	} else if ok {
		if g.mark, err = trust.ParseMark(b); err != nil {
			return nil, trustError("mark.json", err)
		}
	}
	if b, ok, err := g.read(e, "policy.json"); err != nil {
		return nil, err
	} else if ok {
		if g.policy, err = trust.ParsePolicy(b); err != nil {
			return nil, trustError("policy.json", err)
		}
	}
	return g, nil
}

func (g *governed) read(e *program, name string) ([]byte, bool, error) {
	path := filepath.Join(g.dir, name)
	if _, err := os.Lstat(path); errors.Is(err, os.ErrNotExist) {
		return nil, false, nil
	}
	b, err := e.ReadInput("--data-dir", path, maxSmallFile, cli.BadConfig)
	return b, err == nil, err
}

// pinned is an error before a root is pinned.
func (g *governed) pinned() error {
	if g.mark.Pin.IsZero() {
		return cli.Errorf(cli.BadConfig, "--data-dir", "no trust root is pinned").Named("NoRoot").WithHint("engine module pin ROOT")
	}
	return nil
}

func (g *governed) chain() (*trust.Chain, error) {
	if err := g.pinned(); err != nil {
		return nil, err
	}
	c, err := g.store.Chain(g.mark)
	return c, trustError("--data-dir", err)
}

// advance keeps the mark of a chain.
func (g *governed) advance(e *program, c *trust.Chain) error {
	g.mark = c.Mark().At(g.mark.Height)
	b, err := json.Marshal(g.mark)
	if err != nil {
		return err
	}
	return e.WriteOutput(filepath.Join(g.dir, "mark.json"), append(b, '\n'), 0o600)
}

// opener runs artifacts in the sandbox.
func (e *program) opener() (trust.Opener, error) {
	h, err := e.guestHost()
	if err != nil {
		return nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	return engine.Opener(h), nil
}

// selfTest replays the vectors of an artifact.
func (e *program) selfTest(ctx context.Context, g *governed, a *trust.Artifact) error {
	b, err := g.store.Get(a.Record.Vectors, trust.MaxVectorFile)
	if err != nil {
		return trustError(a.Record.Name, err)
	}
	open, err := e.opener()
	if err != nil {
		return err
	}
	return trustError(a.Record.Name, a.SelfTest(ctx, b, open))
}

// transportTime bounds one request of a transport.
const transportTime = 60 * time.Second

// place opens a directory, https://… or oci://HOST/NAME:TAG.
func place(flag, text string) (store.Transport, error) {
	client := &http.Client{Timeout: transportTime}
	if ref, ok := strings.CutPrefix(text, "oci://"); ok {
		u, err := url.Parse(text)
		if err != nil {
			return nil, cli.Errorf(cli.Usage, flag, "%w", err)
		}
		name := u.Hostname()
		r, err := oci.New(ref, client, name == "localhost" || name == "127.0.0.1" || name == "::1")
		if err != nil {
			return nil, cli.Errorf(cli.Usage, flag, "%w", err)
		}
		return r, nil
	}
	if strings.Contains(text, "://") {
		h, err := store.NewHTTPS(text, client)
		if err != nil {
			return nil, cli.Errorf(cli.Usage, flag, "%w", err)
		}
		return h, nil
	}
	s, err := store.Open(text)
	if err != nil {
		return nil, cli.Errorf(cli.Usage, flag, "%w", err)
	}
	return s, nil
}

// readSigned reads a governance document.
func (e *program) readSigned(field, path string) (*trust.Signed, error) {
	b, err := e.ReadInput(field, path, trust.MaxSigned, cli.ChecksumMismatch)
	if err != nil {
		return nil, err
	}
	d, err := trust.ParseSigned(b)
	return d, trustError(path, err)
}

func (e *program) writeSigned(path string, d *trust.Signed) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return e.WriteOutput(path, append(b, '\n'), 0o644)
}
