package traps

import "github.com/animicaorg/engine/circuit"

// Limits of xeb_small@1: what a score costs in the sandbox stays inside the fuel of
// one call.
const (
	MaxXEBWidth = 12
	MaxXEBWork  = 1 << 21 // (layers+1)·width·2^width: gates times amplitudes
)

// xebSmall has the traps of accredit and a score: its module can say how the target
// slots themselves stand against the ideal circuit, by linear cross entropy or, for
// peaked circuits, by the mean ideal chance (Score). Every circuit that it takes
// can be scored in the sandbox.
var xebSmall = family{name: "xeb_small", mix: Mix{A: 3, B: 1}, about: "the traps of accredit, and a score of the target slots on up to 12 qubits",
	limit: func(s *circuit.Skeleton) error {
		if s.Width > MaxXEBWidth {
			return domain("width %d, xeb_small takes up to %d", s.Width, MaxXEBWidth)
		}
		if n := s.Locations() << s.Width; n > MaxXEBWork {
			return domain("%d gates on 2^%d amplitudes, xeb_small takes up to %d together: use a shallower circuit", s.Locations(), s.Width, MaxXEBWork)
		}
		return nil
	}}
