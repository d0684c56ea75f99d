package zoo

// Strategy is one way to cheat, or to look as if.
type Strategy struct {
	Row  int    // number in the list of strategies, 0 is the honest device
	Name string // as backends/cheat names it
	What string

	noise    uint64                      // multiple of the policy's noise; 0 counts as 1
	honest   func(place float64) float64 // share of honest slots at a place of the job in [0, 1); nil: all
	attack   *attack
	missing  bool // loses slots in every window
	notes    string
	constant bool // honest does not depend on the place
}

// share is a constant share of honest slots, blind to roles.
func share(h float64) func(float64) float64 { return func(float64) float64 { return h } }

// strategies of the zoo, by row.
var strategies = []Strategy{
	{Row: 0, Name: "honest", What: "a device as noisy as the policy expects", constant: true, notes: "what is detected are false alarms"},
	{Row: 1, Name: "uniform", What: "answers uniformly random bits", honest: share(0), constant: true},
	{Row: 2, Name: "constant", What: "answers all zeros without running anything", honest: share(0), constant: true},
	{Row: 3, Name: "replay", What: "answers each group of 64 slots with the outcome of its first", honest: share(1. / 64), constant: true},
	{Row: 4, Name: "fake-half", What: "runs half of the slots and invents the rest", honest: share(.5), constant: true},
	{Row: 5, Name: "fake-30", What: "invents 30 % of the slots", honest: share(.7), constant: true},
	{Row: 6, Name: "fake-25", What: "invents a quarter of the slots", honest: share(.75), constant: true},
	{Row: 7, Name: "fake-10", What: "invents a tenth of the slots", honest: share(.9), constant: true},
	{Row: 8, Name: "burst", What: "invents 8 of 64 windows in a row", honest: func(p float64) float64 {
		if p >= 20./64 && p < 28./64 {
			return 0
		}
		return 1
	}},
	{Row: 9, Name: "stop-75", What: "stops after three quarters and invents the rest", honest: func(p float64) float64 {
		if p >= .75 {
			return 0
		}
		return 1
	}},
	{Row: 10, Name: "omit-cz", What: "leaves out every CZ", attack: &attack{omit: func(int, int, int) bool { return true }}},
	{Row: 10, Name: "half-depth", What: "leaves out the CZ layers of the second half", attack: &attack{omit: func(j, m, _ int) bool { return j >= m/2 }}},
	{Row: 11, Name: "one-cz", What: "leaves out one CZ in the middle, as a dead coupler does", attack: &attack{omit: func(j, m, k int) bool { return j == m/2 && k == 0 }}},
	{Row: 12, Name: "traps-honest", What: "tells traps by comparing slots, runs them and invents the targets", constant: true,
		notes: "not detectable by traps: the detected are false alarms; it needs no secret"},
	{Row: 13, Name: "classical", What: "simulates everything classically, with an honest device's noise", constant: true,
		notes: "not detectable by outcomes: the results are right"},
	{Row: 14, Name: "noise-2", What: "a device twice as noisy as the policy expects", noise: 2, constant: true},
	{Row: 15, Name: "noise-3", What: "a device three times as noisy as the policy expects", noise: 3, constant: true},
	{Row: 16, Name: "drop", What: "loses every eighth slot", missing: true, constant: true, notes: "a missing slot condemns its window"},
	{Row: 16, Name: "shuffle", What: "hands outcomes out in another order", honest: share(0), constant: true},
	{Row: 17, Name: "retry", What: "invents a tenth of the slots, and runs again until the traps pass", honest: share(.9), constant: true,
		notes: "one commit per lease: the first execution counts"},
	{Row: 18, Name: "hand-counts", What: "runs nothing and writes the counts by hand", honest: share(0), constant: true,
		notes: "found when the committed outcomes are judged again"},
	{Row: 19, Name: "conjugate", What: "complex-conjugates every gate of one qubit", attack: &attack{conj: true}, notes: "invisible to kind A, seen by kind B"},
}

// Strategies lists the zoo by row.
func Strategies() []Strategy { return append([]Strategy(nil), strategies...) }

// Find returns the strategy of a name.
func Find(name string) (Strategy, bool) {
	for _, s := range strategies {
		if s.Name == name {
			return s, true
		}
	}
	return Strategy{}, false
}

// Notes is what else there is to say; often nothing.
func (s *Strategy) Notes() string { return s.notes }

// Frames reports whether the model is a simulation of Pauli frames.
func (s *Strategy) Frames() bool { return s.attack != nil }
