package process

import "strings"

// Level says which walls stand around a driver process.
type Level struct {
	OwnGroup   bool // a process group of its own
	DiesWithUs bool // SIGKILL when the engine ends
	NoNewPrivs bool
	NoCaps     bool   // no capability of root, and none to be had
	Limits     bool   // rlimits: no core dumps, files
	Landlock   int    // ABI version in force; 0: none. From 6 on signals stay inside
	User       string // the uid it runs under, when not the engine's
	Cgroup     string // its bounds: "cgroup (memory 4 GiB, 512 processes)"; empty: none
	Wrapper    string // what it runs inside of: "bwrap"
	// Missing says, for each wall that was asked for and does not stand, why.
	Missing []string
}

func (l Level) String() string {
	var parts []string
	for _, p := range []struct {
		on   bool
		name string
	}{{l.OwnGroup, "own group"}, {l.DiesWithUs, "dies with the engine"}, {l.NoNewPrivs, "no new privileges"}, {l.NoCaps, "no capabilities"}, {l.Limits, "limits"},
		{l.Landlock > 0, "landlock"}, {l.User != "", "own user"}, {l.Cgroup != "", l.Cgroup}, {l.Wrapper != "", l.Wrapper}} {
		if p.on {
			parts = append(parts, p.name)
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ", ")
}
