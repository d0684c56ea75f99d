package keysock

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Key is a key that another process holds. It implements keys.RoleSigner.
type Key struct {
	path   string
	role   keys.Role
	alg    string
	public []byte
}

// Dial asks the holder at a socket for the public half of a role's key. The key
// is checked by the import rules; that it is the expected one is the caller's to
// check.
func Dial(ctx context.Context, path string, role keys.Role) (*Key, error) {
	k := &Key{path: path, role: role}
	a, err := k.ask(ctx, map[string]any{"v": Version, "op": "public", "role": role})
	if err != nil {
		return nil, err
	}
	if k.public, err = hex.DecodeString(a.Public); err != nil {
		return nil, fmt.Errorf("public: %w", ErrProtocol)
	}
	k.alg = a.Alg
	return k, keys.CheckPublic(k.alg, k.public)
}

// ask makes one connection. Without a deadline in ctx it waits ten seconds.
func (k *Key) ask(ctx context.Context, request any) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", k.path)
	if err != nil {
		return nil, fmt.Errorf("key socket: %w: %w", keys.ErrLocked, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := writeMessage(conn, request); err != nil {
		return nil, fmt.Errorf("key socket: %w", err)
	}
	b, err := readMessage(conn)
	if err != nil {
		return nil, fmt.Errorf("key socket %s: %w", k.path, err)
	}
	a, err := parseAnswer(b)
	if err == nil && a.Error != "" {
		err = fmt.Errorf("key socket %s: %.300s: %w", k.path, a.Error, ErrRefused)
	}
	return a, err
}

// Role implements keys.RoleSigner.
func (k *Key) Role() keys.Role { return k.role }

// KeyID implements keys.Signer.
func (k *Key) KeyID() digest.Digest { return keys.KeyID(k.public) }

// Alg implements keys.Signer.
func (k *Key) Alg() string { return k.alg }

// Public implements keys.Signer.
func (k *Key) Public() []byte { return k.public }

// SignMessage implements keys.Signer. keys.Sign and SignCheckpoint verify what
// comes back.
func (k *Key) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	a, err := k.ask(ctx, map[string]any{"v": Version, "op": "sign", "role": k.role, "message": hex.EncodeToString(msg)})
	if err != nil {
		return nil, err
	}
	sig, err := hex.DecodeString(a.Signature)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", ErrProtocol)
	}
	return sig, nil
}
