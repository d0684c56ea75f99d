package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/sdk/go/link"
)

type linkAnswer struct {
	SHA3  digest.Digest `json:"sha3_256"`
	Size  int           `json:"size"`
	Pages uint32        `json:"max_pages"` // of 64 KiB
	File  string        `json:"file"`
}

func (e *program) moduleLink() *cobra.Command {
	memory, out := cli.Size(16<<20), ""
	c := &cobra.Command{
		Use: "link FILE", Short: "Make what the Go toolchain builds a module of ABI qx1",
		Long: `Put a deterministic WASI into a reactor of the Go toolchain (GOOS=wasip1,
-buildmode=c-shared), let its first call initialise the Go runtime, and give its memory
a maximum. The result imports functions of qx1 only; it has floating point, so it
loads under float policy canonical. The same bytes in give the same bytes out.`,
		Example: "  GOOS=wasip1 GOARCH=wasm go build -trimpath -buildmode=c-shared -o traps.reactor ./traps\n" +
			"  engine module link traps.reactor --out traps.wasm",
		Args: cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return cli.Errorf(cli.Usage, "--out", "is missing").WithHint("--out FILE")
			}
			b, err := e.ReadInput("FILE", args[0], link.MaxReactor, cli.ModuleRefused)
			if err != nil {
				return err
			}
			pages := uint32(min(uint64(memory)>>16, link.MaxPages+1))
			wasm, err := link.Link(b, pages)
			if err != nil {
				return cli.Errorf(cli.ModuleRefused, args[0], "%w", err).Named("LinkRefused").WithHint("go build -buildmode=c-shared with GOOS=wasip1 makes reactors")
			}
			if err := e.WriteOutput(out, wasm, 0o644); err != nil {
				return err
			}
			a := linkAnswer{digest.Sum(wasm), len(wasm), pages, out}
			return e.Print(a, func(w io.Writer) { fmt.Fprintf(w, "sha3_256  %s\nsize      %d bytes\n", a.SHA3, a.Size) })
		},
	}
	c.Flags().Var(&memory, "memory", "the most memory the module may have: 16MiB for trap libraries, up to 256MiB for compilers")
	c.Flags().StringVar(&out, "out", "", "`FILE` to write")
	return c
}
