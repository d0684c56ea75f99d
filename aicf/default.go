package aicf

import _ "embed"

//go:embed policies/default.yaml
var defaultPolicy []byte

// DefaultPolicy is the network's own document: stake 5000, epochs of 720 rounds
// of 5 s, windows of 50 jobs, a unit for one atomic unit, 85/10/5.
func DefaultPolicy() (*Policy, error) { return Load(defaultPolicy) }
