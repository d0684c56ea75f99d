package network

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// keepMS is how long the answers of idempotent calls are kept.
const keepMS = 24 * 3600 * 1000

// maxIdempotencyKey bounds a key in bytes.
const maxIdempotencyKey = 128

type idemRow struct {
	_       struct{}      `db:"idempotency"`
	Key     digest.Digest `db:"key_id"`
	Name    string        `db:"name"`
	Request digest.Digest `db:"request"`
	Answer  string        `db:"answer"`
	AtMS    int64         `db:"at_ms"`
}

// update runs a write of a call: once for an idempotency key, with a nonce that
// was not seen.
func update[T any](ctx context.Context, s *Service, c aicf.Call, fn func(*store.Tx, *epoch.Term) (*T, error)) (out *T, err error) {
	err = s.db.Update(ctx, c.NowMS, func(t *store.Tx) error {
		out = nil
		stored, err := answered(t, c)
		if err != nil {
			return err
		}
		if stored != nil {
			out = new(T)
			return json.Unmarshal(stored, out)
		}
		if err := once(t, c); err != nil {
			return err
		}
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		v, err := fn(t, term)
		if err != nil {
			return err
		}
		out = v
		return remember(t, c, v)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// answered is the stored answer of the same call.
func answered(t *store.Tx, c aicf.Call) ([]byte, error) {
	if c.IdempotencyKey == "" {
		return nil, nil
	}
	if len(c.IdempotencyKey) > maxIdempotencyKey {
		return nil, aicf.Refuse(aicf.LimitExceeded, "the idempotency key has %d bytes, at most %d", len(c.IdempotencyKey), maxIdempotencyKey)
	}
	r, err := store.Get[idemRow](t, "WHERE key_id = ? AND name = ?", keyOf(c), c.IdempotencyKey)
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, nil
	case err != nil:
		return nil, err
	case r.Request != c.RequestSHA3:
		return nil, aicf.Refuse(aicf.IdempotencyReused, "the idempotency key was used for another request").Try("draw a new key for a new request")
	}
	return []byte(r.Answer), nil
}

// keyOf names whose idempotency keys a call uses: unsigned calls share one
// space for each account.
func keyOf(c aicf.Call) digest.Digest {
	if c.Key.IsZero() {
		return digest.SumParts([]byte("unsigned"), c.Account[:])
	}
	return c.Key
}

func remember(t *store.Tx, c aicf.Call, v any) error {
	if c.IdempotencyKey == "" {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return store.Insert(t, &idemRow{Key: keyOf(c), Name: c.IdempotencyKey, Request: c.RequestSHA3, Answer: string(b), AtMS: t.NowMS()})
}

// once refuses a nonce that was seen.
func once(t *store.Tx, c aicf.Call) error {
	if len(c.Nonce) == 0 {
		return nil
	}
	n, err := t.Exec("INSERT INTO nonce (key_id, nonce, until_ms) VALUES (?, ?, ?) ON CONFLICT (key_id, nonce) DO NOTHING", keyOf(c), c.Nonce, c.NonceUntilMS)
	if err == nil && n == 0 {
		return aicf.Refuse(aicf.ReplayDetected, "the signature was used before").Try("sign each call anew")
	}
	return err
}

// forget deletes what is kept no longer.
func forget(t *store.Tx) error {
	if _, err := t.Exec("DELETE FROM nonce WHERE until_ms < ?", t.NowMS()); err != nil {
		return err
	}
	_, err := t.Exec("DELETE FROM idempotency WHERE at_ms < ?", t.NowMS()-keepMS)
	return err
}

// acts refuses a call that may not act for the account.
func (s *Service) acts(c aicf.Call, account digest.Digest) error {
	switch {
	case account.IsZero():
		return aicf.Refuse(aicf.SchemaError, "no account is named")
	case c.Unsigned && s.cfg.Dev:
		return nil
	case c.Account.IsZero() || c.Unsigned:
		return aicf.Refuse(aicf.Unauthorized, "the call is not signed").Try("sign it, or run the service with --dev on loopback")
	case c.Account != account:
		return aicf.Refuse(aicf.Forbidden, "%s may not act for %s", c.Account, account)
	}
	return nil
}

// sign completes a receipt whose event and subject are set.
func (s *Service) sign(ctx context.Context, r *aicf.Receipt, nowMS int64) error {
	d, err := ReceiptDigest(s.cfg.ChainID, r)
	if err != nil {
		return err
	}
	sig, err := keys.Sign(ctx, s.cfg.Service, keys.PurposeReceipt, d, uint64(nowMS/1000))
	if err != nil {
		return err
	}
	r.Key, r.SignedAt, r.Sig = sig.KeyID, sig.SignedAtUnix, sig.Sig
	return nil
}

// ReceiptDigest is what a receipt's signature covers.
func ReceiptDigest(chainID uint64, r *aicf.Receipt) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/receipt").U64(1, chainID).U64(2, r.Event).H32(3, r.EventHash).H32(4, r.Subject).Sum()
}

// VerifyReceipt checks a receipt against the service's public key.
func VerifyReceipt(chainID uint64, r *aicf.Receipt, public []byte) error {
	d, err := ReceiptDigest(chainID, r)
	if err != nil {
		return err
	}
	sig := keys.Signature{Purpose: keys.PurposeReceipt, Alg: keys.Ed25519, KeyID: r.Key, SignedAtUnix: r.SignedAt, Sig: r.Sig}
	return sig.Verify(keys.Ed25519, public, keys.PurposeReceipt, d)
}

// receipt points at the newest event of the transaction.
func receipt(t *store.Tx, subject digest.Digest) aicf.Receipt {
	seq, hash := t.Head()
	return aicf.Receipt{Event: seq, EventHash: hash, Subject: subject}
}
