// Command omni is the network side of verifiable quantum jobs: the service, its
// clients, policies and their rules as pure functions.
//
// This package is wiring: each verb reads its input, calls the package that does
// the work and prints the answer. What it promises are the verbs, the exit codes
// (omni exit-codes) and the JSON members.
package main

import (
	"context"
	"os"

	"github.com/animicaorg/engine/devnet"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/internal/cli"
)

func main() {
	host.MaybeWorker()   // first: devnet's provider makes this binary its guest worker
	devnet.MaybeDevice() // and the driver of its device
	os.Exit(run())
}

func run() int {
	o := &program{App: cli.New("omni")}
	return o.Execute(context.Background(), o.root(), os.Args[1:])
}
