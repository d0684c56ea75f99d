// Package rest is how a driver talks to a vendor's service over HTTP and JSON.
//
// It promises that a request other than a GET leaves this machine at most once,
// that no redirect is followed, that an answer is bounded before it is held, that
// the secret travels over TLS or to this machine only, and that no error text has
// it. A GET is tried again where trying again helps.
//
// It does not know what a vendor's answers mean: Client.Refusal does.
package rest
