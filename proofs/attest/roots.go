package attest

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Roots are the certificates that chains must end in.
type Roots struct {
	Certs   []*x509.Certificate // trusted
	Between []*x509.Certificate // not trusted, but at hand: CAs that evidence leaves out
	Where   string              // such as "the roots pinned in this build" or a folder
}

// ParseRoots reads certificates from PEM files: those that issued themselves are
// trusted, others may only stand between. Where is repeated in refusals.
func ParseRoots(where string, files ...[]byte) (*Roots, error) {
	r := &Roots{Where: where}
	for _, f := range files {
		certs, err := ParseCerts(f)
		if err != nil {
			return nil, err
		}
		for _, c := range certs {
			if bytes.Equal(c.RawIssuer, c.RawSubject) {
				r.Certs = append(r.Certs, c)
			} else {
				r.Between = append(r.Between, c)
			}
		}
	}
	return r, nil
}

// ParseCerts reads 1..MaxChain+1 certificates, one in DER or several in PEM.
// Nothing but white space and zero bytes may stand between or behind the blocks.
func ParseCerts(b []byte) ([]*x509.Certificate, error) {
	if len(b) > 0 && b[0] == 0x30 {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		return []*x509.Certificate{c}, nil
	}
	var out []*x509.Certificate
	for rest := trim(b); len(rest) > 0; rest = trim(rest) {
		if len(out) > MaxChain {
			return nil, fmt.Errorf("more than %d certificates", MaxChain+1)
		}
		der, next, err := nextPEM(rest, "CERTIFICATE")
		if err != nil {
			return nil, err
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(out)+1, err)
		}
		out, rest = append(out, c), next
	}
	if len(out) == 0 {
		return nil, errors.New("no certificate")
	}
	return out, nil
}

func trim(b []byte) []byte { return bytes.Trim(b, "\x00 \t\r\n") }

// nextPEM decodes the block that b starts with.
func nextPEM(b []byte, kind string) (der, rest []byte, err error) {
	if !bytes.HasPrefix(b, []byte("-----BEGIN "+kind+"-----")) {
		return nil, nil, fmt.Errorf("neither DER nor a PEM block %s", kind)
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != kind || len(block.Headers) != 0 {
		return nil, nil, fmt.Errorf("broken PEM block %s", kind)
	}
	return block.Bytes, rest, nil
}

// ParsePublicKey reads a SubjectPublicKeyInfo, DER or one PEM block.
func ParsePublicKey(b []byte) (key any, der []byte, err error) {
	if der = b; len(b) > 0 && b[0] != 0x30 {
		var rest []byte
		if der, rest, err = nextPEM(trim(b), "PUBLIC KEY"); err != nil {
			return nil, nil, err
		}
		if len(trim(rest)) > 0 {
			return nil, nil, errors.New("data behind the public key")
		}
	}
	if key, err = x509.ParsePKIXPublicKey(der); err != nil {
		return nil, nil, fmt.Errorf("public key: %w", err)
	}
	return key, der, nil
}

// Fingerprint is SHA-256 of the certificate's DER.
func Fingerprint(c *x509.Certificate) []byte {
	h := sha256.Sum256(c.Raw)
	return h[:]
}

// Contains reports whether c is in the set, byte for byte.
func (r *Roots) Contains(c *x509.Certificate) bool {
	for _, x := range r.Certs {
		if x.Equal(c) {
			return true
		}
	}
	return false
}

// Chain is a path from leaf to root, inclusive, whose signatures and validity
// periods were checked.
type Chain []*x509.Certificate

// Leaf is the first certificate.
func (c Chain) Leaf() *x509.Certificate { return c[0] }

// Root is the last certificate.
func (c Chain) Root() *x509.Certificate { return c[len(c)-1] }

// Window is the time in which every certificate of the chain is valid.
func (c Chain) Window() (notBefore, notAfter time.Time) {
	for i, x := range c {
		if i == 0 || x.NotBefore.After(notBefore) {
			notBefore = x.NotBefore
		}
		if i == 0 || x.NotAfter.Before(notAfter) {
			notAfter = x.NotAfter
		}
	}
	return notBefore.UTC(), notAfter.UTC()
}

// Describe copies the facts of the chain into a result.
func (c Chain) Describe(r *Result) {
	r.Signer = Fingerprint(c.Leaf())
	r.Root, r.RootName = Fingerprint(c.Root()), c.Root().Subject.CommonName
	r.NotBefore, r.NotAfter = c.Window()
}

// Verify builds the path from leaf to a root of r at the time at. The refusal
// names where the roots were looked for.
func (r *Roots) Verify(leaf *x509.Certificate, between []*x509.Certificate, at time.Time) (Chain, error) {
	if at.IsZero() {
		return nil, Refuse(BadTime, "no time is given to judge validity at")
	}
	if len(r.Certs) == 0 {
		return nil, r.invalid("there is no trusted root")
	}
	if len(between) > MaxChain {
		return nil, r.invalid("%d certificates, limit %d", len(between)+1, MaxChain+1)
	}
	roots, pool := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range r.Certs {
		roots.AddCert(c)
	}
	for _, c := range slices.Concat(between, r.Between) {
		pool.AddCert(c)
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: pool, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return nil, r.invalid("%s", chainCause(err, leaf, at))
	}
	return Chain(chains[0]), nil
}

func (r *Roots) invalid(format string, a ...any) *Refusal {
	return Refuse(BadChain, "chain invalid: %s; searched %s", fmt.Sprintf(format, a...), r.Where)
}

// chainCause turns x509's errors into words of this package.
func chainCause(err error, leaf *x509.Certificate, at time.Time) string {
	var unknown x509.UnknownAuthorityError
	var bad x509.CertificateInvalidError
	switch {
	case errors.As(err, &bad) && bad.Reason == x509.Expired:
		c := bad.Cert
		return fmt.Sprintf("certificate %q is valid from %s to %s, not at %s", c.Subject.CommonName,
			c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339))
	case errors.As(err, &unknown):
		return fmt.Sprintf("certificate %q leads to no trusted root", leaf.Subject.CommonName)
	}
	return err.Error()
}
