// Package trust decides which WebAssembly modules a node may run: governance
// records and sets as canonical frames, k-of-n Ed25519 signatures, a chain of
// epochs, rotation of the keys, revocation, self-test vectors and a local policy
// that can only remove. SPEC.md is the byte table and the list of rules.
//
// It promises that a module it admits stands, with exactly the bytes held, in a
// set that enough distinct keys of the pinned root (or of roots rotated from it)
// signed, that the set is in force at the height given, and that nodes that saw
// the same documents in any order hold the same head. Time is a block height and
// a parameter. It does no input or output, runs no module itself, and does not
// say that a module is good: that is what the signers vouch for.
package trust

import "errors"

// Errors, one for each way in which a document or a module is refused.
var (
	ErrForm         = errors.New("governance document is malformed")
	ErrDomain       = errors.New("signature or document of another domain")
	ErrThreshold    = errors.New("too few distinct keys signed")
	ErrDuplicateKey = errors.New("one key signed twice")
	ErrUnknownKey   = errors.New("signed by a key that the root does not list")
	ErrSignature    = errors.New("governance signature does not verify")
	ErrRollback     = errors.New("epoch or version is below the one held")
	ErrGap          = errors.New("document does not follow the one held")
	ErrFork         = errors.New("document contradicts the chain held")
	ErrRotation     = errors.New("new root is not signed by enough keys of the old one")
	ErrExpired      = errors.New("set or root has expired at this height")
	ErrNotActive    = errors.New("nothing is in force at this height yet")
	ErrNotListed    = errors.New("module is not in the set in force")
	ErrRevoked      = errors.New("module is revoked")
	ErrRemoved      = errors.New("module is removed by local policy")
	ErrBytes        = errors.New("bytes are not those that the record names")
	ErrUnknownSet   = errors.New("set is not of the chain held")
	ErrSuperseded   = errors.New("a later set was in force")
	ErrSelfTest     = errors.New("self-test vector gives another result")
)

// Limits of documents. All are counts unless they say bytes.
const (
	MaxKeys       = 64
	MaxRecords    = 1024
	MaxDigests    = 16      // builders or audits of one record
	MaxVectors    = 64      // of one module
	MaxInputs     = 1 << 20 // bytes of all inputs of one vector
	MaxVectorFile = 8 << 20 // bytes of a frame of vectors
	MaxModule     = 8 << 20 // bytes
	MaxRecord     = 16 << 10
	MaxSet        = 4 << 20 // bytes of a set's frame
	MaxChain      = 1 << 16 // roots or sets of one chain
)
