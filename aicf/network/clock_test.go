package network_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/clock"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// clocked is a replica with a clock of its own.
type clocked struct {
	*network.Service
	now func() int64
}

// wallFault is what wall clocks do.
type wallFault struct {
	name     string
	off      func(replica int, s time.Duration) time.Duration
	followed bool // replicas go by the database server's clock
}

var wallFaults = []wallFault{
	{"an hour ahead for ten minutes", func(_ int, s time.Duration) time.Duration {
		if s > 5*time.Minute && s < 15*time.Minute {
			return time.Hour
		}
		return 0
	}, false},
	{"an hour back for ten minutes", func(_ int, s time.Duration) time.Duration {
		if s > 5*time.Minute && s < 15*time.Minute {
			return -time.Hour
		}
		return 0
	}, false},
	{"replicas thirty seconds apart", func(r int, _ time.Duration) time.Duration { return time.Duration(r) * 30 * time.Second }, true},
	{"replicas apart, and leaping", func(r int, s time.Duration) time.Duration {
		if (s/time.Minute)%7 == time.Duration(r) {
			return time.Duration(1-2*r) * time.Hour
		}
		return time.Duration(r) * -30 * time.Second
	}, true},
}

// seen is what an hour of work did to its providers.
type seen struct {
	refused, early, missed, slashed, jobs int
}

// TestClockFaults (promise P10): two replicas serve providers that work, beat and
// renew by the true time, while wall clocks leap and differ. No lease ends early,
// no job has two live leases, no beat is missed, nobody is slashed, no call is
// refused. The same time by bare wall clocks shows what the clock prevents.
func TestClockFaults(t *testing.T) {
	for _, e := range engines(t) {
		for i, f := range wallFaults {
			if size(1, 0, 0) == 1 && i%2 == 1 {
				continue // one of each engine's is enough while you wait
			}
			if f.followed != (e.name == "postgresql") {
				continue // SQLite has one process and its clock, PostgreSQL replicas and the server's
			}
			t.Run(e.name+"/"+f.name, func(t *testing.T) {
				good := atWork(t, e.open(t), f, true)
				require.Equal(t, seen{jobs: good.jobs}, good)
				require.Greater(t, good.jobs, 20)
				bad := atWork(t, e.open(t), f, false)
				require.NotZero(t, bad.refused+bad.early+bad.missed+bad.slashed, "bare wall clocks did no harm: the test is blind")
				t.Logf("%d jobs, nothing early; by bare wall clocks %d calls refused, %d leases early, %d beats missed, %d slashes, %d jobs", good.jobs, bad.refused, bad.early, bad.missed, bad.slashed, bad.jobs)
			})
		}
	}
}

func atWork(t *testing.T, db *store.DB, f wallFault, steady bool) (out seen) {
	var real time.Duration // the true time
	elapsed := func() time.Duration { return real }
	truth := func() time.Time { return time.UnixMilli(start).Add(real) }
	cfg := network.Config{Store: db, ChainID: 1337, Service: key(t, "service", ""), Treasury: key(t, "service", "treasury").Public(), Entropy: entropy("hour"), Beacon: digest.Sum([]byte("beacon")),
		Policy: testPolicy(t, func(p *aicf.Policy) {
			p.Network.RejudgePPM, p.Network.WindowJobs, p.Network.LeaseTTLMS, p.Network.OfferTTLMS = 1, 10, 60_000, 10_000
			p.Network.JobTTLMS = 24 * 3600 * 1000
		})}
	replicas := make([]clocked, 2)
	var samples []*clock.Samples
	for i := range replicas {
		wall := func() time.Time { return truth().Add(f.off(i, real)) }
		now := wall
		if steady && f.followed {
			s := clock.NewSamples(truth(), elapsed)
			samples = append(samples, s)
			now = clock.New(s.Now, elapsed).Now
		} else if steady {
			now = clock.New(wall, elapsed).Now
		}
		if !f.followed && i > 0 {
			replicas[i] = replicas[0] // one process
			continue
		}
		s, err := network.New(ctx, cfg, start)
		require.NoError(t, err)
		network.Physics(s, func(digest.Digest) string { return "good" })
		replicas[i] = clocked{s, func() int64 { return now().UnixMilli() }}
	}
	w := &world{TB: t, now: start, cfg: cfg, Service: replicas[0].Service}
	w.deposit(buyer, 1_000_000)
	var ps []*holder
	for i := range 3 {
		ps = append(ps, &holder{provider: w.provider(fmt.Sprint(i), 5000, 1)})
	}
	tally := func(err error) bool {
		if err != nil {
			out.refused++
		}
		return err == nil
	}
	const step = 10 // seconds
	for second := 0; second < size(1200, 3600, 24*3600); second += step {
		real += step * time.Second
		for _, s := range samples {
			s.Add(truth(), real)
		}
		r := replicas[second/step%2]
		for i := range replicas {
			_, err := replicas[i].Tick(ctx, replicas[i].now())
			tally(err)
		}
		as := func(id digest.Digest) aicf.Call { return aicf.Call{NowMS: r.now(), Account: id, Key: id} }
		if second%40 == 0 {
			_, err := r.Submit(ctx, as(buyer), aicf.JobSubmission{Job: jobDocument(second, 0)})
			tally(err)
		}
		for _, p := range ps {
			p.act(t, r, as, second, tally, &out)
		}
	}
	a, err := w.Check(ctx)
	require.NoError(t, err)
	for _, i := range a.Invariants {
		require.True(t, i.OK, "%s: %s", i.ID, i.Detail)
	}
	require.NoError(t, db.View(ctx, func(tx *store.Tx) error {
		if err := tx.Scan("SELECT CAST(coalesce(sum(missed), 0) AS BIGINT) FROM sla_window", nil, &out.missed); err != nil {
			return err
		}
		for after := uint64(0); ; {
			page, err := store.Events(tx, after, 1000)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				after = e.Seq
				switch e.Type {
				case aicf.EvLeaseExpired:
					out.early++ // holders renew in time or end
				case aicf.EvSlashProposed:
					out.slashed++
				}
			}
		}
	}))
	return out
}

// holder is a provider that beats every 20 seconds, takes an offer, works for 100
// seconds and renews every 20, by the true time.
type holder struct {
	*provider
	acked *aicf.Acked
	since int
}

func (p *holder) act(t *testing.T, r clocked, as func(digest.Digest) aicf.Call, second int, tally func(error) bool, out *seen) {
	if second%20 == 0 {
		p.beats++
		_, err := r.Heartbeat(ctx, as(p.id), aicf.Heartbeat{ProviderID: p.id, Capacity: 1, Seq: p.beats})
		tally(err)
	}
	if p.acked == nil {
		if o, err := r.Next(ctx, as(p.id), p.id); tally(err) && o != nil {
			a, err := r.Ack(ctx, as(p.id), aicf.AckRequest{LeaseRef: aicf.LeaseRef{LeaseID: o.LeaseID, Fence: &o.Fence}})
			if tally(err) {
				p.acked, p.since = a, second
			}
		}
		return
	}
	switch age := second - p.since; {
	case age >= 100:
		proof, _ := p.envelope(t, p.acked.Lease, 1)
		if _, err := r.Result(ctx, as(p.id), aicf.ResultRequest{LeaseRef: ref(p.acked), Proof: proof}); tally(err) {
			out.jobs++
		}
		p.acked = nil
	case age%20 == 0:
		_, err := r.Renew(ctx, as(p.id), aicf.RenewRequest{LeaseRef: ref(p.acked)})
		tally(err)
	}
}
