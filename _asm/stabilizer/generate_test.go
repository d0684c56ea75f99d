package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestCommittedFilesAreFresh runs the generator and compares with what is
// committed, but for the first line, which names the command.
func TestCommittedFilesAreFresh(t *testing.T) {
	const dir = "../../backends/stabilizer/internal/kernel"
	out := t.TempDir()
	asm, stubs := filepath.Join(out, "kernel_amd64.s"), filepath.Join(out, "stubs_amd64.go")
	cmd := exec.Command("go", "run", ".", "-out", asm, "-stubs", stubs, "-pkg", "kernel")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("generator: %v\n%s", err, msg)
	}
	for _, file := range []string{asm, stubs} {
		want, err := os.ReadFile(filepath.Join(dir, filepath.Base(file)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, got, _ := bytes.Cut(got, []byte("\n")); !bytes.HasSuffix(want, got) {
			t.Errorf("%s is stale: run go generate ./backends/stabilizer/internal/kernel", filepath.Base(file))
		}
	}
}
