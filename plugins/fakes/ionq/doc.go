// Package ionq is a stand-in for IonQ's cloud, REST v0.4: an http.Handler that
// simulates the circuits which are submitted to it.
//
// It promises that answers are those of the submitted circuit, that every outcome
// is fixed when a job is accepted, that requests with unknown members are refused,
// that it counts every job it accepts, and that the same seed and the same requests
// give the same outcomes. It fails on demand (Fault).
//
// It is made from the vendor's public description, not from its program: what that
// description leaves open, it chose. It keeps jobs in memory, and a key it knows is
// the only thing it checks of a caller.
package ionq
