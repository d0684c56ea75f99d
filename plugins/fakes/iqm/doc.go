// Package iqm is a stand-in for IQM Server, API v1: an http.Handler that simulates
// the circuits which are submitted to it.
//
// It promises that outcomes are those of the submitted circuit, that they are fixed
// when a job is accepted, that requests with unknown members are refused, that it
// counts every POST that it accepts and keeps no two apart by their tag (the vendor
// has no idempotency either), and that the same seed and the same requests give the
// same outcomes. It fails on demand (package faults) and is noisy on demand.
//
// It is made from the vendor's public description and from what the vendor's own
// client sends, not from its program: what they leave open, it chose. It has no
// list of jobs, for the public API has none. Pulses (type sweep), resonators,
// feedback, timeslots and QIR are not served. Jobs are kept in memory.
package iqm
