package attesttest

import (
	"os"
	"path/filepath"
	"testing"
)

// EvidenceDir is the environment variable that names a folder with real evidence
// whose licence or provenance keeps it out of this repository.
const EvidenceDir = "ENGINE_EVIDENCE_DIR"

// Real reads real evidence below the folder of EvidenceDir. ok is false, and the
// test log says so, when the variable is not set; a missing file fails the test.
func Real(t *testing.T, names ...string) (files [][]byte, ok bool) {
	t.Helper()
	dir := os.Getenv(EvidenceDir)
	if dir == "" {
		t.Logf("%s is not set: %v was not verified; minted evidence was", EvidenceDir, names)
		return nil, false
	}
	for _, n := range names {
		if n == "" {
			files = append(files, nil)
			continue
		}
		files = append(files, File(t, filepath.Join(dir, filepath.FromSlash(n))))
	}
	return files, true
}

// File reads a file that must be there.
func File(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
