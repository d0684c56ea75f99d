package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
)

// stayFolder makes the test binary a network that stays, in the folder that it names.
const stayFolder = "OMNI_TEST_STAY"

// stay starts a network process in dir and returns its address.
func stay(t *testing.T, dir string) (*exec.Cmd, string) {
	p, first := stayed(t, dir)
	return p, first.Listen
}

// firstLine is what a network that stays says first.
type firstLine struct {
	Listen string `json:"listen"`
	APIKey string `json:"api_key"`
}

func stayed(t *testing.T, dir string) (*exec.Cmd, firstLine) {
	self, err := os.Executable()
	require.NoError(t, err)
	p := exec.Command(self)
	p.Env = append(os.Environ(), stayFolder+"="+dir, "HOME="+dir)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan(), "no address")
	var first firstLine
	require.NoError(t, json.Unmarshal(lines.Bytes(), &first))
	return p, first
}

// TestTheKeyOfANetworkThatStays: api_key is a bearer key of one funded account, drawn at each
// start; another key is nobody's.
func TestTheKeyOfANetworkThatStays(t *testing.T) {
	ctx := context.Background()
	_, first := stayed(t, t.TempDir())
	submit := func(bearer string, n int) (*aicf.Submitted, error) {
		c, err := client.New(first.Listen, nil)
		require.NoError(t, err)
		c.Bearer = bearer
		id := digest.Sum(fmt.Appendf(nil, "bearer %d", n))
		return c.Submit(ctx, "", aicf.JobSubmission{Job: fmt.Appendf(nil, `{"job_id":"%s","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,
			"trap_ratio":0.3,"seed":"%s"},"price":{"units":12}}`, id, id)})
	}
	s, err := submit(first.APIKey, 1)
	require.NoError(t, err)
	c, err := client.New(first.Listen, nil)
	require.NoError(t, err)
	j, err := c.Job(ctx, s.JobID)
	require.NoError(t, err)
	b, err := c.Balance(ctx, j.Requester)
	require.NoError(t, err)
	require.Positive(t, b.Available, "the buyer's account is funded by the treasury")
	_, err = submit(first.APIKey[1:]+"0", 2)
	require.Equal(t, aicf.Unauthorized, aicf.CodeOf(err), "%v", err)
}

// TestKilledNetworkLosesNoJob kills service and provider together by SIGKILL, five times in
// the middle of twenty jobs; every job that was answered is completed and accrues once.
func TestKilledNetworkLosesNoJob(t *testing.T) {
	const jobs, kills = 20, 5
	dir, ctx := t.TempDir(), context.Background()
	key, err := keys.NewEd25519(keys.Operational, [32]byte(digest.Sum([]byte("buyer of the test"))))
	require.NoError(t, err)
	p, at := stay(t, dir)
	connect := func() *client.Client {
		c, err := client.New(at, key)
		require.NoError(t, err)
		return c
	}
	c := connect()
	_, err = c.Enrol(ctx, "")
	require.NoError(t, err)
	_, err = c.Faucet(ctx, "money", aicf.FaucetRequest{Amount: 1_000_000})
	require.NoError(t, err)
	var ids []digest.Digest
	for i := range jobs {
		id := digest.Sum([]byte(fmt.Sprint("job ", i)))
		doc := fmt.Sprintf(`{"job_id":"%s","kind":"quantum","spec":{"circuit_id":"animica.quantum.trapset.v1","width":6,"depth":8,"shots":800,"trap_ratio":0.3,
			"seed":"%s"},"max_latency_ms":600000,"price":{"units":12}}`, id, digest.Sum(id[:]))
		_, err := c.Submit(ctx, "submit-"+id.String(), aicf.JobSubmission{Job: []byte(doc)})
		require.NoError(t, err)
		ids = append(ids, id)
		if i%(jobs/kills) == 1 {
			require.NoError(t, p.Process.Kill())
			_ = p.Wait() // it was killed
			p, at = stay(t, dir)
			c = connect()
		}
	}
	for _, id := range ids {
		require.Eventually(t, func() bool {
			j, err := c.Job(ctx, id)
			return err == nil && j.State == aicf.Completed
		}, 2*time.Minute, 20*time.Millisecond, "job %s", id)
		tl, err := c.Timeline(ctx, id)
		require.NoError(t, err)
		accrued := 0
		for _, e := range tl.Events {
			if e.Type == aicf.EvAccrued {
				accrued++
			}
		}
		require.Equal(t, 1, accrued, "job %s", id)
	}
	a, err := c.Check(ctx)
	require.NoError(t, err)
	require.True(t, a.OK())
}
