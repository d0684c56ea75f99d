package network_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/digest"
)

func faultOf(err error) *aicf.Fault {
	var f *aicf.Fault
	errors.As(err, &f)
	return f
}

// TestReplicasUnderResets (promise P7): three replicas on one PostgreSQL, each
// behind a proxy that resets its connections, holds them back and lets them fall
// silent, also while a batch holds the lock that all wait for. Whatever was
// answered is there, jobs are paid once, the invariants hold.
func TestReplicasUnderResets(t *testing.T) {
	d := time.Duration(size(4, 60, 3600)) * time.Second
	server := storetest.Shared(t)
	name, err := server.Name()
	require.NoError(t, err)
	var proxies []*storetest.Proxy
	var dbs []*store.DB
	for range 3 {
		p, err := server.NewProxy()
		require.NoError(t, err)
		defer p.Close()
		db, err := store.OpenPostgres(ctx, p.URL(name)+" idle_in_transaction_session_timeout=1000", store.Options{})
		require.NoError(t, err)
		defer db.Close()
		proxies, dbs = append(proxies, p), append(dbs, db)
	}
	s := newSwarm(t, dbs...)
	s.run(8, d, func(done <-chan struct{}) {
		rnd := rand.New(rand.NewPCG(tortureSeed(t), 7))
		for {
			p := proxies[rnd.IntN(len(proxies))]
			pause := time.Duration(50+rnd.IntN(400)) * time.Millisecond
			thaw := func() {}
			switch rnd.IntN(12) {
			case 0:
				thaw = p.Freeze()
				pause = time.Duration(100+rnd.IntN(1900)) * time.Millisecond
			case 1:
				thaw = p.FreezeAnswers()
			case 2:
				p.Delay(time.Duration(rnd.IntN(15)) * time.Millisecond)
			default:
				p.Reset()
			}
			select {
			case <-done:
				thaw()
				for _, p := range proxies {
					p.Delay(0)
				}
				return
			case <-time.After(pause):
				thaw()
			}
		}
	})
	resets, freezes := 0, 0
	for _, p := range proxies {
		resets, freezes = resets+p.Resets, freezes+p.Freezes
	}
	require.Positive(t, resets+freezes)
	if d >= time.Minute { // a broken connection before COMMIT is made good unheard; in seconds none other may break
		require.Positive(t, s.failed.Load(), "no call ever failed: the proxies broke nothing")
	}
	db, err := store.OpenPostgres(ctx, server.URL(name), store.Options{})
	require.NoError(t, err)
	defer db.Close()
	judgeAnswers(t, db, s.now.Load(), s.told, len(s.told))
	t.Logf("%v, 3 replicas, %d connections reset, %d silences: %d calls, %d failed (%d commits of unknown outcome), %d given up and made elsewhere, %d jobs paid once",
		d, resets, freezes, s.calls.Load(), s.failed.Load(), s.unknown.Load(), s.silent.Load(), len(s.told))
}

// TestCommitsWithoutAnAnswer (promise P7): the connection breaks before the server
// hears COMMIT, and behind it before it answers. The call is refused with what to
// do, and made again with its key it has happened once.
func TestCommitsWithoutAnAnswer(t *testing.T) {
	server := storetest.Shared(t)
	for _, heard := range []bool{false, true} {
		name, err := server.Name()
		require.NoError(t, err)
		p, err := server.NewProxy()
		require.NoError(t, err)
		t.Cleanup(p.Close)
		armed := false // the writer calls; the test waits for its answer
		db, err := store.OpenPostgres(ctx, p.URL(name), store.Options{Step: func(step string) {
			if step != "COMMIT" || !armed {
				return
			}
			armed = false
			hold := p.Freeze
			if heard {
				hold = p.FreezeAnswers
			}
			thaw := hold()
			time.AfterFunc(100*time.Millisecond, func() {
				p.Reset()
				thaw()
			})
		}})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		w := newWorld(t, db, nil)
		call := w.as(buyer)
		call.IdempotencyKey, call.RequestSHA3 = "once", digest.Sum([]byte("once"))
		armed = true
		_, err = w.Faucet(ctx, call, buyer, 7)
		f := faultOf(err)
		require.NotNil(t, f, "%v", err)
		require.Equal(t, aicf.StorageFailed, f.Code)
		require.Contains(t, f.Message, "may have happened")
		require.Contains(t, f.Hint, "Idempotency-Key")
		require.Equal(t, heard, w.balance(buyer).Available == 7, "heard %v", heard)
		b, err := w.Faucet(ctx, call, buyer, 7)
		require.NoError(t, err)
		require.EqualValues(t, 7, b.Available)
		require.EqualValues(t, 7, w.balance(buyer).Available)
	}
}

// TestPostgresCrashes (promise P2): the server of the database is stopped as by a
// crash, or its postmaster killed, while clients work; it comes up again, the
// service finds it again by itself, and whatever was answered is there.
func TestPostgresCrashes(t *testing.T) {
	crashes := size(1, 3, 50)
	server, err := storetest.Start(true)
	if errors.Is(err, storetest.ErrAbsent) && os.Getenv("CI_STRICT") != "1" {
		t.Skip(err)
	}
	require.NoError(t, err)
	defer server.Remove()
	url, err := server.Create()
	require.NoError(t, err)
	db, err := store.OpenPostgres(ctx, url, store.Options{})
	require.NoError(t, err)
	s := newSwarm(t, db)
	s.patience = time.Minute // there is no other replica
	var slowest time.Duration
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		s.run(4, 0, func(<-chan struct{}) {
			rnd := rand.New(rand.NewPCG(tortureSeed(t), 22))
			for i := range crashes {
				before := s.next.Load()
				require.Eventually(t, func() bool { return s.next.Load() > before+8 }, time.Minute, time.Millisecond, "no job ran behind crash %d", i)
				time.Sleep(time.Duration(rnd.IntN(300)) * time.Millisecond)
				sig := []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL}[(i+1)%2]
				require.NoError(t, server.Stop(sig))
				begun := time.Now()
				require.NoError(t, server.Run())
				slowest = max(slowest, time.Since(begun))
			}
		})
	}()
	<-finished
	require.NoError(t, db.Close())
	again, err := store.OpenPostgres(ctx, url, store.Options{})
	require.NoError(t, err)
	defer again.Close()
	judgeAnswers(t, again, s.now.Load(), s.told, len(s.told))
	t.Logf("%d crashes of the server (immediate stop and kill -9 of the postmaster in turn), longest restart %v: %d calls, %d failed (%d commits of unknown outcome), %d jobs, nothing that was answered is lost",
		crashes, slowest, s.calls.Load(), s.failed.Load(), s.unknown.Load(), len(s.told))
}
