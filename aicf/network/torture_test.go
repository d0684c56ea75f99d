package network_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// size is how large a torture runs: the first number in go test, the others
// with TORTURE_SIZE=commit and TORTURE_SIZE=full.
func size(small, commit, full int) int {
	switch os.Getenv("TORTURE_SIZE") {
	case "commit":
		return commit
	case "full":
		return full
	}
	return small
}

// tortureSeed of a torture: TORTURE_SEED, else 1.
func tortureSeed(t testing.TB) uint64 {
	s := os.Getenv("TORTURE_SEED")
	if s == "" {
		return 1
	}
	n, err := strconv.ParseUint(s, 10, 64)
	require.NoError(t, err)
	return n
}

// request is one call of a client to the service in the child process.
type request struct {
	ID     int             `json:"id"`
	Verb   string          `json:"verb"`
	NowMS  int64           `json:"now_ms"`
	Who    digest.Digest   `json:"who"`
	Lease  digest.Digest   `json:"lease,omitzero"`
	Number int             `json:"number,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

type answer struct {
	ID   int             `json:"id"`
	Body json.RawMessage `json:"body"`
	Err  string          `json:"err,omitempty"`
}

// childConfig is the configuration that every life of the service has.
func childConfig(t testing.TB) network.Config {
	return network.Config{ChainID: 1337, Service: key(t, keys.Service, ""), Treasury: key(t, keys.Service, "treasury").Public(), Beacon: digest.Sum([]byte("beacon")),
		Policy: testPolicy(t, func(p *aicf.Policy) {
			p.Network.LeaseTTLMS, p.Network.OfferTTLMS, p.Network.HeartbeatMS = 1e9, 5000, 1e9
			p.Network.JobTTLMS, p.Network.RejudgePPM, p.Network.WindowJobs = 2e9, 1, 100_000
			p.Epochs.LengthBlocks = 1
		})}
}

// serveChild is the service of a torture: requests on stdin, answers on stdout,
// until it is killed.
func serveChild(file string) int {
	t := &childT{}
	db, err := store.OpenSQLite(ctx, file, store.Options{})
	t.must(err)
	cfg := childConfig(t)
	cfg.Store = db
	cfg.Entropy = entropy(fmt.Sprint("life ", os.Getpid(), time.Now().UnixNano()))
	s, err := network.New(ctx, cfg, start)
	t.must(err)
	network.Physics(s, func(digest.Digest) string { return "good" })
	fmt.Println("ready")
	var mu sync.Mutex
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var r request
		t.must(json.Unmarshal(in.Bytes(), &r))
		go func() {
			a := answer{ID: r.ID}
			v, err := call(s, &r)
			if err != nil {
				a.Err = err.Error()
			}
			a.Body, _ = json.Marshal(v)
			b, _ := json.Marshal(a)
			mu.Lock()
			defer mu.Unlock()
			os.Stdout.Write(append(b, '\n'))
		}()
	}
	return 0
}

// childT is a testing.TB for the child: failing ends the process.
type childT struct{ testing.TB }

func (*childT) Helper()                           {}
func (*childT) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format, args...) }
func (*childT) Cleanup(func())                    {}
func (*childT) FailNow()                          { os.Exit(3) }
func (t *childT) must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

func call(s *network.Service, r *request) (any, error) {
	c := aicf.Call{NowMS: r.NowMS, Account: r.Who, Key: digest.Sum(r.Who[:])}
	switch r.Verb {
	case "register":
		return s.Register(ctx, c, r.Body)
	case "deposit":
		k := keys.KeyID(key(&childT{}, keys.Service, "treasury").Public())
		return s.Deposit(ctx, aicf.Call{NowMS: r.NowMS, Account: k, Key: k}, r.Who, 1_000_000_000, "deposit "+r.Who.String())
	case "stake":
		c.IdempotencyKey, c.RequestSHA3 = "stake", digest.Sum([]byte("stake"))
		return s.Stake(ctx, c, r.Who, 5000)
	case "heartbeat":
		return s.Heartbeat(ctx, c, aicf.Heartbeat{ProviderID: r.Who, Capacity: 4, Seq: 1})
	case "submit":
		return s.Submit(ctx, c, aicf.JobSubmission{Job: jobDocument(r.Number, 0)})
	case "next":
		return s.Next(ctx, c, r.Who)
	case "ack":
		return s.Ack(ctx, c, aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: r.Lease}})
	case "renew":
		return s.Renew(ctx, c, aicf.RenewRequest{LeaseRef: aicf.LeaseRef{LeaseID: r.Lease}})
	case "result":
		return s.Result(ctx, c, aicf.ResultRequest{LeaseRef: aicf.LeaseRef{LeaseID: r.Lease}, Proof: r.Body})
	}
	return nil, fmt.Errorf("verb %q", r.Verb)
}

// life is one life of the child.
type life struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	mu   sync.Mutex
	wait map[int]chan answer
	dead chan struct{}
	n    int
}

func born(t testing.TB, file string) *life {
	l := &life{wait: map[int]chan answer{}, dead: make(chan struct{})}
	l.cmd = exec.Command(os.Args[0])
	l.cmd.Env = append(os.Environ(), "NETWORK_CHILD="+file)
	l.cmd.Stderr = os.Stderr
	var err error
	l.in, err = l.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := l.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, l.cmd.Start())
	lines := bufio.NewReaderSize(out, 1<<20)
	if first, err := lines.ReadString('\n'); err != nil || first != "ready\n" {
		t.Fatalf("the service did not come up: %q %v", first, err)
	}
	go func() {
		defer close(l.dead)
		for {
			b, err := lines.ReadBytes('\n')
			var a answer
			if err != nil || json.Unmarshal(b, &a) != nil {
				return // a cut line was no answer
			}
			l.mu.Lock()
			ch := l.wait[a.ID]
			delete(l.wait, a.ID)
			l.mu.Unlock()
			ch <- a
		}
	}()
	return l
}

var errDead = errors.New("the service died")

func (l *life) call(r request, out any) error {
	ch := make(chan answer, 1)
	l.mu.Lock()
	l.n++
	r.ID = l.n
	l.wait[r.ID] = ch
	b, err := json.Marshal(r)
	if err == nil {
		_, err = l.in.Write(append(b, '\n'))
	}
	l.mu.Unlock()
	if err != nil {
		return errDead
	}
	select {
	case a := <-ch:
		if a.Err != "" {
			return errors.New(a.Err)
		}
		return json.Unmarshal(a.Body, out)
	case <-l.dead:
		select {
		case a := <-ch: // answered with the last breath
			if a.Err != "" {
				return errors.New(a.Err)
			}
			return json.Unmarshal(a.Body, out)
		default:
			return errDead
		}
	}
}

// told is what a client was answered for one job.
type told struct {
	submitted *aicf.Submitted
	acked     *aicf.Acked
	outcome   *aicf.ResultOutcome
}

// TestKill9 (promise P1): eight clients run jobs while the service is killed at
// random moments. Whatever was answered is there afterwards, unchanged; every
// job is accrued exactly once; the ledger adds up.
func TestKill9(t *testing.T) {
	kills, jobs := size(6, 100, 1000), size(160, 10_000, 100_000)
	rnd := rand.New(rand.NewPCG(tortureSeed(t), 9))
	file := filepath.Join(t.TempDir(), "network.db")
	const clients = 8
	ps := make([]*provider, clients)
	var mu sync.Mutex
	answers := map[int]*told{}
	left := make(chan int, jobs)
	for n := range jobs {
		left <- n
	}
	close(left)
	current := born(t, file)
	var life sync.RWMutex
	do := func(r request, out any) {
		for {
			life.RLock()
			l := current
			life.RUnlock()
			err := l.call(r, out)
			if err == nil {
				return
			}
			if !errors.Is(err, errDead) {
				t.Errorf("%s: %v", r.Verb, err)
				return
			}
			<-l.dead
			for { // until the next life
				life.RLock()
				next := current
				life.RUnlock()
				if next != l {
					break
				}
				time.Sleep(time.Millisecond)
			}
		}
	}
	var wg sync.WaitGroup
	for i := range clients {
		ps[i] = newProvider(t, fmt.Sprint(i), start/1000)
		wg.Add(1)
		go func() {
			defer wg.Done()
			p, now := ps[i], int64(start)
			var any json.RawMessage
			do(request{Verb: "register", NowMS: now, Who: p.id, Body: p.bundle}, &any)
			for _, v := range []string{"deposit", "stake", "heartbeat"} {
				do(request{Verb: v, NowMS: now, Who: p.id}, &any)
			}
			for n := range left {
				a := &told{}
				do(request{Verb: "submit", NowMS: now, Who: p.id, Number: n}, &a.submitted)
				var o *aicf.Offer
				for o == nil { // another client may take this one's job, and this one another's
					do(request{Verb: "next", NowMS: now, Who: p.id}, &o)
				}
				do(request{Verb: "ack", NowMS: now, Who: p.id, Lease: o.LeaseID}, &a.acked)
				if a.acked == nil {
					return
				}
				proof, _ := p.envelope(t, a.acked.Lease, 1)
				do(request{Verb: "result", NowMS: now, Who: p.id, Lease: o.LeaseID, Body: proof}, &a.outcome)
				mu.Lock()
				answers[n] = a
				mu.Unlock()
			}
		}()
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	killed := 0
	for killed < kills {
		mu.Lock()
		done := len(answers)
		mu.Unlock()
		pause := time.Millisecond
		if done >= killed*jobs/kills { // one kill for each so many jobs, from the first to the last
			pause = time.Duration(rnd.IntN(60)) * time.Millisecond
		}
		time.Sleep(pause)
		select {
		case <-finished:
			kills = killed
			continue
		default:
		}
		if done < killed*jobs/kills {
			continue
		}
		life.Lock()
		require.NoError(t, current.cmd.Process.Kill())
		<-current.dead
		current.cmd.Wait()
		current = born(t, file)
		life.Unlock()
		killed++
	}
	<-finished
	current.cmd.Process.Kill()
	current.cmd.Wait()
	db, err := store.OpenSQLite(ctx, file, store.Options{})
	require.NoError(t, err)
	defer db.Close()
	judgeAnswers(t, db, start, answers, jobs)
	t.Logf("%d kills over %d jobs, every answer kept", killed, jobs)
}

// judgeAnswers opens what is left and compares.
func judgeAnswers(t *testing.T, db *store.DB, nowMS int64, answers map[int]*told, jobs int) {
	cfg := childConfig(t)
	cfg.Store, cfg.Entropy = db, entropy("judge")
	s, err := network.New(ctx, cfg, nowMS)
	require.NoError(t, err)
	a, err := s.Check(ctx)
	require.NoError(t, err)
	for _, i := range a.Invariants {
		require.True(t, i.OK, "%s: %s", i.ID, i.Detail)
	}
	require.Len(t, answers, jobs)
	receipt := func(r aicf.Receipt) {
		e, err := s.Events(ctx, r.Event-1, 1)
		require.NoError(t, err)
		require.Len(t, e, 1)
		require.Equal(t, r.EventHash, e[0].Hash)
	}
	accrued := aicf.Amount(0)
	for _, a := range answers {
		j, err := s.Job(ctx, a.outcome.JobID)
		require.NoError(t, err)
		require.Equal(t, aicf.Completed, j.State)
		require.Equal(t, a.outcome.Claim, j.Claim)
		receipt(a.acked.Receipt)
		receipt(a.outcome.Receipt)
		accrued += a.outcome.Accrued
		j, err = s.Job(ctx, a.submitted.JobID)
		require.NoError(t, err)
		require.Equal(t, a.submitted.Escrow, j.Paid)
	}
	require.EqualValues(t, 2*jobs, accrued, "each job is paid once")
}
