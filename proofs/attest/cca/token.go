package cca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"

	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/cose"
)

// Numbers of the token (draft-ffm-rats-cca-token; Realm Management Monitor
// specification, "Attestation token format").
const (
	tagCollection = 399
	keyPlatform   = 44234
	keyRealm      = 44241

	claimNonce   = 10
	claimProfile = 265

	realmPersonal = 44235
	realmHash     = 44236
	realmKey      = 44237
	realmInitial  = 44238
	realmREM      = 44239
	realmKeyHash  = 44240

	platformInstance  = 256
	platformLifecycle = 2395
	platformImpl      = 2396
	platformSW        = 2399
	platformConfig    = 2401
)

// Token is a parsed token. Nothing in it is verified.
type Token struct {
	Platform, Realm *cose.Sign1

	Challenge []byte // 64
	Personal  []byte // 64
	Initial   []byte
	REM       [][]byte
	RealmKey  *ecdsa.PublicKey
	keyRaw    []byte // as it stands in the claim
	keyHash   string

	Nonce     []byte // of the platform
	Lifecycle uint64
	Instance  []byte
	Impl      []byte
	Config    []byte
}

func malformed(format string, a ...any) error {
	return attest.Refuse(attest.BadFormat, "CCA token: "+format, a...)
}

// ParseToken reads a token.
func ParseToken(b []byte) (*Token, error) {
	v, err := cose.Decode(b)
	if err != nil {
		return nil, malformed("%v", err)
	}
	if !v.Is(cose.Tag) || v.Num != tagCollection || !v.Items[0].Is(cose.Map) || len(v.Items[0].Items) != 4 {
		return nil, malformed("want tag %d around a map of a platform and a realm token", tagCollection)
	}
	t := &Token{}
	platform, err := part(&v.Items[0], keyPlatform, &t.Platform)
	if err != nil {
		return nil, err
	}
	realm, err := part(&v.Items[0], keyRealm, &t.Realm)
	if err != nil {
		return nil, err
	}
	r := &reader{}
	t.readPlatform(r, platform)
	t.readRealm(r, realm)
	return t, r.err
}

// part reads a COSE_Sign1 and the claims in it.
func part(m *cose.Value, key int64, to **cose.Sign1) (*cose.Value, error) {
	v := m.GetInt(key)
	if !v.Is(cose.Bytes) {
		return nil, malformed("member %d is not a byte string", key)
	}
	s, err := cose.ParseSign1(v.Bytes)
	if err != nil {
		return nil, malformed("member %d: %v", key, err)
	}
	claims, err := cose.Decode(s.Payload)
	if err != nil || !claims.Is(cose.Map) {
		return nil, malformed("claims of member %d: %v", key, err)
	}
	*to = s
	return claims, nil
}

// reader collects the first failure.
type reader struct{ err error }

func (r *reader) fail(claim int64, format string, a ...any) {
	if r.err == nil {
		r.err = malformed("claim %d: %s", claim, fmt.Sprintf(format, a...))
	}
}

// bytes reads a claim of one of the sizes; none given: 1..4096.
func (r *reader) bytes(m *cose.Value, claim int64, sizes ...int) []byte {
	v := m.GetInt(claim)
	if !v.Is(cose.Bytes) {
		r.fail(claim, "is not a byte string")
		return nil
	}
	ok := len(sizes) == 0 && len(v.Bytes) > 0 && len(v.Bytes) <= 4096
	for _, n := range sizes {
		ok = ok || len(v.Bytes) == n
	}
	if !ok {
		r.fail(claim, "has %d bytes", len(v.Bytes))
		return nil
	}
	return v.Bytes
}

func (t *Token) readPlatform(r *reader, m *cose.Value) {
	t.Nonce = r.bytes(m, claimNonce, 32, 48, 64)
	t.Instance, t.Impl, t.Config = r.bytes(m, platformInstance, 33), r.bytes(m, platformImpl, 32), r.bytes(m, platformConfig)
	l := m.GetInt(platformLifecycle)
	if !l.Is(cose.Uint) || l.Num > 0xffff {
		r.fail(platformLifecycle, "is no lifecycle")
		return
	}
	t.Lifecycle = l.Num
	if sw := m.GetInt(platformSW); !sw.Is(cose.Array) || len(sw.Items) == 0 {
		r.fail(platformSW, "lists no software")
	}
}

func (t *Token) readRealm(r *reader, m *cose.Value) {
	t.Challenge, t.Personal = r.bytes(m, claimNonce, 64), r.bytes(m, realmPersonal, 64)
	sizes := []int{32, 64}
	t.Initial = r.bytes(m, realmInitial, sizes...)
	rem := m.GetInt(realmREM)
	if !rem.Is(cose.Array) || len(rem.Items) != 4 {
		r.fail(realmREM, "want 4 measurements")
		return
	}
	for i := range rem.Items {
		if x := &rem.Items[i]; !x.Is(cose.Bytes) || len(x.Bytes) != len(t.Initial) {
			r.fail(realmREM, "measurement %d has another size than the initial one", i)
		} else {
			t.REM = append(t.REM, x.Bytes)
		}
	}
	if h := m.GetInt(realmHash); !h.Is(cose.Text) || string(h.Bytes) != hashNames[len(t.Initial)] {
		r.fail(realmHash, "does not name the hash of the measurements' size")
	}
	h := m.GetInt(realmKeyHash)
	if !h.Is(cose.Text) || string(h.Bytes) != "sha-256" && string(h.Bytes) != "sha-512" {
		r.fail(realmKeyHash, "want sha-256 or sha-512")
		return
	}
	t.keyHash = string(h.Bytes)
	t.keyRaw = r.bytes(m, realmKey)
	if r.err == nil {
		t.readKey(r)
	}
}

var hashNames = map[int]string{32: "sha-256", 64: "sha-512"}

// readKey reads the realm's key: a P-384 point (SEC 1, uncompressed) or a
// COSE_Key holding one.
func (t *Token) readKey(r *reader) {
	point := t.keyRaw
	if len(point) != 97 {
		k, err := cose.Decode(point)
		if err != nil {
			r.fail(realmKey, "%v", err)
			return
		}
		x, y := k.GetInt(-2), k.GetInt(-3)
		if kty, crv := k.GetInt(1), k.GetInt(-1); !kty.Is(cose.Uint) || kty.Num != 2 || !crv.Is(cose.Uint) || crv.Num != 2 ||
			!x.Is(cose.Bytes) || !y.Is(cose.Bytes) || len(x.Bytes) != 48 || len(y.Bytes) != 48 {
			r.fail(realmKey, "is no COSE_Key on P-384")
			return
		}
		point = append(append([]byte{4}, x.Bytes...), y.Bytes...)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P384(), point)
	if err != nil {
		r.fail(realmKey, "%v", err)
		return
	}
	t.RealmKey = key
}

// boundKey reports whether the platform vouches for the realm's key.
func (t *Token) boundKey() bool {
	if t.keyHash == "sha-512" {
		h := sha512.Sum512(t.keyRaw)
		return string(h[:]) == string(t.Nonce)
	}
	h := sha256.Sum256(t.keyRaw)
	return string(h[:]) == string(t.Nonce)
}

// Secured reports whether the platform is in the lifecycle state "secured".
func (t *Token) Secured() bool { return t.Lifecycle >= 0x3000 && t.Lifecycle <= 0x30ff }
