package auditlog

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A child process writes a log and is killed (SIGKILL) when it reaches a step
// for the n-th time. What it says on stdout is what it was told is durable.
const (
	childDir  = "AUDITLOG_TEST_DIR"
	childStep = "AUDITLOG_TEST_STEP"
	childNth  = "AUDITLOG_TEST_NTH"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func child(dir string) error {
	var nth int
	if _, err := fmt.Sscan(os.Getenv(childNth), &nth); err != nil {
		return err
	}
	l, err := Open(dir, origin, mustLogKey())
	if err != nil {
		return err
	}
	step := os.Getenv(childStep)
	l.fault = func(at string) {
		if at == step {
			if nth--; nth == 0 {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		}
	}
	for n := range 3 {
		d := run(n)
		for _, part := range [][]Draft{d[:2], d[2:3], d[3:4]} {
			first, err := l.Append(ctx, part...)
			if err != nil {
				return err
			}
			fmt.Printf("durable %d\n", first+uint64(len(part)))
		}
		if _, signed, err := l.Seal(ctx, d[4]); err != nil {
			return err
		} else {
			fmt.Printf("durable %d\nsigned %x\n", 5*(n+1), signed)
		}
	}
	return nil
}

// TestKilledAtEveryStep kills the writer at every step of append and publish
// and demands that the log opens again, holds everything that was called
// durable, extends every checkpoint that left the process, and goes on.
func TestKilledAtEveryStep(t *testing.T) {
	steps := []string{"pending written", "pending synced", "tiles written", "leases indexed", "signed noted", "signed", "checkpoint written", "pending removed"}
	for _, step := range steps {
		for _, nth := range []int{1, 2, 3} {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), childDir+"="+dir, childStep+"="+step, childNth+"="+fmt.Sprint(nth))
			out, err := cmd.Output()
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit, "%s %d", step, nth)
			require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "%s", exit.Stderr)
			var durable uint64
			var signed []byte
			for s := bufio.NewScanner(strings.NewReader(string(out))); s.Scan(); {
				if text, ok := strings.CutPrefix(s.Text(), "signed "); ok {
					_, err = fmt.Sscanf(text, "%x", &signed)
				} else {
					_, err = fmt.Sscanf(s.Text(), "durable %d", &durable)
				}
				require.NoError(t, err)
			}

			l := openLog(t, dir)
			c, _, pending, err := l.Head()
			require.NoError(t, err, "%s %d", step, nth)
			require.GreaterOrEqual(t, c.Size+uint64(pending), durable, "%s %d", step, nth)
			_, err = l.Verify()
			require.NoError(t, err, "%s %d", step, nth)
			if signed != nil {
				require.NoError(t, l.Against(signed), "%s %d", step, nth)
			}
			_, err = l.Append(ctx, run(7)...)
			require.NoError(t, err)
			_, err = l.Checkpoint(ctx)
			require.NoError(t, err)
			if signed != nil {
				require.NoError(t, l.Against(signed), "%s %d", step, nth)
			}
			r, err := l.Verify()
			require.NoError(t, err, "%s %d", step, nth)
			require.Empty(t, r.Findings)
			records, err := l.Lease(number("lease", 7))
			require.NoError(t, err)
			require.Len(t, records, 5)
		}
	}
}
