package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/internal/cli"
)

type backedUp struct {
	Database string `json:"database"`
	Copy     string `json:"copy"`
	Bytes    int64  `json:"bytes"`
}

func (o *program) backup() *cobra.Command {
	var data, out string
	c := &cobra.Command{
		Use: "backup", Short: "Copy the service's SQLite database while it is in use",
		Long: `Copy network.db of --data into one new file, consistently, while the service
works. The copy holds every write that was answered before the call and is synced
to disk. Keys and bundles lie beside the database and are not copied. PostgreSQL
is copied by its own tools. docs/operating/backup.md has the way back.`,
		Example: "  omni aicf backup --data /var/lib/aicf --out network-copy.db",
		Args:    cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				return cli.Errorf(cli.Usage, "--out", "name the file to write")
			}
			if data == "" {
				dir, err := o.DataDir()
				if err != nil {
					return cli.Errorf(cli.BadConfig, "--data", "%w", err)
				}
				data = filepath.Join(dir, "network")
			}
			from := filepath.Join(data, "network.db")
			if err := store.CopySQLite(cmd.Context(), from, out); err != nil {
				return cli.Errorf(cli.NetworkService, "--out", "%w", err).Named("StorageFailed")
			}
			st, err := os.Stat(out)
			if err != nil {
				return cli.Errorf(cli.NetworkService, "--out", "%w", err)
			}
			return o.Print(backedUp{from, out, st.Size()}, func(w io.Writer) { fmt.Fprintf(w, "%s, %d bytes\n", out, st.Size()) })
		},
	}
	c.Flags().StringVar(&data, "data", "", "`DIR` of database and keys (default $XDG_DATA_HOME/animica/omni/network)")
	c.Flags().StringVar(&out, "out", "", "`FILE` to write; it must not exist")
	return c
}
