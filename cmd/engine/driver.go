package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/catalog"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

func (e *program) driverVerb() *cobra.Command {
	c := &cobra.Command{
		Use: "driver", Short: "Vendor drivers: which may run, what they can do",
		Long: `A driver connects a vendor's hardware. It is a program of its own, in any
language, that speaks engine.driver.v1. A driver runs only when plugins.lock in
the data directory holds the SHA-256 of its file and an operator approved it.

  engine driver lock mockqpu
  engine driver approve mockqpu
  engine run job.json --backend mockqpu`,
	}
	c.AddCommand(e.driverList(), e.driverInfo(), e.driverLock(), e.driverApprove(), e.driverTest(), e.driverRun(), e.driverNew())
	return c
}

type listedDriver struct {
	Name     string `json:"name"`
	ID       string `json:"id"`
	Version  string `json:"version"`
	Shipped  bool   `json:"shipped"`
	Path     string `json:"path,omitempty"`
	State    string `json:"state"` // unlocked, locked, approved, changed, override
	SHA256   string `json:"sha256"`
	Approver string `json:"approved_by,omitempty"`
}

func (e *program) driverList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List shipped and locked drivers and whether they may run", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			lock, err := e.loadLock()
			if err != nil {
				return err
			}
			names := slices.Collect(maps.Keys(shippedDrivers))
			for _, l := range lock.Entries {
				names = append(names, l.Name)
			}
			names = append(names, slices.Collect(maps.Keys(e.cfg.DevOverrides))...)
			slices.Sort(names)
			rows := []listedDriver{}
			for _, n := range slices.Compact(names) {
				row, err := e.listDriver(lock, n)
				if err != nil {
					return err
				}
				rows = append(rows, row)
			}
			return e.Print(map[string]any{"drivers": rows}, func(w io.Writer) {
				for _, r := range rows {
					fmt.Fprintf(w, "%-12s %-24s %-8s %-9s %s\n", r.Name, r.ID, r.Version, r.State, r.SHA256)
				}
			})
		},
	}
}

func (e *program) listDriver(lock *catalog.Lock, name string) (listedDriver, error) {
	row := listedDriver{Name: name, State: "unlocked"}
	s, shipped := shippedDrivers[name]
	row.Shipped, row.ID, row.Version = shipped, s.id, s.version
	path := ""
	l := lock.Find(name)
	if l != nil {
		row.ID, row.Version, row.Path, row.Approver, row.State = l.ID, l.Version, l.Path, l.By, "locked"
		path = l.Path
	}
	if p := e.cfg.DevOverrides[name]; p != "" {
		row.State, row.Path, path = "override", p, p
	}
	img, _, err := e.sealDriver(name, path)
	if err != nil {
		if l == nil {
			return row, err
		}
		row.State = "missing"
		return row, nil
	}
	defer img.Close()
	row.SHA256 = hex.EncodeToString(img.SHA256[:])
	switch {
	case row.State == "override" || l == nil:
	case l.SHA256[platform] != row.SHA256:
		row.State = "changed"
	case l.By != "":
		row.State = "approved"
	}
	return row, nil
}

func (e *program) driverLock() *cobra.Command {
	var id, ver string
	c := &cobra.Command{
		Use: "lock NAME [PATH]", Short: "Write the hash of a driver's file into plugins.lock",
		Long: `Write the SHA-256 of a shipped driver, or of the program at PATH, into
plugins.lock under NAME. A driver that changed loses its approval. Hashes of other
platforms stay as they are. Nothing is started.`,
		Example: "  engine driver lock mockqpu\n  engine driver lock acme ./engine-driver-acme --id acme/one --driver-version 2.1.0",
		Args:    cli.Args("NAME", "[PATH]"),
		RunE: func(_ *cobra.Command, args []string) error {
			entry := catalog.Entry{Name: args[0], ID: id, Version: ver, Protocol: driver.ProtocolVersion, Builtin: true}
			if !catalog.CheckName(entry.Name) {
				return cli.Errorf(cli.Usage, "NAME", "%.40q is not a name for a driver", entry.Name).WithHint("lower-case letters, digits and hyphens, at most 32")
			}
			if s, ok := shippedDrivers[entry.Name]; ok {
				entry.ID, entry.Version = s.id, s.version
			}
			if len(args) > 1 {
				abs, err := filepath.Abs(args[1])
				if err != nil {
					return cli.Errorf(cli.Usage, "PATH", "%w", err)
				}
				entry.Path, entry.Builtin = abs, false
				if id == "" {
					entry.ID = "local/" + entry.Name
				}
				if ver == "" {
					entry.Version = "unknown"
				}
			}
			img, _, err := e.sealDriver(entry.Name, entry.Path)
			if err != nil {
				return err
			}
			defer img.Close()
			entry.SHA256 = map[string]string{platform: hex.EncodeToString(img.SHA256[:])}
			return e.editLock(entry.Name, func(l *catalog.Lock) error {
				l.Put(entry)
				return nil
			})
		},
	}
	c.Flags().StringVar(&id, "id", "", "`VENDOR/NAME` (default local/NAME)")
	c.Flags().StringVar(&ver, "driver-version", "", "`VERSION` of the driver, as its vendor states it")
	return c
}

func (e *program) driverApprove() *cobra.Command {
	var by string
	c := &cobra.Command{
		Use: "approve NAME", Short: "Let a locked driver run",
		Args: cli.Args("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			return e.editLock(args[0], func(l *catalog.Lock) error {
				entry := l.Find(args[0])
				if entry == nil {
					return cli.Errorf(cli.ChecksumMismatch, "NAME", "%s is not in plugins.lock", args[0]).WithHint("engine driver lock %s", args[0])
				}
				entry.By, entry.At = by, time.Now().UTC().Truncate(time.Second)
				return nil
			})
		},
	}
	c.Flags().StringVar(&by, "by", defaultApprover(), "`WHO` approves")
	return c
}

func defaultApprover() string {
	if u := os.Getenv("USER"); u != "" && len(u) <= 128 {
		return u
	}
	return "operator"
}

// editLock changes plugins.lock and prints the entry.
func (e *program) editLock(name string, edit func(*catalog.Lock) error) error {
	path, err := e.lockPath()
	if err != nil {
		return err
	}
	l, err := e.loadLock()
	if err != nil {
		return err
	}
	if err := edit(l); err != nil {
		return err
	}
	if err := l.Save(path); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	row, err := e.listDriver(l, name)
	if err != nil {
		return err
	}
	return e.Print(row, func(w io.Writer) { fmt.Fprintf(w, "%s is %s: sha256 %s\n", row.Name, row.State, row.SHA256) })
}

type driverInfo struct {
	Name     string       `json:"name"`
	ID       string       `json:"id"`
	Version  string       `json:"version"`
	API      string       `json:"vendor_api"`
	Protocol int          `json:"protocol"`
	Features []string     `json:"features"`
	Secrets  []string     `json:"secrets"`
	Walls    string       `json:"walls"`
	Missing  []string     `json:"missing_walls"` // asked for and not there, with the reason
	SHA256   string       `json:"sha256"`
	Devices  []deviceInfo `json:"devices"`
}

type deviceInfo struct {
	ID          string   `json:"id"`
	Vendor      string   `json:"vendor"`
	Family      string   `json:"family"`
	Kind        string   `json:"kind"`
	Width       uint32   `json:"width"`
	Edges       int      `json:"edges"`
	Verbatim    bool     `json:"verbatim"`
	Kinds       []string `json:"result_kinds"`
	Calibration string   `json:"calibration_id"`
}

func (e *program) driverInfo() *cobra.Command {
	return &cobra.Command{
		Use: "info NAME", Short: "Start a driver and show what it and its devices say", Args: cli.Args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := e.startDriver(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			c, about, _, err := r.Acquire(cmd.Context())
			if err != nil {
				return driverError(err)
			}
			out := driverInfo{Name: args[0], ID: about.Id, Version: about.Version, API: about.VendorApi, Protocol: driver.ProtocolVersion, Secrets: about.SecretNames,
				Walls: r.Status().Level.String(), SHA256: hex.EncodeToString(r.image.SHA256[:]), Features: []string{}, Devices: []deviceInfo{}, Missing: []string{}}
			out.Missing = append(out.Missing, r.Status().Level.Missing...)
			for _, f := range about.Features {
				out.Features = append(out.Features, enumName(f.String(), "FEATURE_"))
			}
			for _, id := range about.DeviceIds {
				d, err := c.Device(cmd.Context(), id)
				if err != nil {
					return driverError(err)
				}
				info := deviceInfo{ID: d.Id, Vendor: d.Vendor, Family: d.Family, Kind: enumName(d.Kind.String(), "DEVICE_KIND_"), Width: d.Width, Edges: len(d.Edges), Verbatim: d.Verbatim, Kinds: []string{}}
				for _, k := range d.ResultKinds {
					info.Kinds = append(info.Kinds, enumName(k.String(), "RESULT_KIND_"))
				}
				if cal, err := c.Calibration(cmd.Context(), id, ""); err == nil {
					info.Calibration = cal.Id
				}
				out.Devices = append(out.Devices, info)
			}
			return e.Print(out, func(w io.Writer) { printDriver(w, &out) })
		},
	}
}

func printDriver(w io.Writer, d *driverInfo) {
	fmt.Fprintf(w, "%s %s (%s), protocol %d, vendor interface: %s\n", d.ID, d.Version, d.Name, d.Protocol, d.API)
	fmt.Fprintf(w, "  features   %s\n  walls      %s\n  sha256     %s\n", strings.Join(d.Features, ", "), d.Walls, d.SHA256)
	for _, m := range d.Missing {
		fmt.Fprintf(w, "  not there  %s\n", m)
	}
	for _, v := range d.Devices {
		fmt.Fprintf(w, "  device     %s: %s %s, %s, %d qubits, %d couplings, verbatim %t, gives %s, calibration %s\n",
			v.ID, v.Vendor, v.Family, v.Kind, v.Width, v.Edges, v.Verbatim, strings.Join(v.Kinds, " "), v.Calibration)
	}
}

func enumName(s, prefix string) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(s, prefix), "_", "-"))
}

func (e *program) driverRun() *cobra.Command {
	return &cobra.Command{
		Use: "run NAME", Short: "Keep a driver running in the foreground and show its states", Args: cli.Args("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := e.startDriver(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer r.Close()
			c, about, _, err := r.Acquire(cmd.Context())
			if err != nil {
				return driverError(err)
			}
			e.Say("%s %s is ready; interrupt to end", about.Id, about.Version)
			for _, id := range about.DeviceIds {
				if !driver.Has(about, driverv1.Feature_FEATURE_WATCH) {
					break
				}
				go func() { // ends with the driver
					_ = c.Watch(cmd.Context(), id, func(s *driverv1.DeviceStatus) error {
						e.Say("%s: %s", id, enumName(s.State.String(), "DEVICE_STATE_"))
						return nil
					})
				}()
			}
			<-cmd.Context().Done()
			return cmd.Context().Err()
		},
	}
}
