package main

import (
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/auditlog"
)

func (e *program) auditVerb() *cobra.Command {
	return e.Group("audit", "The tamper-evident log of what this provider did", e.auditVerify(), e.auditShow(), e.auditProve(), e.auditCheck(), e.auditCosign(), e.auditWitness())
}

// logFlags say which log is read.
type logFlags struct{ dir, key string }

func (f *logFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "log", "", "`DIR` of the log (default DATA_DIR/audit)")
	c.Flags().StringVar(&f.key, "log-key", "", "`FILE` with the root's statement for the log key (default that of DATA_DIR/keys)")
}

// openLogReader opens the log for reading with the public key that the root
// vouches for.
func (e *program) openLogReader(f *logFlags) (*auditlog.Log, *keys.KeyStatement, error) {
	st, err := e.logStatement(f.key)
	if err != nil {
		return nil, nil, err
	}
	dir := f.dir
	if dir == "" {
		if dir, err = e.auditDir(); err != nil {
			return nil, nil, err
		}
	}
	if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, nil, cli.Errorf(cli.Usage, "--log", "%w", err).WithHint("the first engine run begins the log")
	}
	l, err := auditlog.OpenReader(dir, auditlog.Origin(st.ProviderID), st.Public)
	if err != nil {
		return nil, nil, auditError(err)
	}
	return l, st, nil
}

// logStatement reads the root's word for the log key.
func (e *program) logStatement(path string) (*keys.KeyStatement, error) {
	if path == "" {
		s, err := e.keyStore()
		if err != nil {
			return nil, err
		}
		defer s.Close()
		st, err := s.Statement(keys.Log)
		if err != nil {
			return nil, keyError(err).WithHint("--log-key with the statement of another provider; the first engine run makes one's own")
		}
		return st, nil
	}
	b, err := e.ReadInput("--log-key", path, maxDocument, cli.AttestationError)
	if err != nil {
		return nil, err
	}
	st, err := logKeyOf(b)
	if err == nil && st.Role != keys.Log {
		err = fmt.Errorf("is for the %s key", st.Role)
	}
	if err != nil {
		return nil, documentError(err)
	}
	return st, nil
}

// logKeyOf reads the root's statement for a log key, alone or in what engine keys export
// writes, whose chain may lead to a later root.
func logKeyOf(b []byte) (*keys.KeyStatement, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxDocument, Depth: 8, Values: 100_000})
	if !c.Has("chain") {
		return keys.ParseKeyStatement(b)
	}
	c.Only("provider_id", "chain", "keys")
	chain := keys.ReadChain(c.Member("chain"))
	list := c.Member("keys").Items(64)
	if err := c.Err(); err != nil {
		return nil, err
	}
	if err := chain.Verify(); err != nil {
		return nil, err
	}
	for _, it := range list {
		if st := keys.ReadKeyStatement(it); c.Err() == nil && st.Role == keys.Log {
			return st, st.VerifyUnder(chain)
		}
	}
	return nil, cmp.Or(c.Err(), errors.New("keys has no statement for a log key"))
}

type auditVerifyAnswer struct {
	Valid      bool                    `json:"valid"`
	ProviderID digest.Digest           `json:"provider_id"`
	Origin     string                  `json:"origin"`
	Size       uint64                  `json:"size"` // entries that the checkpoint covers
	Root       string                  `json:"root"`
	Checkpoint digest.Digest           `json:"checkpoint_hash"` // as heartbeats carry it
	Pending    int                     `json:"pending"`
	Leases     int                     `json:"leases"`
	Bodies     int                     `json:"bodies"`
	Pruned     int                     `json:"pruned"`
	Findings   []auditlog.Finding      `json:"findings"`
	Evidence   *auditlog.Contradiction `json:"evidence,omitempty"`
	Error      *cli.Body               `json:"error,omitempty"`
}

func (e *program) auditVerify() *cobra.Command {
	var f logFlags
	var against string
	c := &cobra.Command{
		Use: "verify", Short: "Recompute the whole log and compare it with what others kept",
		Long: `Recompute everything: every entry hashes to the signed root, every tile follows from
the entries, each lease's entries are linked, bodies have their hashes. Findings are
what an auditor wants to see in a sound log, such as two executions under one lease;
bare jobs that are run again have them too.

With --against FILE the log must extend the signed checkpoint in FILE. Where it does
not, the two signed checkpoints are printed as evidence against the holder of the key.
Exit 51 where the log is damaged or forked.`,
		Example: "  engine audit verify --json\n  engine audit verify --against checkpoint.from-heartbeat\n  engine audit verify --log copy/audit --log-key audit.key.json",
		Args:    cli.Args(),
		RunE: func(*cobra.Command, []string) error {
			l, st, err := e.openLogReader(&f)
			if err != nil {
				return err
			}
			defer l.Close()
			a := auditVerifyAnswer{ProviderID: st.ProviderID, Origin: auditlog.Origin(st.ProviderID), Findings: []auditlog.Finding{}}
			r, err := l.Verify()
			if err == nil {
				a.Size, a.Root, a.Checkpoint, a.Pending = r.Checkpoint.Size, r.Checkpoint.Root.String(), r.Checkpoint.Hash(), r.Pending
				a.Leases, a.Bodies, a.Pruned, a.Findings = r.Leases, r.Bodies, r.Pruned, r.Findings
			}
			if err == nil && against != "" {
				kept, readErr := e.ReadInput("--against", against, auditlog.MaxNote, cli.AttestationError)
				if readErr != nil {
					return readErr
				}
				if err = l.Against(kept); errors.Is(err, auditlog.ErrCheckpoint) {
					return cli.Errorf(cli.AttestationError, "--against", "%w", err)
				}
				errors.As(err, &a.Evidence)
			}
			return e.printAuditVerify(&a, err)
		},
	}
	f.add(c)
	c.Flags().StringVar(&against, "against", "", "`FILE` with a signed checkpoint of this log that somebody kept")
	return c
}

func (e *program) printAuditVerify(a *auditVerifyAnswer, refused error) error {
	var failed *cli.Error
	if a.Valid = refused == nil; !a.Valid {
		failed = auditError(refused)
		a.Error = failed.Body()
	}
	err := e.Print(a, func(w io.Writer) {
		if a.Valid {
			fmt.Fprintf(w, "valid\n")
		}
		fmt.Fprintf(w, "log          %s\nentries      %d under the checkpoint, %d behind it, %d leases\nroot         %s\ncheckpoint   %s\nbodies       %d present, %d pruned\n",
			a.Origin, a.Size, a.Pending, a.Leases, a.Root, a.Checkpoint, a.Bodies, a.Pruned)
		for _, f := range a.Findings {
			fmt.Fprintf(w, "finding      %s, lease %s, entries %v: %s\n", f.Kind, f.LeaseID, f.Indexes, f.Detail)
		}
		if a.Evidence != nil {
			fmt.Fprintf(w, "evidence     %s\n%s\n%s", a.Evidence.Kind, a.Evidence.Earlier, a.Evidence.Later)
		}
	})
	if err != nil || failed == nil {
		return err
	}
	failed.Printed = e.JSON
	return failed
}

type auditRow struct {
	Index    uint64         `json:"index"`
	Kind     auditlog.Kind  `json:"kind"`
	TimeMS   uint64         `json:"time_ms"`
	LeaseID  *digest.Digest `json:"lease_id,omitempty"`
	Job      *digest.Digest `json:"J,omitempty"`
	Exec     *digest.Digest `json:"X,omitempty"`
	Result   *digest.Digest `json:"R,omitempty"`
	Evidence *digest.Digest `json:"evidence,omitempty"`
	Proof    *digest.Digest `json:"C,omitempty"`
	Previous *uint64        `json:"previous,omitempty"` // index of the lease's entry before
	Payload  *digest.Digest `json:"payload,omitempty"`
	Covered  bool           `json:"covered"` // by the newest checkpoint
	Leaf     string         `json:"leaf,omitempty"`
	Body     string         `json:"body,omitempty"` // with --body; text
}

func auditRowOf(r auditlog.Record) auditRow {
	some := func(d digest.Digest) *digest.Digest {
		if d.IsZero() {
			return nil
		}
		return &d
	}
	e := r.Entry
	row := auditRow{Index: r.Index, Kind: e.Kind, TimeMS: e.TimeMS, LeaseID: some(e.LeaseID), Job: some(e.Job), Exec: some(e.Exec), Result: some(e.Result),
		Evidence: some(e.Evidence), Proof: some(e.Proof), Payload: some(e.Payload), Covered: r.Covered}
	if e.Previous > 0 {
		before := e.Previous - 1
		row.Previous = &before
	}
	return row
}

// leaseOf reads a lease id, or takes it from a proof or a bundle's folder.
func (e *program) leaseOf(arg string) (digest.Digest, error) {
	if d, err := digest.Parse(arg); err == nil {
		return d, nil
	}
	path := arg
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "proof.json")
	}
	b, err := e.ReadInput("LEASE", path, maxProofBytes, cli.ProofInvalid)
	if err != nil {
		return digest.Digest{}, err
	}
	p, err := proofs.Decode(b)
	if err != nil {
		return digest.Digest{}, proofError(err)
	}
	return p.Body.Binding.LeaseID, nil
}

func (e *program) leaseRecords(l *auditlog.Log, arg string) (digest.Digest, []auditlog.Record, error) {
	id, err := e.leaseOf(arg)
	if err != nil {
		return id, nil, err
	}
	records, err := l.Lease(id)
	if err != nil {
		return id, nil, auditError(err)
	}
	if len(records) == 0 {
		return id, nil, cli.Errorf(cli.Usage, "LEASE", "the log has no entry of lease %s", id).WithHint("engine audit show lists the newest entries")
	}
	return id, records, nil
}

func (e *program) auditShow() *cobra.Command {
	var f logFlags
	var last int
	var body bool
	c := &cobra.Command{
		Use: "show [LEASE]", Short: "Show the entries of a lease, or the newest ones",
		Long: `Show what the log has about a lease: accepted, J, X, R, evidence, proof, settlement.
LEASE is a lease_id, a proof or a bundle's folder; without it the newest entries are
shown.`,
		Example: "  engine audit show qrun --json\n  engine audit show --last 50",
		Args:    cli.Args("[LEASE]"),
		RunE: func(_ *cobra.Command, args []string) error {
			l, st, err := e.openLogReader(&f)
			if err != nil {
				return err
			}
			defer l.Close()
			var records []auditlog.Record
			if len(args) > 0 {
				_, records, err = e.leaseRecords(l, args[0])
			} else if records, err = l.Newest(last); err != nil {
				err = auditError(err)
			}
			if err != nil {
				return err
			}
			return e.printEntries(l, st, records, body)
		},
	}
	f.add(c)
	c.Flags().IntVar(&last, "last", 20, "`N` newest entries, without LEASE; at most 1000")
	c.Flags().BoolVar(&body, "body", false, "show bodies too")
	return c
}

func (e *program) printEntries(l *auditlog.Log, st *keys.KeyStatement, records []auditlog.Record, body bool) error {
	rows := make([]auditRow, len(records))
	for i, r := range records {
		rows[i] = auditRowOf(r)
		if body && !r.Entry.Payload.IsZero() {
			if b, err := l.Body(r.Entry.Payload); err == nil {
				rows[i].Body = string(b)
			} else if !errors.Is(err, os.ErrNotExist) {
				return auditError(err)
			}
		}
	}
	return e.Print(map[string]any{"provider_id": st.ProviderID, "entries": rows}, func(w io.Writer) {
		for _, r := range rows {
			mark := "         "
			if !r.Covered {
				mark = " pending "
			}
			what := r.Payload
			for _, d := range []*digest.Digest{r.Job, r.Exec, r.Result, r.Evidence, r.Proof} {
				if d != nil {
					what = d // the newest digest is what the entry adds
				}
			}
			fmt.Fprintf(w, "%6d%s%s  %-15s", r.Index, mark, time.UnixMilli(int64(r.TimeMS)).UTC().Format("2006-01-02T15:04:05.000Z"), r.Kind)
			if what != nil {
				fmt.Fprintf(w, " %s", what)
			}
			fmt.Fprintln(w)
			if r.Body != "" {
				fmt.Fprintf(w, "%s\n", r.Body)
			}
		}
	})
}

type provenEntry struct {
	auditRow
	File string `json:"file"` // c2sp.org/tlog-proof@v1
}

func (e *program) auditProve() *cobra.Command {
	var f logFlags
	var out, bundle string
	c := &cobra.Command{
		Use: "prove LEASE", Short: "Export the proofs that the log holds a lease's entries",
		Long: `Export for each entry of a lease the proof that the newest checkpoint covers it
(c2sp.org/tlog-proof@v1, the entry as extra data), and the root's statement for the
log key: what a third party needs offline. LEASE as for show. With --bundle the proof
in a bundle's folder is renewed too, so that it carries what witnesses signed since.`,
		Example: "  engine audit prove qrun --out evidence\n  engine audit prove qrun --bundle qrun", Args: cli.Args("LEASE"),
		RunE: func(_ *cobra.Command, args []string) error {
			l, st, err := e.openLogReader(&f)
			if err != nil {
				return err
			}
			defer l.Close()
			id, records, err := e.leaseRecords(l, args[0])
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return cli.Errorf(cli.Usage, "--out", "%w", err)
			}
			statement, err := json.MarshalIndent(st, "", "  ")
			if err != nil {
				return err
			}
			if err := e.WriteOutput(filepath.Join(out, "audit.key.json"), append(statement, '\n'), 0o644); err != nil {
				return err
			}
			proven := []provenEntry{}
			for _, r := range records {
				p, err := e.proveEntry(l, r, out)
				if err != nil {
					return err
				}
				proven = append(proven, *p)
			}
			if bundle != "" {
				if err := e.renewBundle(bundle, l, records, append(statement, '\n')); err != nil {
					return err
				}
			}
			return e.Print(map[string]any{"lease_id": id, "provider_id": st.ProviderID, "log_key": filepath.Join(out, "audit.key.json"), "entries": proven}, func(w io.Writer) {
				for _, p := range proven {
					fmt.Fprintf(w, "%6d  %-15s %s\n", p.Index, p.Kind, p.File)
				}
			})
		},
	}
	f.add(c)
	c.Flags().StringVar(&out, "out", "audit-proof", "`DIR` for the files")
	c.Flags().StringVar(&bundle, "bundle", "", "`DIR` of a bundle whose proof of inclusion is renewed")
	return c
}

func (e *program) proveEntry(l *auditlog.Log, r auditlog.Record, dir string) (*provenEntry, error) {
	if !r.Covered {
		return nil, cli.Errorf(cli.Usage, "LEASE", "entry %d is covered by no checkpoint yet", r.Index).WithHint("the next engine run writes one")
	}
	in, err := l.Prove(r.Index)
	if err != nil {
		return nil, auditError(err)
	}
	text, err := in.MarshalText()
	if err != nil {
		return nil, err
	}
	p := &provenEntry{auditRow: auditRowOf(r), File: filepath.Join(dir, fmt.Sprintf("%d-%s.tlog-proof", r.Index, r.Entry.Kind))}
	p.Leaf = hex.EncodeToString(r.Leaf)
	return p, e.WriteOutput(p.File, text, 0o644)
}

func (e *program) auditCheck() *cobra.Command {
	var key string
	var witnesses []string
	c := &cobra.Command{
		Use: "check FILE", Short: "Check an exported proof offline",
		Long: `Check a c2sp.org/tlog-proof@v1 file against the log key that the root vouches for,
and say who cosigned its checkpoint when. Exit 42 where it does not hold.`,
		Example: "  engine audit check evidence/4-proof.tlog-proof --log-key evidence/audit.key.json",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			st, err := e.logStatement(key)
			if err != nil {
				return err
			}
			b, err := e.ReadInput("FILE", args[0], auditlog.MaxInclusion, cli.ProofInvalid)
			if err != nil {
				return err
			}
			in, err := auditlog.ParseInclusion(b)
			var entry *auditlog.Entry
			var cp auditlog.Checkpoint
			if err == nil {
				entry, cp, err = in.Verify(auditlog.Origin(st.ProviderID), st.Public)
			}
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "FILE", "%w", err).Named("AuditLogMismatch")
			}
			times := map[string]uint64{}
			for _, text := range witnesses {
				w, err := auditlog.ParseWitness(text)
				if err != nil {
					return cli.Errorf(cli.Usage, "--witness", "%w", err)
				}
				at, ok, err := w.Time(in.Checkpoint)
				if err != nil {
					return cli.Errorf(cli.ProofInvalid, "FILE", "%w", err).Named("AuditLogMismatch")
				}
				if ok {
					times[w.Name()] = at
				}
			}
			a := struct {
				Valid      bool              `json:"valid"`
				ProviderID digest.Digest     `json:"provider_id"`
				Size       uint64            `json:"size"`
				Checkpoint digest.Digest     `json:"checkpoint_hash"`
				Entry      auditRow          `json:"entry"`
				Witnessed  map[string]uint64 `json:"witnessed"` // name: Unix seconds
			}{true, st.ProviderID, cp.Size, cp.Hash(), auditRowOf(auditlog.Record{Index: in.Index, Leaf: in.Leaf, Entry: entry, Covered: true}), times}
			return e.Print(a, func(w io.Writer) {
				fmt.Fprintf(w, "valid: entry %d of %d, %s, provider %s\n", in.Index, cp.Size, entry.Kind, st.ProviderID)
				for _, name := range slices.Sorted(maps.Keys(times)) {
					fmt.Fprintf(w, "witnessed by %s at %s\n", name, time.Unix(int64(times[name]), 0).UTC().Format(time.RFC3339))
				}
			})
		},
	}
	c.Flags().StringVar(&key, "log-key", "", "`FILE` with the root's statement for the log key (default that of DATA_DIR/keys)")
	c.Flags().StringArrayVar(&witnesses, "witness", nil, "`NAME+HASH+KEY` of a witness whose time is asked for; repeat")
	return c
}
