package fleet

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends/fleet/broker"
	"github.com/animicaorg/engine/backends/sim"
)

// torture is how long TestWorkersDie runs: TORTURE_SIZE=commit 30 s, full 10 min.
func torture() time.Duration {
	switch os.Getenv("TORTURE_SIZE") {
	case "commit":
		return 30 * time.Second
	case "full":
		return 10 * time.Minute
	}
	return 4 * time.Second
}

// TestWorkersDie (promise P9): one of four worker processes is killed every two
// seconds and replaced, while batch after batch runs; every row is that of a
// single machine.
func TestWorkersDie(t *testing.T) {
	s, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Token: "secret"})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	c, err := s.Connect("secret")
	require.NoError(t, err)
	t.Cleanup(c.Close)
	start := workerProcesses(t, s.URL("secret"))
	workers := make([]*exec.Cmd, 4)
	var mu sync.Mutex
	for i := range workers {
		workers[i] = start()
	}
	done, killed, deaths := make(chan struct{}), 0, make(chan struct{})
	go func() {
		defer close(deaths)
		rnd := rand.New(rand.NewPCG(9, 9))
		beat := time.NewTicker(2 * time.Second)
		defer beat.Stop()
		for {
			select {
			case <-done:
				return
			case <-beat.C:
			}
			i := rnd.IntN(len(workers))
			mu.Lock()
			_ = workers[i].Process.Kill()
			_ = workers[i].Wait()
			workers[i] = start()
			mu.Unlock()
			killed++
		}
	}()
	b := batch(10, 12, 3000)
	want := collect(t, sim.New(), b)
	f := New(Config{Conn: c, Like: sim.New(), Slots: 40, Look: 50 * time.Millisecond, Wait: 30 * time.Second})
	runs, end := 0, time.Now().Add(torture())
	for time.Now().Before(end) {
		var got []byte
		require.NoError(t, f.Run(t.Context(), b, func(o *guest.Outcomes) error {
			got = append(got, o.Rows...)
			return nil
		}))
		require.Equal(t, want, got, "run %d", runs)
		runs++
	}
	close(done)
	<-deaths
	require.Positive(t, killed)
	t.Logf("%d workers killed in %v, four at work, %d runs of %d slots, every row that of one machine", killed, torture(), runs, len(want)/2)
}
