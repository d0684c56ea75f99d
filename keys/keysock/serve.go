package keysock

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Signed is one line of a holder's own record.
type Signed struct {
	Role    keys.Role
	Purpose string
	Message digest.Digest // SHA3-256
	Err     error         // why it was refused; nil: it was signed
}

// Server holds keys.
type Server struct {
	Keys   map[keys.Role]keys.RoleSigner // never the root's
	Origin string                        // of the provider's log, for its key
	Record func(Signed)                  // nil: nothing is recorded
	// Timeout bounds one connection. 0: ten seconds.
	Timeout time.Duration
}

// maxConnections bounds what is served at once.
const maxConnections = 64

// Listen makes the socket (0600). Its folder must be the owner's alone.
func Listen(path string) (net.Listener, error) {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("key socket: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key socket: folder %s has mode %#o, want 0700: %w", filepath.Dir(path), info.Mode().Perm(), keys.ErrKeyExposed)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("key socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("key socket: %w", err), l.Close())
	}
	return l, nil
}

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if _, root := s.Keys[keys.Root]; root {
		return fmt.Errorf("the root key is not served: %w", keys.ErrRole)
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	free := make(chan struct{}, maxConnections)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("key socket: %w", err)
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			defer conn.Close()
			s.answer(ctx, conn)
		})
	}
}

func (s *Server) answer(ctx context.Context, conn net.Conn) {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if d, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(d)
	}
	b, err := readMessage(conn)
	if err != nil {
		return // nobody to talk to
	}
	a, err := s.handle(ctx, b)
	if err != nil {
		a = &answer{Error: err.Error()}
	}
	_ = writeMessage(conn, a)
}

func (s *Server) handle(ctx context.Context, b []byte) (*answer, error) {
	r, err := parseRequest(b)
	if err != nil {
		return nil, err
	}
	k, ok := s.Keys[r.role]
	if !ok {
		return nil, fmt.Errorf("no %.32q key is held here: %w", r.role, ErrRefused)
	}
	if string(r.op) == "public" {
		return &answer{Alg: k.Alg(), Public: hex.EncodeToString(k.Public())}, nil
	}
	line := Signed{Role: r.role, Message: digest.Sum(r.message)}
	var sig []byte
	if line.Purpose, line.Err = Allow(k, s.Origin, r.message); line.Err == nil {
		sig, line.Err = k.SignMessage(ctx, r.message)
	}
	if s.Record != nil {
		s.Record(line)
	}
	return &answer{Signature: hex.EncodeToString(sig)}, line.Err
}
