package network_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

// ending is what a replica does at the end of an epoch: settle it, claim its pay
// for both providers, hand the payouts to the payer. It may die at any step.
type ending struct {
	Engine, At string // database
	Payer      string // file of the payer's books
	NowMS      int64
	Epoch      uint64
	Providers  []digest.Digest
	Die        int // the step, counted from 1; 0: none
}

const endingVar = "NETWORK_ENDING"

// books is a payer whose payments are lines of a file: it pays an id once, however
// often it is asked, and counts how often it was.
type books struct {
	file string
	step func(string)
}

func (b books) Pay(_ context.Context, id, _ digest.Digest, amount aicf.Amount) error {
	b.step("before the payer pays")
	f, err := os.OpenFile(b.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintln(f, id, amount)
	b.step("behind the payer's payment")
	return err
}

func (b books) lines() map[string]int {
	out := map[string]int{}
	f, err := os.Open(b.file)
	if err != nil {
		return out
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		out[s.Text()]++
	}
	return out
}

func (b books) Paid(_ context.Context, id digest.Digest) (paid, known bool, err error) {
	for line := range b.lines() {
		paid = paid || strings.HasPrefix(line, id.String())
	}
	return paid, true, nil
}

func (e *ending) open() (*store.DB, *[]string, error) {
	steps := &[]string{}
	step := func(what string) {
		*steps = append(*steps, what)
		if len(*steps) == e.Die {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	o := store.Options{}
	// Only what the ending itself does counts: opening is over by then.
	armed := false
	o.Step = func(s string) {
		if armed {
			step(s)
		}
	}
	var db *store.DB
	var err error
	if e.Engine == "sqlite" {
		db, err = store.OpenSQLite(ctx, e.At, o)
	} else {
		db, err = store.OpenPostgres(ctx, e.At, o)
	}
	arm = func() { armed = true }
	counted = step
	return db, steps, err
}

// arm and counted are the ending's that this process plays.
var (
	arm     = func() {}
	counted = func(string) {}
)

func endingConfig(t testing.TB, db *store.DB, payer network.Payer) network.Config {
	return network.Config{Store: db, ChainID: 1337, Service: key(t, "service", ""), Treasury: key(t, "service", "treasury").Public(), Entropy: entropy("endings"), Beacon: digest.Sum([]byte("beacon")),
		Payer: payer, Policy: testPolicy(t, func(p *aicf.Policy) {
			p.Network.HeartbeatMS, p.Network.RejudgePPM, p.Network.WindowJobs = 1e9, 1, 100_000
			p.Network.Subsidy, p.Epochs.FundCapAtomic, p.Epochs.LengthBlocks = aicf.Nano/2, 5, 2
			p.Epochs.SettleBatchSize = 2 // three pages
		})}
}

// play ends the epoch and returns the steps that it took.
func (e *ending) play(t testing.TB) []string {
	db, steps, err := e.open()
	require.NoError(t, err)
	defer db.Close()
	s, err := network.New(ctx, endingConfig(t, db, books{e.Payer, func(what string) { counted(what) }}), e.NowMS)
	require.NoError(t, err)
	defer s.Close()
	network.TakePages(s, 1)
	arm()
	_, err = s.Sweep(ctx, e.NowMS)
	require.NoError(t, err)
	for _, id := range e.Providers {
		_, err := s.Claim(ctx, aicf.Call{NowMS: e.NowMS, Account: id, Key: id}, id, e.Epoch)
		require.NoError(t, err)
	}
	for range 3 { // a payout that was sent before is asked for later
		e.NowMS += 31_000
		_, err = s.Sweep(ctx, e.NowMS)
		require.NoError(t, err)
	}
	arm = func() {}
	return *steps
}

func endingChild(raw string) int {
	t := &childT{}
	var e ending
	t.must(json.Unmarshal([]byte(raw), &e))
	e.play(t)
	return 0
}

// end is what an ending must leave, whoever got it there.
type end struct {
	batch, root, state digest.Digest
	payouts            map[digest.Digest]aicf.PayoutState
	statements         map[digest.Digest]*aicf.Statement
	books              map[string]int
}

func (e *ending) judge(t testing.TB) *end {
	db, _, err := e.open()
	require.NoError(t, err)
	defer db.Close()
	s, err := network.New(ctx, endingConfig(t, db, nil), e.NowMS)
	require.NoError(t, err)
	defer s.Close()
	a, err := s.Check(ctx)
	require.NoError(t, err)
	for _, i := range a.Invariants {
		require.True(t, i.OK, "%s: %s", i.ID, i.Detail)
	}
	require.Zero(t, a.Imbalance, "trial balance")
	ep, err := s.Epoch(ctx, e.Epoch)
	require.NoError(t, err)
	require.Equal(t, aicf.EpochSettled, ep.State)
	out := &end{batch: ep.Batch, root: ep.Root, state: a.StateHash, payouts: map[digest.Digest]aicf.PayoutState{}, statements: map[digest.Digest]*aicf.Statement{}, books: books{file: e.Payer}.lines()}
	for _, id := range e.Providers {
		list, err := s.Payouts(ctx, id, 100)
		require.NoError(t, err)
		for _, p := range list {
			out.payouts[p.ID] = p.State
		}
		st, err := s.Statement(ctx, id, nil, 0, 500)
		require.NoError(t, err)
		st.Head, st.HeadHash = 0, digest.Digest{} // the log also says how often the payer was asked
		out.statements[id] = st
	}
	return out
}

// snapshots copies a database.
type snapshots struct {
	engine string
	copy   func(from string) string
}

func endings(t *testing.T) []snapshots {
	dir, n := t.TempDir(), 0
	return []snapshots{{"sqlite", func(from string) string {
		n++
		to := filepath.Join(dir, fmt.Sprint(n, ".db"))
		if from != "" {
			for _, suffix := range []string{"", "-wal"} { // of a database that was closed, or killed
				b, err := os.ReadFile(from + suffix)
				if os.IsNotExist(err) {
					continue
				}
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(to+suffix, b, 0o600))
			}
		}
		return to
	}}, {"postgresql", func(from string) string {
		url, err := storetest.Copy(t, from)
		require.NoError(t, err)
		return url
	}}}
}

// earn runs jobs of both providers in the open epoch and closes it.
func earn(t *testing.T, e *ending, first bool) {
	db, _, err := e.open()
	require.NoError(t, err)
	defer db.Close()
	w := &world{TB: t, now: e.NowMS, cfg: endingConfig(t, db, nil)}
	w.Service, err = network.New(ctx, w.cfg, w.now)
	require.NoError(t, err)
	defer w.Service.Close()
	network.Physics(w.Service, func(digest.Digest) string { return "good" })
	ps := []*provider{newProvider(t, "ending 0", start/1000), newProvider(t, "ending 1", start/1000)}
	if first {
		w.deposit(buyer, 1000)
		w.deposit(network.FundAccount, 1000)
		for _, p := range ps {
			_, err := w.Register(ctx, w.as(p.id), p.bundle)
			require.NoError(t, err)
			w.deposit(p.id, 5000)
			_, err = w.Stake(ctx, w.as(p.id), p.id, 5000)
			require.NoError(t, err)
			w.beat(p, 1)
			e.Providers = append(e.Providers, p.id)
		}
	}
	for n := range 6 {
		w.submit(int(e.Epoch)*100+n, nil)
		p := ps[n%2]
		a := w.lease(p)
		proof, _ := p.envelope(w, a.Lease, 1)
		_, err := w.Result(ctx, w.as(p.id), aicf.ResultRequest{LeaseRef: ref(a), Proof: proof})
		require.NoError(t, err)
	}
	for range 2 {
		st, err := w.Status(ctx)
		require.NoError(t, err)
		_, err = w.AdvanceRound(ctx, w.now, st.Round)
		require.NoError(t, err)
	}
}

// TestSettlementAtEveryFailpoint (promise P5): a replica is killed at twenty
// steps of settling, claiming and paying an epoch: before a statement, before and
// behind a commit, before and behind the payer's payment. Another replica does it
// again. Batch, balances, states, statements and payments are those of a replica
// that was not killed, on both engines.
func TestSettlementAtEveryFailpoint(t *testing.T) {
	points, epochs := size(6, 20, 20), size(1, 2, 50)
	for i, snap := range endings(t) {
		t.Run(snap.engine, func(t *testing.T) {
			snap := endings(t)[i]
			base := ending{Engine: snap.engine, At: snap.copy(""), Payer: filepath.Join(t.TempDir(), "books"), NowMS: start}
			killed := map[string]int{}
			for n := range epochs {
				base.Epoch = uint64(n)
				earn(t, &base, n == 0)
				control := base.branch(t, snap)
				steps := control.play(t)
				want := control.judge(t)
				require.Greater(t, len(steps), points)
				for _, at := range chosen(steps, points) {
					e := base.branch(t, snap)
					e.Die = at
					e.kill(t)
					killed[kindOf(steps[at-1])]++
					e.Die, e.NowMS = 0, e.NowMS+200_000
					e.play(t)
					require.Equal(t, want, e.judge(t), "epoch %d, killed at step %d of %d: %s", n, at, len(steps), steps[at-1])
				}
				base.At, base.Payer, base.NowMS = control.At, control.Payer, control.NowMS
			}
			t.Logf("%s: %d epochs, killed at %v; batch, balances, states, statements and payments as without", snap.engine, epochs, killed)
		})
	}
}

// branch copies the database and the payer's books.
func (e *ending) branch(t *testing.T, s snapshots) *ending {
	c := *e
	c.At, c.Payer = s.copy(e.At), filepath.Join(t.TempDir(), "books")
	b, err := os.ReadFile(e.Payer)
	if !os.IsNotExist(err) {
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(c.Payer, b, 0o600))
	}
	return &c
}

// kill plays the ending in a process that dies at its step.
func (e *ending) kill(t *testing.T) {
	raw, err := json.Marshal(e)
	require.NoError(t, err)
	c := exec.Command(os.Args[0])
	c.Env, c.Stderr = append(os.Environ(), endingVar+"="+string(raw)), os.Stderr
	err = c.Run()
	status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok && status.Signaled() && status.Signal() == syscall.SIGKILL, "the replica was to die at step %d: %v", e.Die, err)
}

// chosen are n steps: the first, every kind of commit and payment, the others
// spread evenly.
func chosen(steps []string, n int) []int {
	var out []int
	seen := map[string]bool{}
	for i, s := range steps {
		if k := kindOf(s); k != "statement" && !seen[k] && len(out) < n {
			seen[k] = true
			out = append(out, i+1)
		}
	}
	for i := 0; len(out) < n; i++ {
		out = append(out, 1+i*(len(steps)-1)/n)
	}
	return out
}

func kindOf(step string) string {
	switch step {
	case "COMMIT":
		return "before a commit"
	case store.Committed:
		return "behind a commit"
	case "before the payer pays", "behind the payer's payment":
		return step
	}
	return "statement"
}
