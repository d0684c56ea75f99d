package network

import (
	"context"
	"errors"
	"io"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// ErrPayerRefused is returned by a Payer for a payment that will never happen.
var ErrPayerRefused = errors.New("the payer refused")

// Service is the network. Its methods may be called by many goroutines. Errors
// a caller may see are *aicf.Fault.
type Service struct{ cfg Config }

var errUnfinished = errors.New("not there yet")

// New opens the service: migrates nothing (the store did), activates the
// policy, checks the invariants and takes up verifications that were cut off.
func New(ctx context.Context, cfg Config) (*Service, error) { return nil, errUnfinished }

// Close stops background verifications. The store stays open.
func (s *Service) Close() error { return errUnfinished }

// Changed returns a channel that is closed when the next event is committed by
// this process. Transports wait on it, and poll besides for other replicas.
func (s *Service) Changed() <-chan struct{} { return nil }

// Status is the head of the network.
func (s *Service) Status(ctx context.Context) (*aicf.NetworkStatus, error) { return nil, errUnfinished }

// Policy is the active policy with its hash; next is the one that waits for its
// activation epoch, or nil.
func (s *Service) Policy(ctx context.Context) (active, next *aicf.Policy, hash digest.Digest, err error) {
	return nil, nil, hash, errUnfinished
}

// Register takes a provider bundle (the guide's §14.1; keys.ParseBundle). Its
// inner signatures are always checked. A known provider may bring a bundle with
// a newer timestamp: fresh evidence, lists, keys (old operational keys stay
// valid for the overlap). The same bundle again gives the same answer.
func (s *Service) Register(ctx context.Context, c aicf.Call, bundle []byte) (*aicf.Registration, error) {
	return nil, errUnfinished
}

// Retire ends a provider's work: running leases go on, no new ones come, and
// all stake may be unstaked.
func (s *Service) Retire(ctx context.Context, c aicf.Call, provider digest.Digest) (*aicf.Provider, error) {
	return nil, errUnfinished
}

// EnrollKey makes a buyer's account: its id is the key's id. Enrolling again
// changes nothing.
func (s *Service) EnrollKey(ctx context.Context, c aicf.Call, alg string, public []byte) (*aicf.KeyInfo, error) {
	return nil, errUnfinished
}

// Key finds a key by its id: NotFound, or Forbidden once it is revoked at nowMS.
func (s *Service) Key(ctx context.Context, id digest.Digest, nowMS int64) (*aicf.KeyInfo, error) {
	return nil, errUnfinished
}

// Stake moves the provider's available balance into stake (InsufficientStake
// when it does not cover amount). A development service funds an account that
// has never been funded. Amount is 1..2^53-1.
func (s *Service) Stake(ctx context.Context, c aicf.Call, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	return nil, errUnfinished
}

// Unstake moves stake to unbonding; it can still be slashed there and becomes
// available after the unbonding time.
func (s *Service) Unstake(ctx context.Context, c aicf.Call, provider digest.Digest, amount aicf.Amount) (*aicf.StakeChange, error) {
	return nil, errUnfinished
}

// Heartbeat counts a beat. Equal seq and body changes nothing, older is
// ignored, another body under the newest seq is refused (Conflict).
func (s *Service) Heartbeat(ctx context.Context, c aicf.Call, h aicf.Heartbeat) (*aicf.HeartbeatAnswer, error) {
	return nil, errUnfinished
}

// Submit builds the circuit, refuses sizes that the job declares wrongly and
// too few traps, moves the price from available to escrow (PaymentRequired) and
// queues the job. The same document of the same requester gives the same
// answer; another under the same job_id is Conflict.
func (s *Service) Submit(ctx context.Context, c aicf.Call, j aicf.JobSubmission) (*aicf.Submitted, error) {
	return nil, errUnfinished
}

// Cancel ends a queued job of the caller and refunds its escrow.
func (s *Service) Cancel(ctx context.Context, c aicf.Call, job digest.Digest) (*aicf.Job, error) {
	return nil, errUnfinished
}

// Next returns the provider's open offer, the same one until it lapses, or
// matches it now. Nil means no work; Eligibility says why.
func (s *Service) Next(ctx context.Context, c aicf.Call, provider digest.Digest) (*aicf.Offer, error) {
	return nil, errUnfinished
}

// Ack takes an offer and returns the signed lease with the opened seed.
func (s *Service) Ack(ctx context.Context, c aicf.Call, r aicf.AckRequest) (*aicf.Acked, error) {
	return nil, errUnfinished
}

// Renew moves the end of a live lease, at most to its deadline.
func (s *Service) Renew(ctx context.Context, c aicf.Call, r aicf.RenewRequest) (*aicf.Renewed, error) {
	return nil, errUnfinished
}

// Release gives an offer or a live lease back; the job is queued again.
func (s *Service) Release(ctx context.Context, c aicf.Call, r aicf.ReleaseRequest) (*aicf.Lease, error) {
	return nil, errUnfinished
}

// PutBundle stores the bytes of a proof bundle by their SHA3-256: at most 64
// MiB, refused when they hash to anything else. Stored again, nothing changes.
func (s *Service) PutBundle(ctx context.Context, c aicf.Call, sha3 digest.Digest, r io.Reader) error {
	return errUnfinished
}

// Bundle opens stored bytes; NotFound.
func (s *Service) Bundle(ctx context.Context, sha3 digest.Digest) (io.ReadCloser, error) {
	return nil, errUnfinished
}

// Result hands in a proof. Behind the fence check the receipt time is stored
// and the lease can no longer lapse; the proof is then verified in this call.
// The same claim again gives the stored outcome; another claim under the fence
// is LeaseFenced, and evidence against the provider.
func (s *Service) Result(ctx context.Context, c aicf.Call, r aicf.ResultRequest) (*aicf.ResultOutcome, error) {
	return nil, errUnfinished
}

// Job is one job with its document; NotFound.
func (s *Service) Job(ctx context.Context, id digest.Digest) (*aicf.Job, error) {
	return nil, errUnfinished
}

// Jobs lists jobs in the order of submission.
func (s *Service) Jobs(ctx context.Context, f aicf.JobFilter) (*aicf.JobPage, error) {
	return nil, errUnfinished
}

// Timeline is a job's part of the event log.
func (s *Service) Timeline(ctx context.Context, id digest.Digest) (*aicf.Timeline, error) {
	return nil, errUnfinished
}

// Lease is one lease; NotFound.
func (s *Service) Lease(ctx context.Context, id digest.Digest) (*aicf.Lease, error) {
	return nil, errUnfinished
}

// Providers lists the registry by provider_id.
func (s *Service) Providers(ctx context.Context, after digest.Digest, limit int) ([]aicf.Provider, error) {
	return nil, errUnfinished
}

// Provider is one provider; NotFound.
func (s *Service) Provider(ctx context.Context, id digest.Digest) (*aicf.Provider, error) {
	return nil, errUnfinished
}

// Eligibility says why a provider gets no work.
func (s *Service) Eligibility(ctx context.Context, id digest.Digest, nowMS int64) (*aicf.Eligibility, error) {
	return nil, errUnfinished
}

// Balance of any account; zeros for an unknown one.
func (s *Service) Balance(ctx context.Context, account digest.Digest) (*aicf.Balance, error) {
	return nil, errUnfinished
}

// Statement explains the pay of every job of a provider, of one epoch or all.
func (s *Service) Statement(ctx context.Context, provider digest.Digest, epoch *uint64, after uint64, limit int) (*aicf.Statement, error) {
	return nil, errUnfinished
}

// Explain is the statement line of one job; NotFound while nothing accrued.
func (s *Service) Explain(ctx context.Context, job digest.Digest) (*aicf.StatementLine, error) {
	return nil, errUnfinished
}

// Claim pays what an epoch earned the provider. The same epoch gives the same
// payout; NoResultYet while the epoch is open; NotFound if it earned nothing.
func (s *Service) Claim(ctx context.Context, c aicf.Call, provider digest.Digest, epoch uint64) (*aicf.Payout, error) {
	return nil, errUnfinished
}

// Payouts of a provider, newest first.
func (s *Service) Payouts(ctx context.Context, provider digest.Digest, limit int) ([]aicf.Payout, error) {
	return nil, errUnfinished
}

// Epochs lists epochs, newest first.
func (s *Service) Epochs(ctx context.Context, limit int) ([]aicf.Epoch, error) {
	return nil, errUnfinished
}

// Epoch is one epoch; NotFound before it began.
func (s *Service) Epoch(ctx context.Context, n uint64) (*aicf.Epoch, error) {
	return nil, errUnfinished
}

// Inclusion proves a claim under the root of the epoch that settled it.
func (s *Service) Inclusion(ctx context.Context, epoch uint64, claim digest.Digest) (*aicf.InclusionProof, error) {
	return nil, errUnfinished
}

// Dispute appeals a slash or accuses a provider. Counter-evidence that does not
// verify changes nothing and is answered with Accepted false.
func (s *Service) Dispute(ctx context.Context, c aicf.Call, d aicf.Dispute) (*aicf.DisputeOutcome, error) {
	return nil, errUnfinished
}

// Slashes lists proposals in their order.
func (s *Service) Slashes(ctx context.Context, f aicf.SlashFilter) (*aicf.SlashPage, error) {
	return nil, errUnfinished
}

// Slash is one proposal with its document; NotFound.
func (s *Service) Slash(ctx context.Context, id digest.Digest) (*aicf.Slash, error) {
	return nil, errUnfinished
}

// Events returns at most limit events behind after, in order, without gaps.
func (s *Service) Events(ctx context.Context, after uint64, limit int) ([]aicf.Event, error) {
	return nil, errUnfinished
}

// Deposit credits an account; only for calls signed by the treasury key. The
// reference makes it idempotent; at most 128 bytes.
func (s *Service) Deposit(ctx context.Context, c aicf.Call, account digest.Digest, amount aicf.Amount, reference string) (*aicf.Balance, error) {
	return nil, errUnfinished
}

// Faucet credits an account of a development service; Forbidden elsewhere.
func (s *Service) Faucet(ctx context.Context, c aicf.Call, account digest.Digest, amount aicf.Amount) (*aicf.Balance, error) {
	return nil, errUnfinished
}

// CommitBeacon and RevealBeacon are a provider's two halves of a round: the
// commitment in the round before, the value in the round.
func (s *Service) CommitBeacon(ctx context.Context, c aicf.Call, provider digest.Digest, round uint64, commitment digest.Digest) error {
	return errUnfinished
}

// RevealBeacon opens a commitment; see CommitBeacon.
func (s *Service) RevealBeacon(ctx context.Context, c aicf.Call, provider digest.Digest, round uint64, value digest.Digest) error {
	return errUnfinished
}

// Round is one beacon round; NotFound before it began.
func (s *Service) Round(ctx context.Context, n uint64) (*aicf.Round, error) {
	return nil, errUnfinished
}

// Sweep does what is due at nowMS and is idempotent: lapsed offers, expired
// leases and jobs, retries, missed heartbeats, unbonding, windows, slashes
// whose appeal ended, settlement of finished epochs, payouts, unfinished
// verifications. Replicas may all call it. It returns how much it did.
func (s *Service) Sweep(ctx context.Context, nowMS int64) (Swept, error) {
	return Swept{}, errUnfinished
}

// AdvanceRound closes the current round and opens the next. Round expected
// must be the current one: a second call for it changes nothing.
func (s *Service) AdvanceRound(ctx context.Context, nowMS int64, expected uint64) (*aicf.Round, error) {
	return nil, errUnfinished
}

// Tick is Sweep, and AdvanceRound as often as the policy's round time says; a
// server calls it about once a second.
func (s *Service) Tick(ctx context.Context, nowMS int64) (Swept, error) {
	return Swept{}, errUnfinished
}

// Swept counts what a sweep did.
type Swept struct {
	Lapsed, Expired, Requeued, JobsExpired, Released, Windows, Proposed, Executed, Settled, Paid, Verified int
	Rounds                                                                                                 int
}

// Check judges the invariants I1–I18 now.
func (s *Service) Check(ctx context.Context) (*aicf.Audit, error) { return nil, errUnfinished }

// Backup writes a copy of the database that opens by itself.
func (s *Service) Backup(ctx context.Context, path string) error { return errUnfinished }
