// Package httpapi serves the job network over HTTP: the routes of the provider guide and
// what a provider, a buyer and an auditor need besides.
//
// It promises that every write was signed by an enrolled key over method, address, query,
// body, idempotency key and time (RFC 9421 in the profile of internal/httpsig) before the
// service sees it, that every refusal is an RFC 9457 problem with a stable code and the next
// step, that an answer to a signed call is signed by the service and bound to the question,
// and that a burst is answered 429 or 503 with Retry-After, never by growing. What a call
// does is package aicf/network's business; this package decides nothing about jobs or money.
//
// A development service also takes unsigned calls, from this machine only.
package httpapi
