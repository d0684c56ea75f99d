package vendorcert

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
)

// jwsType is the typ of every JWS of this package.
const jwsType = "qpu-device+jws"

// b64 is base64url without padding; trailing bits must be zero.
var b64 = base64.RawURLEncoding.Strict()

// jws is a compact JWS (RFC 7515) whose signature has not been checked yet.
type jws struct {
	alg        string
	thumbprint []byte // x5t#S256: SHA-256 of the signer's certificate
	input      string // what is signed
	payload    []byte
	sig        []byte
	sigText    string
}

// algorithms are the accepted ones; there is no "none" and no key in the header.
var algorithms = []string{"EdDSA", "ES256", "ES384"}

// parseJWS reads the three parts. The header holds exactly alg, typ and x5t#S256:
// members that bring or name a key (jwk, jku, x5u, x5c) or change the rules (crit,
// b64) are unknown members.
func parseJWS(s string) (*jws, error) {
	if len(s) > maxJWS {
		return nil, badFormat("claims_jws has %d characters, limit %d", len(s), maxJWS)
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return nil, badFormat("claims_jws has %d parts, want header, payload and signature", len(parts))
	}
	var raw [3][]byte
	for i, p := range parts {
		var err error
		if raw[i], err = b64.DecodeString(p); err != nil || strings.ContainsAny(p, "\r\n") {
			return nil, badFormat("claims_jws: part %d is not base64url without padding", i+1)
		}
	}
	c := strictjson.Open(raw[0], strictjson.Limits{Bytes: maxJWS, Depth: 1, Values: 8})
	c.Only("alg", "typ", "x5t#S256").Member("typ").OneOf(jwsType)
	j := &jws{alg: c.Member("alg").OneOf(algorithms...), input: parts[0] + "." + parts[1], payload: raw[1], sig: raw[2], sigText: parts[2]}
	print, err := b64.DecodeString(c.Member("x5t#S256").Text(64))
	if cerr := c.Err(); cerr != nil {
		return nil, badFormat("claims_jws header: %v", cerr)
	}
	if err != nil || len(print) != sha256.Size {
		return nil, badFormat("claims_jws header: x5t#S256 is not the base64url of 32 bytes")
	}
	j.thumbprint = print
	return j, nil
}

// verify checks the signature with the key of the signer's certificate.
func (j *jws) verify(signer *x509.Certificate) error {
	ok := false
	switch key := signer.PublicKey.(type) {
	case ed25519.PublicKey:
		ok = j.alg == "EdDSA" && keys.VerifyMessage(keys.Ed25519, key, []byte(j.input), j.sig) == nil
	case *ecdsa.PublicKey:
		hash, known := hashOf(key.Curve, j.alg, j.input)
		ok = known && attest.VerifyRaw(key, hash, j.sig)
	}
	if !ok {
		return attest.Refuse(attest.BadSignature, "claims: %q did not sign them with %s", signer.Subject.CommonName, j.alg)
	}
	return nil
}

// hashOf hashes for the algorithm that goes with a curve.
func hashOf(curve elliptic.Curve, alg, input string) (hash []byte, ok bool) {
	switch {
	case curve == elliptic.P256() && alg == "ES256":
		h := sha256.Sum256([]byte(input))
		return h[:], true
	case curve == elliptic.P384() && alg == "ES384":
		h := sha512.Sum384([]byte(input))
		return h[:], true
	}
	return nil, false
}

// signJWS makes a compact JWS. ECDSA signatures are deterministic (RFC 6979).
func signJWS(payload []byte, cert *x509.Certificate, key crypto.Signer) (string, error) {
	alg := "EdDSA"
	if k, ok := cert.PublicKey.(*ecdsa.PublicKey); ok {
		alg = "ES256"
		if k.Curve == elliptic.P384() {
			alg = "ES384"
		}
	}
	header, err := json.Marshal(map[string]string{"alg": alg, "typ": jwsType, "x5t#S256": b64.EncodeToString(attest.Fingerprint(cert))})
	if err != nil {
		return "", err
	}
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	var sig []byte
	switch k := cert.PublicKey.(type) {
	case ed25519.PublicKey:
		sig, err = key.Sign(nil, []byte(input), crypto.Hash(0))
	case *ecdsa.PublicKey:
		sig, err = signECDSA(k, key, alg, input)
	default:
		err = fmt.Errorf("a %T signs no claims: Ed25519, P-256 or P-384", k)
	}
	return input + "." + b64.EncodeToString(sig), err
}

// signECDSA returns r ‖ s.
func signECDSA(public *ecdsa.PublicKey, key crypto.Signer, alg, input string) ([]byte, error) {
	hash, ok := hashOf(public.Curve, alg, input)
	if !ok {
		return nil, fmt.Errorf("curve %s signs no claims: P-256 or P-384", public.Curve.Params().Name)
	}
	der, err := key.Sign(nil, hash, map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384}[len(hash)])
	if err != nil {
		return nil, err
	}
	var rs struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &rs); err != nil {
		return nil, err
	}
	n := (public.Curve.Params().BitSize + 7) / 8
	out := make([]byte, 2*n)
	rs.R.FillBytes(out[:n])
	rs.S.FillBytes(out[n:])
	return out, nil
}
