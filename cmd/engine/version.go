package main

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
)

func (e *program) versionVerb() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the versions that a proof depends on", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			v := struct {
				Version string `json:"version"`
				Go      string `json:"go"`
				OS      string `json:"os"`
				Arch    string `json:"arch"`
			}{engine.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH}
			return e.Print(v, func(w io.Writer) {
				fmt.Fprintf(w, "engine %s (%s %s/%s)\n", v.Version, v.Go, v.OS, v.Arch)
			})
		},
	}
}
