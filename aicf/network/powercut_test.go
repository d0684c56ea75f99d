package network_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/beacon"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest/powercut"
	"github.com/animicaorg/engine/digest"
)

// saying is what the program says on standard output behind each write that it
// was answered: the newest event it can see, and what only this call left.
type saying struct {
	Verb string        `json:"verb"`
	Seq  uint64        `json:"seq"`
	Hash digest.Digest `json:"hash"`
	Key  string        `json:"key,omitempty"`   // of idempotency
	Blob digest.Digest `json:"blob,omitzero"`   // stored bytes
	Job  digest.Digest `json:"job,omitzero"`    // of a result:
	Got  aicf.JobState `json:"state,omitempty"` // where it stands
}

// everyWrite are the verbs that write, all of which the program calls.
var everyWrite = []string{"register", "deposit", "faucet", "stake", "unstake", "heartbeat", "key", "submit", "cancel", "next", "ack", "renew", "release", "bundle", "result", "lie", "appeal", "accuse",
	"commit", "reveal", "claim", "round", "sweep", "retire"}

// cutWriter is the program whose disk is cut: three providers with their buyers
// use every verb at once, and say what was answered.
type cutWriter struct {
	*world
	out    sync.Mutex
	number atomic.Int64
}

func cutProgram(dir string, turns int) int {
	t := &childT{}
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	t.must(err)
	blobs, err := store.OpenDir(filepath.Join(dir, "bundles"))
	t.must(err)
	w := &cutWriter{world: newWorld(t, db, func(c *network.Config) { cutConfig(t, c); c.Blobs = blobs })}
	network.Physics(w.Service, func(c digest.Digest) string {
		if c[0] < 48 {
			return "lie"
		}
		return "good"
	})
	var wg sync.WaitGroup
	for i := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			w.client(i, turns)
		}()
	}
	wg.Wait()
	t.must(w.Service.Close())
	t.must(db.Close())
	return 0
}

// cutConfig is what the program and its judge have.
func cutConfig(t testing.TB, c *network.Config) {
	c.Policy = testPolicy(t, func(p *aicf.Policy) {
		p.Network.HeartbeatMS, p.Network.RejudgePPM, p.Network.WindowJobs = 1e9, 1, 100_000
		p.Slashing.Penalties.TrapsCheat.JailBlocks = 0
	})
	c.Fraud = func(_ context.Context, document []byte) (*network.Fraud, error) {
		claim, err := digest.Parse(string(bytes.Trim(document, `"`)))
		return &network.Fraud{Claim: claim, Why: "the test says so"}, err
	}
}

// say tells the world of an answer. Refusals are answers too, but leave nothing.
func (w *cutWriter) say(s saying, err error) bool {
	if err != nil {
		if aicf.CodeOf(err) == "" {
			w.TB.(*childT).must(fmt.Errorf("%s: %w", s.Verb, err))
		}
		return false
	}
	w.TB.(*childT).must(w.cfg.Store.View(ctx, func(t *store.Tx) error { s.Seq, s.Hash = t.Head(); return nil }))
	b, err := json.Marshal(s)
	w.TB.(*childT).must(err)
	w.out.Lock()
	defer w.out.Unlock()
	_, err = os.Stdout.Write(append(b, '\n'))
	w.TB.(*childT).must(err)
	return true
}

// by is a call with an idempotency key of its own.
func (w *cutWriter) by(id digest.Digest) (aicf.Call, string) {
	c := w.as(id)
	n := w.number.Add(1)
	c.IdempotencyKey = fmt.Sprint("call ", n)
	c.RequestSHA3 = digest.Sum([]byte(c.IdempotencyKey))
	return c, c.IdempotencyKey
}

func (w *cutWriter) client(i, turns int) {
	p := newProvider(w, fmt.Sprint("cut ", i), start/1000)
	me := digest.Sum(fmt.Append(nil, "buyer ", i))
	c, k := w.by(p.id)
	_, err := w.Register(ctx, c, p.bundle)
	w.say(saying{Verb: "register", Key: k}, err)
	for _, to := range []digest.Digest{p.id, me} {
		c := w.treasury()
		c.IdempotencyKey, c.RequestSHA3 = fmt.Sprint("deposit to ", to), digest.Sum(to[:])
		_, err = w.Deposit(ctx, c, to, 1_000_000, "for "+to.String())
		w.say(saying{Verb: "deposit", Key: c.IdempotencyKey}, err)
	}
	c, k = w.by(p.id)
	_, err = w.Stake(ctx, c, p.id, 500_000)
	w.say(saying{Verb: "stake", Key: k}, err)
	for turn := range turns {
		w.turn(p, me, i, turn)
	}
	c, k = w.by(p.id)
	_, err = w.Retire(ctx, c, p.id)
	w.say(saying{Verb: "retire", Key: k}, err)
}

func (w *cutWriter) turn(p *provider, me digest.Digest, i, turn int) {
	c, k := w.by(p.id)
	_, err := w.Service.Heartbeat(ctx, c, aicf.Heartbeat{ProviderID: p.id, Capacity: 4, Seq: uint64(turn + 1)})
	w.say(saying{Verb: "heartbeat", Key: k}, err)
	c, k = w.by(me)
	_, err = w.Faucet(ctx, c, me, 100)
	w.say(saying{Verb: "faucet", Key: k}, err)
	c, k = w.by(me)
	_, err = w.EnrollKey(ctx, c, "ed25519", key(w, "operational", fmt.Sprint("buyer ", i, turn)).Public())
	w.say(saying{Verb: "key", Key: k}, err)
	for n := range 3 {
		c, k = w.by(me)
		s, err := w.Submit(ctx, c, aicf.JobSubmission{Job: jobDocument(i*1_000_000+turn*10+n, 0)})
		if w.say(saying{Verb: "submit", Key: k}, err) && n == 0 && turn%3 == 0 {
			c, k = w.by(me)
			_, err = w.Cancel(ctx, c, s.JobID)
			w.say(saying{Verb: "cancel", Key: k}, err)
		}
	}
	w.work(p, turn)
	w.money(p, i, turn)
}

// work takes offers: gives one back, renews and ends the others.
func (w *cutWriter) work(p *provider, turn int) {
	for n := range 3 {
		o, err := w.Next(ctx, w.as(p.id), p.id)
		if o == nil || !w.say(saying{Verb: "next"}, err) {
			return
		}
		ref := aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}
		c, k := w.by(p.id)
		a, err := w.Ack(ctx, c, aicf.AckRequest{LeaseRef: ref})
		if !w.say(saying{Verb: "ack", Key: k}, err) {
			return
		}
		c, k = w.by(p.id)
		if n == 0 && turn%4 == 0 {
			_, err = w.Release(ctx, c, aicf.ReleaseRequest{LeaseRef: ref, Reason: "too hot"})
			w.say(saying{Verb: "release", Key: k}, err)
			continue
		}
		_, err = w.Renew(ctx, c, aicf.RenewRequest{LeaseRef: ref})
		w.say(saying{Verb: "renew", Key: k}, err)
		proof, claim := p.envelope(w, a.Lease, uint64(turn+1))
		bundle := digest.Sum(claim[:])
		err = w.PutBundle(ctx, w.as(p.id), bundle, bytes.NewReader(claim[:]))
		w.say(saying{Verb: "bundle", Blob: bundle}, err)
		out, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref, Proof: proof, Bundle: bundle})
		if err == nil && out.Status != aicf.LeaseCompleted {
			w.say(saying{Verb: "lie"}, nil)
			w.appeal(p)
		} else if w.say(saying{Verb: "result", Job: o.JobID, Got: aicf.Completed}, err) && turn%3 == 1 {
			c, k = w.by(p.id)
			_, err = w.Dispute(ctx, c, aicf.Dispute{Fraud: fmt.Appendf(nil, "%q", claim.String())})
			w.say(saying{Verb: "accuse", Key: k}, err)
		}
	}
}

func (w *cutWriter) appeal(p *provider) {
	list, err := w.Slashes(ctx, aicf.SlashFilter{Provider: p.id, State: aicf.SlashHeld})
	w.TB.(*childT).must(err)
	for _, s := range list.Items {
		c, k := w.by(p.id)
		_, err := w.Dispute(ctx, c, aicf.Dispute{SlashID: s.ID, Note: "no"})
		w.say(saying{Verb: "appeal", Key: k}, err)
	}
}

// money moves stake, makes a beacon, and lets the first client turn the clock.
func (w *cutWriter) money(p *provider, i, turn int) {
	c, k := w.by(p.id)
	_, err := w.Unstake(ctx, c, p.id, 10)
	w.say(saying{Verb: "unstake", Key: k}, err)
	st, err := w.Status(ctx)
	w.TB.(*childT).must(err)
	value := digest.Sum(fmt.Append(nil, i, st.Round+1))
	commitment, err := beacon.Commitment(1337, st.Round+1, p.id, value)
	w.TB.(*childT).must(err)
	c, k = w.by(p.id)
	w.say(saying{Verb: "commit", Key: k}, w.CommitBeacon(ctx, c, p.id, st.Round+1, commitment))
	c, k = w.by(p.id)
	w.say(saying{Verb: "reveal", Key: k}, w.RevealBeacon(ctx, c, p.id, st.Round, digest.Sum(fmt.Append(nil, i, st.Round))))
	if i == 0 {
		_, err = w.AdvanceRound(ctx, w.now, st.Round)
		w.say(saying{Verb: "round"}, err)
		_, err = w.Sweep(ctx, w.now)
		w.say(saying{Verb: "sweep"}, err)
	}
	if st.Epoch > 0 {
		c, k = w.by(p.id)
		_, err = w.Claim(ctx, c, p.id, st.Epoch-1)
		w.say(saying{Verb: "claim", Key: k}, err)
	}
}

// TestPowerCuts (promise P2): a service is recorded while it works; at every
// moment of the record the disk may lose what was not synced, in part and in any
// order. Whatever had been answered by then is there, and the service goes on.
// The least that the disk may hold right behind each answer has it too: no answer
// is sent before its sync. A record without the log's syncs must fail.
func TestPowerCuts(t *testing.T) {
	cuts, turns := size(40, 500, 500), size(6, 24, 48) // full: twenty slices
	folder, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	ops := record(t, folder, turns)
	answers, verbs, checkpoints := 0, map[string]int{}, 0
	for _, op := range ops {
		if op.Kind == powercut.Write && op.Path == "network.db" {
			checkpoints++
		}
		if op.Kind == powercut.Mark {
			for _, s := range sayings(t, op) {
				verbs[s.Verb]++
				answers++
			}
		}
	}
	for _, v := range everyWrite {
		require.NotZero(t, verbs[v], "%s was never answered: the record is blind for it (%v)", v, verbs)
	}
	rnd := rand.New(rand.NewPCG(tortureSeed(t), 2))
	at := map[int][]powercut.Keep{}
	for range cuts {
		i := rnd.IntN(len(ops))
		at[i] = append(at[i], []powercut.Keep{0, 0.1, 0.5, 0.9, 1}[rnd.IntN(5)])
	}
	behind := map[string]int{}
	for i, op := range ops {
		if op.Kind != powercut.Mark {
			continue
		}
		verb := sayings(t, op)[0].Verb
		if behind[verb]++; behind[verb] <= size(2, 10, 20) {
			at[i] = append(at[i], 0)
		}
	}
	made, err := judgeCuts(t, ops, at, rnd)
	require.NoError(t, err)
	blind, err := judgeCuts(t, powercut.Without(ops, "-wal"), at, rnd)
	require.Error(t, err, "%d cuts of a log that is never synced were not noticed", blind)
	t.Logf("%d cuts of %d operations, %d answers of %d verbs, %d pages written to the database: nothing that was answered is lost; without the log's syncs found by cut %d",
		made, len(ops), answers, len(verbs), checkpoints, blind)
}

func record(t *testing.T, folder string, turns int) []powercut.Op {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "NETWORK_CUT="+folder, fmt.Sprint("NETWORK_TURNS=", turns))
	c.Stderr = os.Stderr
	ops, err := powercut.Record(c, folder)
	if errors.Is(err, powercut.ErrAbsent) && os.Getenv("CI_STRICT") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
	return ops
}

func sayings(t testing.TB, op powercut.Op) []saying {
	var out []saying
	for _, line := range op.Lines() {
		var s saying
		require.NoError(t, json.Unmarshal(line, &s), "%s", line)
		out = append(out, s)
	}
	return out
}

// judgeCuts cuts the disk of a record at the places of at. It returns how many
// cuts it made, and what the last one lost.
func judgeCuts(t *testing.T, ops []powercut.Op, at map[int][]powercut.Keep, rnd *rand.Rand) (made int, err error) {
	disk, told := powercut.NewDisk(), []saying{}
	for i, op := range ops {
		require.NoError(t, disk.Apply(op))
		if op.Kind == powercut.Mark {
			told = append(told, sayings(t, op)...)
		}
		for _, keep := range at[i] {
			dir, err := os.MkdirTemp(memory(t), "cut")
			require.NoError(t, err)
			require.NoError(t, disk.Cut(rnd, keep, dir))
			made++
			if err := judgeCut(t, dir, told); err != nil {
				return made, fmt.Errorf("a cut behind operation %d of %d that keeps %g: %w", i, len(ops), keep, err)
			}
			require.NoError(t, os.RemoveAll(dir))
		}
	}
	return made, nil
}

// memory is a folder for disks that were cut already: it need not be a disk.
func memory(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "cut"); err == nil {
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// judgeCut opens what a cut left.
func judgeCut(t *testing.T, dir string, told []saying) error {
	db, err := store.OpenSQLite(ctx, filepath.Join(dir, "network.db"), store.Options{})
	if err != nil {
		return err
	}
	defer db.Close()
	blobs, err := store.OpenDir(filepath.Join(dir, "bundles"))
	if err != nil {
		return err
	}
	defer blobs.Close()
	cfg := network.Config{Store: db, Blobs: blobs, ChainID: 1337, Service: key(t, "service", ""), Entropy: entropy("behind the cut"), Dev: true}
	cutConfig(t, &cfg)
	s, err := network.New(ctx, cfg, start)
	if err != nil {
		return err
	}
	defer s.Close()
	network.Physics(s, func(digest.Digest) string { return "good" })
	a, err := s.Check(ctx)
	if err != nil {
		return err
	}
	for _, i := range a.Invariants {
		if !i.OK {
			return fmt.Errorf("%s: %s", i.ID, i.Detail)
		}
	}
	if err := stillTold(s, db, told); err != nil {
		return err
	}
	_, err = s.Faucet(ctx, aicf.Call{NowMS: start, Account: buyer}, buyer, 1)
	return err
}

// stillTold finds what was answered.
func stillTold(s *network.Service, db *store.DB, told []saying) error {
	hashes, keys := map[uint64]digest.Digest{}, map[string]bool{}
	if err := db.View(ctx, func(t *store.Tx) error {
		for after := uint64(0); ; {
			page, err := store.Events(t, after, 1000)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				after, hashes[e.Seq] = e.Seq, e.Hash
			}
		}
	}); err != nil {
		return err
	}
	if err := db.View(ctx, func(t *store.Tx) error {
		return store.Pairs(t, "SELECT key_id, name FROM idempotency", func(_ digest.Digest, name string) error { keys[name] = true; return nil })
	}); err != nil {
		return err
	}
	for _, x := range told {
		switch {
		case x.Seq > 0 && hashes[x.Seq] != x.Hash:
			return fmt.Errorf("%s was answered with event %d, which is lost", x.Verb, x.Seq)
		case x.Key != "" && !keys[x.Key]:
			return fmt.Errorf("the answer %q of %s is lost", x.Key, x.Verb)
		case !x.Job.IsZero():
			if j, err := s.Job(ctx, x.Job); err != nil || j.State != x.Got {
				return fmt.Errorf("job %s was %s, now %v (%v)", x.Job, x.Got, j, err)
			}
		case !x.Blob.IsZero():
			f, err := s.Bundle(ctx, x.Blob)
			if err != nil {
				return fmt.Errorf("bundle %s: %w", x.Blob, err)
			}
			b, err := io.ReadAll(f)
			if err = errors.Join(err, f.Close()); err != nil || digest.Sum(b) != x.Blob {
				return fmt.Errorf("bundle %s has %d other bytes (%v)", x.Blob, len(b), err)
			}
		}
	}
	return nil
}
