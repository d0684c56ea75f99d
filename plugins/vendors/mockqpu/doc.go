// Package mockqpu is the reference driver: a quantum device that exists only in
// this process. It runs what was submitted, gate by gate, with the noise of a
// calibration file, keeps its jobs on disk like a vendor's cloud would, signs with
// a device key, and fails on demand.
//
// It promises to behave at the boundary as SPEC.md of package driver demands; the
// conformance kit is tested against it. Its device key is held by this process,
// so its certificate never says "device": it is the operator's.
package mockqpu
