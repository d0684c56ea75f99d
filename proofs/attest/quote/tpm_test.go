package quote_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/quote"
	"github.com/animicaorg/engine/proofs/attest/tpm"
)

// swtpm starts Debian's software TPM, or skips; with CI_STRICT an absent one fails.
func swtpm(t *testing.T) func() (io.ReadWriteCloser, error) {
	exe, err := exec.LookPath("swtpm")
	if err != nil {
		if os.Getenv("CI_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("swtpm is not installed: quotes of a TPM were not made")
	}
	dir, err := os.MkdirTemp("", "tpm")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	sock := filepath.Join(dir, "s")
	cmd := exec.Command(exe, "socket", "--tpm2", "--tpmstate", "dir="+dir, "--server", "type=unixio,path="+sock, "--flags", "not-need-init,startup-clear")
	cmd.Stderr = t.Output()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	// The socket is there before swtpm listens on it.
	return func() (c io.ReadWriteCloser, err error) {
		require.Eventually(t, func() bool {
			c, err = net.Dial("unix", sock)
			return err == nil
		}, 20*time.Second, time.Millisecond)
		return c, err
	}
}

func TestTPM(t *testing.T) {
	src := quote.NewTPMOver(swtpm(t), nil)
	key, err := src.Public(ctx)
	require.NoError(t, err)
	ev, err := src.Quote(ctx, d)
	require.NoError(t, err)
	check := func(want []byte) *attest.Verdict {
		return attest.Check(tpm.Verifier{}, *ev, attest.Params{At: time.Unix(1, 0), Key: key}, attest.Rules{ExpectReportData: want})
	}
	got := check(d[:])
	require.True(t, got.Accepted, "%v", got.Refusals)
	// At power-on registers 0..9 are zero, so the measurement is known.
	require.Equal(t, sum(make([]byte, 32*len(quote.DefaultPCRs))), []byte(got.Result.Measurement))
	other := digest.Sum([]byte("other"))
	require.False(t, check(other[:]).Accepted)
	again, err := src.Public(ctx)
	require.NoError(t, err)
	require.Equal(t, key, again, "the key is the same every time, and was forgotten in between")
	for range 8 {
		_, err := src.Quote(ctx, d)
		require.NoError(t, err, "nothing is left in the TPM")
	}
}

func sum(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// script is a TPM that gives prepared answers.
type script struct {
	answers [][]byte
	wrote   bytes.Buffer
}

func (s *script) Write(b []byte) (int, error) { return s.wrote.Write(b) }
func (s *script) Close() error                { return nil }
func (s *script) Read(b []byte) (int, error) {
	if len(s.answers) == 0 {
		return 0, errors.New("no answer")
	}
	n := copy(b, s.answers[0])
	s.answers = s.answers[1:]
	return n, nil
}

func TestTPMAnswers(t *testing.T) {
	head := func(rc uint32, body string) []byte {
		b := binary.BigEndian.AppendUint32([]byte{0x80, 1}, uint32(10+len(body)))
		return append(binary.BigEndian.AppendUint32(b, rc), body...)
	}
	for name, c := range map[string]struct {
		answers [][]byte
		want    string
	}{
		"none":       {nil, "no answer"},
		"short":      {[][]byte{{0x80}}, "an answer of 1 bytes"},
		"wrong size": {[][]byte{append(head(0, ""), 0)}, "an answer of 11 bytes"},
		"error code": {[][]byte{head(0x101, "")}, "error 0x101"},
		"no key":     {[][]byte{head(0, "\x80\x00\x00\x01\x00\x00\x00\x02\x00\x00")}, "not the one asked for"},
		"empty":      {[][]byte{head(0, "")}, "not the one asked for"},
	} {
		_, err := quote.NewTPMOver(func() (io.ReadWriteCloser, error) { return &script{answers: c.answers}, nil }, []int{0}).Quote(ctx, d)
		require.ErrorContains(t, err, c.want, name)
	}
	_, err := quote.NewTPMOver(func() (io.ReadWriteCloser, error) { return nil, errors.New("no device") }, nil).Quote(ctx, d)
	require.ErrorContains(t, err, "no device")
}
