package keys

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

const day = 24 * 3600

// chainOf makes a chain of operational keys: statement i introduces key i+1 at
// the given time.
func chainOf(t *testing.T, times ...uint64) (*Chain, []RoleSigner) {
	t.Helper()
	root := testKey(t, Root, 200)
	c, signers := &Chain{Root: root.Public()}, []RoleSigner{}
	for i, at := range times {
		k := testKey(t, Operational, byte(i+1))
		signers = append(signers, k)
		_, err := c.Extend(ctx, root, k, Operational, Scheduled, DefaultOverlap, at)
		require.NoError(t, err)
	}
	return c, signers
}

// TestRotationEdges asks one second before, at and after each edge.
func TestRotationEdges(t *testing.T) {
	const first, second = 1_000_000, 1_000_000 + 90*day
	c, k := chainOf(t, first, second)
	until := uint64(second + DefaultOverlap)
	for _, row := range []struct {
		key int
		at  uint64
		ok  bool
	}{
		{0, first - 1, false}, {0, first, true}, {0, first + 1, true},
		{0, second - 1, true}, {0, second, true}, {0, until - 1, true}, {0, until, false}, {0, until + 1, false},
		{1, second - 1, false}, {1, second, true}, {1, until + 1, true}, {1, second + 10_000*day, true},
	} {
		err := c.Accept(Operational, k[row.key].KeyID(), row.at)
		if row.ok {
			require.NoError(t, err, "%+v", row)
		} else {
			require.ErrorIs(t, err, ErrRetired, "%+v", row)
		}
	}
	require.ErrorIs(t, c.Accept(Log, k[0].KeyID(), second), ErrKey, "another role")
	require.ErrorIs(t, c.Accept(Operational, digest.Sum(nil), second), ErrKey)
}

// TestRevocationEdges: a compromised key ends when the statement is in the log,
// neither before nor by the provider's own clock.
func TestRevocationEdges(t *testing.T) {
	const first, revoked = 1_000_000, 2_000_000
	for _, row := range []struct {
		name             string
		until, included  uint64 // old_accept_until, inclusion
		lastGood         uint64
		refusedStatement bool
	}{
		{name: "in the log at once", until: revoked, included: revoked, lastGood: revoked - 1},
		{name: "in the log an hour later", until: revoked, included: revoked + 3600, lastGood: revoked + 3599},
		{name: "backdated by a day", until: revoked - day, included: revoked + 5, lastGood: revoked + 4},
		{name: "from the beginning", until: 0, included: revoked, lastGood: revoked - 1},
		{name: "nobody logged it", until: revoked - day, included: 0, lastGood: revoked - 1},
		{name: "for the future", until: revoked + 1, included: revoked, refusedStatement: true},
	} {
		c, k := chainOf(t, first)
		root, fresh := testKey(t, Root, 200), testKey(t, Operational, 50)
		r, err := c.Draft(Operational, fresh, Compromised, DefaultOverlap, revoked)
		require.NoError(t, err)
		r.OldAcceptUntil = row.until
		require.NoError(t, r.Sign(ctx, root, fresh, revoked))
		c.Links = append(c.Links, Link{r, row.included})
		if row.refusedStatement {
			require.ErrorIs(t, c.Verify(), ErrKey, row.name)
			continue
		}
		require.NoError(t, c.Verify(), row.name)
		old := k[0].KeyID()
		require.NoError(t, c.Accept(Operational, old, row.lastGood-1), row.name)
		require.NoError(t, c.Accept(Operational, old, row.lastGood), row.name)
		require.ErrorIs(t, c.Accept(Operational, old, row.lastGood+1), ErrRetired, row.name)
		require.ErrorIs(t, c.Accept(Operational, fresh.KeyID(), revoked-1), ErrRetired, row.name)
		require.NoError(t, c.Accept(Operational, fresh.KeyID(), revoked), row.name)
	}
}

// TestBackdatedRotation: a statement that reached the log late does not disown
// what the old key signed until then.
func TestBackdatedRotation(t *testing.T) {
	c, k := chainOf(t, 1000, 2000)
	c.Links[1].IncludedAt = 2000 + 20*day // old_accept_until is 14 days after 2000
	late := uint64(2000 + 20*day)
	require.NoError(t, c.Accept(Operational, k[0].KeyID(), late-1))
	require.ErrorIs(t, c.Accept(Operational, k[0].KeyID(), late), ErrRetired)
	require.ErrorIs(t, c.Accept(Operational, k[0].KeyID(), late+1), ErrRetired)
}

// TestOverlapEdges: 0 and 30 days are the ends.
func TestOverlapEdges(t *testing.T) {
	root := testKey(t, Root, 200)
	for overlap, ok := range map[uint64]bool{0: true, 1: true, MaxOverlap - 1: true, MaxOverlap: true, MaxOverlap + 1: false} {
		c, _ := chainOf(t, 1000)
		_, err := c.Extend(ctx, root, testKey(t, Operational, 9), Operational, Scheduled, overlap, 2000)
		require.Equal(t, ok, err == nil, "%d: %v", overlap, err)
	}
	c, _ := chainOf(t, 1000)
	_, err := c.Extend(ctx, root, testKey(t, Operational, 9), Operational, Scheduled, 0, 999)
	require.ErrorIs(t, err, ErrKey, "before the key before")
}

func TestRootRotation(t *testing.T) {
	a, b, stranger := testKey(t, Root, 200), testKey(t, Root, 201), testKey(t, Root, 202)
	c := &Chain{Root: a.Public()}
	r, err := c.Draft(Root, b, Scheduled, DefaultOverlap, 5000)
	require.NoError(t, err)
	third := testKey(t, Root, 203)
	r.Next = third.KeyID()
	require.NoError(t, r.Sign(ctx, a, b, 5000))
	c.Links = []Link{{r, 5000}}
	require.NoError(t, c.Verify())
	require.NoError(t, c.Accept(Root, a.KeyID(), 5000+DefaultOverlap-1))
	require.ErrorIs(t, c.Accept(Root, a.KeyID(), 5000+DefaultOverlap), ErrRetired)

	op := testKey(t, Operational, 1)
	before := slices.Clone(c.Links)
	_, err = c.Extend(ctx, a, op, Operational, Scheduled, 0, 6000)
	require.ErrorIs(t, err, ErrSignature, "the old root signs nothing more")
	require.Equal(t, before, c.Links)
	_, err = c.Extend(ctx, b, op, Operational, Scheduled, 0, 6000)
	require.NoError(t, err)
	_, err = c.Extend(ctx, b, stranger, Root, Compromised, 0, 7000)
	require.ErrorContains(t, err, "committed to", "a thief of the root cannot choose the next one")
	_, err = c.Extend(ctx, b, third, Root, Compromised, 0, 7000)
	require.NoError(t, err)
	require.Equal(t, a.KeyID(), c.Links[2].ProviderID, "provider_id never changes")
}

func TestChainRefuses(t *testing.T) {
	root, other := testKey(t, Root, 200), testKey(t, Root, 90)
	make2 := func() *Chain { c, _ := chainOf(t, 1000, 2000); return c }
	resign := func(c *Chain, i int, key Signer, change func(*Rotation)) {
		r := *c.Links[i].Rotation
		change(&r)
		if err := r.Sign(ctx, root, key, r.SignedAt); err != nil {
			t.Fatal(err)
		}
		c.Links[i].Rotation = &r
	}
	second := testKey(t, Operational, 2)
	for name, change := range map[string]func(*Chain){
		"another first root": func(c *Chain) { c.Root = other.Public() },
		"order":              func(c *Chain) { slices.Reverse(c.Links) },
		"gap":                func(c *Chain) { c.Links = c.Links[1:] },
		"twice":              func(c *Chain) { c.Links = append(c.Links, c.Links[1]) },
		"seq":                func(c *Chain) { resign(c, 1, second, func(r *Rotation) { r.Seq = 3 }) },
		"previous":           func(c *Chain) { resign(c, 1, second, func(r *Rotation) { r.Previous = digest.Sum(nil) }) },
		"provider":           func(c *Chain) { resign(c, 1, second, func(r *Rotation) { r.ProviderID = digest.Sum(nil) }) },
		"reason":             func(c *Chain) { resign(c, 1, second, func(r *Rotation) { r.Reason = "bored" }) },
		"no old key": func(c *Chain) {
			resign(c, 0, testKey(t, Operational, 1), func(r *Rotation) { r.OldAcceptUntil = 5000 })
		},
		"commits": func(c *Chain) { resign(c, 1, second, func(r *Rotation) { r.Next = digest.Sum(nil) }) },
		"key used before": func(c *Chain) {
			first := testKey(t, Operational, 1)
			resign(c, 1, first, func(r *Rotation) { r.Public = first.Public() })
		},
		"root as operational": func(c *Chain) {
			resign(c, 1, testKey(t, Operational, 200), func(r *Rotation) { r.Public = root.Public() })
		},
		"no possession": func(c *Chain) {
			resign(c, 1, testKey(t, Operational, 77), func(*Rotation) {}) // another key vouches for key 2
		},
		"changed after":  func(c *Chain) { r := *c.Links[1].Rotation; r.ValidFrom++; c.Links[1].Rotation = &r },
		"root's half":    func(c *Chain) { r := *c.Links[1].Rotation; r.RootSig = r.KeySig; c.Links[1].Rotation = &r },
		"small order":    func(c *Chain) { resign2(c) },
		"a chain forked": func(c *Chain) { d, _ := chainOf(t, 1001, 2000); c.Links[1] = d.Links[1] },
	} {
		c := make2()
		require.NoError(t, c.Verify())
		change(c)
		require.Error(t, c.Verify(), name)
	}
}

// resign2 puts the identity point in place of a key.
func resign2(c *Chain) {
	r := *c.Links[1].Rotation
	r.Public = littleEndian(fieldOne, false)
	r.KeySig = append(littleEndian(fieldOne, false), make([]byte, 32)...) // what crypto/ed25519 takes for every message
	c.Links[1].Rotation = &r
}

func TestChainJSON(t *testing.T) {
	c, _ := chainOf(t, 1000, 2000)
	c.Links[1].IncludedAt = 2001
	pq, err := NewKey(Composite, Operational, bytesOf(3, compositeSeed))
	require.NoError(t, err)
	_, err = c.Extend(ctx, testKey(t, Root, 200), pq, Operational, Lost, 0, 3000)
	require.NoError(t, err)
	b, err := json.Marshal(c)
	require.NoError(t, err)
	back, err := ParseChain(b)
	require.NoError(t, err)
	require.Equal(t, c, back)
	alg, public := back.Newest(Operational)
	require.Equal(t, Composite, alg)
	require.Equal(t, pq.Public(), public)
	for _, bad := range []string{`{}`, `{"root":"x","statements":[]}`, `{"root":"` + PublicText(Ed25519, c.Root) + `","statements":[{}]}`,
		string(b[:len(b)-1]) + `,"x":1}`} {
		_, err := ParseChain([]byte(bad))
		require.Error(t, err, bad)
	}
}

func FuzzParseChain(f *testing.F) {
	root, k := mustKey(f, Root, 1), mustKey(f, Operational, 2)
	c := &Chain{Root: root.Public()}
	if _, err := c.Extend(ctx, root, k, Operational, Scheduled, 0, 5); err != nil {
		f.Fatal(err)
	}
	b, _ := json.Marshal(c)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseChain(b)
		if err != nil {
			return
		}
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseChain(again); err != nil || len(back.Links) != len(c.Links) {
			t.Fatalf("does not come back: %v", err)
		}
	})
}

func mustKey(t testing.TB, role Role, b byte) *Ed25519Key {
	k, err := NewEd25519(role, [SeedSize]byte{b})
	require.NoError(t, err)
	return k
}
