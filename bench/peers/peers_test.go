package peers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary stand in for Python: -I serve.py NAME THREADS.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "-I" {
		standIn(os.Args[3], os.Args[4])
		return
	}
	os.Exit(m.Run())
}

// standIn answers each request with what its name asks for.
func standIn(name, threads string) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var r request
		if err := json.Unmarshal(in.Bytes(), &r); err != nil {
			return
		}
		switch name {
		case "silent":
			return
		case "garbled":
			fmt.Println("Hello!")
			continue
		case "hung":
			for { // select {} would end it: nothing could wake the program
				time.Sleep(time.Hour)
			}
		}
		a := map[string]any{}
		switch r.Op {
		case "hello":
			a = map[string]any{"version": threads, "detail": os.Getenv("OMP_WAIT_POLICY") + os.Getenv("OMP_NUM_THREADS"), "settings": []string{string(r.Kind), r.Precision}}
		case "time":
			a = map[string]any{"seconds": make([]float64, r.Shots), "cpu": make([]float64, r.Reps)}
		case "probabilities":
			a = map[string]any{"probabilities": []float64{0.5, 0.25}}
		case "samples":
			a = map[string]any{"samples": []string{"0102", r.Setting}}
		case "memory":
			a = map[string]any{"bytes": 7}
		case "drop":
			a = map[string]any{"error": "no such name"}
		}
		b, err := json.Marshal(a)
		if err != nil {
			return
		}
		fmt.Println(string(b))
	}
}

func start(t *testing.T, name string, passive bool) *Peer {
	exe, err := os.Executable()
	require.NoError(t, err)
	p, err := (&Environment{python: exe, serve: "serve.py"}).Start(name, 2, passive)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestPeer(t *testing.T) {
	ctx, p := t.Context(), start(t, "good", true)
	about, err := p.Hello(ctx, Clifford, "double", 1)
	require.NoError(t, err)
	require.Equal(t, About{"2", "passive2", []string{"clifford", "double"}}, about)
	require.NoError(t, p.Load(ctx, "x", "file"))
	times, err := p.Time(ctx, "x", "s", 3, 3, 1)
	require.NoError(t, err)
	require.Equal(t, Times{make([]float64, 3), make([]float64, 3)}, times)
	_, err = p.Time(ctx, "x", "s", 2, 3, 1)
	require.ErrorIs(t, err, ErrPeer)
	got, err := p.Probabilities(ctx, "x", "s", []uint64{0, 3})
	require.NoError(t, err)
	require.Equal(t, []float64{0.5, 0.25}, got)
	_, err = p.Probabilities(ctx, "x", "s", []uint64{0})
	require.ErrorIs(t, err, ErrPeer)
	rows, err := p.Samples(ctx, "x", "ff", 2)
	require.NoError(t, err)
	require.Equal(t, [][]byte{{1, 2}, {255}}, rows)
	_, err = p.Samples(ctx, "x", "no hex", 2)
	require.ErrorIs(t, err, ErrPeer)
	n, err := p.Memory(ctx, "x", "s", 1)
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	require.ErrorContains(t, p.Drop(ctx, "x"), "no such name")
}

func TestPeerSpins(t *testing.T) {
	t.Setenv("OMP_WAIT_POLICY", "")
	about, err := start(t, "good", false).Hello(t.Context(), State, "single", 1)
	require.NoError(t, err)
	require.Equal(t, "2", about.Detail)
}

func TestPeerFails(t *testing.T) {
	for _, name := range []string{"silent", "garbled"} {
		_, err := start(t, name, false).Hello(t.Context(), State, "single", 1)
		require.ErrorIs(t, err, ErrPeer, name)
		require.ErrorContains(t, err, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	p := start(t, "hung", false)
	cancel()
	_, err := p.Hello(ctx, State, "single", 1)
	require.ErrorIs(t, err, context.Canceled)
}

// python writes a shell script that stands in for the interpreter.
func python(t *testing.T, venv, pip string) string {
	path := filepath.Join(t.TempDir(), "python")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$1 $2\" in\n-c*) echo cpython x;;\n*venv) %s;;\n*pip) %s;;\nesac\n", venv, pip)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

const copySelf = `mkdir -p "$3/bin" && cp "$0" "$3/bin/python"`

func TestInstall(t *testing.T) {
	dir, said := t.TempDir(), []string{}
	say := func(s string) { said = append(said, s) }
	good := python(t, copySelf, "true")
	e, err := Install(t.Context(), dir, good, say)
	require.NoError(t, err)
	require.Len(t, said, 1)
	for _, f := range []string{"serve.py", "peer_qsim.py"} {
		require.FileExists(t, filepath.Join(filepath.Dir(e.serve), f))
	}
	again, err := Install(t.Context(), dir, good, say)
	require.NoError(t, err)
	require.Equal(t, e, again)
	require.Len(t, said, 1, "the second time nothing is installed")
	_, err = Install(t.Context(), dir, python(t, copySelf, "true; exit 3")+"x", say)
	require.ErrorIs(t, err, ErrNoIndex)
}

func TestInstallFails(t *testing.T) {
	for name, p := range map[string]string{
		"ensurepip": python(t, "echo no ensurepip >&2; exit 1", "true"),
		"index":     python(t, copySelf, "echo first >&2; echo no index >&2; exit 1"),
	} {
		dir := t.TempDir()
		for range 2 { // a failed installation is not taken for a complete one
			_, err := Install(t.Context(), dir, p, func(string) {})
			require.ErrorIs(t, err, ErrNoIndex, name)
			require.ErrorContains(t, err, "no "+name, name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Install(ctx, t.TempDir(), python(t, copySelf, "true"), func(string) {})
	require.ErrorIs(t, err, context.Canceled)
}

// TestRequirements: every package is pinned and has a hash.
func TestRequirements(t *testing.T) {
	pins, hashes := 0, 0
	for line := range strings.Lines(string(requirements)) {
		switch s := strings.TrimSpace(line); {
		case s == "" || s[0] == '#':
		case strings.HasPrefix(s, "--hash=sha256:"):
			hashes++
		default:
			require.Contains(t, s, "==")
			require.True(t, pins == 0 || hashes > 0, "%s follows a package without a hash", s)
			pins, hashes = pins+1, 0
		}
	}
	require.Greater(t, pins, 5)
	require.Positive(t, hashes)
}

func TestCircuitFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.json")
	require.NoError(t, WriteCircuits(path, []Circuit{{2, []Op{{"cz", []int{0, 1}, nil}, {"p", []int{1}, []float64{0.5}}}}}))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.JSONEq(t, `{"circuits":[{"qubits":2,"ops":[["cz",[0,1]],["p",[1],[0.5]]]}]}`, string(b))
}
