package registry

import (
	"errors"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// OverlapMS is how long a key stays good after a bundle that names its
// successor: a day.
const OverlapMS = 24 * 3600 * 1000

type keyRow struct {
	_           struct{}      `db:"key_info"`
	ID          digest.Digest `db:"id"`
	Account     digest.Digest `db:"account"`
	Alg         string        `db:"alg"`
	Public      []byte        `db:"public"`
	Role        string        `db:"role"`
	ValidFromMS int64         `db:"valid_from_ms"`
	RevokedMS   int64         `db:"revoked_ms"`
	Seq         uint64        `db:"seq"`
}

// enrol stores the keys of a verified bundle. Keys of a role that the bundle
// names no more end after the overlap.
func enrol(t *store.Tx, b *keys.Bundle) error {
	id := b.Identity.ProviderID
	root := keys.KeyID(b.Identity.RootPublic)
	if err := enrolKey(t, keyRow{ID: root, Account: id, Alg: keys.Ed25519, Public: b.Identity.RootPublic, Role: string(keys.Root)}); err != nil {
		return err
	}
	named := map[digest.Digest]bool{root: true}
	roles := map[string]bool{string(keys.Root): true}
	for _, k := range b.Keys {
		named[k.KeyID()], roles[string(k.Role)] = true, true
		if err := enrolKey(t, keyRow{ID: k.KeyID(), Account: id, Alg: k.Alg, Public: k.Public, Role: string(k.Role), ValidFromMS: int64(k.ValidFrom) * 1000, Seq: k.Seq}); err != nil {
			return err
		}
	}
	old, err := store.Select[keyRow](t, "WHERE account = ? AND revoked_ms = 0", id)
	if err != nil {
		return err
	}
	for _, k := range old {
		if named[k.ID] || !roles[k.Role] {
			continue
		}
		if _, err := t.Exec("UPDATE key_info SET revoked_ms = ? WHERE id = ?", t.NowMS()+OverlapMS, k.ID); err != nil {
			return err
		}
	}
	return nil
}

// enrolKey stores a key once. A key belongs to one account and role for ever.
func enrolKey(t *store.Tx, k keyRow) error {
	switch old, err := store.Get[keyRow](t, "WHERE id = ?", k.ID); {
	case errors.Is(err, store.ErrNone):
		return store.Insert(t, &k)
	case err != nil:
		return err
	case old.Account != k.Account || old.Role != k.Role:
		return aicf.Refuse(aicf.AttestationError, "key %s is the %s key of another account", k.ID, old.Role).In("/keys")
	case old.RevokedMS != 0:
		return aicf.Refuse(aicf.AttestationError, "key %s was replaced; it does not come back", k.ID).In("/keys")
	}
	return nil
}

// EnrolBuyer makes the account of a key.
func EnrolBuyer(t *store.Tx, alg string, public []byte) (*aicf.KeyInfo, error) {
	if err := keys.CheckPublic(alg, public); err != nil {
		return nil, aicf.Refuse(aicf.SchemaError, "%v", err).In("/public")
	}
	id := keys.KeyID(public)
	switch old, err := store.Get[keyRow](t, "WHERE id = ?", id); {
	case err == nil:
		return old.info(), nil
	case !errors.Is(err, store.ErrNone):
		return nil, err
	}
	k := keyRow{ID: id, Account: id, Alg: alg, Public: public, Role: RoleBuyer}
	if err := store.Insert(t, &k); err != nil {
		return nil, err
	}
	_, err := t.Append(store.Note{Type: aicf.EvRotated, Info: map[string]any{"key": id, "role": RoleBuyer}})
	return k.info(), err
}

// RoleBuyer is the role of a key that only buys.
const RoleBuyer = "buyer"

func (k *keyRow) info() *aicf.KeyInfo {
	return &aicf.KeyInfo{Key: k.ID, Account: k.Account, Alg: k.Alg, Public: k.Public, Role: k.Role, ValidFromMS: k.ValidFromMS, RevokedMS: k.RevokedMS}
}

// Key finds a key that is good at nowMS.
func Key(t *store.Tx, id digest.Digest, nowMS int64) (*aicf.KeyInfo, error) {
	k, err := store.Get[keyRow](t, "WHERE id = ?", id)
	switch {
	case errors.Is(err, store.ErrNone):
		return nil, aicf.Refuse(aicf.NotFound, "key %s is not known", id)
	case err != nil:
		return nil, err
	case k.RevokedMS != 0 && nowMS >= k.RevokedMS:
		return nil, aicf.Refuse(aicf.Forbidden, "key %s was replaced; its overlap ended at %d ms", id, k.RevokedMS)
	}
	return k.info(), nil
}
