package traps

import (
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/stats"
)

// Plan fixes all that a job's slots and verdict depend on besides the root: the
// counts, the expected pass rates, the limits of the verdict and the palette.
func Plan(layered *circuit.Layered, h guest.Header, pol guest.Policy, mix Mix) (*guest.Plan, error) {
	if err := checkCircuit(layered); err != nil {
		return nil, err
	}
	if _, err := guest.ParseHeader(h.Append(nil)); err != nil {
		return nil, domain("%v", err)
	}
	if err := checkPolicy(pol); err != nil {
		return nil, err
	}
	f, err := checkFamily(mix, &layered.Skeleton)
	if err != nil {
		return nil, err
	}
	p := &guest.Plan{Skeleton: layered.Skeleton, Palette: palette(layered, f.gates), Policy: pol, Shots: h.Shots, RatioPPM: h.RatioPPM,
		N1: uint64(layered.Locations()), N2: uint64(layered.NumCZ()), MixA: mix.A, MixB: mix.B | mix.Family<<32}
	lay := stats.NewLayout(h.Shots, h.RatioPPM)
	if p.Traps = lay.Traps; p.Traps > MaxTraps {
		return nil, domain("%d traps above %d: choose a smaller ratio or fewer shots", p.Traps, MaxTraps)
	}
	p.NA, p.NB = mix.counts(p.Traps)
	for j := range lay.Windows {
		p.WindowTraps = append(p.WindowTraps, uint32(lay.TrapsIn(j)))
	}
	fillStatistics(p, f)
	return p, nil
}

// fillStatistics sets everything that package stats computes.
func fillStatistics(p *guest.Plan, f *family) {
	sp, w := stats.Policy(p.Policy), uint64(p.Skeleton.Width)
	if f.rates != nil {
		p.PA, p.PB = f.rates(p)
	} else {
		p.PA, p.PB = stats.PassRates(p.N1, p.N2, w, sp)
	}
	alphaA, alphaB := p.Policy.AlphaA, p.Policy.AlphaB
	switch { // a single kind has the whole final test
	case f.mix.A == 0:
		alphaB += alphaA
	case f.mix.B == 0:
		alphaA += alphaB
	}
	p.CA = stats.AcceptThreshold(p.NA, p.PA, alphaA)
	p.CB = stats.AcceptThreshold(p.NB, p.PB, alphaB)
	p.TMin = stats.TMin(p.PA, p.PB, w, p.MixA > 0)
	a, b := stats.IncrementsA(p.PA), stats.IncrementsB(p.PB)
	p.IncPassA, p.IncFailA, p.IncPassB, p.IncFailB = a.Pass, a.Fail, b.Pass, b.Fail
	p.HGlobal = stats.ThresholdGlobal(p.Policy.AlphaE)
	p.HCusum = stats.ThresholdCusum(p.Policy.AlphaE, uint64(len(p.WindowTraps)))
}

// palette is every triple that a slot can hold: each compiled gate and each free
// gate of the family with a Pauli on either side, and the Cliffords, which Paulis
// only permute.
func palette(l *circuit.Layered, free []circuit.U3Angles) []circuit.U3Angles {
	all := append(make([]circuit.U3Angles, 0, 16*(len(l.U)+len(free))+numCliffords), cliff.triple[:]...)
	for _, u := range slices.Concat(l.U, free) {
		for r := range circuit.Pauli(4) {
			ur := u.Right(r)
			for p := range circuit.Pauli(4) {
				all = append(all, ur.Left(p))
			}
		}
	}
	return circuit.NewPalette(all)
}
