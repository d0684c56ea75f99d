// Package ionq is a driver of engine.driver.v1 for IonQ's cloud, REST v0.4.
//
// It promises that a key reaches the vendor at most once as far as a client can
// tell (a ledger on disk, and the vendor's own list before a second POST), that a
// POST is never repeated blindly, that outcomes are called shots only where the
// vendor lists shots, and that every u3 and CZ is sent by the fixed table of
// request.go with optimisation and debiasing switched off.
//
// It does not promise that the vendor honours those settings; that is what traps
// measure. Pulse-level translation by the vendor is out of its sight.
package ionq
