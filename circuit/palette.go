package circuit

import "slices"

// sortedUnique sorts in place and drops repeats.
func sortedUnique(u []U3Angles) []U3Angles {
	slices.SortFunc(u, U3Angles.Compare)
	return slices.Compact(u)
}

// search returns the position of u in a sorted list that contains it.
func search(sorted []U3Angles, u U3Angles) int {
	i, ok := slices.BinarySearchFunc(sorted, u, U3Angles.Compare)
	if !ok {
		panic("circuit: triple not in table") // unreachable: the table was built from the same triples
	}
	return i
}

// NewPalette returns the normal forms of all triples given, sorted ascending,
// each once (decision C1).
func NewPalette(triples []U3Angles) []U3Angles {
	out := make([]U3Angles, len(triples))
	for i, u := range triples {
		out[i] = u.Normal()
	}
	return sortedUnique(out)
}
