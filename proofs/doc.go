// Package proofs makes, encodes and checks QuantumProofs: the envelope of the
// provider guide with one added object, body.binding, that ties it to the job,
// the modules, the device and the raw outcomes.
//
// It promises that an envelope has one meaning in JSON and in CBOR, that what
// the provider signs covers every byte of it but the signature itself, and that
// Verify runs every check it has input for, lists all of them, and names those
// it could not run. It reads no clock, no network and no file but the bundle it
// is given. What it cannot know is listed in SPEC.md as provider-asserted.
package proofs
