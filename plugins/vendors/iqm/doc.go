// Package iqm is a driver of engine.driver.v1 for IQM Server, API v1, the
// interface of IQM's cloud and of its machines on the customer's premises.
//
// It promises that a key reaches the vendor at most once (a ledger on disk before
// the one POST), that a POST is never repeated blindly, and that every u3 and CZ is
// sent by the fixed table of request.go, one native gate for one gate, with
// heralding, dynamical decoupling and active reset off and the calibration set
// named.
//
// The public API has neither a token of the client's nor a list of jobs. So when
// the answer to a submission is lost, this driver cannot find the job again: it says
// SUBMIT_UNCERTAIN until the operator, who finds the job by its tag in the vendor's
// dashboard, settles it in the configuration. It does not promise that the vendor
// runs what it was sent; that is what traps measure.
package iqm
