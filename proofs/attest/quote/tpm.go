package quote

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
)

// tpmPath is the kernel's resource manager, which frees what a program forgets.
const tpmPath = "/dev/tpmrm0"

// DefaultPCRs are the registers of firmware, boot loader, kernel and secure boot.
var DefaultPCRs = []int{0, 1, 2, 3, 4, 5, 7, 8, 9}

// TPM asks a TPM 2.0 for quotes with an attestation key that it derives from its
// endorsement seed, so that the key is the same at every start.
type TPM struct {
	open func() (io.ReadWriteCloser, error)
	pcrs []int
}

// NewTPM makes the source of kind tpm over a device file. pcrs are the registers of
// the SHA-256 bank; nil: DefaultPCRs.
func NewTPM(path string, pcrs []int) *TPM {
	return NewTPMOver(func() (io.ReadWriteCloser, error) { return os.OpenFile(path, os.O_RDWR, 0) }, pcrs)
}

// NewTPMOver is NewTPM over any connection that takes one command a write and gives
// one answer a read.
func NewTPMOver(open func() (io.ReadWriteCloser, error), pcrs []int) *TPM {
	if pcrs == nil {
		pcrs = DefaultPCRs
	}
	return &TPM{open, pcrs}
}

// Kind implements Source.
func (*TPM) Kind() attest.Kind { return attest.TPM }

// Quote implements Source. The evidence is TPMS_ATTEST, TPMT_SIGNATURE and the
// values of the registers.
func (t *TPM) Quote(ctx context.Context, d digest.Digest) (ev *attest.Evidence, err error) {
	err = t.session(ctx, func(c *tpmConn, k *tpmKey) error {
		body, err := c.call(ccQuote, k.handle, true, append(tpm2b(nil, d[:]), tpmBytes(u16(algNull), t.selection())...))
		if err != nil {
			return err
		}
		r := attest.NewReader(body)
		quoted := r.Bytes(int(r.BE16()))
		sig := r.Rest()
		values, err := t.values(c)
		if err != nil {
			return err
		}
		if r.Failed() || len(quoted) == 0 {
			return fmt.Errorf("tpm: short answer to Quote")
		}
		ev = &attest.Evidence{Raw: tpmBytes(quoted, sig, values)}
		return nil
	})
	return ev, err
}

// Public returns the attestation key's public half, PEM: what an authority certifies
// or a verifier trusts.
func (t *TPM) Public(ctx context.Context) (out []byte, err error) {
	err = t.session(ctx, func(_ *tpmConn, k *tpmKey) error {
		der, err := x509.MarshalPKIXPublicKey(k.public)
		out = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		return err
	})
	return out, err
}

// session opens the TPM, makes the key, and forgets it at the end.
func (t *TPM) session(ctx context.Context, f func(*tpmConn, *tpmKey) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rw, err := t.open()
	if err != nil {
		return fmt.Errorf("tpm: %w", err)
	}
	defer rw.Close()
	c := &tpmConn{rw}
	k, err := c.makeKey()
	if err != nil {
		return err
	}
	err = f(c, k)
	if _, flushed := c.call(ccFlush, k.handle, false, nil); err == nil {
		err = flushed
	}
	return err
}

// Codes of TPM 2.0 Library, Part 2.
const (
	ccCreatePrimary = 0x131
	ccQuote         = 0x158
	ccFlush         = 0x165
	ccPCRRead       = 0x17e
	rhEndorsement   = 0x4000000b
	algSHA256       = 0x000b
	algECDSA        = 0x0018
	algNull         = 0x0010
	maxAnswer       = 4096
	maxPCR          = 24
)

type tpmConn struct{ rw io.ReadWriter }

type tpmKey struct {
	handle uint32
	public *ecdsa.PublicKey
}

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

func tpm2b(b, s []byte) []byte { return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...) }

func tpmBytes(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// Warnings after which the same command is sent again (Part 2, TPM_RC_YIELDED,
// TPM_RC_TESTING, TPM_RC_RETRY), and how often, with pauses that grow to 200 ms.
const (
	rcYielded = 0x908
	rcTesting = 0x90a
	rcRetry   = 0x922
	resends   = 20
)

// call is send, again where the TPM asks for it.
func (c *tpmConn) call(code, handle uint32, auth bool, params []byte) ([]byte, error) {
	for try := 1; ; try++ {
		b, rc, err := c.send(code, handle, auth, params)
		if rc != rcRetry && rc != rcTesting && rc != rcYielded || try > resends {
			return b, err
		}
		time.Sleep(time.Duration(try) * 10 * time.Millisecond)
	}
}

// send sends a command with at most one handle and, where it needs one, an empty
// password; it returns the parameters of the answer.
func (c *tpmConn) send(code, handle uint32, auth bool, params []byte) (_ []byte, rc uint32, err error) {
	tag, body := uint16(0x8001), []byte(nil)
	if handle != 0 {
		body = u32(handle)
	}
	if auth {
		tag = 0x8002
		body = tpmBytes(body, u32(9), u32(0x40000009), u16(0), []byte{0}, u16(0)) // TPM_RS_PW
	}
	body = append(body, params...)
	if _, err := c.rw.Write(tpmBytes(u16(tag), u32(uint32(10+len(body))), u32(code), body)); err != nil {
		return nil, 0, fmt.Errorf("tpm: command %#x: %w", code, err)
	}
	answer := make([]byte, maxAnswer)
	n, err := c.rw.Read(answer)
	if err != nil {
		return nil, 0, fmt.Errorf("tpm: command %#x: %w", code, err)
	}
	r := attest.NewReader(answer[:n])
	r.BE16()
	size := r.BE32()
	rc = r.BE32()
	switch {
	case r.Failed() || size != uint32(n):
		return nil, 0, fmt.Errorf("tpm: command %#x: an answer of %d bytes says it has %d", code, n, size)
	case rc != 0:
		return nil, rc, fmt.Errorf("tpm: command %#x: error %#x", code, rc)
	case code == ccCreatePrimary:
		h := u32(r.BE32())
		return append(h, r.Bytes(int(r.BE32()))...), 0, nil
	case auth:
		return r.Bytes(int(r.BE32())), 0, nil
	}
	return r.Rest(), 0, nil
}

// makeKey creates the restricted P-256 signing key of the endorsement hierarchy.
func (c *tpmConn) makeKey() (*tpmKey, error) {
	// fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, restricted, sign.
	template := tpmBytes(u16(0x0023), u16(algSHA256), u32(0x00050072), u16(0), u16(algNull), u16(algECDSA), u16(algSHA256), u16(3), u16(algNull), u16(0), u16(0))
	b, err := c.call(ccCreatePrimary, rhEndorsement, true, tpmBytes(u16(4), u16(0), u16(0), tpm2b(nil, template), u16(0), u32(0)))
	if err != nil {
		return nil, err
	}
	r := attest.NewReader(b)
	k := &tpmKey{handle: r.BE32()}
	p := attest.NewReader(r.Bytes(int(r.BE16())))
	p.Bytes(len(template) - 4) // as asked for, up to the point
	x, y := p.Bytes(int(p.BE16())), p.Bytes(int(p.BE16()))
	if r.Failed() || !p.Done() || len(x) != 32 || len(y) != 32 {
		return nil, fmt.Errorf("tpm: the key made is not the one asked for")
	}
	if k.public, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), tpmBytes([]byte{4}, x, y)); err != nil {
		return nil, fmt.Errorf("tpm: the key made: %w", err)
	}
	return k, nil
}

// selection is TPML_PCR_SELECTION of the SHA-256 bank.
func (t *TPM) selection() []byte { return selectionOf(t.pcrs) }

func selectionOf(pcrs []int) []byte {
	var bitmap [3]byte
	for _, i := range pcrs {
		if i >= 0 && i < maxPCR {
			bitmap[i/8] |= 1 << (i % 8)
		}
	}
	return tpmBytes(u32(1), u16(algSHA256), []byte{3}, bitmap[:])
}

// values reads the selected registers one by one, lowest first, as TPML_DIGEST.
func (t *TPM) values(c *tpmConn) ([]byte, error) {
	var list []byte
	n := 0
	for i := range maxPCR {
		if !slices.Contains(t.pcrs, i) {
			continue
		}
		one := selectionOf([]int{i})
		b, err := c.call(ccPCRRead, 0, false, one)
		if err != nil {
			return nil, err
		}
		r := attest.NewReader(b)
		r.BE32() // update counter
		got, count := r.Bytes(len(one)), r.BE32()
		v := r.Bytes(int(r.BE16()))
		if !r.Done() || count != 1 || string(got) != string(one) || len(v) != 32 {
			return nil, fmt.Errorf("tpm: register %d of the SHA-256 bank cannot be read", i)
		}
		list = tpm2b(list, v)
		n++
	}
	return append(u32(uint32(n)), list...), nil
}
