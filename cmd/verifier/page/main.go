// Command page writes the verifier as one HTML file: the WebAssembly program of
// cmd/verifier inside it, so that it works from a disk without any server. The page
// forbids itself every connection (Content-Security-Policy).
//
//	go run ./cmd/verifier/page bin/verifier.html
package main

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

//go:embed page.html
var template []byte

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: page OUT.html")
		os.Exit(2)
	}
	b, err := build()
	if err == nil {
		err = os.WriteFile(os.Args[1], b, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

// build compiles the program and puts it and Go's loader into the page.
func build() ([]byte, error) {
	dir, err := os.MkdirTemp("", "verifier")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "verifier.wasm")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out, "github.com/animicaorg/engine/cmd/verifier")
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build for js/wasm: %w", err)
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, err
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("go env GOROOT: %w", err)
	}
	loader, err := os.ReadFile(filepath.Join(string(bytes.TrimSpace(root)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, err
	}
	return assemble(wasm, loader)
}

// assemble fills the two places of the page.
func assemble(wasm, loader []byte) ([]byte, error) {
	var zipped bytes.Buffer
	z, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(wasm); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	page := template
	for _, place := range []struct {
		mark string
		with []byte
	}{{"/*LOADER*/", loader}, {"/*PROGRAM*/", []byte(base64.StdEncoding.EncodeToString(zipped.Bytes()))}} {
		if bytes.Count(page, []byte(place.mark)) != 1 || bytes.Contains(place.with, []byte("</script")) {
			return nil, errors.New("the page has no single place for " + place.mark)
		}
		page = bytes.Replace(page, []byte(place.mark), place.with, 1)
	}
	return page, nil
}
