package devnet

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/store/storetest"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/host"
	_ "github.com/animicaorg/engine/host/wazerort" // the WebAssembly runtime of workers
)

func TestMain(m *testing.M) {
	host.MaybeWorker()
	MaybeDevice()
	os.Exit(storetest.Main(m))
}

const smallJob = `{"job_id":"6a0b1f4e2d3c5968778695a4b3c2d1e0f00112233445566778899aabbccddeef","kind":"quantum",
"spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,"trap_ratio":0.3,"seed":"00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"},
"max_latency_ms":60000,"price":{"units":12}}`

func start(t *testing.T, dir string) *Net {
	h, err := host.New(host.Config{})
	require.NoError(t, err)
	n, err := Start(t.Context(), Config{Dir: dir, Host: h, Backend: sim.New(), Version: "engine/0.1.0 numeric/1 meter/1"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// TestASecondStartUsesTheSameBooks: what was paid before is in the statement still.
func TestASecondStartUsesTheSameBooks(t *testing.T) {
	dir := t.TempDir()
	for runs := 1; runs <= 2; runs++ {
		n := start(t, dir)
		r, err := n.Run(t.Context(), []byte(smallJob), 2)
		require.NoError(t, err)
		require.Equal(t, 2*runs, r.JobsPaid)
		require.Zero(t, r.Imbalance)
		require.NoError(t, n.Close())
	}
}

// offered submits a job and gives the offer that the provider was made.
func offered(t *testing.T, n *Net) *aicf.Offer {
	id, doc, err := renamed([]byte(smallJob), 0)
	require.NoError(t, err)
	_, err = n.buyer.Submit(t.Context(), "submit-"+id.String(), aicf.JobSubmission{Job: doc})
	require.NoError(t, err)
	o, err := n.own.Next(t.Context(), n.Held.ProviderID, 0)
	require.NoError(t, err)
	require.NotNil(t, o)
	return o
}

// TestTheProviderGoesOnWhereItWas leaves the journal as a kill between two steps does, opens
// everything again, and wants each job done and paid once.
func TestTheProviderGoesOnWhereItWas(t *testing.T) {
	for name, until := range map[string]func(t *testing.T, n *Net, e *agent.Entry){
		"before the ack is sent": func(*testing.T, *Net, *agent.Entry) {},
		"after the ack, before its answer is written": func(t *testing.T, n *Net, e *agent.Entry) {
			fence := e.Fence
			_, err := n.own.Ack(t.Context(), "ack-"+e.Lease.String(), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: e.Lease, Fence: &fence}})
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			n := start(t, dir)
			o := offered(t, n)
			e := &agent.Entry{Lease: o.LeaseID, Job: o.JobID, Fence: o.Fence, State: agent.Acking, UpdatedMS: 1}
			require.NoError(t, n.Provider.Journal().Put(t.Context(), e))
			until(t, n, e)
			require.NoError(t, n.Close())

			n = start(t, dir)
			require.NoError(t, n.Provider.Recover(t.Context()))
			require.NoError(t, n.Provider.Recover(t.Context()), "nothing is left to do")
			j, err := n.Service.Job(t.Context(), o.JobID)
			require.NoError(t, err)
			require.Equal(t, aicf.Completed, j.State)
			latest, err := n.Provider.Journal().Latest(t.Context(), 10)
			require.NoError(t, err)
			require.Len(t, latest, 1)
			require.Equal(t, agent.Done, latest[0].State)
			tl, err := n.Service.Timeline(t.Context(), o.JobID)
			require.NoError(t, err)
			accrued := 0
			for _, ev := range tl.Events {
				if ev.Type == aicf.EvAccrued {
					accrued++
				}
			}
			require.Equal(t, 1, accrued)
		})
	}
}

// TestALostBundleIsParked: what can never be accepted is not tried again.
func TestALostBundleIsParked(t *testing.T) {
	n := start(t, t.TempDir())
	o := offered(t, n)
	e := &agent.Entry{Lease: o.LeaseID, Job: o.JobID, Fence: o.Fence, State: agent.Proved, UpdatedMS: 1}
	require.NoError(t, n.Provider.Journal().Put(t.Context(), e))
	require.NoError(t, n.Provider.Recover(t.Context()))
	open, err := n.Provider.Journal().Open(t.Context())
	require.NoError(t, err)
	require.Empty(t, open)
	latest, err := n.Provider.Journal().Latest(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, agent.Parked, latest[0].State)
	require.Contains(t, latest[0].Reason, "bundle")
}

// TestDrainTakesNothing: a draining provider leaves the work to others.
func TestDrainTakesNothing(t *testing.T) {
	n := start(t, t.TempDir())
	offered(t, n)
	n.Provider.Drain()
	e, err := n.Provider.Once(context.WithoutCancel(t.Context()), 0)
	require.NoError(t, err)
	require.Nil(t, e)
	s, err := n.Provider.Status(t.Context())
	require.NoError(t, err)
	require.True(t, s.Draining)
	a, err := n.Provider.Beat(t.Context())
	require.NoError(t, err)
	require.Equal(t, "counted", a.Outcome)
}

// heldAcks is a transport that lets acks through only after the network has been asked for
// work once more.
type heldAcks struct {
	mu    sync.Mutex
	asked int
	more  chan struct{} // closed with the second answer
}

func (h *heldAcks) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/aicf/leases/ack" {
		<-h.more
	}
	a, err := http.DefaultTransport.RoundTrip(r)
	if r.URL.Path == "/aicf/leases/next" && err == nil && a.StatusCode == http.StatusOK {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.asked++; h.asked == 2 {
			close(h.more)
		}
	}
	return a, err
}

// TestAnOfferIsTakenOnce: the network offers a lease until its ack has come. An agent with
// room for two asks again meanwhile, and must not run the lease twice: two results under one
// fence would cost its stake.
func TestAnOfferIsTakenOnce(t *testing.T) {
	n := start(t, t.TempDir())
	m, err := n.join(t.Context(), "wide", &executor{backend: n.cfg.Backend, capacity: 2})
	require.NoError(t, err)
	h := &heldAcks{more: make(chan struct{})}
	m.own.HTTP = &http.Client{Transport: h}
	id, doc, err := renamed([]byte(smallJob), 0)
	require.NoError(t, err)
	_, err = n.buyer.Submit(t.Context(), "submit-"+id.String(), aicf.JobSubmission{Job: doc})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.agent.Run(ctx, time.Minute) }()
	require.Eventually(t, func() bool {
		j, err := n.Service.Job(t.Context(), id)
		return err == nil && j.State == aicf.Completed
	}, time.Minute, 10*time.Millisecond)
	stop()
	require.NoError(t, <-done)
	page, err := n.own.Slashes(t.Context(), aicf.SlashFilter{}, "")
	require.NoError(t, err)
	require.Empty(t, page.Items)
	counts, err := m.agent.Journal().Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[agent.State]uint64{agent.Done: 1}, counts)
}
