// Package httpsig signs and verifies HTTP messages by RFC 9421 with Ed25519, in the one
// profile that the job network speaks (decision G6).
//
// A request with GET or HEAD covers "@method" "@authority" "@path" "@query". Every other
// request covers those and "content-digest" "content-type" "idempotency-key", in this order.
// The parameters are created, expires (at most 60 s later), nonce (16 bytes in hex), keyid,
// alg="ed25519" and tag="animica-aicf/1", all required. A response covers "@status"
// "content-digest" "content-type" and, bound to its request, "signature";req;key="omni", so
// that an answer cannot be moved to another question.
//
// The package promises that a message which verifies was signed by the key that its keyid
// names, over exactly this set of components, within the window of time. It does not keep
// nonces: the caller stores (keyid, nonce) in the transaction of the effect until
// [Signature.ForgetAfter]. It is no general RFC 9421 library: other sets, other labels, other
// algorithms and components with parameters are refused, not skipped.
package httpsig
