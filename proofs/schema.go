package proofs

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of the JSON form. It judges form
// only; Verify judges truth.
//
//go:embed schema/quantum_proof.schema.json
var Schema []byte
