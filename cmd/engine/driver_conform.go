package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver/drivertest"
	"github.com/animicaorg/engine/plugins/driver/process"
)

type driverScore struct {
	Score  drivertest.Score    `json:"score"`
	Checks []drivertest.Result `json:"checks"`
	Error  *cli.Body           `json:"error,omitempty"`
}

func (e *program) driverTest() *cobra.Command {
	var only []string
	var configFile, device string
	var jobs int
	c := &cobra.Command{
		Use: "test NAME|PATH", Short: "Check a driver against its contract and print a score card",
		Long: `Start a shipped driver, or the program at PATH, in an empty folder and check
what engine.driver.v1 promises: handshake, description, configuration, devices,
submissions, results, recovery after kill -9, signatures, end. The driver needs no
lock entry; jobs are submitted to the device that its configuration names.

Settings come from the configuration file's drivers.NAME, or from --driver-config.
Exit 20 where a check failed.`,
		Example: "  engine driver test mockqpu\n  engine driver test ./engine-driver-acme --driver-config acme.json --json",
		Args:    cli.Args("NAME|PATH"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, path := args[0], ""
			if _, ok := shippedDrivers[name]; !ok {
				path = name
				name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
			}
			img, argv, err := e.sealDriver(name, path)
			if err != nil {
				return err
			}
			defer img.Close()
			work, err := os.MkdirTemp("/tmp", "dt")
			if err != nil {
				return cli.Errorf(cli.DriverStart, "", "%w", err)
			}
			defer os.RemoveAll(work)
			cache, sockets := filepath.Join(work, "cache"), filepath.Join(work, "s")
			for _, d := range []string{cache, sockets} {
				if err := os.Mkdir(d, 0o700); err != nil {
					return cli.Errorf(cli.DriverStart, "", "%w", err)
				}
			}
			cfg, err := e.driverConfig(name, cache)
			if err != nil {
				return err
			}
			if configFile != "" {
				if cfg.JSON, err = os.ReadFile(configFile); err != nil || !json.Valid(cfg.JSON) {
					return cli.Errorf(cli.BadConfig, "--driver-config", "%s is not a JSON file (%v)", configFile, err)
				}
			}
			spec := &process.Spec{Image: img, Args: argv, CacheDir: cache}
			if spec.ReadDirs, err = e.readDirs(name, path); err != nil {
				return err
			}
			if err := e.openPython(cmd.Context(), name, path, spec); err != nil {
				return err
			}
			if err := e.buildWalls(name, spec, sockets); err != nil {
				return err
			}
			s, err := drivertest.Run(cmd.Context(), drivertest.Options{Spec: spec, Config: cfg.JSON, Secrets: cfg.Secrets, Device: device, Sockets: sockets, Now: time.Now,
				Logger: e.Log, Only: only, Jobs: jobs, OnCheck: func(r drivertest.Result) {
					if r.Status == drivertest.Failed {
						e.Say("failed   %-26s %s", r.Name, r.Detail)
					}
				}})
			if err != nil && s == nil {
				return cli.Errorf(cli.Usage, "--only", "%w", err)
			}
			if err != nil {
				return err
			}
			return e.printScore(args[0], s)
		},
	}
	f := c.Flags()
	f.StringSliceVar(&only, "only", nil, "`NAMES` of the checks to run, comma separated (default all)")
	f.StringVar(&configFile, "driver-config", "", "`FILE` with the driver's configuration in JSON")
	f.StringVar(&device, "device", "", "`ID` of the device (default the first)")
	f.IntVar(&jobs, "jobs", 200, "jobs of the check for growing memory")
	return c
}

func (e *program) printScore(name string, s *drivertest.Score) error {
	out := driverScore{Score: *s, Checks: s.Checks}
	var failed *cli.Error
	if s.Failed > 0 {
		failed = cli.Errorf(cli.DriverStart, "", "%s failed %d of %d checks", name, s.Failed, s.Failed+s.Passed).Named("ConformanceFailed").WithHint("plugins/driver/SPEC.md says what each call promises")
	}
	if failed != nil {
		out.Error, failed.Printed = failed.Body(), e.JSON
	}
	err := e.Print(out, func(w io.Writer) {
		group := ""
		for _, r := range s.Checks {
			if r.Group != group {
				group = r.Group
				fmt.Fprintf(w, "%s\n", group)
			}
			fmt.Fprintf(w, "  %-8s %-30s %s\n", r.Status, r.Name, r.Detail)
		}
		fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", s.Passed, s.Failed, s.Skipped)
	})
	if err != nil || failed == nil {
		return err
	}
	return failed
}
