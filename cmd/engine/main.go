// Command engine runs verifiable quantum jobs: it plans a job with its trap
// circuits, executes it, judges the traps and writes a proof that anyone can
// verify offline.
//
// This package is wiring: each verb reads its input, calls the package that does
// the work and prints the answer. What it promises are the verbs, the exit codes
// (engine exit-codes) and the JSON members of docs/cli.md.
package main

import (
	"context"
	"os"

	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/cli"
)

func main() {
	host.MaybeWorker() // first: this binary is its own guest worker
	maybeDriver()      // and its own driver
	os.Exit(run())
}

func run() int {
	e := &program{App: cli.New("engine")}
	return e.Execute(context.Background(), e.root(), os.Args[1:])
}
