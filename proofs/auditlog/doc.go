// Package auditlog keeps an operator's tamper-evident log: which lease led to
// which transcript, attestation, proof and settlement, in an RFC 6962 tree with
// signed checkpoints (C2SP tlog-checkpoint, tlog-tiles, tlog-proof,
// tlog-cosignature; SPEC.md).
//
// It promises that an entry is on disk before Append returns, that a checkpoint
// never covers less than an earlier one nor contradicts it, that a folder whose
// tiles, entries or checkpoints were changed is refused, and that an exported
// proof can be checked offline with the log's key alone. It does not promise
// that an operator logs the truth, nor that he shows everybody the same log:
// for the latter checkpoints go out in heartbeats and to witnesses, and two of
// them that contradict each other are evidence (Contradiction).
//
// Times are parameters; the package reads no clock.
package auditlog
