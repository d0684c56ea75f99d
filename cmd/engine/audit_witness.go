package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/auditlog"
)

type witnessAnswer struct {
	Witness    string                  `json:"witness"` // name+hash+key, for policies
	Origin     string                  `json:"origin,omitempty"`
	Size       uint64                  `json:"size,omitempty"`
	Checkpoint *digest.Digest          `json:"checkpoint_hash,omitempty"`
	Time       uint64                  `json:"time,omitempty"` // Unix seconds
	Evidence   *auditlog.Contradiction `json:"evidence,omitempty"`
	Error      *cli.Body               `json:"error,omitempty"`
}

func (e *program) auditWitness() *cobra.Command {
	var f logFlags
	var name, listen, logs string
	var create bool
	alg := cli.Choice{Value: keys.Ed25519, Allowed: []string{keys.Ed25519, keys.MLDSA44}}
	c := &cobra.Command{
		Use: "witness", Short: "Cosign the newest checkpoint of somebody's log",
		Long: `Act as a witness (C2SP tlog-cosignature): check that the newest checkpoint of a log
extends the last one that this witness cosigned, cosign it with the time, and add the
line to the log's checkpoint. What was cosigned last is kept in DATA_DIR/witness; a log
that shrank or forked is refused, and the two checkpoints are printed as evidence. The
witness's key is made with --init; it signs nothing else. Exit 51 for a fork.

With --listen the witness serves C2SP tlog-witness (POST /add-checkpoint) for the logs
whose keys lie in --logs, until a signal; the first line on stdout is its address.
Behind a reverse proxy for TLS.`,
		Example: "  engine audit witness --name witness.example/1 --init\n  engine audit witness --name witness.example/1 --log /srv/provider/audit --log-key audit.key.json\n  engine audit witness --name witness.example/1 --listen 127.0.0.1:7070 --logs keys",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return cli.Errorf(cli.Usage, "--name", "is needed").WithHint("such as witness.example/1, the name in policies")
			}
			return e.witness(cmd.Context(), witnessPlan{name, alg.Value, create, listen, logs}, &f)
		},
	}
	f.add(c)
	c.Flags().StringVar(&name, "name", "", "`NAME` of this witness's key")
	c.Flags().Var(&alg, "alg", "suite of a key that --init makes")
	c.Flags().StringVar(&listen, "listen", "", "serve witnesses' clients at `ADDRESS`; port 0 takes a free one")
	c.Flags().StringVar(&logs, "logs", "", "`DIR` with the roots' statements for the keys of watched logs, with --listen")
	c.Flags().BoolVar(&create, "init", false, "make the key, print it and do nothing else")
	return c
}

// witnessPlan is what a witness is to do: make its key, serve, or sign one checkpoint.
type witnessPlan struct {
	name, alg    string
	create       bool
	listen, logs string
}

func (e *program) witness(ctx context.Context, p witnessPlan, f *logFlags) error {
	s, err := e.keyStore()
	if err != nil {
		return err
	}
	defer s.Close()
	var key keys.RoleSigner
	if p.create {
		key, err = s.CreateKey(p.alg, keys.Witness, string(keys.Witness), rand.Reader)
	} else {
		key, err = s.Key(keys.Witness)
	}
	if err != nil {
		return keyError(err).WithHint("engine audit witness --init makes the key; it is never replaced")
	}
	w, err := auditlog.NewWitness(p.name, key.Alg(), key.Public())
	if err != nil {
		return cli.Errorf(cli.Usage, "--name", "%w", err)
	}
	a := &witnessAnswer{Witness: w.String()}
	switch {
	case p.create:
		return e.printWitness(a, nil)
	case p.listen != "":
		return e.serveWitness(ctx, w, key, p.listen, p.logs)
	}
	l, st, err := e.openLogReader(f)
	if err != nil {
		return err
	}
	defer l.Close()
	return e.cosign(ctx, l, st, w, key, a)
}

func (e *program) cosign(ctx context.Context, l *auditlog.Log, st *keys.KeyStatement, w *auditlog.Witness, key keys.Signer, a *witnessAnswer) error {
	a.Origin = auditlog.Origin(st.ProviderID)
	dir, err := e.data()
	if err != nil {
		return err
	}
	state := filepath.Join(dir, "witness", st.ProviderID.String())
	watch := &auditlog.Watch{Origin: a.Origin, Public: st.Public}
	if watch.Last, err = os.ReadFile(state); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	_, signed, _, err := l.Head()
	if err != nil {
		return auditError(err)
	}
	if signed == nil {
		return cli.Errorf(cli.Usage, "--log", "the log has no checkpoint yet")
	}
	if watch.Last != nil {
		if err := l.Against(watch.Last); err != nil {
			return e.printWitness(a, err)
		}
	}
	last := uint64(0)
	if watch.Last != nil {
		kept, err := auditlog.OpenCheckpoint(watch.Last, a.Origin, st.Public)
		if err != nil {
			return auditError(err)
		}
		last = kept.Size
	}
	proof, err := l.ProveConsistency(last)
	if err != nil {
		return auditError(err)
	}
	c, err := watch.Advance(signed, proof)
	if err != nil {
		return e.printWitness(a, err)
	}
	// Remembered before it is signed: a witness that forgot would sign a fork.
	if err := os.MkdirAll(filepath.Dir(state), 0o700); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	if err := writeWhole(state, signed); err != nil {
		return cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	a.Time = uint64(time.Now().Unix())
	with, err := auditlog.Cosign(ctx, signed, w.Name(), key, a.Time)
	if err != nil {
		return cli.Errorf(cli.AttestationError, "--name", "%w", err)
	}
	if err := l.AddCosignatures(with); err != nil {
		return auditError(err)
	}
	hash := c.Hash()
	a.Size, a.Checkpoint = c.Size, &hash
	return e.printWitness(a, nil)
}

func (e *program) printWitness(a *witnessAnswer, refused error) error {
	var failed *cli.Error
	if refused != nil {
		failed = auditError(refused)
		a.Error = failed.Body()
		errors.As(refused, &a.Evidence)
	}
	err := e.Print(a, func(w io.Writer) {
		fmt.Fprintf(w, "witness      %s\n", a.Witness)
		if a.Checkpoint != nil {
			fmt.Fprintf(w, "cosigned     %s, %d entries, at %s\n", a.Origin, a.Size, time.Unix(int64(a.Time), 0).UTC().Format(time.RFC3339))
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

// renewBundle replaces the inclusion proof in a bundle's folder by one under the
// newest checkpoint.
func (e *program) renewBundle(dir string, l *auditlog.Log, records []auditlog.Record, statement []byte) error {
	b, err := loadBundle("--bundle", dir)
	if err != nil {
		return err
	}
	p, err := proofs.Decode(b.Proof)
	if err != nil {
		return proofError(err)
	}
	claim, err := p.Claim()
	if err != nil {
		return proofError(err)
	}
	for _, r := range records {
		if r.Entry.Kind != auditlog.Proof || r.Entry.Proof != claim {
			continue
		}
		in, err := l.Prove(r.Index)
		if err != nil {
			return auditError(err)
		}
		if b.Audit, err = in.MarshalText(); err != nil {
			return err
		}
		b.AuditKey = statement
		if err := b.WriteDir(dir); err != nil {
			return cli.Errorf(cli.Usage, "--bundle", "%w", err)
		}
		return nil
	}
	return cli.Errorf(cli.Usage, "--bundle", "the log has no entry about the proof in %s", dir)
}
