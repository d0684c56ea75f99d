package network_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/queue"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
)

// The model: what the network ought to be, written without SQL and without the
// network's code. Prices are those of the test policy: two units a job, one
// atomic unit each, of which the provider gets both (1.7 and 0.2 and 0.1,
// largest remainder).

type mJob struct {
	id       digest.Digest
	state    aicf.JobState
	fence    uint64
	tries    uint64
	wakes    int64
	live     *mLease
	excluded []*mProvider
	held     bool // its pay
	earned   *mProvider
	epoch    uint64
	settled  bool
	paid     bool
}

type mLease struct {
	job     *mJob
	p       *mProvider
	fence   uint64
	expires int64
	acked   *aicf.Acked
	offer   *aicf.Offer
	over    bool
	proof   []byte
	claim   digest.Digest
}

type mUnbond struct {
	amount aicf.Amount
	round  uint64
}

type mSlash struct {
	p         *mProvider
	job       *mJob
	amount    aicf.Amount
	till      uint64
	over      bool
	jail      uint64
	fromBond  aicf.Amount
	wasAtAll  bool
	unbonding aicf.Amount
}

type mProvider struct {
	*provider
	available, bonded, accrued, claimable aicf.Amount
	unbonding                             []mUnbond
	held                                  aicf.Amount
	jailed                                uint64
	offer                                 *mLease
	running                               int
	claims                                map[uint64]aicf.Amount // epoch → share
	claimed                               map[uint64]bool
}

func (p *mProvider) unbond() (sum aicf.Amount) {
	for _, u := range p.unbonding {
		sum += u.amount
	}
	return sum
}

const (
	mCapacity = 2
	mMinStake = 5000
	mSlashed  = 2000
	mPrice    = 2
	mEpoch    = 4 // rounds
	mUnbond3  = 3 // rounds
)

type machine struct {
	t            *rapid.T
	w            *world
	file         string
	ps           []*mProvider
	jobs         []*mJob
	leases       []*mLease
	slashes      []*mSlash
	round, epoch uint64
	buyerFree    aicf.Amount
	escrow       aicf.Amount
	verdicts     map[digest.Digest]string
	settledUpTo  uint64 // epochs below are settled
	slashedIn    map[uint64]aicf.Amount
	salt         uint64
}

func newMachine(t *rapid.T, tb testing.TB, open func() *store.DB) *machine {
	m := &machine{t: t, round: 1, verdicts: map[digest.Digest]string{}, slashedIn: map[uint64]aicf.Amount{}, buyerFree: 20}
	m.w = &world{TB: tb, now: start, cfg: network.Config{Store: open(), ChainID: 1337, Service: key(tb, "service", ""), Treasury: key(tb, "service", "treasury").Public(),
		Entropy: entropy("nonces"), Beacon: digest.Sum([]byte("beacon")),
		Policy: testPolicy(tb, func(p *aicf.Policy) {
			p.Network.HeartbeatMS, p.Network.WindowJobs = 300*24*3600*1000, 100_000
			p.Network.RejudgePPM = 1 // of a million: the bundle is not the point here
			p.Network.JobTTLMS = 300 * 24 * 3600 * 1000
			p.Network.OfferTTLMS, p.Network.LeaseTTLMS = 5000, 10_000
			p.Slashing.Penalties.TrapsCheat.JailBlocks = 5
		})}}
	m.open()
	m.w.deposit(buyer, 20)
	for i := range 3 {
		m.ps = append(m.ps, &mProvider{provider: m.w.provider(fmt.Sprint(i), 0, mCapacity), claims: map[uint64]aicf.Amount{}, claimed: map[uint64]bool{}})
		m.w.deposit(m.ps[i].id, 10_000)
		m.ps[i].available = 10_000
	}
	return m
}

func (m *machine) open() {
	var err error
	m.w.Service, err = network.New(ctx, m.w.cfg, m.w.now)
	require.NoError(m.w, err)
	network.Physics(m.w.Service, func(c digest.Digest) string { return m.verdicts[c] })
}

func (m *machine) p() *mProvider { return rapid.SampledFrom(m.ps).Draw(m.t, "provider") }

// want compares an error with the code that the model expects; "" is success.
func (m *machine) want(code aicf.Code, err error, what string) bool {
	if got := aicf.CodeOf(err); got != code || (err != nil) != (code != "") {
		m.t.Fatalf("%s: %v, the model says %q", what, err, code)
	}
	return err == nil
}

func (m *machine) Submit(*rapid.T) {
	n := rapid.IntRange(0, 15).Draw(m.t, "job")
	id := digest.Sum(fmt.Appendf(nil, "job %d", n))
	_, err := m.w.Submit(ctx, m.w.as(buyer), aicf.JobSubmission{Job: jobDocument(n, 0)})
	known := slices.ContainsFunc(m.jobs, func(j *mJob) bool { return j.id == id })
	switch {
	case known:
		m.want("", err, "submit again")
	case m.buyerFree < mPrice:
		m.want(aicf.PaymentRequired, err, "submit")
	case m.want("", err, "submit"):
		m.buyerFree, m.escrow = m.buyerFree-mPrice, m.escrow+mPrice
		m.jobs = append(m.jobs, &mJob{id: id, state: aicf.Queued})
	}
}

func (m *machine) Cancel(*rapid.T) {
	if len(m.jobs) == 0 {
		return
	}
	j := rapid.SampledFrom(m.jobs).Draw(m.t, "job")
	_, err := m.w.Cancel(ctx, m.w.as(buyer), j.id)
	switch j.state {
	case aicf.Cancelled:
		m.want("", err, "cancel again")
	case aicf.Queued, aicf.Delayed:
		m.want("", err, "cancel")
		m.end(j, aicf.Cancelled)
	default:
		m.want(aicf.Conflict, err, "cancel")
	}
}

func (m *machine) end(j *mJob, to aicf.JobState) {
	j.state = to
	m.buyerFree, m.escrow = m.buyerFree+mPrice, m.escrow-mPrice
}

func (m *machine) Stake(*rapid.T) {
	p, amount := m.p(), aicf.Amount(rapid.SampledFrom([]int{1, 4999, 5000, 10_001}).Draw(m.t, "amount"))
	_, err := m.w.Stake(ctx, m.w.as(p.id), p.id, amount)
	if amount > p.available {
		m.want(aicf.InsufficientStake, err, "stake")
	} else if m.want("", err, "stake") {
		p.available, p.bonded = p.available-amount, p.bonded+amount
	}
}

func (m *machine) Unstake(*rapid.T) {
	p, amount := m.p(), aicf.Amount(rapid.SampledFrom([]int{1, 3000, 5000}).Draw(m.t, "amount"))
	_, err := m.w.Unstake(ctx, m.w.as(p.id), p.id, amount)
	if amount > p.bonded {
		m.want(aicf.InsufficientStake, err, "unstake")
	} else if m.want("", err, "unstake") {
		p.bonded -= amount
		p.unbonding = append(p.unbonding, mUnbond{amount, m.round + mUnbond3})
	}
}

// lapse ends the provider's offer if its time is over, as a look at it does.
func (m *machine) lapse(p *mProvider) {
	if l := p.offer; l != nil && l.expires <= m.w.now {
		m.requeue(l, false)
	}
}

// requeue ends a lease without a result.
func (m *machine) requeue(l *mLease, tried bool) {
	l.over, l.job.live = true, nil
	l.p.running--
	if l.p.offer == l {
		l.p.offer = nil
	}
	m.back(l.job, tried)
}

func (m *machine) back(j *mJob, tried bool) {
	j.state = aicf.Queued
	if !tried {
		return
	}
	if j.tries++; j.tries >= 6 {
		m.end(j, aicf.Failed)
		return
	}
	d, err := queue.Delay(j.id, j.tries)
	require.NoError(m.w, err)
	j.state, j.wakes = aicf.Delayed, m.w.now+d
}

func (m *machine) Next(*rapid.T) {
	p := m.p()
	m.lapse(p)
	o, err := m.w.Next(ctx, m.w.as(p.id), p.id)
	m.want("", err, "next")
	if p.offer != nil {
		if o == nil || o.LeaseID != p.offer.offer.LeaseID {
			m.t.Fatalf("next: %v, the model has the open offer %s", o, p.offer.offer.LeaseID)
		}
		return
	}
	able := p.bonded >= mMinStake && p.jailed <= m.round && p.running < mCapacity
	var fits []*mJob
	for _, j := range m.jobs {
		if j.state == aicf.Queued && !slices.Contains(j.excluded, p) {
			fits = append(fits, j)
		}
	}
	if able != (o != nil) && (o != nil || len(fits) > 0) {
		m.t.Fatalf("next: offer %v, the model says able %v with %d jobs", o, able, len(fits))
	}
	if o == nil {
		return
	}
	i := slices.IndexFunc(fits, func(j *mJob) bool { return j.id == o.JobID })
	if i < 0 {
		m.t.Fatalf("next: job %s is not one that the model would give", o.JobID)
	}
	j := fits[i]
	j.fence++
	if o.Fence != j.fence {
		m.t.Fatalf("next: fence %d, the model says %d", o.Fence, j.fence)
	}
	l := &mLease{job: j, p: p, fence: j.fence, expires: m.w.now + 5000, offer: o}
	j.state, j.live, p.offer = aicf.Offered, l, l
	p.running++
	m.leases = append(m.leases, l)
}

func (m *machine) lease() *mLease {
	if len(m.leases) == 0 {
		return nil
	}
	return rapid.SampledFrom(m.leases).Draw(m.t, "lease")
}

func (l *mLease) ref() aicf.LeaseRef {
	return aicf.LeaseRef{LeaseID: l.offer.LeaseID, Fence: &l.fence}
}

// gone reports whether the lease can no longer be written, and with which code.
func (m *machine) gone(l *mLease) (aicf.Code, bool) {
	if l.claim != (digest.Digest{}) {
		return aicf.LeaseLost, true
	}
	if l.over || l.expires <= m.w.now {
		return aicf.LeaseExpired, true
	}
	return "", false
}

// refused accepts either name of a lease that is over: by time or otherwise.
func (m *machine) refused(err error, what string) {
	if c := aicf.CodeOf(err); c != aicf.LeaseExpired && c != aicf.LeaseLost {
		m.t.Fatalf("%s of a lease that is over: %v", what, err)
	}
}

func (m *machine) Ack(*rapid.T) {
	l := m.lease()
	if l == nil {
		return
	}
	a, err := m.w.Ack(ctx, m.w.as(l.p.id), aicf.AckRequest{LeaseRef: l.ref()})
	if _, gone := m.gone(l); gone {
		m.refused(err, "ack")
		return
	}
	m.want("", err, "ack")
	if l.acked == nil {
		l.acked, l.expires, l.p.offer, l.job.state = a, m.w.now+10_000, nil, aicf.Leased
	}
}

func (m *machine) Renew(*rapid.T) {
	l := m.lease()
	if l == nil {
		return
	}
	r, err := m.w.Renew(ctx, m.w.as(l.p.id), aicf.RenewRequest{LeaseRef: l.ref()})
	if _, gone := m.gone(l); gone || l.acked == nil {
		m.refused(err, "renew")
		return
	}
	if aicf.CodeOf(err) == aicf.LimitExceeded {
		return // ten renewals
	}
	m.want("", err, "renew")
	l.expires = max(l.expires, min(m.w.now+10_000, l.acked.DeadlineMS))
	if r.ExpiresMS != l.expires {
		m.t.Fatalf("renew: until %d, the model says %d", r.ExpiresMS, l.expires)
	}
}

func (m *machine) Release(*rapid.T) {
	l := m.lease()
	if l == nil {
		return
	}
	_, gone := m.gone(l)
	_, err := m.w.Release(ctx, m.w.as(l.p.id), aicf.ReleaseRequest{LeaseRef: l.ref()})
	if gone {
		if err != nil {
			m.refused(err, "release")
		}
		return // or released before
	}
	m.want("", err, "release")
	m.requeue(l, l.acked != nil)
}

func (m *machine) Result(*rapid.T) {
	l := m.lease()
	if l == nil || l.acked == nil {
		return
	}
	verdict := rapid.SampledFrom([]string{"good", "good", "fail", "lie"}).Draw(m.t, "verdict")
	_, gone := m.gone(l)
	proof, claim := l.proof, l.claim
	second := proof != nil && rapid.Bool().Draw(m.t, "other claim")
	if proof == nil || second {
		m.salt++
		proof, claim = l.p.envelope(m.w, l.acked.Lease, m.salt)
		m.verdicts[claim] = verdict
	}
	out, err := m.w.Result(ctx, m.w.as(l.p.id), aicf.ResultRequest{LeaseRef: l.ref(), Proof: proof})
	switch {
	case second:
		m.want(aicf.LeaseFenced, err, "a second claim")
		m.slash(l, true)
	case l.proof != nil:
		m.want("", err, "the same result")
		if out.Claim != l.claim {
			m.t.Fatalf("another outcome")
		}
	case gone:
		m.refused(err, "result")
	default:
		m.want("", err, "result")
		l.proof, l.claim = proof, claim
		m.judged(l, m.verdicts[claim])
	}
}

func (m *machine) judged(l *mLease, verdict string) {
	j := l.job
	j.live = nil
	l.p.running--
	j.excluded = append(j.excluded, l.p)
	if verdict == "good" {
		j.state, j.earned, j.epoch = aicf.Completed, l.p, m.epoch
		m.escrow -= mPrice
		l.p.accrued += mPrice
		return
	}
	m.back(j, true)
	if verdict == "lie" {
		m.slash(l, false)
	}
}

// slash holds stake. double faults of one lease have one document each claim
// pair, every pair is new.
func (m *machine) slash(l *mLease, double bool) {
	amount := min(mSlashed, 100_000-m.slashedIn[m.epoch])
	s := &mSlash{p: l.p, job: l.job, till: m.round + mEpoch, jail: m.round + 5}
	s.fromBond = min(amount, l.p.bonded)
	s.unbonding = min(amount-s.fromBond, l.p.unbond())
	s.amount = s.fromBond + s.unbonding
	l.p.bonded -= s.fromBond
	for left := s.unbonding; left > 0; {
		last := len(l.p.unbonding) - 1
		for i, u := range l.p.unbonding { // the latest release first, of equal ones the newest
			if u.round >= l.p.unbonding[last].round && u.amount > 0 {
				last = i
			}
		}
		cut := min(left, l.p.unbonding[last].amount)
		l.p.unbonding[last].amount -= cut
		left -= cut
		l.p.unbonding = slices.DeleteFunc(l.p.unbonding, func(u mUnbond) bool { return u.amount == 0 })
	}
	l.p.held += s.amount
	m.slashedIn[m.epoch] += s.amount
	l.p.jailed = max(l.p.jailed, s.jail)
	m.slashes = append(m.slashes, s)
	if j := l.job; j.earned != nil && !j.settled && !j.paid {
		j.held = true
	}
	_ = double
}

func (m *machine) Wait(*rapid.T) {
	m.w.now += int64(rapid.SampledFrom([]int{1, 3000, 9000, 60_000}).Draw(m.t, "ms"))
}

func (m *machine) Sweep(*rapid.T) {
	_, err := m.w.Sweep(ctx, m.w.now)
	m.want("", err, "sweep")
	for _, l := range m.leases {
		if !l.over && l.claim == (digest.Digest{}) && l.expires <= m.w.now {
			m.requeue(l, l.acked != nil)
		}
	}
	for _, j := range m.jobs {
		if j.state == aicf.Delayed && j.wakes <= m.w.now {
			j.state = aicf.Queued
		}
	}
	for _, p := range m.ps {
		for _, u := range p.unbonding {
			if u.round <= m.round {
				p.available += u.amount
			}
		}
		p.unbonding = slices.DeleteFunc(p.unbonding, func(u mUnbond) bool { return u.round <= m.round })
	}
	for _, s := range m.slashes {
		if s.over || s.till >= m.round {
			continue
		}
		s.over = true
		s.p.held -= s.amount
		if s.job.held {
			s.job.held, s.job.earned = false, nil
			s.p.accrued -= mPrice
			m.buyerFree += mPrice
		}
	}
	for ; m.settledUpTo < m.epoch; m.settledUpTo++ {
		for _, j := range m.jobs {
			if j.earned != nil && !j.settled && !j.held && j.epoch <= m.settledUpTo {
				j.settled = true
				j.earned.accrued -= mPrice
				j.earned.claimable += mPrice
				j.earned.claims[m.settledUpTo] += mPrice
			}
		}
	}
}

func (m *machine) Round(*rapid.T) {
	_, err := m.w.AdvanceRound(ctx, m.w.now, m.round)
	m.want("", err, "round")
	_, err = m.w.AdvanceRound(ctx, m.w.now, m.round) // a replica, late: changes nothing
	m.want("", err, "round again")
	m.round++
	m.epoch = m.round / mEpoch
}

func (m *machine) Claim(*rapid.T) {
	p, e := m.p(), rapid.Uint64Range(0, m.epoch).Draw(m.t, "epoch")
	out, err := m.w.Claim(ctx, m.w.as(p.id), p.id, e)
	switch share := p.claims[e]; {
	case e >= m.settledUpTo:
		m.want(aicf.NoResultYet, err, "claim of an open epoch")
	case share == 0:
		m.want(aicf.NotFound, err, "claim of nothing")
	case m.want("", err, "claim"):
		if out.Amount != share {
			m.t.Fatalf("claim: %d, the model says %d", out.Amount, share)
		}
		if !p.claimed[e] {
			p.claimed[e] = true
			p.claimable -= share
			p.available += share
		}
	}
}

// Restart closes the store and opens it again.
func (m *machine) Restart(*rapid.T) {
	if m.file == "" {
		return
	}
	require.NoError(m.w, m.w.Close())
	require.NoError(m.w, m.w.cfg.Store.Close())
	var err error
	m.w.cfg.Store, err = store.OpenSQLite(ctx, m.file, store.Options{})
	require.NoError(m.w, err)
	m.open()
}

// Check compares everything after each step.
func (m *machine) Check(*rapid.T) {
	a, err := m.w.Service.Check(ctx)
	m.want("", err, "check")
	for _, i := range a.Invariants {
		if !i.OK {
			m.t.Fatalf("%s: %s", i.ID, i.Detail)
		}
	}
	same := func(what string, got, want aicf.Amount) {
		if got != want {
			m.t.Fatalf("%s is %d, the model says %d", what, got, want)
		}
	}
	b := m.w.balance(buyer)
	same("available of the buyer", b.Available, m.buyerFree)
	same("escrow", b.Escrow, m.escrow)
	for i, p := range m.ps {
		b := m.w.balance(p.id)
		at := fmt.Sprintf(" of provider %d", i)
		same("available"+at, b.Available, p.available)
		same("staked"+at, b.Staked, p.bonded)
		same("unbonding"+at, b.Unbonding, p.unbond())
		same("held"+at, b.Held, p.held)
		same("accrued"+at, b.Accrued, p.accrued)
		same("claimable"+at, b.Claimable, p.claimable)
	}
	for _, j := range m.jobs {
		v, err := m.w.Job(ctx, j.id)
		m.want("", err, "job")
		want := j.state
		if want == aicf.Delayed {
			want = aicf.Queued
		}
		if v.State != want || v.Attempt != j.fence {
			m.t.Fatalf("job %s is %s with fence %d, the model says %s with %d", j.id, v.State, v.Attempt, want, j.fence)
		}
	}
}

// TestAgainstTheModel runs random verbs on the network and on the model and
// compares all balances, states and invariants after each.
func TestAgainstTheModel(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) {
				file := ""
				m := newMachine(rt, t, func() *store.DB {
					if e.name != "sqlite" {
						return e.open(t)
					}
					file = filepath.Join(t.TempDir(), "network.db")
					db, err := store.OpenSQLite(ctx, file, store.Options{})
					require.NoError(t, err)
					return db
				})
				m.file = file
				defer func() {
					m.w.Close()
					m.w.cfg.Store.Close()
				}()
				rt.Repeat(map[string]func(*rapid.T){"Submit": m.Submit, "Cancel": m.Cancel, "Stake": m.Stake, "Unstake": m.Unstake, "Next": m.Next, "Ack": m.Ack, "Renew": m.Renew,
					"Release": m.Release, "Result": m.Result, "Wait": m.Wait, "Sweep": m.Sweep, "Round": m.Round, "Claim": m.Claim, "Restart": m.Restart, "": m.Check})
			})
		})
	}
}
