//go:build pkcs11 && cgo

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/pkcs11"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// Constants of PKCS#11 3.0 that the binding lacks.
const (
	ckkECEdwards = 0x40
	ckmEdDSA     = 0x1057
)

// token is a logged-in session. A session signs one thing at a time.
type token struct {
	mu      sync.Mutex
	lib     *pkcs11.Ctx
	session pkcs11.SessionHandle
}

func openToken(module, label, pin string) (*token, error) {
	lib := pkcs11.New(module)
	if lib == nil {
		return nil, fmt.Errorf("--module: %s cannot be loaded", module)
	}
	t := &token{lib: lib}
	if err := lib.Initialize(); err != nil {
		lib.Destroy()
		return nil, fmt.Errorf("--module: %w", err)
	}
	slot, err := t.slot(label)
	if err == nil {
		t.session, err = lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	}
	if err == nil {
		err = lib.Login(t.session, pkcs11.CKU_USER, pin)
	}
	if err != nil {
		_ = lib.Finalize()
		lib.Destroy()
		return nil, fmt.Errorf("token %s: %w", label, err)
	}
	return t, nil
}

func (t *token) slot(label string) (uint, error) {
	slots, err := t.lib.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	found, n := uint(0), 0
	for _, s := range slots {
		info, err := t.lib.GetTokenInfo(s)
		if err != nil {
			return 0, err
		}
		if strings.TrimRight(info.Label, " \x00") == label {
			found, n = s, n+1
		}
	}
	if n != 1 {
		return 0, fmt.Errorf("%d tokens with this label, want one", n)
	}
	return found, nil
}

// Close logs out.
func (t *token) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.lib.Logout(t.session)
	_ = t.lib.CloseSession(t.session)
	_ = t.lib.Finalize()
	t.lib.Destroy()
}

// key is an Ed25519 key of the token. It implements keys.RoleSigner.
type key struct {
	token   *token
	role    keys.Role
	private pkcs11.ObjectHandle
	public  []byte
}

// Key finds the pair with a label.
func (t *token) Key(role keys.Role, label string) (*key, error) {
	private, err := t.find(pkcs11.CKO_PRIVATE_KEY, label)
	if err != nil {
		return nil, err
	}
	public, err := t.find(pkcs11.CKO_PUBLIC_KEY, label)
	if err != nil {
		return nil, err
	}
	attrs, err := t.lib.GetAttributeValue(t.session, public, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil || len(attrs) != 1 {
		return nil, fmt.Errorf("key %s: public point: %w", label, errors.Join(err, keys.ErrKey))
	}
	raw := attrs[0].Value
	if len(raw) == 34 && raw[0] == 0x04 && raw[1] == 32 { // a DER OCTET STRING around the point, as most tokens have it
		raw = raw[2:]
	}
	if err := keys.CheckPublic(keys.Ed25519, raw); err != nil {
		return nil, fmt.Errorf("key %s: %w", label, err)
	}
	return &key{t, role, private, raw}, nil
}

func (t *token) find(class uint, label string) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, ckkECEdwards)}
	if err := t.lib.FindObjectsInit(t.session, template); err != nil {
		return 0, fmt.Errorf("key %s: %w", label, err)
	}
	objects, _, err := t.lib.FindObjects(t.session, 2)
	if err = errors.Join(err, t.lib.FindObjectsFinal(t.session)); err != nil {
		return 0, fmt.Errorf("key %s: %w", label, err)
	}
	if len(objects) != 1 {
		return 0, fmt.Errorf("key %s: %d Ed25519 objects with this label, want one: %w", label, len(objects), keys.ErrNoKey)
	}
	return objects[0], nil
}

// Role implements keys.RoleSigner.
func (k *key) Role() keys.Role { return k.role }

// KeyID implements keys.Signer.
func (k *key) KeyID() digest.Digest { return keys.KeyID(k.public) }

// Alg implements keys.Signer.
func (k *key) Alg() string { return keys.Ed25519 }

// Public implements keys.Signer.
func (k *key) Public() []byte { return k.public }

// SignMessage implements keys.Signer: pure Ed25519 (CKM_EDDSA without parameters).
func (k *key) SignMessage(ctx context.Context, msg []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	k.token.mu.Lock()
	defer k.token.mu.Unlock()
	if err := k.token.lib.SignInit(k.token.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(ckmEdDSA, nil)}, k.private); err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	sig, err := k.token.lib.Sign(k.token.session, msg)
	if err != nil {
		return nil, fmt.Errorf("hsm: %w", err)
	}
	return sig, keys.VerifyMessage(keys.Ed25519, k.public, msg, sig)
}
