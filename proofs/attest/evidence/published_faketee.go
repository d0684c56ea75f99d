//go:build faketee

package evidence

import "github.com/animicaorg/engine/proofs/attest/faketee"

// fakeRoots is the root of the fake TEE.
func fakeRoots() map[string]string { return map[string]string{faketee.Fingerprint(): faketee.Why} }
