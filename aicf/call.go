package aicf

import "github.com/animicaorg/engine/digest"

// Call says who asks and when. The transport fills it from the verified
// signature; in-process callers fill it themselves. A verb stores Nonce and
// IdempotencyKey in the transaction that has its effect.
type Call struct {
	// NowMS is the time of the call, Unix milliseconds: the service's clock, or a
	// devnet's logical one. The store refuses to go back more than a second
	// (ClockSkew) and treats smaller steps back as standing still.
	NowMS int64
	// Account is who acts: a provider_id, or the key id of a buyer's key. Zero
	// only for unsigned calls of a development service.
	Account digest.Digest
	// Key is the id of the key that signed; zero where nothing was signed.
	Key digest.Digest
	// Nonce and NonceUntilMS make a signature good for one effect: a (Key, Nonce)
	// seen before NonceUntilMS is ReplayDetected. Empty: no check.
	Nonce        []byte
	NonceUntilMS int64
	// IdempotencyKey and RequestSHA3 return the stored answer when the same
	// request comes again; another request under the key is IdempotencyMismatch.
	// Empty: no check. Answers are kept for 24 hours.
	IdempotencyKey string
	RequestSHA3    digest.Digest
	// Unsigned is set by a development service for calls without a signature. A
	// verb then believes the ids that its request names.
	Unsigned bool
}

// Amount is money in atomic units. All amounts are 0..2^53-1; sums that would
// leave the range are refused.
type Amount int64

// KeyInfo is what the registry knows of a key.
type KeyInfo struct {
	Key         digest.Digest `json:"key_id"`
	Account     digest.Digest `json:"account"`
	Alg         string        `json:"alg"`
	Public      []byte        `json:"public"`
	Role        string        `json:"role"` // operational, root, payout, buyer, treasury
	ValidFromMS int64         `json:"valid_from_ms"`
	RevokedMS   int64         `json:"revoked_ms,omitempty"` // 0: not revoked; the overlap of a rotation ends here
}
