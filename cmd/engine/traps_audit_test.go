package main

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// byteReader is entropy for keys of a test.
type byteReader struct{ r *rand.Rand }

func (b byteReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b.r.Uint32())
	}
	return len(p), nil
}

// signedSample is a signed document over a frame.
func signedSample(t testing.TB, frame []byte) []byte {
	store, err := keys.Open(t.TempDir())
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	held, _, err := store.Ensure(byteReader{rand.New(rand.NewPCG(1, 1))}, 1)
	require.NoError(t, err)
	sig, err := keys.Sign(t.Context(), held.Operational, keys.PurposeAudit, digest.Sum(frame), 1)
	require.NoError(t, err)
	b, err := json.Marshal(signedDocument{TypeID: typeAudit, Body: 1, Frame: hex.EncodeToString(frame), PublicKey: hex.EncodeToString(held.Operational.Public()),
		Alg: sig.Alg, KeyID: sig.KeyID.String(), SignedAt: 1, Signature: hex.EncodeToString(sig.Sig)})
	require.NoError(t, err)
	return b
}

func TestReadSigned(t *testing.T) {
	b := signedSample(t, []byte("frame"))
	frame, err := readSigned(b, typeAudit, keys.PurposeAudit)
	require.NoError(t, err)
	require.Equal(t, "frame", string(frame))
	_, err = readSigned(b, typeFraud, keys.PurposeFraud)
	require.Error(t, err)
	_, err = readSigned(b, typeAudit, keys.PurposeFraud)
	require.ErrorIs(t, err, keys.ErrSignature)
	_, err = readSigned(make([]byte, maxAuditBytes+1), typeAudit, keys.PurposeAudit)
	require.Error(t, err)
}

func FuzzReadSigned(f *testing.F) {
	good := signedSample(f, []byte("frame"))
	f.Add(good)
	f.Add([]byte(`{"type_id":"quantum_audit_v1","frame":"00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := readSigned(b, typeAudit, keys.PurposeAudit)
		if err == nil {
			require.NotEmpty(t, frame)
		}
	})
}
