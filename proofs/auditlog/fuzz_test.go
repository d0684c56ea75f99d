package auditlog

import (
	"bytes"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/keys"
)

func leafOf(t testing.TB, d Draft) []byte {
	b, err := d.Entry.leaf()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func FuzzParseEntry(f *testing.F) {
	for _, d := range run(0) {
		f.Add(leafOf(f, d))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEntry(b)
		if err != nil {
			return
		}
		if again, err := e.leaf(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted another encoding: %x", b)
		}
	})
}

func FuzzPending(f *testing.F) {
	one := appendRecord(nil, 3, [][]byte{leafOf(f, run(0)[0]), []byte("x")})
	f.Add(one, uint64(3))
	f.Add(appendRecord(one, 5, [][]byte{{}}), uint64(4))
	f.Fuzz(func(t *testing.T, b []byte, size uint64) {
		leaves, whole, err := parsePending(b, size&(1<<40-1))
		if err != nil {
			return
		}
		if whole > len(b) {
			t.Fatal("more than there is")
		}
		again, _, err := parsePending(b[:whole], size&(1<<40-1))
		if err != nil || len(again) != len(leaves) {
			t.Fatal("the whole records alone give other entries")
		}
	})
}

func FuzzBundle(f *testing.F) {
	f.Add(appendBundle(nil, [][]byte{[]byte("a"), {}}), 2)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		leaves, err := parseBundle(b, n)
		if err == nil && !bytes.Equal(appendBundle(nil, leaves), b) {
			t.Fatal("accepted another encoding")
		}
	})
}

func FuzzOpenCheckpoint(f *testing.F) {
	signed, err := SignCheckpoint(ctx, Checkpoint{Origin: origin, Root: emptyRoot}, mustLogKey())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	w, key := "w", mustLogKey()
	cosigner, err := keys.NewEd25519(keys.Witness, [keys.SeedSize]byte{1}) // the same key in two roles, so that only the messages differ
	if err != nil {
		f.Fatal(err)
	}
	if signed, err = Cosign(ctx, signed, w, cosigner, 5); err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	witness, err := NewWitness(w, keys.Ed25519, key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := OpenCheckpoint(b, origin, key.Public()); err == nil && c != (Checkpoint{Origin: origin, Root: emptyRoot}) {
			t.Fatalf("a forged checkpoint: %+v", c)
		}
		if at, ok, err := WitnessedTime(b, []*Witness{witness}, 1); err == nil && ok && at != 5 {
			t.Fatalf("a forged time: %d", at)
		}
		if c, err := parseBody(b); err == nil && !bytes.Equal(c.Body(), b) {
			t.Fatal("accepted another spelling")
		}
	})
}

func FuzzParseInclusion(f *testing.F) {
	l := openLog(f, f.TempDir())
	if _, err := l.Append(ctx, run(0)...); err != nil {
		f.Fatal(err)
	}
	if _, err := l.Checkpoint(ctx); err != nil {
		f.Fatal(err)
	}
	p, err := l.Prove(2)
	if err != nil {
		f.Fatal(err)
	}
	text, _ := p.MarshalText()
	f.Add(text)
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseInclusion(b)
		if err != nil {
			return
		}
		if again, _ := got.MarshalText(); !bytes.Equal(again, b) {
			t.Fatal("accepted another spelling")
		}
		if _, _, err := got.Verify(origin, mustLogKey().Public()); err == nil && !bytes.Equal(got.Leaf, p.Leaf) {
			t.Fatalf("a forged entry: %x", got.Leaf)
		}
	})
}

func FuzzParseWitness(f *testing.F) {
	w, err := NewWitness("w", keys.Ed25519, mustLogKey().Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(w.String())
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := ParseWitness(s); err == nil && w.String() != s {
			t.Fatalf("%q comes back as %q", s, w)
		}
	})
}

// FuzzTile puts other bytes in the place of a tile of hashes: a proof built from it
// must hold, or none is built.
func FuzzTile(f *testing.F) {
	l := openLog(f, f.TempDir())
	if _, err := l.Append(ctx, run(0)...); err != nil {
		f.Fatal(err)
	}
	if _, err := l.Checkpoint(ctx); err != nil {
		f.Fatal(err)
	}
	s, err := l.load()
	if err != nil {
		f.Fatal(err)
	}
	name := tilePath(tlog.Tile{H: tileHeight, W: int(s.published.Size)})
	good, err := l.folder.read(name, maxBundle)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := l.folder.root.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := l.Prove(2)
		if err != nil {
			return
		}
		if !bytes.Equal(b, good) {
			t.Fatal("a proof from a tile that the root does not hold")
		}
		if _, _, err := p.Verify(origin, l.public); err != nil {
			t.Fatal(err)
		}
	})
}
