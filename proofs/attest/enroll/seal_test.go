package enroll_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/transcript"
)

var (
	ctx      = context.Background()
	provider = digest.Sum([]byte("provider"))
	x        = digest.Sum([]byte("x"))
	now      = time.Unix(1_763_830_000, 0)
)

// TestOpen refuses another key, another enrolment and changed bytes.
func TestOpen(t *testing.T) {
	key, err := enroll.NewRunnerKey()
	require.NoError(t, err)
	thief, err := enroll.NewRunnerKey()
	require.NoError(t, err)
	e := &enroll.Enrolment{ProviderID: provider, Public: key.Public(), Expires: now}
	service, err := keys.NewEd25519(keys.Service, [32]byte{9})
	require.NoError(t, err)
	_, blob, err := enroll.Seal(ctx, e, attest.Carried{}, []byte("secret"), x, service, 1)
	require.NoError(t, err)
	_, err = thief.Open(e, blob)
	require.Error(t, err)
	other := *e
	other.Nonce = x
	_, err = key.Open(&other, blob)
	require.Error(t, err)
	for i := range blob {
		b := bytes.Clone(blob)
		b[i] ^= 1
		_, err = key.Open(e, b)
		require.Error(t, err, i)
		_, err = key.Open(e, blob[:i])
		require.Error(t, err, i)
	}
	_, err = key.Open(e, make([]byte, enroll.MaxLease+65))
	require.ErrorContains(t, err, "limit")
	_, _, err = enroll.Seal(ctx, &enroll.Enrolment{Public: make([]byte, 31)}, attest.Carried{}, nil, x, service, 1)
	require.Error(t, err)
	_, _, err = enroll.Seal(ctx, e, attest.Carried{}, make([]byte, enroll.MaxLease+1), x, service, 1)
	require.ErrorContains(t, err, "limit")
	op, err := keys.NewEd25519(keys.Operational, [32]byte{9})
	require.NoError(t, err)
	_, _, err = enroll.Seal(ctx, e, attest.Carried{}, nil, x, op, 1)
	require.ErrorIs(t, err, keys.ErrRole)
}

// TestFrame holds the frame's fields: each moves the digest, and the domain is one of
// its own.
func TestFrame(t *testing.T) {
	good := enroll.Enrolment{Nonce: x, ProviderID: provider, Public: make([]byte, 32), Expires: now}
	want, err := transcript.Sum(&good)
	require.NoError(t, err)
	b, err := transcript.Encode(&good)
	require.NoError(t, err)
	domain, fields, err := transcript.ParseFrame(b)
	require.NoError(t, err)
	require.Equal(t, "qprov/v1/enroll", domain)
	require.Len(t, fields, 5)
	for name, edit := range map[string]func(*enroll.Enrolment){"nonce": func(e *enroll.Enrolment) { e.Nonce = provider }, "provider": func(e *enroll.Enrolment) { e.ProviderID = x },
		"key": func(e *enroll.Enrolment) { e.Public = append(make([]byte, 31), 1) }, "end": func(e *enroll.Enrolment) { e.Expires = now.Add(time.Second) }} {
		other := good
		edit(&other)
		got, err := transcript.Sum(&other)
		require.NoError(t, err)
		require.NotEqual(t, want, got, name)
	}
	data, err := good.ReportData()
	require.NoError(t, err)
	require.Equal(t, append(want[:], make([]byte, 32)...), data[:])
}
