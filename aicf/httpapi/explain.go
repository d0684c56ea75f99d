package httpapi

import "github.com/animicaorg/engine/aicf"

type explanation struct{ cause, fix string }

// explanations are the pages behind a problem's type; a test wants one for each code.
var explanations = map[aicf.Code]explanation{
	aicf.AttestationError:  {"Evidence, a signature or a key in a document was refused.", "The detail names the part. Is the vendor's or TEE's root in roots/, and has the certificate not expired? engine attest verify and engine bundle verify check offline."},
	aicf.TrapMismatch:      {"The traps say that the outcomes are wrong, or the verdict in the proof is not what they say.", "Is the trap library the one that network policy names? engine traps judge BUNDLE judges again; engine calibrate shows a device's drift."},
	aicf.ProofError:        {"The proof or its bundle does not verify.", "engine proof verify FILE --bundle DIR names the first failing step."},
	aicf.SchemaError:       {"The document breaks its form: a member is missing, unknown, repeated or of the wrong type.", "errors[] lists every member; /openapi.yaml has the schemas."},
	aicf.NullifierReuse:    {"A proof with this nullifier has been credited already.", "A job is paid once. Nothing to do."},
	aicf.LimitExceeded:     {"A size, quota or count is above its limit.", "The detail has the limit."},
	aicf.RateLimited:       {"Too many calls in a second from this key or address.", "Wait as Retry-After says; use wait_ms of /aicf/leases/next and /aicf/events instead of polling."},
	aicf.JobExpired:        {"The job is over.", "Submit it again under another job_id."},
	aicf.InsufficientStake: {"The stake, or the balance that it comes from, is below what policy wants.", "omni aicf get_balance shows it; deposits come from the treasury, on a development network from the faucet."},
	aicf.PaymentRequired:   {"The available balance does not cover the price that goes into escrow.", "Deposit, or lower price.units."},
	aicf.QueueOverCapacity: {"The queue of jobs is full.", "Submit again later, as Retry-After says."},
	aicf.NoResultYet:       {"What was asked for is not there yet.", "Wait; the job's timeline and the epoch's status show when."},
	aicf.LeaseFenced:       {"Another fence holds the job, or this fence has given another result.", "Stop working on the lease. Two results under one fence are evidence against the provider."},
	aicf.LeaseExpired:      {"The lease ended before this call; an ended lease is never revived.", "Renew before expires_ms; raise capacity only as far as jobs finish in time."},
	aicf.LeaseLost:         {"The lease was released, rejected or cancelled.", "Take the next offer."},
	aicf.ReplayDetected:    {"This signature has been used.", "Sign every call with a fresh nonce; to repeat a call keep its Idempotency-Key and sign again."},
	aicf.ClockSkew:         {"created or expires lies outside the window, or the service's own clock went back.", "Set the clock by NTP; server_time_ms says what the service has."},
	aicf.VersionTooOld:     {"The client or engine is older than this service accepts.", "Update to the version in the detail."},
	aicf.PolicyMismatch:    {"The document names another policy than the lease's.", "omni aicf policy show prints the active one."},
	aicf.Unauthorized:      {"No enrolled key signed the call.", "Sign by RFC 9421 with Ed25519, label omni: @method @authority @path @query, and with a body content-digest (sha-256) content-type idempotency-key, in this order; created, expires at most 60 s later, nonce of 16 bytes in hex, keyid = SHA3-256 of the public key, alg ed25519, tag animica-aicf/1."},
	aicf.Forbidden:         {"The key may not do this.", "Sign with a key of the account that the call is about."},
	aicf.NotFound:          {"There is no such thing.", "The detail names it."},
	aicf.Conflict:          {"The state does not allow it.", "The detail has the state."},
	aicf.IdempotencyReused: {"One Idempotency-Key came with two different requests.", "Use a fresh key for another request."},
	aicf.Overloaded:        {"The service has as much to do as it can.", "Wait as Retry-After says; the call had no effect."},
	aicf.StorageFailed:     {"The database cannot write: disk full, read-only, or away.", "The operator sees the cause in the log; the call had no effect. Repeat it with the same Idempotency-Key."},
	internalError:          {"The service failed.", "The operator finds the cause under the request's id. Repeat the call with the same Idempotency-Key."},
}
