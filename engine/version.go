package engine

import (
	"cmp"
	"fmt"

	"github.com/animicaorg/engine/host/meter"
)

// Version is the release, by semantic versioning.
const Version = "0.1.0"

// VersionOf is the engine_version that X hashes: no commit, no path, no CPU. numeric is
// "numeric/N" of the simulator, empty for a backend that is none.
func VersionOf(numeric string) string {
	return fmt.Sprintf("engine/%s %s meter/%d", Version, cmp.Or(numeric, "numeric/none"), meter.Version)
}
