package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/tlogwitness"
)

// serveWitness answers add-checkpoint for the logs whose statements lie in dir, until a
// signal.
func (e *program) serveWitness(ctx context.Context, w *auditlog.Witness, key keys.Signer, listen, dir string) error {
	logs, err := e.watchedLogs(dir)
	if err != nil {
		return err
	}
	data, err := e.data()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return cli.Errorf(cli.Usage, "--listen", "%w", err)
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	at := "http://" + l.Addr().String()
	a := struct {
		Listen  string `json:"listen"`
		Witness string `json:"witness"`
		Logs    int    `json:"logs"`
	}{at, w.String(), len(logs)}
	if err := e.Print(a, func(out io.Writer) { fmt.Fprintf(out, "%s\nwitness      %s\nlogs         %d\n", at, a.Witness, a.Logs) }); err != nil {
		return errors.Join(err, l.Close())
	}
	s := &tlogwitness.Server{Witness: w, Key: key, Logs: logs, Memory: tlogwitness.Folder(filepath.Join(data, "witness", "http")), Now: time.Now, Log: e.Log}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		<-ctx.Done()
		over, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = h.Shutdown(over)
	}()
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return cli.Errorf(cli.NetworkService, "--listen", "%w", err)
	}
	return nil
}

// watchedLogs reads the roots' statements for log keys in a folder of *.json files.
func (e *program) watchedLogs(dir string) (map[string][]byte, error) {
	if dir == "" {
		return nil, cli.Errorf(cli.Usage, "--logs", "is needed with --listen").WithHint("a folder with audit.key.json of each log (engine audit prove writes it)")
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, cli.Errorf(cli.Usage, "--logs", "%w", err)
	}
	logs := map[string][]byte{}
	for _, f := range files {
		st, err := e.logStatement(f)
		if err != nil {
			return nil, err
		}
		logs[auditlog.Origin(st.ProviderID)] = st.Public
	}
	if len(logs) == 0 {
		return nil, cli.Errorf(cli.Usage, "--logs", "%s has no statement of a log key", dir).WithHint("a folder with audit.key.json of each log (engine audit prove writes it)")
	}
	return logs, nil
}

func (e *program) auditCosign() *cobra.Command {
	var text, url string
	c := &cobra.Command{
		Use: "cosign", Short: "Have a witness cosign this log's newest checkpoint over HTTP",
		Long: `Send this provider's newest checkpoint to a witness (C2SP tlog-witness), with the proof
that it extends the one that the witness signed last, and keep the witness's line below
it. engine provider start --witness does so with each checkpoint.`,
		Example: "  engine audit cosign --witness witness.example/1+2f0a…+BA… --url https://witness.example",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := auditlog.ParseWitness(text)
			if err != nil {
				return cli.Errorf(cli.Usage, "--witness", "%w", err)
			}
			if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
				return cli.Errorf(cli.Usage, "--url", "%.100q is no address of a witness", url)
			}
			t, err := e.openTrail()
			if err != nil {
				return err
			}
			defer t.log.Close()
			at, err := (&tlogwitness.Client{Witness: w, URL: url}).Cosign(cmd.Context(), t.log)
			if errors.Is(err, auditlog.ErrFork) || errors.Is(err, auditlog.ErrLog) {
				return auditError(err)
			} else if err != nil {
				return cli.Errorf(cli.NetworkService, "--url", "%w", err).Named("WitnessRefused")
			}
			head, _, _, err := t.log.Head()
			if err != nil {
				return auditError(err)
			}
			hash := head.Hash()
			a := &witnessAnswer{Witness: w.String(), Origin: head.Origin, Size: head.Size, Checkpoint: &hash, Time: at}
			return e.printWitness(a, nil)
		},
	}
	c.Flags().StringVar(&text, "witness", "", "`NAME+HASH+KEY` of the witness")
	c.Flags().StringVar(&url, "url", "", "`URL` of the witness, its submission prefix")
	return c
}

// witnessClients reads --witness NAME+HASH+KEY=URL.
func witnessClients(list []string) (out []*tlogwitness.Client, err error) {
	for _, s := range list {
		text, url, _ := strings.Cut(s, "=http")
		w, err := auditlog.ParseWitness(text)
		if err != nil {
			return nil, cli.Errorf(cli.Usage, "--witness", "%w", err).WithHint("NAME+HASH+KEY=URL")
		}
		if url == "" {
			return nil, cli.Errorf(cli.Usage, "--witness", "%.60q names no http or https address", s).WithHint("NAME+HASH+KEY=URL")
		}
		out = append(out, &tlogwitness.Client{Witness: w, URL: "http" + url})
	}
	return out, nil
}

// askWitnesses has each witness sign whenever there is a new checkpoint. A witness that is
// slow or away holds up nobody; the next checkpoint is sent to it again.
func (e *program) askWitnesses(ctx context.Context, l *auditlog.Log, list []*tlogwitness.Client, fresh <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-fresh:
		}
		for _, w := range list {
			if _, err := w.Cosign(ctx, l); err != nil && ctx.Err() == nil {
				e.Log.Warn("a witness did not sign", "error", err)
			}
		}
	}
}
