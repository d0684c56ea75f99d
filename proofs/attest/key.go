package attest

import (
	"crypto/sha256"
	"crypto/x509"
)

// TrustedKey finds the key that signs evidence of kinds without a public
// authority: the caller's Params.Key, else the certificate in ev.Certs, which
// must lead to Params.Roots or pinned. It fills the facts about key and chain
// into res.
func TrustedKey(ev Evidence, p Params, pinned *Roots, res *Result) (key any, err error) {
	if len(p.Key) > 0 {
		if len(p.Key) > MaxCerts {
			return nil, Refuse(BadChain, "chain invalid: key of %d bytes, limit %d", len(p.Key), MaxCerts)
		}
		if key, _, err = ParsePublicKey(p.Key); err != nil {
			return nil, Refuse(BadChain, "chain invalid: %v", err)
		}
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, Refuse(BadChain, "chain invalid: %v", err)
		}
		sum := sha256.Sum256(der)
		res.Signer = sum[:]
		res.Notes = append(res.Notes, "the caller vouches for the key; no certificate was checked")
		return key, nil
	}
	roots := p.Roots
	if roots == nil {
		roots = pinned
	}
	if len(ev.Certs) == 0 {
		return nil, roots.invalid("neither a key nor a certificate was supplied")
	}
	certs, err := ParseCerts(ev.Certs)
	if err != nil {
		return nil, Refuse(BadChain, "chain invalid: %v", err)
	}
	chain, err := roots.Verify(certs[0], certs[1:], p.At)
	if err != nil {
		return nil, err
	}
	if chain.Leaf().IsCA {
		return nil, Refuse(BadChain, "chain invalid: the signing certificate is a CA")
	}
	chain.Describe(res)
	return chain.Leaf().PublicKey, nil
}
