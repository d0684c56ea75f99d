package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/proofs"
)

var ctx = context.Background()

// TestDependencies: the verifier runs no module, drives no device and has no
// network, natively and in the browser.
func TestDependencies(t *testing.T) {
	const module = "github.com/animicaorg/engine/"
	for _, target := range []string{"js/wasm", "linux/amd64"} {
		system, arch, _ := strings.Cut(target, "/")
		cmd := exec.Command("go", "list", "-deps", ".")
		cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		deps := strings.Fields(string(out))
		require.Contains(t, deps, module+"proofs/attest/evidence")
		for _, d := range deps {
			for _, bad := range []string{"wazero", "wasmtime", "grpc", "protobuf", "go-plugin", "net/http", module + "host", module + "engine", module + "backends", module + "plugins", module + "aicf", module + "proofs/attest/quote", module + "proofs/attest/attesttest"} {
				if d == bad || strings.HasPrefix(d, bad+"/") || !strings.Contains(bad, "/") && strings.Contains(d, bad) {
					t.Errorf("%s needs %s", target, d)
				}
			}
		}
	}
}

// runJob makes a bundle with the engine's own binary.
func runJob(t testing.TB, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	exe := filepath.Join(dir, "engine")
	build := exec.Command("go", "build", "-o", exe, "../engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	bundle := filepath.Join(dir, "bundle")
	cmd := exec.Command(exe, append([]string{"run", "--out", bundle, "--plot", "none"}, args...)...)
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME=", "XDG_CONFIG_HOME=", "XDG_CACHE_HOME=")
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return bundle
}

const smallJob = `{"job_id": "abababababababababababababababababababababababababababababababab", "kind": "quantum",
 "spec": {"circuit_id": "animica.quantum.trapset.v1", "width": 3, "depth": 4, "shots": 600, "trap_ratio": 0.3,
  "seed": "00112233445566778899aabbccddeeff102132435465768798a9bacbdcedfe0f"}, "max_latency_ms": 2000, "price": {"units": 12}}`

func smallBundle(t testing.TB) *proofs.Bundle {
	path := filepath.Join(t.TempDir(), "job.json")
	require.NoError(t, os.WriteFile(path, []byte(smallJob), 0o600))
	b, err := proofs.Load(runJob(t, path))
	require.NoError(t, err)
	return b
}

type answer struct {
	Valid       bool   `json:"valid"`
	Level       string `json:"level"`
	FailedCheck string `json:"failed_check"`
	Exit        int    `json:"exit"`
	Error       string `json:"error"`
}

func ask(t testing.TB, r *request) answer {
	b, code := verify(ctx, r)
	var a answer
	require.NoError(t, json.Unmarshal(b, &a), string(b))
	require.Equal(t, code, a.Exit)
	return a
}

func TestVerify(t *testing.T) {
	b := smallBundle(t)
	require.Equal(t, answer{Valid: true, Level: "none"}, ask(t, &request{bundle: b}))
	require.Equal(t, "freshness", ask(t, &request{bundle: b, at: "2000-01-01T00:00:00Z"}).FailedCheck)
	require.Contains(t, ask(t, &request{bundle: b, at: "yesterday"}).Error, "no time")
	require.Contains(t, ask(t, &request{bundle: b, policy: []byte("{}")}).Error, "policy")

	tar, err := b.Tar()
	require.NoError(t, err)
	again, err := readBundle(tar, nil)
	require.NoError(t, err)
	require.Equal(t, b, again)
	_, err = readBundle(nil, nil)
	require.ErrorContains(t, err, "no bundle")
	_, err = readBundle(tar[:600], nil)
	require.ErrorIs(t, err, proofs.ErrBundle)
	n := 0
	for name, bad := range flipped(t, b, 1) {
		got := ask(t, &request{bundle: bad})
		require.False(t, got.Valid, name)
		require.NotZero(t, got.Exit, name)
		n++
	}
	require.GreaterOrEqual(t, n, 10)
}

// flipped makes bundles that differ in one character of one file and whose manifest
// says so too, so that the file's own check has to find it.
func flipped(t testing.TB, b *proofs.Bundle, perFile int) map[string]*proofs.Bundle {
	out := map[string]*proofs.Bundle{}
	tar, err := b.Tar()
	require.NoError(t, err)
	for name, of := range map[string]func(*proofs.Bundle) *[]byte{
		"proof.json": func(b *proofs.Bundle) *[]byte { return &b.Proof }, "proof.cbor": func(b *proofs.Bundle) *[]byte { return &b.ProofCBOR },
		"circuit.bin": func(b *proofs.Bundle) *[]byte { return &b.Circuit }, "compiled.bin": func(b *proofs.Bundle) *[]byte { return &b.Compiled },
		"outcomes.bin": func(b *proofs.Bundle) *[]byte { return &b.Outcomes }, "report.bin": func(b *proofs.Bundle) *[]byte { return &b.Report },
		"lease.json": func(b *proofs.Bundle) *[]byte { return &b.Lease }, "counts.json": func(b *proofs.Bundle) *[]byte { return &b.Counts },
		"policy.json": func(b *proofs.Bundle) *[]byte { return &b.Policy }, "journal.jsonl": func(b *proofs.Bundle) *[]byte { return &b.Journal },
	} {
		for k := range perFile {
			bad, err := proofs.ReadTar(bytes.NewReader(tar))
			require.NoError(t, err)
			data := of(bad)
			*data = bytes.Clone(*data)
			i := (2*k + 1) * len(*data) / (2 * perFile)
			for strings.Contains(name, ".json") && !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz", rune((*data)[i])) {
				i++ // white space between members means nothing
			}
			(*data)[i] ^= 1
			out[name+"@"+string(rune('a'+k))] = bad
		}
	}
	return out
}
