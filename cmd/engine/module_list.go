package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/embedded"
)

type listedModule struct {
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Kind    string        `json:"kind"`
	ABI     string        `json:"abi"`
	SHA3    digest.Digest `json:"sha3_256"`
	Metered digest.Digest `json:"metered_sha3_256"`
	Size    int           `json:"size"`
}

func (e *program) moduleList() *cobra.Command {
	var height uint64
	var lock string
	c := &cobra.Command{
		Use: "list", Short: "List the modules that ship with this build, or that governance lets run",
		Long: `List the modules that ship with this build. With --height list those that the
pulled set and the local policy let run at that block height. The second line of
a module is its metered form, made again now; --lock compares both with a lock
file, as verify does.`,
		Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("height") {
				return e.listGoverned(height)
			}
			locked, err := e.readLock(lock)
			if err != nil {
				return err
			}
			var rows []listedModule
			for _, m := range embedded.All() {
				a, refusal := inspectModule(m.Bytes, m.Kind)
				if refusal != nil {
					return refusal
				}
				if err := inLock(m.Name, lock, locked, a); err != nil {
					return err
				}
				rows = append(rows, listedModule{m.Name, m.Version, m.Kind, a.ABI, a.SHA3, a.MeteredSHA3, a.Size})
			}
			return e.Print(map[string]any{"modules": rows}, func(w io.Writer) {
				for _, r := range rows {
					fmt.Fprintf(w, "%-16s %-8s %-9s %s  %d bytes\n%-16s %-8s %-9s %s\n", r.Name, r.Version, r.Kind, r.SHA3, r.Size, "", "", meter.ID, r.Metered)
				}
			})
		},
	}
	c.Flags().Uint64Var(&height, "height", 0, "block height that is now")
	c.Flags().StringVar(&lock, "lock", "", "lock `FILE` that must list the hashes")
	return c
}

// maxLockBytes bounds a lock file.
const maxLockBytes = 1 << 20

// lockLine is one line of a lock file: name kind version abi sha3-256 size, and
// then perhaps meter metered-sha3-256.
type lockLine struct {
	name, kind, version, abi string
	sha3                     digest.Digest
	size                     int
	meter                    string // empty: the line has no metered form
	metered                  digest.Digest
}

func parseLock(b []byte) ([]lockLine, error) {
	var out []lockLine
	s := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; s.Scan(); n++ {
		text := strings.TrimSpace(s.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		var l lockLine
		f := strings.Fields(text)
		bad := len(f) != 6 && len(f) != 8
		if !bad {
			var err error
			l = lockLine{name: f[0], kind: f[1], version: f[2], abi: f[3]}
			l.sha3, err = digest.Parse(f[4])
			size, sizeErr := strconv.ParseUint(f[5], 10, 31)
			l.size = int(size)
			bad = err != nil || sizeErr != nil
		}
		if !bad && len(f) == 8 {
			var err error
			l.meter = f[6]
			l.metered, err = digest.Parse(f[7])
			bad = err != nil
		}
		if bad {
			return nil, cli.Errorf(cli.ChecksumMismatch, "--lock", "line %d is not: name kind version abi sha3-256 size [meter metered-sha3-256]", n)
		}
		out = append(out, l)
	}
	if err := s.Err(); err != nil {
		return nil, cli.Errorf(cli.ChecksumMismatch, "--lock", "%w", err)
	}
	return out, nil
}

type verifiedModule struct {
	Name  string        `json:"name"`
	SHA3  digest.Digest `json:"sha3_256"`
	Valid bool          `json:"valid"`
	Kind  string        `json:"kind"`
}

func (e *program) moduleVerify() *cobra.Command {
	var lock string
	var height uint64
	c := &cobra.Command{
		Use: "verify [FILE]", Short: "Check shipped modules, or a file, against the validator and a lock file",
		Long: `Check that the sandbox accepts the shipped modules, or FILE. With --lock their
hashes must stand in that file, whose lines are: name kind version abi sha3-256
size meter metered-sha3-256; the metered form is made again and compared. The last
two may be absent. With --height FILE must stand in the pulled set in force there, and its
self-test vectors are replayed. Exit 52 where a module is refused, 51 where the
lock does not have it.`,
		Example: "  engine module verify --lock plugins/modules.lock\n  engine module verify traps.wasm",
		Args:    cli.Args("[FILE]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			modules := embedded.All()
			if len(args) > 0 {
				b, err := e.readModule("FILE", args[0])
				if err != nil {
					return err
				}
				modules = []embedded.Module{{Name: args[0], Kind: "auto", Bytes: b}}
				if cmd.Flags().Changed("height") {
					if err := e.verifyGoverned(cmd, b, height); err != nil {
						return err
					}
				}
			} else if cmd.Flags().Changed("height") {
				return cli.Errorf(cli.Usage, "FILE", "--height needs a FILE")
			}
			locked, err := e.readLock(lock)
			if err != nil {
				return err
			}
			return e.verifyModules(modules, lock, locked)
		},
	}
	c.Flags().Uint64Var(&height, "height", 0, "block height that is now; the module must be in the set in force")
	c.Flags().StringVar(&lock, "lock", "", "lock `FILE` that must list the hashes")
	return c
}

func (e *program) verifyModules(modules []embedded.Module, lock string, locked []lockLine) error {
	var rows []verifiedModule
	for _, m := range modules {
		a, refusal := inspectModule(m.Bytes, m.Kind)
		if refusal != nil {
			refusal.Field = m.Name
			return refusal
		}
		if err := inLock(m.Name, lock, locked, a); err != nil {
			return err
		}
		rows = append(rows, verifiedModule{m.Name, a.SHA3, true, a.Kind})
	}
	return e.Print(map[string]any{"modules": rows}, func(w io.Writer) {
		for _, r := range rows {
			fmt.Fprintf(w, "valid  %-16s %-9s %s\n", r.Name, r.Kind, r.SHA3)
		}
	})
}

// readLock reads the lock file of that name; none for an empty one.
func (e *program) readLock(path string) ([]lockLine, error) {
	if path == "" {
		return nil, nil
	}
	b, err := e.ReadInput("--lock", path, maxLockBytes, cli.ChecksumMismatch)
	if err != nil {
		return nil, err
	}
	return parseLock(b)
}

// inLock is an error where a lock file was named and does not list the module.
func inLock(field, lock string, locked []lockLine, a *moduleAnswer) error {
	if lock == "" || listed(locked, a) {
		return nil
	}
	return cli.Errorf(cli.ChecksumMismatch, field, "%s has no module of kind %s with sha3-256 %s, %d bytes and metered sha3-256 %s", lock, a.Kind, a.SHA3, a.Size, a.MeteredSHA3).
		WithHint("the file was changed, or the lock is of another build")
}

func listed(locked []lockLine, a *moduleAnswer) bool {
	for _, l := range locked {
		if l.sha3 == a.SHA3 && l.kind == a.Kind && l.abi == a.ABI && l.size == a.Size {
			return l.meter != a.Meter || l.metered == a.MeteredSHA3 // of another meter it says nothing
		}
	}
	return false
}
