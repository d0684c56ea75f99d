// Package transcript holds the byte definitions of everything the project
// hashes or signs: length-prefixed, domain-separated frames under SHA3-256, the
// deterministic CBOR that carries job parameters, and RFC 6962 trees over
// SHA3-256 for raw outcomes. SPEC.md is the byte table.
//
// It promises that equal values have equal bytes, that different values have
// different bytes (each frame is injective), and that a value outside its limits
// is refused instead of encoded. It reads no clock, keeps no state and does not
// know who signs.
package transcript
