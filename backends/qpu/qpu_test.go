//go:build unix

package qpu_test

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/qpu"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/driver/process"
	"github.com/animicaorg/engine/plugins/driver/supervisor"
	"github.com/animicaorg/engine/plugins/vendors/ionq"
	"github.com/animicaorg/engine/plugins/vendors/mockqpu"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
)

func TestMain(m *testing.M) {
	process.MaybeLaunch()
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "serve-") {
		if len(os.Args) > 2 {
			tellGoroutines(os.Args[2])
		}
		switch os.Args[1] {
		case "serve-mockqpu":
			driver.Serve(mockqpu.New(time.Now))
		case "serve-forger":
			if err := mockqpu.Serve(time.Now, "signature-verifies"); err != nil {
				panic(err)
			}
		case "serve-ionq":
			driver.Serve(ionq.New(time.Now))
		}
		return
	}
	os.Exit(m.Run())
}

// start runs mockqpu as a process under a supervisor.
func start(t testing.TB, config string) *supervisor.Supervisor {
	t.Helper()
	return startDriver(t, "serve-mockqpu", func(c *supervisor.Config) {
		c.MaxCrashes, c.BackoffMax, c.Configure.JSON = 1000, 10*time.Millisecond, []byte(config)
	})
}

func open(t testing.TB, s *supervisor.Supervisor) *qpu.Backend {
	t.Helper()
	j, err := driver.OpenLedger(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	b, err := qpu.Open(t.Context(), qpu.Config{Name: "mockqpu", Acquire: s.Acquire, Journal: j})
	require.NoError(t, err)
	return b
}

// bits is a batch whose slot i gives the bits of i with certainty.
func bits(width, n int) *backends.Batch {
	x := circuit.U3Angles{Theta: 1 << 62, Lambda: 1 << 62}.Normal()
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: width}, Palette: []circuit.U3Angles{{}, x}, Meta: backends.Meta{JobID: "j", LeaseID: "l"},
		Rows: &guest.Rows{N: n, Locations: width, ElemSize: 2}}
	for i := range n {
		for q := range width {
			b.Rows.Data = append(b.Rows.Data, byte(i>>q&1), 0)
		}
	}
	return b
}

// collect runs a batch and returns the rows, having checked that they come in
// order.
func collect(t testing.TB, b *qpu.Backend, batch *backends.Batch) []byte {
	t.Helper()
	var rows []byte
	next := uint64(0)
	require.NoError(t, b.Run(t.Context(), batch, func(o *guest.Outcomes) error {
		require.Equal(t, next, o.First)
		next += uint64(o.N)
		rows = append(rows, o.Rows...)
		return nil
	}))
	require.Equal(t, uint64(batch.Rows.N), next)
	return rows
}

func TestBitsArriveInOrder(t *testing.T) {
	b := open(t, start(t, `{"max_slots":300}`))
	batch := bits(10, 1024)
	rows := collect(t, b, batch)
	for i := range 1024 {
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, rows[2*i:2*i+2], "slot %d", i)
	}
	caps, err := b.Capabilities(t.Context())
	require.NoError(t, err)
	require.Equal(t, "animica", caps.Device.Vendor)
	require.NotZero(t, caps.Device.DeviceKeySHA3)
	require.Regexp(t, `^sha3-256:[0-9a-f]{64}$`, caps.Device.CalibrationID)
}

func TestSignaturesOfTheDevice(t *testing.T) {
	b := open(t, start(t, ``))
	require.True(t, b.CanSign())
	one, err := b.Sign(t.Context(), driverv1.Purpose_PURPOSE_EXEC, digest.Sum([]byte("x")))
	require.NoError(t, err)
	two, err := b.Sign(t.Context(), driverv1.Purpose_PURPOSE_RESULT, digest.Sum([]byte("x")))
	require.NoError(t, err)
	require.Greater(t, two.Counter, one.Counter)
	require.NotEqual(t, one.Signature, two.Signature, "the purpose is signed too")
}

// TestAForgedSignatureIsNotUsed: the forger spoils signatures of digests that begin
// with 1.
func TestAForgedSignatureIsNotUsed(t *testing.T) {
	b := open(t, startDriver(t, "serve-forger", func(*supervisor.Config) {}))
	_, err := b.Sign(t.Context(), driverv1.Purpose_PURPOSE_EXEC, digest.Digest{2})
	require.NoError(t, err)
	_, err = b.Sign(t.Context(), driverv1.Purpose_PURPOSE_EXEC, digest.Digest{1})
	require.ErrorIs(t, err, qpu.ErrSignature)
}

// TestTheFrameBindsKeyAndCalibration: D names the key that signs and, by its hash,
// the snapshot that is kept.
func TestTheFrameBindsKeyAndCalibration(t *testing.T) {
	s := start(t, `{"calibration":{"format":"noise/v1","gates":[{"gate":"1q","depolarizing":0.001}]}}`)
	j, err := driver.OpenLedger(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	kept := map[string][]byte{}
	b, err := qpu.Open(t.Context(), qpu.Config{Name: "mockqpu", Acquire: s.Acquire, Journal: j, Keep: func(_ context.Context, id string, snapshot []byte) error {
		kept[id] = snapshot
		return nil
	}})
	require.NoError(t, err)
	caps, err := b.Capabilities(t.Context())
	require.NoError(t, err)
	sum := sha3.Sum256(kept[caps.Device.CalibrationID])
	require.Equal(t, "sha3-256:"+hex.EncodeToString(sum[:]), caps.Device.CalibrationID)
	require.Contains(t, string(kept[caps.Device.CalibrationID]), "depolarizing", "the vendor's own bytes are in it")
	require.Equal(t, digest.Sum(b.Device().Keys[0].PublicKey), caps.Device.DeviceKeySHA3)
}

// TestKilledDriver kills the driver as each part of a batch arrives: every slot
// arrives, and the vendor has every submission once. TestTorture kills anywhere.
func TestKilledDriver(t *testing.T) {
	s := start(t, `{"max_slots":64,"latency_ms":5}`)
	b := open(t, s)
	kill := func() bool {
		st := s.Status()
		pid, err := strconv.Atoi(st.PID)
		return err == nil && st.State == supervisor.Ready && syscall.Kill(pid, syscall.SIGKILL) == nil
	}
	var rows []byte
	require.NoError(t, b.Run(t.Context(), bits(9, 512), func(o *guest.Outcomes) error {
		require.Eventually(t, kill, time.Minute, time.Millisecond)
		require.Equal(t, uint64(len(rows)/2), o.First)
		rows = append(rows, o.Rows...)
		return nil
	}))
	require.Len(t, rows, 1024)
	for i := range 512 {
		require.Equal(t, []byte{byte(i), byte(i >> 8)}, rows[2*i:2*i+2], "slot %d", i)
	}
	// The last kill may come after the last slot, before the supervisor knows of it:
	// the process it then hands out is dead, and is asked for once more.
	jobs := map[string]int{}
	require.Eventually(t, func() bool {
		clear(jobs)
		c, _, _, err := s.Acquire(t.Context())
		if err == nil {
			err = c.Recover(t.Context(), mockqpu.DeviceID, [32]byte{}, time.Unix(1, 0), func(j *driverv1.Job) error {
				jobs[string(j.IdempotencyKey)]++
				return nil
			})
		}
		if err != nil {
			t.Log("the vendor's list: ", err)
		}
		return err == nil
	}, 30*time.Second, 10*time.Millisecond)
	require.Len(t, jobs, 8)
	for _, n := range jobs {
		require.Equal(t, 1, n)
	}
}

// TestCancelReachesTheVendor ends a run that would take a minute, as soon as the
// vendor has the job, which may be before the driver's answer: Run returns the
// caller's error, and after Close the vendor knows.
func TestCancelReachesTheVendor(t *testing.T) {
	s := start(t, `{"latency_ms":60000}`)
	b := open(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx, bits(3, 4), func(*guest.Outcomes) error { return nil }) }()
	c, _, _, err := s.Acquire(t.Context())
	require.NoError(t, err)
	jobs := func() (list []*driverv1.Job) {
		require.NoError(t, c.Recover(t.Context(), mockqpu.DeviceID, [32]byte{}, time.Unix(1, 0), func(j *driverv1.Job) error {
			list = append(list, j)
			return nil
		}))
		return list
	}
	require.Eventually(t, func() bool { return len(jobs()) == 1 }, 20*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.NoError(t, b.Close())
	require.Equal(t, driverv1.JobState_JOB_STATE_CANCELLED, jobs()[0].State)
}

// TestACancelledRunCanRunAgain: a job that ended at the vendor without outcomes is
// followed by one more, a job that has outcomes is not.
func TestACancelledRunCanRunAgain(t *testing.T) {
	var reload driver.Config
	s := startDriver(t, "serve-mockqpu", func(c *supervisor.Config) {
		c.Configure.JSON = []byte(`{"latency_ms":60000,"max_slots":2}`)
		reload = c.Configure
	})
	j, err := driver.OpenLedger(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { j.Close() })
	var notes []string
	b, err := qpu.Open(t.Context(), qpu.Config{Name: "mockqpu", Acquire: s.Acquire, Journal: j, Note: func(n string) { notes = append(notes, n) }})
	require.NoError(t, err)
	c, _, _, err := s.Acquire(t.Context())
	require.NoError(t, err)
	jobs := func() map[driverv1.JobState]int {
		n := map[driverv1.JobState]int{}
		require.NoError(t, c.Recover(t.Context(), mockqpu.DeviceID, [32]byte{}, time.Unix(1, 0), func(j *driverv1.Job) error { n[j.State]++; return nil }))
		return n
	}
	for cancelled := 1; cancelled <= 2; cancelled++ {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- b.Run(ctx, bits(3, 4), func(*guest.Outcomes) error { return nil }) }()
		require.Eventually(t, func() bool { return jobs()[driverv1.JobState_JOB_STATE_QUEUED] == 1 }, 20*time.Second, time.Millisecond)
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		require.NoError(t, b.Close())
		require.Equal(t, map[driverv1.JobState]int{driverv1.JobState_JOB_STATE_CANCELLED: cancelled}, jobs())
	}
	reload.JSON = []byte(`{"max_slots":2}`)
	require.NoError(t, s.Reload(t.Context(), reload))
	want := map[driverv1.JobState]int{driverv1.JobState_JOB_STATE_CANCELLED: 2, driverv1.JobState_JOB_STATE_SUCCEEDED: 2}
	for range 2 {
		require.Equal(t, []byte{0, 1, 2, 3}, collect(t, b, bits(3, 4)))
		require.Equal(t, want, jobs(), "two parts, each executed once")
	}
	require.Contains(t, notes[0], "cancelled and left no outcomes: this is attempt 2")
	require.Contains(t, notes[len(notes)-1], "nothing runs again")
}

func TestLogOfADriverThatCannotStart(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "bad")
	require.NoError(t, os.WriteFile(name, []byte("#!/bin/sh\necho no licence >&2\nexit 3\n"), 0o700))
	img, err := process.Seal(name)
	require.NoError(t, err)
	defer img.Close()
	_, err = supervisor.Exec(&process.Spec{Image: img, CacheDir: dir}, dir[:min(len(dir), 60)], 20*time.Second, testLog(t))(t.Context())
	require.ErrorContains(t, err, "no licence")
}

// TestSignedMessage holds the domains that verifiers of proofs know against those
// that drivers sign.
func TestSignedMessage(t *testing.T) {
	d := digest.Sum([]byte("x"))
	require.Equal(t, append([]byte(vendorcert.ExecDomain), d[:]...), driver.SignedMessage(driverv1.Purpose_PURPOSE_EXEC, d))
	require.Equal(t, append([]byte(vendorcert.ResultDomain), d[:]...), driver.SignedMessage(driverv1.Purpose_PURPOSE_RESULT, d))
}
