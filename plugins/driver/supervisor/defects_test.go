//go:build linux

package supervisor_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
)

// One test for each defect of go-plugin that this package closes, by number as in
// docs/design/drivers-tests.md, with a real driver process.

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			driver.Serve(mockqpu.New(time.Now))
			return
		case "serve-flood":
			driver.ServeConfig{Driver: mockqpu.New(time.Now), Prepare: flood}.Serve()
			return
		}
	}
	os.Exit(m.Run())
}

// flood passes the handshake line on and then fills the real standard output with a
// line that never ends, as a C library's progress bar would.
func flood() error {
	out := os.Stdout
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	os.Stdout = w
	go func() {
		line, err := bufio.NewReader(r).ReadBytes('\n')
		for junk := bytes.Repeat([]byte("#"), 1<<20); err == nil; _, err = out.Write(junk) {
			if line != nil {
				_, err = out.Write(line)
				line = nil
			}
		}
	}()
	return nil
}

// house is where a driver of a test lives.
type house struct {
	t              *testing.T
	image          *process.Image
	args           []string
	cache, sockets string
}

func newHouse(t *testing.T, args ...string) *house {
	img, err := process.Seal(os.Args[0])
	require.NoError(t, err)
	sockets, err := os.MkdirTemp("", "s")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, img.Close())
		require.NoError(t, os.RemoveAll(sockets))
	})
	return &house{t, img, args, t.TempDir(), sockets}
}

func (h *house) exec() supervisor.Start {
	return supervisor.Exec(&process.Spec{Image: h.image, Args: h.args, CacheDir: h.cache}, h.sockets, time.Minute, slog.New(slog.DiscardHandler))
}

func (h *house) config(json string) driver.Config {
	return driver.Config{JSON: []byte(json), CacheDir: h.cache, Dev: true}
}

// start is one process, configured.
func (h *house) start(json string) supervisor.Process {
	p, err := h.exec()(h.t.Context())
	require.NoError(h.t, err)
	h.t.Cleanup(func() { _ = p.Stop(context.Background(), 0) })
	cfg := h.config(json)
	_, err = p.Client().Configure(h.t.Context(), &cfg)
	require.NoError(h.t, err)
	return p
}

func (h *house) supervise(json string, edit func(*supervisor.Config)) *supervisor.Supervisor {
	cfg := supervisor.Config{Driver: "mockqpu", Now: time.Now, Start: h.exec(), Configure: h.config(json), BackoffMin: time.Millisecond, BackoffMax: time.Millisecond}
	if edit != nil {
		edit(&cfg)
	}
	s, err := supervisor.New(cfg)
	require.NoError(h.t, err)
	s.Run(context.Background())
	h.t.Cleanup(func() { s.Stop(context.Background(), 0) })
	return s
}

func pid(t *testing.T, text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// one is a submission of one circuit that gives 1.
func one(slots int) *driver.Submission {
	x := circuit.U3Angles{Theta: circuit.Pi, Lambda: circuit.Pi}.Normal()
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: 1}, Palette: []circuit.U3Angles{x}, Rows: &guest.Rows{N: slots, Locations: 1, ElemSize: 2, Data: make([]byte, 2*slots)}}
	return &driver.Submission{Key: [32]byte{1, byte(slots)}, Device: mockqpu.DeviceID, Batch: b, ShotsPerSlot: 1, Kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, Verbatim: true}
}

// Client.Kill waits for an answer to Shutdown that a stopped process never gives.
func TestDefect01KillOfAStoppedDriverReturns(t *testing.T) {
	h := newHouse(t, "serve")
	p := h.start("{}")
	require.NoError(t, syscall.Kill(pid(t, p.PID()), syscall.SIGSTOP))
	require.NoError(t, p.Stop(t.Context(), 0))
	<-p.Done()
	require.Contains(t, p.Report().Exit, "signal")

	s := h.supervise("{}", func(c *supervisor.Config) {
		// Long enough that a busy machine does not make a live driver miss twice.
		c.HealthEvery, c.HealthTimeout, c.HealthMisses = 5*time.Millisecond, time.Second, 2
	})
	_, _, gone, err := s.Acquire(t.Context())
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid(t, s.Status().PID), syscall.SIGSTOP))
	<-gone // the health checks replaced it
	_, _, _, err = s.Acquire(t.Context())
	require.NoError(t, err)
}

// A client is good for one process, and its Start gives the dead socket after a crash.
func TestDefect02AcquireNeverGivesADeadProcess(t *testing.T) {
	s := newHouse(t, "serve").supervise("{}", func(c *supervisor.Config) { c.MaxCrashes = 100 })
	for range 5 {
		_, _, gone, err := s.Acquire(t.Context())
		require.NoError(t, err)
		require.NoError(t, syscall.Kill(pid(t, s.Status().PID), syscall.SIGKILL))
		<-gone
		c, _, _, err := s.Acquire(t.Context())
		require.NoError(t, err)
		_, err = c.Device(t.Context(), mockqpu.DeviceID)
		require.NoError(t, err, "the client after a crash works")
	}
}

// SecureConfig's hash is not reset, so a second start from it fails.
func TestDefect03OneSealedFileStartsManyTimes(t *testing.T) {
	h := newHouse(t, "serve")
	for range 3 {
		p := h.start("{}")
		require.NoError(t, p.Stop(t.Context(), 0))
		require.Equal(t, h.image.SHA256, p.Report().SHA256)
	}
}

// SecureConfig hashes the interpreter of a script, and what it hashed may be swapped
// before it runs.
func TestDefect04TheHashedFileRuns(t *testing.T) {
	script := filepath.Join(t.TempDir(), "driver")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho the sealed one >&2\n"), 0o700))
	img, err := process.Seal(script)
	require.NoError(t, err)
	defer img.Close()
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\necho another >&2\n"), 0o700))
	h := newHouse(t)
	require.NotEqual(t, h.image.SHA256, img.SHA256)
	_, err = supervisor.Exec(&process.Spec{Image: img, CacheDir: h.cache}, h.sockets, time.Minute, slog.New(slog.DiscardHandler))(t.Context())
	require.ErrorContains(t, err, "the sealed one")
	require.NotContains(t, err.Error(), "another")
}

// Reattach does not work over mutual TLS: a new engine finds its jobs by their ids.
func TestDefect06JobsOutliveTheEngine(t *testing.T) {
	h := newHouse(t, "serve")
	p := h.start(`{"latency_ms":50}`)
	r, err := p.Client().Submit(t.Context(), one(3))
	require.NoError(t, err)
	require.NoError(t, p.Stop(t.Context(), 0))
	p = h.start(`{}`) // as by another engine
	require.Eventually(t, func() bool {
		j, err := p.Client().Get(t.Context(), r.JobId, time.Second)
		return err == nil && j.State == driverv1.JobState_JOB_STATE_SUCCEEDED
	}, time.Minute, time.Millisecond)
}

// Requests above 4 MiB are refused by the default server.
func TestDefect07FiveMegabytesCross(t *testing.T) {
	p := newHouse(t, "serve").start("{}")
	s := one(1)
	s.Batch.Rows = &guest.Rows{N: 1, Locations: 1, ElemSize: 4, Data: make([]byte, 4)}
	s.Batch.Palette = make([]circuit.U3Angles, 1<<18) // 6 MiB in one message, the header
	for i := range s.Batch.Palette {
		s.Batch.Palette[i] = circuit.U3Angles{Theta: circuit.Angle(i) << 32}
	}
	_, err := p.Client().Submit(t.Context(), s)
	require.NoError(t, err)
}

// Standard output without a newline, after the handshake, wedges every later call.
func TestDefect08AFloodOfStandardOutputWedgesNothing(t *testing.T) {
	p := newHouse(t, "serve-flood").start("{}")
	for i := range 30 { // through the time of the flood and beyond
		_, err := p.Client().Device(t.Context(), mockqpu.DeviceID)
		require.NoError(t, err)
		r, err := p.Client().Submit(t.Context(), one(i+1))
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			j, err := p.Client().Get(t.Context(), r.JobId, time.Second)
			return err == nil && j.State == driverv1.JobState_JOB_STATE_SUCCEEDED
		}, time.Minute, time.Millisecond)
	}
}

// Shutdown cuts what is under way: it is drained first.
func TestDefect09StopDrainsFirst(t *testing.T) {
	h := newHouse(t, "serve")
	s := h.supervise(`{"latency_ms":300}`, nil)
	c, _, gone, err := s.Acquire(t.Context())
	require.NoError(t, err)
	r, err := c.Submit(t.Context(), one(2))
	require.NoError(t, err)
	s.Stop(t.Context(), time.Minute)
	<-gone
	p := h.start(`{"latency_ms":60000}`)
	j, err := p.Client().Get(t.Context(), r.JobId, 0)
	require.NoError(t, err)
	require.Equal(t, driverv1.JobState_JOB_STATE_SUCCEEDED, j.State, "the job ended before the driver did")
}

// Sockets land in the temporary folder and stay after SIGKILL.
func TestDefect10SocketsAreWhereTheyBelongAndGo(t *testing.T) {
	h := newHouse(t, "serve")
	sockets := func() (found []string) {
		require.NoError(t, filepath.WalkDir(h.sockets, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type()&fs.ModeSocket != 0 {
				found = append(found, path)
			}
			return nil // a folder that goes while it is read
		}))
		return found
	}
	p := h.start("{}")
	require.Len(t, sockets(), 1)
	require.NoError(t, syscall.Kill(pid(t, p.PID()), syscall.SIGKILL))
	<-p.Done()
	require.Eventually(t, func() bool {
		left, err := os.ReadDir(h.sockets)
		return err == nil && len(left) == 0
	}, time.Minute, time.Millisecond, "socket and folder of a killed driver are removed")
}

// Environment and standard input are inherited by default.
func TestDefect11TheEnvironmentStaysHere(t *testing.T) {
	t.Setenv("AWS_SECRET_ACCESS_KEY", "canary")
	p := newHouse(t, "serve").start("{}")
	b, err := os.ReadFile("/proc/" + p.PID() + "/environ")
	require.NoError(t, err)
	require.NotContains(t, string(b), "canary")
	allowed := []string{"ENGINE_DRIVER", "PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "PLUGIN_CLIENT_CERT", "PLUGIN_MIN_PORT", "PLUGIN_MAX_PORT", "PLUGIN_MULTIPLEX_GRPC"}
	for kv := range strings.SplitSeq(strings.TrimRight(string(b), "\x00"), "\x00") {
		name, _, _ := strings.Cut(kv, "=")
		require.Contains(t, allowed, name)
	}
	in, err := os.Readlink(fmt.Sprintf("/proc/%s/fd/0", p.PID()))
	require.NoError(t, err)
	require.Equal(t, "/dev/null", in)
}

// Ping has no deadline of its own.
func TestDefect12PingEndsWithItsContext(t *testing.T) {
	p := newHouse(t, "serve").start("{}")
	require.NoError(t, p.Ping(t.Context()))
	require.NoError(t, syscall.Kill(pid(t, p.PID()), syscall.SIGSTOP))
	require.Eventually(t, func() bool { // a signal takes its time to arrive
		b, err := os.ReadFile("/proc/" + p.PID() + "/stat")
		return err == nil && strings.Contains(string(b), ") T ")
	}, time.Minute, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Error(t, p.Ping(ctx))
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
}

// TestDefectsAreAllHere: the page lists twelve, each with a test that exists.
func TestDefectsAreAllHere(t *testing.T) {
	page, err := os.ReadFile("../../../docs/design/drivers-tests.md")
	require.NoError(t, err)
	numbers := []int{}
	for line := range strings.Lines(string(page)) {
		f := strings.Split(line, "|")
		if len(f) < 5 {
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(f[1]))
		if err != nil {
			continue
		}
		numbers = append(numbers, n)
		for name := range strings.FieldsSeq(strings.NewReplacer("`", "", ",", " ").Replace(f[3])) {
			dir, test, found := strings.Cut(name, ":")
			require.True(t, found, "defect %d: %s is not package:TestName", n, name)
			require.True(t, hasTest(t, filepath.Join("../../..", dir), test), "defect %d: %s has no %s", n, dir, test)
		}
	}
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, numbers)
}

func hasTest(t *testing.T, dir, name string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	require.NoError(t, err)
	return slices.ContainsFunc(files, func(f string) bool {
		b, err := os.ReadFile(f)
		return err == nil && bytes.Contains(b, []byte("func "+name+"("))
	})
}
