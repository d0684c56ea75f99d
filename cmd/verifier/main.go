//go:build !js

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/proofs"
)

const usage = `usage: verifier [--roots DIR] [--attest-policy FILE] [--at TIME] BUNDLE

Verifies a proof bundle (a folder or a .tar) and prints the report as JSON. It has
no network and no keys. Exit codes are those of "engine proof verify": 0, 40 traps,
41 signatures and attestation, 42 anything else; 2 usage.
`

const exitUsage = 2

func main() {
	flags := flag.NewFlagSet("verifier", flag.ExitOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	roots := flags.String("roots", "", "")
	policy := flags.String("attest-policy", "", "")
	at := flags.String("at", "", "")
	_ = flags.Parse(os.Args[1:]) // ExitOnError
	if flags.NArg() != 1 {
		flags.Usage()
		os.Exit(exitUsage)
	}
	r, err := readRequest(flags.Arg(0), *roots, *policy, *at)
	if err != nil {
		fmt.Fprintln(os.Stderr, "verifier:", err)
		os.Exit(exitUsage)
	}
	b, err := proofs.Load(flags.Arg(0))
	if err != nil {
		os.Stdout.Write(append(refusal(err), '\n'))
		os.Exit(exitBundle)
	}
	r.bundle = b
	answer, code := verify(context.Background(), r)
	os.Stdout.Write(append(answer, '\n'))
	os.Exit(code)
}

// readRequest reads what stands beside the bundle.
func readRequest(bundle, roots, policy, at string) (r *request, err error) {
	r = &request{at: at}
	if _, err := os.Stat(bundle); err != nil {
		return nil, err
	}
	if policy != "" {
		if r.policy, err = os.ReadFile(policy); err != nil {
			return nil, err
		}
	}
	if roots == "" {
		return r, nil
	}
	r.roots = map[string][]byte{}
	err = filepath.WalkDir(roots, func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err != nil || d.IsDir() || ext != ".pem" && ext != ".crl" {
			return err
		}
		if len(r.roots) > maxRoots {
			return errors.New("too many files below --roots")
		}
		name, err := filepath.Rel(roots, path)
		if err != nil {
			return err
		}
		r.roots[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	return r, err
}

// maxRoots bounds the files that are read.
const maxRoots = 1024
