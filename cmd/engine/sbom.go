package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/sbom"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

func (e *program) sbomVerb() *cobra.Command {
	var out, against string
	c := &cobra.Command{
		Use: "sbom", Short: "List what this program and host consist of (CycloneDX 1.6)",
		Long: `List the program with its Go modules, the guest modules that it carries, and the
host's kernel, firmware, microcode and Debian packages, as CycloneDX 1.6 JSON. Equal
hosts give equal bytes. Every "engine run" compares with the run before and writes
what changed into the audit log (kind sbom).

--against FILE prints the changes from an older document instead.`,
		Example: "  engine sbom --out sbom.json\n  engine sbom --against sbom.json --json", Args: cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			b, err := hostSBOM(nil)
			if err != nil {
				return cli.Errorf(cli.Internal, "", "%w", err)
			}
			if against != "" {
				return e.printChanges(b, against)
			}
			doc, err := b.Marshal()
			if err != nil {
				return cli.Errorf(cli.Internal, "", "%w", err)
			}
			if out != "-" {
				if err := e.WriteOutput(out, doc, 0o644); err != nil {
					return err
				}
				e.Say("wrote %s, %d components", out, len(b.Components))
			}
			return e.Print(json.RawMessage(doc), func(w io.Writer) {
				if out == "-" {
					_, _ = w.Write(doc)
				}
			})
		},
	}
	c.Flags().StringVar(&out, "out", "-", "`FILE` to write; - is stdout only")
	c.Flags().StringVar(&against, "against", "", "`FILE` with an older document")
	return c
}

// maxSBOM bounds a document that is read, in bytes.
const maxSBOM = 64 << 20

func (e *program) printChanges(b *sbom.BOM, path string) error {
	raw, err := e.ReadInput("--against", path, maxSBOM, cli.JobInvalid)
	if err != nil {
		return err
	}
	old, err := sbom.Parse(raw)
	if err != nil {
		return cli.Errorf(cli.JobInvalid, "--against", "%w", err)
	}
	changes := sbom.Diff(old, b)
	return e.Print(map[string]any{"changes": changes}, func(w io.Writer) {
		for _, c := range changes {
			switch {
			case c.Before == nil:
				fmt.Fprintf(w, "+ %s %s\n", c.Ref, c.After.Version)
			case c.After == nil:
				fmt.Fprintf(w, "- %s %s\n", c.Ref, c.Before.Version)
			default:
				fmt.Fprintf(w, "~ %s %s -> %s\n", c.Ref, c.Before.Version, c.After.Version)
			}
		}
	})
}

// hostSBOM collects the document; loaded are modules and drivers of a run beside
// those that the program carries.
func hostSBOM(loaded transcript.ModuleSet) (*sbom.BOM, error) {
	info, _ := debug.ReadBuildInfo()
	b := &sbom.BOM{}
	b.Subject, b.Components = sbom.Program("engine", engine.Version, info)
	own := map[digest.Digest]bool{}
	for _, m := range embedded.All() {
		d := digest.Sum(m.Bytes)
		own[d] = true
		b.Components = append(b.Components, guestComponent("guest/"+m.Kind+"/"+m.Name, m.Name, m.Version, d))
	}
	for _, m := range loaded {
		if !own[m.SHA3] {
			b.Components = append(b.Components, guestComponent("loaded/"+m.Slot, m.Name, m.Version, m.SHA3))
		}
	}
	host, err := sbom.Host(os.DirFS("/"))
	b.Components = append(b.Components, host...)
	return b, err
}

func guestComponent(ref, name, version string, d digest.Digest) sbom.Component {
	return sbom.Component{Ref: ref, Type: sbom.File, Name: name, Version: version, Hashes: map[string]string{"SHA3-256": d.String()}}
}

// changedSBOM returns the entry to log when what runs here is not what ran
// before, and what to do once it is logged. Both are nil when nothing changed.
func (e *program) changedSBOM(loaded transcript.ModuleSet, nowMS uint64) (*auditlog.Draft, func() error, error) {
	dir, err := e.data()
	if err != nil {
		return nil, nil, err
	}
	path, stampPath := filepath.Join(dir, "sbom.json"), filepath.Join(dir, "sbom.stamp")
	stamp := sbomStamp(loaded)
	if old, err := os.ReadFile(stampPath); err == nil && bytes.Equal(old, stamp) {
		return nil, nil, nil // nothing that a document is made of was touched
	}
	b, err := hostSBOM(loaded)
	if err != nil {
		return nil, nil, cli.Errorf(cli.ExecutionFailed, "", "%w", err)
	}
	doc, err := b.Marshal()
	if err != nil {
		return nil, nil, cli.Errorf(cli.Internal, "", "%w", err)
	}
	keep := func() error {
		return errors.Join(writeWhole(path, doc), writeWhole(stampPath, stamp))
	}
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	body := doc // the first one as a whole
	if old, err := sbom.Parse(raw); err == nil {
		changes := sbom.Diff(old, b)
		if len(changes) == 0 {
			return nil, nil, keep()
		}
		if body, err = json.Marshal(map[string]any{"before_sha3_256": digest.Sum(raw), "after_sha3_256": digest.Sum(doc), "changes": changes}); err != nil {
			return nil, nil, err
		}
	}
	return &auditlog.Draft{Entry: auditlog.Entry{Kind: auditlog.SBOM, TimeMS: nowMS}, Body: body}, keep, nil
}

// writeWhole replaces a file by a whole one, durably.
func writeWhole(path string, b []byte) error {
	tmp := fmt.Sprintf("%s.new.%d", path, os.Getpid())
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// sbomStamp changes with whatever a document is made of, and is cheap: sizes and
// times of the large files, contents of the small ones.
func sbomStamp(loaded transcript.ModuleSet) []byte {
	var s strings.Builder
	exe, _ := os.Executable()
	for _, f := range []string{exe, "/var/lib/dpkg/status", "/etc/os-release"} {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintf(&s, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
		}
	}
	for _, f := range []string{"/proc/sys/kernel/osrelease", "/sys/class/dmi/id/bios_version"} {
		b, _ := os.ReadFile(f)
		fmt.Fprintf(&s, "%s %s\n", f, bytes.TrimSpace(b))
	}
	// The first processor stands for all; its lines change with its speed.
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	for l := range strings.Lines(string(cpu)) {
		if strings.HasPrefix(l, "model name") || strings.HasPrefix(l, "microcode") {
			s.WriteString(l)
		}
		if strings.TrimSpace(l) == "" {
			break
		}
	}
	for _, m := range loaded {
		fmt.Fprintf(&s, "%s %s\n", m.Slot, m.SHA3)
	}
	d := digest.Sum([]byte(s.String()))
	return append([]byte(d.String()), '\n')
}
