package network_test

import (
	"bytes"
	"context"
	"crypto/sha3"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

var ctx = context.Background()

// start is when the tests' logical clock begins, in milliseconds.
const start = 1_800_000_000_000

// world is a network with a logical clock.
type world struct {
	testing.TB
	*network.Service
	cfg network.Config
	now int64
	seq uint64

	unsound bool // the test writes past the ledger
	ps      []*provider
}

// entropy is a stream that repeats itself never: SHAKE256 of a label.
func entropy(label string) *sha3.SHAKE {
	h := sha3.NewSHAKE256()
	h.Write([]byte(label))
	return h
}

func key(t testing.TB, role keys.Role, label string) *keys.Ed25519Key {
	k, err := keys.NewEd25519(role, [32]byte(digest.Sum([]byte(string(role)+label))))
	require.NoError(t, err)
	return k
}

// testPolicy has epochs of 4 rounds, windows of 10 jobs, one epoch of appeal.
func testPolicy(t testing.TB, edit func(*aicf.Policy)) *aicf.Policy {
	p, err := aicf.DefaultPolicy()
	require.NoError(t, err)
	p.Epochs.LengthBlocks = 4
	p.SLA.Windows.SamplesMin = 10
	p.Slashing.Grace.StartupBlocks = 0
	p.Network.UnbondingRounds = 3
	if edit != nil {
		edit(p)
	}
	return p
}

// onEngine opens an empty database.
type onEngine struct {
	name string
	open func(t testing.TB) *store.DB
}

func engines(t testing.TB) []onEngine {
	return []onEngine{{"sqlite", func(t testing.TB) *store.DB {
		db, err := store.OpenSQLite(ctx, filepath.Join(t.TempDir(), "network.db"), store.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}}, {"postgresql", func(t testing.TB) *store.DB {
		db, err := store.OpenPostgres(ctx, storetest.Database(t), store.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return db
	}}}
}

func TestMain(m *testing.M) {
	if file := os.Getenv("NETWORK_CHILD"); file != "" {
		os.Exit(serveChild(file))
	}
	if raw := os.Getenv(endingVar); raw != "" {
		os.Exit(endingChild(raw))
	}
	if dir := os.Getenv("NETWORK_CUT"); dir != "" {
		turns, _ := strconv.Atoi(os.Getenv("NETWORK_TURNS"))
		os.Exit(cutProgram(dir, turns))
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if !chosen { // a history costs real commits: nightly runs say how many they want
		flag.Set("rapid.checks", "20")
	}
	os.Exit(storetest.Main(m))
}

// each runs a test on every engine.
func each(t *testing.T, edit func(*network.Config), fn func(w *world)) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) { fn(newWorld(t, e.open(t), edit)) })
	}
}

func newWorld(t testing.TB, db *store.DB, edit func(*network.Config)) *world {
	return newWorldAt(t, db, start, edit)
}

func newWorldAt(t testing.TB, db *store.DB, nowMS int64, edit func(*network.Config)) *world {
	w := &world{TB: t, now: nowMS, cfg: network.Config{Store: db, ChainID: 1337, Policy: testPolicy(t, nil), Service: key(t, keys.Service, ""), Treasury: key(t, keys.Service, "treasury").Public(),
		Entropy: entropy("nonces"), Beacon: digest.Sum([]byte("beacon")), Dev: true}}
	if edit != nil {
		edit(&w.cfg)
	}
	var err error
	w.Service, err = network.New(ctx, w.cfg, w.now)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, w.Close())
		if !w.unsound {
			w.sound()
		}
	})
	return w
}

// sound checks the invariants.
func (w *world) sound() {
	w.Helper()
	a, err := w.Check(ctx)
	require.NoError(w, err)
	for _, i := range a.Invariants {
		require.True(w, i.OK, "%s: %s", i.ID, i.Detail)
	}
	require.Zero(w, a.Imbalance)
}

func (w *world) wait(ms int64) { w.now += ms }

// as is a signed call of an account, now.
func (w *world) as(id digest.Digest) aicf.Call {
	return aicf.Call{NowMS: w.now, Account: id, Key: digest.Sum(id[:])}
}

func (w *world) treasury() aicf.Call {
	k := keys.KeyID(w.cfg.Treasury)
	return aicf.Call{NowMS: w.now, Account: k, Key: k}
}

func (w *world) deposit(to digest.Digest, amount aicf.Amount) {
	w.seq++
	_, err := w.Deposit(ctx, w.treasury(), to, amount, fmt.Sprint("deposit ", w.seq))
	require.NoError(w, err)
}

// rounds advances the beacon.
func (w *world) rounds(n int) {
	w.Helper()
	for range n {
		st, err := w.Status(ctx)
		require.NoError(w, err)
		_, err = w.AdvanceRound(ctx, w.now, st.Round)
		require.NoError(w, err)
	}
	_, err := w.Sweep(ctx, w.now)
	require.NoError(w, err)
}

// provider is one that works.
type provider struct {
	id        digest.Digest
	root, op  *keys.Ed25519Key
	statement *keys.KeyStatement
	bundle    []byte
	beats     uint64
}

func (w *world) provider(name string, stake aicf.Amount, capacity uint64) *provider {
	w.Helper()
	p := newProvider(w, name, uint64(w.now/1000))
	_, err := w.Register(ctx, w.as(p.id), p.bundle)
	require.NoError(w, err)
	if stake > 0 {
		w.deposit(p.id, stake)
		_, err = w.Stake(ctx, w.as(p.id), p.id, stake)
		require.NoError(w, err)
	}
	w.beat(p, capacity)
	w.ps = append(w.ps, p)
	return p
}

func newProvider(t testing.TB, name string, unix uint64) *provider {
	p := &provider{root: key(t, keys.Root, name), op: key(t, keys.Operational, name)}
	p.id = p.root.KeyID()
	var err error
	p.statement, err = keys.NewKeyStatement(ctx, p.root, keys.Operational, p.op.Alg(), p.op.Public(), 1, unix)
	require.NoError(t, err)
	p.bundle = p.newBundle(t, unix, []string{"eu"}, []string{"trap_h"})
	return p
}

// rotate certifies the operational key anew and makes a bundle with it.
func (p *provider) rotate(t testing.TB, seq, unix uint64) {
	var err error
	p.statement, err = keys.NewKeyStatement(ctx, p.root, keys.Operational, p.op.Alg(), p.op.Public(), seq, unix)
	require.NoError(t, err)
	p.bundle = p.newBundle(t, unix, []string{"eu"}, []string{"trap_h"})
}

func (p *provider) newBundle(t testing.TB, unix uint64, regions, algorithms []string) []byte {
	id, err := keys.NewIdentity(ctx, p.root, "ops@example.org", []string{"quantum"}, unix)
	require.NoError(t, err)
	b := &keys.Bundle{Identity: id, Regions: regions, Algorithms: algorithms, Keys: []*keys.KeyStatement{p.statement}}
	require.NoError(t, b.Sign(ctx, p.root, unix))
	raw, err := json.Marshal(b)
	require.NoError(t, err)
	return raw
}

func (w *world) beat(p *provider, capacity uint64) *aicf.HeartbeatAnswer {
	w.Helper()
	p.beats++
	a, err := w.Heartbeat(ctx, w.as(p.id), aicf.Heartbeat{ProviderID: p.id, Capacity: capacity, TS: uint64(w.now / 1000), Seq: p.beats})
	require.NoError(w, err)
	return a
}

var buyer = digest.Sum([]byte("a buyer"))

// submit queues job n and returns its id.
func (w *world) submit(n int, edit func(*aicf.JobSubmission)) digest.Digest {
	w.Helper()
	s := aicf.JobSubmission{Job: jobDocument(n, 0)}
	if edit != nil {
		edit(&s)
	}
	out, err := w.Submit(ctx, w.as(buyer), s)
	require.NoError(w, err)
	return out.JobID
}

// lease takes the next offer and acks it.
func (w *world) lease(p *provider) *aicf.Acked {
	w.Helper()
	o, err := w.Next(ctx, w.as(p.id), p.id)
	require.NoError(w, err)
	require.NotNil(w, o, "no work")
	a, err := w.Ack(ctx, w.as(p.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}})
	require.NoError(w, err)
	return a
}

// hand runs a lease and hands in the result.
func (w *world) hand(p *provider, a *aicf.Acked, c cheat) (*aicf.ResultOutcome, error) {
	w.Helper()
	proof, tar := p.prove(w, a.Lease, c)
	return w.handBytes(p, a, proof, tar)
}

func (w *world) handBytes(p *provider, a *aicf.Acked, proof, tar []byte) (*aicf.ResultOutcome, error) {
	w.Helper()
	sum := digest.Sum(tar)
	require.NoError(w, w.PutBundle(ctx, w.as(p.id), sum, bytes.NewReader(tar)))
	return w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: aicf.LeaseRef{LeaseID: a.Lease.LeaseID, Fence: &a.Lease.Fence}, Proof: proof, Bundle: sum})
}
