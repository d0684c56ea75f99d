package quote

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"

	"github.com/animicaorg/engine/proofs/attest"
)

// GUIDs of the entries of AMD's certificate table, in the byte order of the table
// (AMD 56421, Guest Hypervisor Communication Block, table 2).
const (
	guidVCEK = "63da758de6644564adc5f4b93be8accd"
	guidVLEK = "a8074bc2a25a483eaae639c045a0b8a1"
	guidASK  = "4ab7b379bbac4fe4a02f05aef327c782"
)

const maxTableEntries = 16

// certificates reads the table that the host left with an SEV-SNP report: the key's
// certificate first, then AMD's signing key. A host that leaves none is no error;
// the operator supplies them.
func (t *TSM) certificates(dir string) ([]byte, error) {
	b, err := t.files.ReadFile(dir + "/auxblob")
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("configfs-tsm: auxblob: %w", err)
	case len(b) > attest.MaxCerts:
		return nil, fmt.Errorf("configfs-tsm: auxblob of %d bytes, limit %d", len(b), attest.MaxCerts)
	}
	return certTable(b)
}

// certTable writes the table's certificates as PEM.
func certTable(b []byte) ([]byte, error) {
	found := map[string][]byte{}
	r := attest.NewReader(b)
	for n := 0; ; n++ {
		guid, offset, size := r.Bytes(16), int64(r.LE32()), int64(r.LE32())
		if r.Failed() || n > maxTableEntries {
			return nil, errors.New("certificate table: has no end")
		}
		if attest.Zero(guid) {
			break
		}
		if offset+size > int64(len(b)) {
			return nil, errors.New("certificate table: an entry lies outside")
		}
		found[hex.EncodeToString(guid)] = b[offset : offset+size]
	}
	var out bytes.Buffer
	for _, guid := range []string{guidVCEK, guidVLEK, guidASK} {
		der, ok := found[guid]
		if !ok || guid == guidVLEK && found[guidVCEK] != nil {
			continue
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("certificate table: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}
