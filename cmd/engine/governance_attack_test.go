package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/modules/store"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/modules/trust/trusttest"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs/transcript"
)

// attacks is what hostile sites serve to a node that follows a root of three
// members, two of whom must sign, and holds epoch 1 of it.
type attacks struct {
	root, one *trust.Signed
	blobs     store.Publication // modules and vectors
	sites     map[string][]*trust.Signed
	accredit  digest.Digest
}

func newAttacks(t *testing.T) *attacks {
	t.Helper()
	a := &attacks{root: trusttest.Sign(t, trusttest.Root(t, 1, digest.Digest{}, 1, 2, 1, 2, 3), 1, 2)}
	records := a.modules(t)
	e1 := trusttest.First(a.root, records...)
	a.one = trusttest.Sign(t, e1, 1, 2)
	next := func(edit func(*trust.Set)) trust.Set { return trusttest.Next(e1, a.one, edit) }
	same := next(func(*trust.Set) {})
	two := func(edit func(*trust.Set), members ...byte) *trust.Signed {
		return trusttest.Sign(t, next(edit), members...)
	}
	none := func(*trust.Set) {}
	onAccredit := func(edit func(r *trust.Record)) func(*trust.Set) {
		return func(s *trust.Set) {
			i := slices.IndexFunc(s.Records, func(r trust.Record) bool { return r.Name == "accredit" })
			edit(&s.Records[i])
		}
	}
	good := two(none, 1, 3)

	twice := two(none, 2)
	twice.Signatures = append(twice.Signatures, twice.Signatures[0])
	domain := two(none, 2)
	domain.Signatures = append(domain.Signatures, trust.Signature{Domain: trust.DomainRoot, Public: trusttest.Member(t, 3).Public(), Sig: make([]byte, 64)})
	forged := two(none, 2, 3)
	forged.Signatures[0].Sig[5] ^= 1
	rotated := trusttest.Root(t, 2, a.root.Digest(), 2, 2, 4, 5, 6)
	skipped := same
	skipped.Epoch = 3
	old := e1
	old.Expiry++ // what k members may have signed long ago
	older := trusttest.Sign(t, old, 2, 3)

	lying, vectors := a.lyingVectors(t, records)
	a.blobs.Vectors = append(a.blobs.Vectors, vectors)
	a.sites = map[string][]*trust.Signed{
		"good":      {a.root, a.one, good},
		"threshold": {a.root, a.one, two(none, 2)},
		"twice":     {a.root, a.one, twice},
		"unknown":   {a.root, a.one, two(none, 1, 2, 9)},
		"domain":    {a.root, a.one, domain},
		"forged":    {a.root, a.one, forged},
		"gap":       {a.root, a.one, trusttest.Sign(t, skipped, 1, 2)},
		"fork":      {a.root, a.one, two(func(s *trust.Set) { s.Previous = digest.Digest{5} }, 1, 2)},
		"history":   {a.root, older},
		"expired":   {a.root, a.one, two(func(s *trust.Set) { s.Expiry = 240 }, 1, 2)},
		"rotation":  {a.root, a.one, trusttest.Sign(t, rotated, 4, 5, 6)},
		"revoked":   {a.root, a.one, two(onAccredit(func(r *trust.Record) { r.Status = trust.Revoked }), 1, 2)},
		"selftest":  {a.root, a.one, two(onAccredit(func(r *trust.Record) { *r = lying }), 1, 2)},
		"other":     {a.root, a.one, two(func(s *trust.Set) { s.Records[0].Version = "9.9.9" }, 2, 3)},
	}
	return a
}

// modules puts the shipped modules into the publication.
func (a *attacks) modules(t *testing.T) []trust.Record {
	t.Helper()
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	var out []trust.Record
	for _, name := range []string{"layered", "accredit"} {
		m, _ := embedded.Lookup(name)
		kind, err := abi.ParseKind(m.Kind)
		require.NoError(t, err)
		c, end, err := engine.Opener(h)(t.Context(), kind, m.Bytes)
		require.NoError(t, err)
		rec := &trust.Recorder{Caller: c}
		_, err = abi.ReadManifest(t.Context(), rec)
		require.NoError(t, err)
		require.NoError(t, end())
		vectors, err := transcript.Encode(rec.Vectors)
		require.NoError(t, err)
		a.blobs.Modules, a.blobs.Vectors = append(a.blobs.Modules, m.Bytes), append(a.blobs.Vectors, vectors)
		out = append(out, trusttest.Record(m.Kind, m.Name, m.Version, m.Bytes, vectors))
	}
	a.accredit = out[1].SHA3
	return out
}

// lyingVectors is the record of accredit with vectors that it does not keep.
func (a *attacks) lyingVectors(t *testing.T, records []trust.Record) (trust.Record, []byte) {
	t.Helper()
	list, err := trust.ParseVectors(a.blobs.Vectors[1])
	require.NoError(t, err)
	list[0].Output[16] = digest.Digest{1}
	b, err := transcript.Encode(list)
	require.NoError(t, err)
	r := records[1]
	r.Vectors = digest.Sum(b)
	return r, b
}

// write makes the folders of all sites below dir, and root.json.
func (a *attacks) write(dir string) error {
	root, err := json.Marshal(a.root)
	if err != nil {
		return err
	}
	for name, docs := range a.sites {
		p := a.blobs
		p.Documents = nil
		for _, d := range docs {
			b, err := json.Marshal(d)
			if err != nil {
				return err
			}
			p.Documents = append(p.Documents, b)
		}
		s, err := store.Open(filepath.Join(dir, "site-"+name))
		if err == nil {
			err = s.Publish(context.Background(), &p)
		}
		if err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "root.json"), root, 0o600)
}

// attackScript: each attack is refused by its own name, leaves the node where it
// was, and jobs go on under epoch 1.
func attackScript() string {
	var b strings.Builder
	b.WriteString("exec engine module pin root.json --data-dir base\n")
	refused := map[string]string{"threshold": "41 Threshold", "twice": "41 DuplicateKey", "unknown": "41 UnknownKey", "domain": "41 WrongDomain", "forged": "41 Signature",
		"gap": "51 Gap", "fork": "51 Fork", "history": "51 Fork", "rotation": "41 Rotation"}
	b.WriteString("exec engine module pull --from site-base --height 150 --data-dir base\n")
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		exit, word, _ := strings.Cut(refused[name], " ")
		b.WriteString("# " + name + "\nexec cp -r base node\ncode " + exit + " engine module pull --from site-" + name + " --height 250 --data-dir node --json\nanswer error.name=" + word +
			"\nexec engine run job.json --dry-run --data-dir node --json\nanswer governance.epoch=1 governance.height=150\nexec rm -r node\n")
	}
	return b.String() + attackTail
}

const attackTail = `
# An epoch that is in force no longer, a mirror of yesterday, another history.
exec cp -r base node
code 52 engine module pull --from site-expired --height 250 --data-dir node --json
answer error.name=Expired
exec engine module pull --from site-good --height 250 --data-dir node
code 51 engine module pull --from site-base --height 250 --data-dir node --json
answer error.name=Rollback
code 51 engine module pull --from site-other --height 250 --data-dir node --json
answer error.name=Fork
exec engine run job.json --dry-run --data-dir node --json
answer governance.epoch=2 governance.height=250
code 51 engine run job.json --dry-run --height 249 --data-dir node --json
answer error.name=Rollback
code 52 engine run job.json --dry-run --height 2000 --data-dir node --json
answer error.name=Expired

# A store that somebody put back, beside a mark that he could not.
exec rm -r node/modules/store
exec cp -r base/modules/store node/modules/store
code 51 engine run job.json --dry-run --data-dir node --json
answer error.name=Rollback
exec rm -r node

# Bytes that were changed in the store after the pull, and in transport.
exec cp -r base node
exec sh -c 'printf x >> node/modules/store/blobs/sha3/$ACCREDIT'
code 51 engine run job.json --dry-run --data-dir node --json
answer error.name=Limit error.field=modules.traps
exec sh -c 'printf x | dd of=node/modules/store/blobs/sha3/$ACCREDIT bs=1 seek=1000 conv=notrunc 2>/dev/null; truncate -s -1 node/modules/store/blobs/sha3/$ACCREDIT'
code 51 engine run job.json --dry-run --data-dir node --json
answer error.name=Hash error.field=modules.traps
exec rm -r node
exec cp -r base/ node
exec rm -r node/modules/store node/modules/mark.json
exec engine module pin root.json --data-dir node
exec sh -c 'printf x | dd of=site-good/blobs/sha3/$ACCREDIT bs=1 seek=1000 conv=notrunc 2>/dev/null'
code 51 engine module pull --from site-good --height 250 --data-dir node --json
answer error.name=Hash
exec rm -r node

# Revoked, and vectors that the module does not keep: the pull says so, and every
# job afterwards.
exec cp -r base node
exec engine module pull --from site-revoked --height 250 --data-dir node
code 52 engine run job.json --dry-run --data-dir node --json
answer error.name=Revoked
code 52 engine run job.json --dry-run --module traps=accredit.wasm --data-dir node --json
answer error.name=Revoked
exec rm -r node
exec cp -r base node
code 52 engine module pull --from site-selftest --height 250 --data-dir node --json
answer error.name=SelfTest
code 52 engine run job.json --dry-run --data-dir node --json
answer error.name=SelfTest error.field=modules.traps
code 52 engine module verify accredit.wasm --height 250 --data-dir node --json
answer error.name=SelfTest
`

// TestGovernanceAttacks pulls from hostile sites and runs jobs afterwards.
func TestGovernanceAttacks(t *testing.T) {
	a := newAttacks(t)
	a.sites["base"] = []*trust.Signed{a.root, a.one}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "attacks.txtar"), []byte(attackScript()), 0o600))
	testscript.Run(t, testscript.Params{
		Dir: dir,
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("ACCREDIT", a.accredit.String())
			m, _ := embedded.Lookup("accredit")
			for name, b := range map[string][]byte{"job.json": []byte(smallJob), "accredit.wasm": m.Bytes} {
				if err := os.WriteFile(filepath.Join(env.WorkDir, name), b, 0o600); err != nil {
					return err
				}
			}
			return a.write(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"code": code, "answer": answer},
	})
}
