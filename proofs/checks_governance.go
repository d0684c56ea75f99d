package proofs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/modules/trust"
)

// Sets is the chain of module sets that a verifier holds.
type Sets struct {
	Chain  *trust.Chain
	Height uint64 // greatest block height that the verifier knows of; 0: none
}

// governanceNames are the names of failures of step governance_set.
var governanceNames = []struct {
	err  error
	name string
}{
	{trust.ErrUnknownSet, "UnknownSet"}, {trust.ErrSuperseded, "Superseded"}, {trust.ErrFork, "Fork"}, {trust.ErrExpired, "Expired"},
	{trust.ErrNotActive, "NotActive"}, {trust.ErrNotListed, "NotListed"}, {trust.ErrRevoked, "Revoked"}, {trust.ErrBytes, "Bytes"},
}

// governanceSet checks that governance_set is a set of the chain and lets the
// modules of M run.
func (v *verifier) governanceSet() (string, error) {
	b := &v.p.Body.Binding
	switch {
	case b.GovernanceSet.IsZero():
		return "", skipf("the proof names no set")
	case v.in.Sets == nil:
		return "", skipf("no chain of sets at hand")
	}
	p := trust.Past{Set: b.GovernanceSet, ChainID: b.ChainID, Round: b.Round}
	_, version, _ := strings.Cut(b.Engine, " meter/")
	for i := range b.Modules {
		m := &b.Modules[i]
		kind, _, _ := strings.Cut(m.Slot, ".")
		if kind == "driver" {
			continue // a program, which governance does not list
		}
		p.Ran = append(p.Ran, trust.Ran{Kind: kind, Name: m.Name, Version: m.Version, SHA3: m.SHA3, Size: m.Size, Meter: "meter-" + version, Metered: m.MeteredSHA3})
	}
	s, err := v.in.Sets.Chain.Judge(p, v.in.Sets.Height)
	if err != nil {
		for _, n := range governanceNames {
			if errors.Is(err, n.err) {
				v.errName = n.name
			}
		}
		return "", err
	}
	return fmt.Sprintf("epoch %d of chain %d, %d modules", s.Epoch, s.ChainID, len(p.Ran)), nil
}
