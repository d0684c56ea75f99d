package aicf

import _ "embed"

//go:embed policies/default.yaml
var defaultPolicy []byte

//go:embed policies/lineage.yaml
var lineagePolicy []byte

// NamedPolicy is a document of this build: default, or lineage, which has the lineage's
// numbers and rules; ok is false for other names.
func NamedPolicy(name string) (document []byte, ok bool) {
	switch name {
	case "default":
		return defaultPolicy, true
	case "lineage":
		return lineagePolicy, true
	}
	return nil, false
}

// DefaultPolicy is the network's own document: stake 5000, epochs of 720 rounds
// of 5 s, windows of 50 jobs, a unit for one atomic unit, 85/10/5.
func DefaultPolicy() (*Policy, error) { return Load(defaultPolicy) }
