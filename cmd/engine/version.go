package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/internal/cli"
)

// version is the release, by semantic versioning.
const version = "0.1.0"

func (e *program) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions that a proof depends on", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return e.Print(v, func(w io.Writer) {
				fmt.Fprintf(w, "engine %s (%s %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
			})
		},
	}
}

// engineVersion is what X hashes about this program: no commit, no path, no CPU.
// numeric is "numeric/N" of the backend, empty for one that is no simulator.
func engineVersion(numeric string) string {
	if numeric == "" {
		numeric = "numeric/none"
	}
	return fmt.Sprintf("engine/%s %s meter/%d", version, numeric, meter.Version)
}
