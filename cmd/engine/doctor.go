package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/backends/statevector"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/plugins/embedded"
)

// finding is the outcome of one check.
type finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Fix    string `json:"fix"`
	code   cli.Code
}

func good(name, format string, args ...any) finding {
	return finding{Name: name, OK: true, Detail: fmt.Sprintf(format, args...)}
}

func bad(name string, code cli.Code, fix, format string, args ...any) finding {
	return finding{Name: name, Detail: fmt.Sprintf(format, args...), Fix: fix, code: code}
}

type doctorAnswer struct {
	Checks []finding `json:"checks"`
	Error  *cli.Body `json:"error,omitempty"`
}

func (e *program) doctorVerb() *cobra.Command {
	var lock string
	var memory cli.Size
	var endpoint string
	c := &cobra.Command{
		Use: "doctor", Short: "Check what this machine needs to run jobs",
		Long: `Check what this machine needs to run jobs: the sandbox of the modules, the
shipped modules themselves, the simulator's arithmetic, keys, journal, disk, memory,
drivers with their lock, secrets, walls and certificates, folders, limits and clock. Every check
is real: workers and a driver are started, a circuit is simulated. A finding that
fails, or could be better, comes with its fix; the exit code is that of the first
one that fails.

With --endpoint or OMNI_ENDPOINT the network is asked too: whether its service answers,
what its clock says, and whether this provider is registered, known by its key, staked,
alive and eligible. A provider that runs here is asked for its outbox and metrics.`,
		Example: "  engine doctor\n  engine doctor --lock plugins/modules.lock --json\n  engine doctor --endpoint https://aicf.example.org",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			walls, handshake := e.checkDriverStart(ctx)
			checks := []finding{e.checkSandbox(ctx), e.checkModules(lock), checkSimulator(ctx), e.checkKeys(), e.checkJournal(), e.checkDisk(), checkMemory(memory),
				e.checkModuleSet(), walls, handshake, e.checkLock(), e.checkOverrides(), e.checkSecrets(), e.checkCalibrations(),
				e.checkConfig(), checkProgram(), e.checkDataDir(), e.checkCacheDir(), checkSockets(), checkFiles(), e.checkClock(time.Now()), checkKernels(), checkCertificates(), checkHidden(), checkUser(), e.checkDeviceCertificates(time.Now())}
			checks = append(checks, e.checkNetwork(ctx, cmp.Or(endpoint, e.Getenv("OMNI_ENDPOINT")))...)
			return e.printDoctor(append(checks, e.checkDaemon(ctx)...))
		},
	}
	c.Flags().StringVar(&endpoint, "endpoint", "", "`URL` of a network's service to ask (default $OMNI_ENDPOINT, else none)")
	c.Flags().StringVar(&lock, "lock", "", "lock `FILE` that must list the shipped modules")
	c.Flags().Var(&memory, "memory", "memory that jobs may use, such as 8GiB; 0 is what the machine has available")
	return c
}

func (e *program) printDoctor(checks []finding) error {
	a := doctorAnswer{Checks: checks}
	var failed *cli.Error
	for _, c := range checks {
		if !c.OK && failed == nil {
			failed = cli.Errorf(c.code, c.Name, "%s", c.Detail).Named("DoctorFailed").WithHint("%s", c.Fix)
			a.Error = failed.Body()
		}
	}
	err := e.Print(a, func(w io.Writer) {
		for _, c := range checks {
			state := "ok    "
			if !c.OK {
				state = "FAILED"
			}
			fmt.Fprintf(w, "%s  %-16s %s\n", state, c.Name, c.Detail)
			if c.Fix != "" {
				fmt.Fprintf(w, "%24s %s\n", "fix:", c.Fix)
			}
		}
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

func (e *program) checkModules(lock string) finding {
	const name = "modules"
	var locked []lockLine
	if lock != "" {
		b, err := e.ReadInput("--lock", lock, maxLockBytes, cli.ChecksumMismatch)
		if err == nil {
			locked, err = parseLock(b)
		}
		if err != nil {
			return bad(name, cli.ChecksumMismatch, "name the lock file of this release", "%v", err)
		}
	}
	var names []string
	for _, m := range embedded.All() {
		a, refusal := inspectModule(m.Bytes, m.Kind)
		if refusal != nil {
			return bad(name, cli.ModuleRefused, "install the release again", "%s: %v", m.Name, refusal)
		}
		if lock != "" && !listed(locked, a) {
			return bad(name, cli.ChecksumMismatch, "install the release that the lock file is of", "%s %s is not in %s", m.Name, a.SHA3, lock)
		}
		names = append(names, m.Name+" "+m.Version)
	}
	return good(name, "%s", strings.Join(names, ", "))
}

// selfTestDigest is the hist_digest of the self-test by numeric version 1.
const selfTestDigest = "c44120d90c53d223b88e6afc556e54fd61272a7f5773045ab48ff4579ae5e770"

// checkSimulator compares the digest of a known circuit, 10 qubits and 20 layers
// of u3 and CZ, seed 0, 4096 shots.
func checkSimulator(ctx context.Context) finding {
	const name = "simulator"
	fail := func(err error) finding {
		return bad(name, cli.Internal, "report this with the CPU's name", "%v", err)
	}
	c, err := circuit.Generate("animica.quantum.trapset.v1", 10, 20, [32]byte{})
	if err != nil {
		return fail(err)
	}
	f := &simFlags{shots: 4096, method: cli.Choice{Value: "statevector"}}
	s, err := newSimulation(c, f)
	if err != nil {
		return fail(err)
	}
	quiet := &program{App: cli.New("engine")}
	quiet.JSON = true // no bars
	if err := quiet.simulate(ctx, s); err != nil {
		return fail(err)
	}
	if got := s.answer.HistDigest.String(); got != selfTestDigest {
		return fail(fmt.Errorf("a known circuit gives the digest %s instead of %s", got, selfTestDigest))
	}
	return good(name, "%s gives the known digest", s.answer.NumericVersion)
}

// checkKeys looks at key files without making any.
func (e *program) checkKeys() finding {
	const name = "keys"
	if e.dataDir == "" {
		return bad(name, cli.BadConfig, "set HOME or pass --data-dir", "no data directory")
	}
	dir := filepath.Join(e.dataDir, "keys")
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return good(name, "none yet; the first run or engine keys init makes them")
	}
	store, err := e.keyStore()
	if err != nil {
		return bad(name, cli.BadConfig, "make the folder readable for this user", "%v", err)
	}
	defer store.Close()
	held, err := store.Held()
	switch {
	case errors.Is(err, keys.ErrNoKey):
		return good(name, "none yet; the first run or engine keys init makes them")
	case errors.Is(err, keys.ErrLocked):
		return bad(name, cli.BadConfig, "give --key-identity, or start the helper that holds the key", "%v", err)
	case errors.Is(err, keys.ErrKeyExposed):
		return bad(name, cli.BadConfig, "chmod 600 the file; if others could read it, make new keys", "%v", err)
	case err != nil:
		return bad(name, cli.BadConfig, "restore "+dir+" from a copy", "%v", err)
	}
	_, level, err := store.KeyFile(keys.Operational, string(keys.Operational))
	if err != nil {
		return bad(name, cli.BadConfig, "restore "+dir+" from a copy", "%v", err)
	}
	f := good(name, "provider %s, level %s", held.ProviderID, level)
	if age := time.Since(time.Unix(int64(held.Statement.ValidFrom), 0)); age > keys.RotateAfter*time.Second {
		f.Fix = fmt.Sprintf("the operational key is %d days old: engine keys rotate operational", int(age.Hours()/24))
	}
	return f
}

func (e *program) checkJournal() finding {
	const name = "journal"
	path := filepath.Join(e.dataDir, "journal.jsonl")
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return good(name, "none yet")
	}
	records, err := engine.ReadJournal(path)
	if err != nil {
		return bad(name, cli.BadConfig, "move the file away and keep it: it is evidence of past jobs", "%v", err)
	}
	return good(name, "%d records, every digest fits its frame", len(records))
}

// leastDisk is what a job's bundle and the journal need with room to spare.
const leastDisk = 1 << 30

func (e *program) checkDisk() finding {
	const name = "disk"
	dir := e.dataDir
	for dir != "" && dir != filepath.Dir(dir) {
		if _, err := os.Stat(dir); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	free, known := freeBytes(dir)
	switch {
	case !known:
		return good(name, "free space of %s is not known on this system", dir)
	case free < leastDisk:
		return bad(name, cli.BadConfig, "free some space, or point --data-dir elsewhere", "%d MiB free below %s, want %d", free>>20, dir, leastDisk>>20)
	}
	f := good(name, "%d MiB free below %s", free>>20, dir)
	if _, all, _ := diskBytes(dir); free < all/100*15 {
		f.Fix = "less than 15 % is free: make room before bundles and logs stop"
	}
	return f
}

// leastWidth is the width of the guide's job.
const leastWidth = 20

func checkMemory(given cli.Size) finding {
	const name = "memory"
	limit := memoryLimit(given)
	if limit == 0 {
		return good(name, "available memory is not known on this system")
	}
	fit := statevector.FitWidth(limit, statevector.Complex64)
	if fit < leastWidth {
		return bad(name, cli.BadConfig, "give the process more memory", "%d MiB fit a state of %d qubits, the guide's job has %d", limit>>20, fit, leastWidth)
	}
	return good(name, "%d MiB fit a state of %d qubits", limit>>20, fit)
}
