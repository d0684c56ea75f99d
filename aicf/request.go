package aicf

import "github.com/animicaorg/engine/digest"

// The bodies of calls whose arguments the service takes one by one.

// KeyRequest enrols a buyer's key; the call is signed by that very key.
type KeyRequest struct {
	Alg    string `json:"alg" enum:"ed25519"`
	Public []byte `json:"public"` // raw, base64 in JSON
}

// StakeRequest moves money into stake or out of it. ProviderID defaults to the caller.
type StakeRequest struct {
	ProviderID digest.Digest `json:"provider_id,omitzero"`
	Amount     Amount        `json:"amount" minimum:"1" maximum:"9007199254740991"`
}

// RetireRequest ends a provider's work. ProviderID defaults to the caller.
type RetireRequest struct {
	ProviderID digest.Digest `json:"provider_id,omitzero"`
}

// ClaimRequest asks for the pay of one epoch. ProviderID defaults to the caller.
type ClaimRequest struct {
	ProviderID digest.Digest `json:"provider_id,omitzero"`
	Epoch      uint64        `json:"epoch"`
}

// DepositRequest credits an account, signed by the treasury key. The reference makes it
// idempotent.
type DepositRequest struct {
	Account   digest.Digest `json:"account"`
	Amount    Amount        `json:"amount" minimum:"1" maximum:"9007199254740991"`
	Reference string        `json:"reference" minLength:"1" maxLength:"128"`
}

// FaucetRequest credits an account of a development network. Account defaults to the caller.
type FaucetRequest struct {
	Account digest.Digest `json:"account,omitzero"`
	Amount  Amount        `json:"amount" minimum:"1" maximum:"9007199254740991"`
}

// BeaconCommit is the commitment to a round's value, made in the round before.
type BeaconCommit struct {
	ProviderID digest.Digest `json:"provider_id,omitzero"`
	Commitment digest.Digest `json:"commitment"`
}

// BeaconReveal opens a commitment in its round.
type BeaconReveal struct {
	ProviderID digest.Digest `json:"provider_id,omitzero"`
	Value      digest.Digest `json:"value"`
}

// Page is one page of a list over HTTP; Next is the cursor of the following one, empty on
// the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Health is the answer of /healthz and /readyz.
type Health struct {
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
}
