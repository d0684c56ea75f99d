package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/aicf/store"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

// chain is a log of n events.
func chain(t testing.TB, n int) (log []aicf.Event) {
	var before digest.Digest
	for i := range n {
		e := aicf.Event{Seq: uint64(i + 1), TSMS: int64(1000 * i), Type: aicf.EvRound, Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, i))}
		var err error
		e.Hash, err = store.EventHash(&e, before)
		require.NoError(t, err)
		before, log = e.Hash, append(log, e)
	}
	return log
}

// TestInLog: a page or lines, whole or a piece; a gap, a change and another hash are found.
func TestInLog(t *testing.T) {
	log := chain(t, 5)
	r := &aicf.Receipt{Event: 3, EventHash: log[2].Hash}
	lines := func(events []aicf.Event) (out []byte) {
		for i := range events {
			b, err := json.Marshal(&events[i])
			require.NoError(t, err)
			out = append(append(out, b...), '\n')
		}
		return out
	}
	page, err := json.Marshal(map[string]any{"events": log})
	require.NoError(t, err)
	require.NoError(t, inLog(page, r))
	require.NoError(t, inLog(lines(log), r))
	require.NoError(t, inLog(lines(log[1:4]), r))
	require.ErrorContains(t, inLog(lines(log[:2]), r), "no event 3")
	require.ErrorIs(t, inLog(lines(append(log[:2:2], log[3:]...)), r), network.ErrChain)
	changed := append([]aicf.Event{}, log...)
	changed[2].Data = json.RawMessage(`{"n":9}`)
	require.ErrorIs(t, inLog(lines(changed), r), network.ErrChain)
	require.ErrorContains(t, inLog(lines(log), &aicf.Receipt{Event: 3, EventHash: log[1].Hash}), "the receipt has")
	require.ErrorContains(t, inLog([]byte(`{"seq":`), r), "event 1 of the file")
}

// TestReadReceipt: what an answer says beside its receipt is what the receipt must be about.
func TestReadReceipt(t *testing.T) {
	id := digest.Sum([]byte("x"))
	receipt := fmt.Sprintf(`{"event":3,"event_hash":"%s","subject":"%s","key_id":"%s","signed_at_unix":1,"sig":"AA=="}`, id, id, id)
	for body, want := range map[string]string{
		receipt: "",
		fmt.Sprintf(`{"payout_id":"%s","receipt":%s}`, id, receipt):          "payout_id",
		fmt.Sprintf(`{"lease":{"lease_id":"%s"},"receipt":%s}`, id, receipt): "lease_id",
		fmt.Sprintf(`{"claim":"%s","status":"x","receipt":%s}`, id, receipt): "claim",
	} {
		r, s, err := readReceipt([]byte(body))
		require.NoError(t, err, body)
		require.EqualValues(t, 3, r.Event)
		if want == "" {
			require.Nil(t, s)
			continue
		}
		require.Equal(t, subject{want, id}, *s)
	}
	for _, bad := range []string{`{}`, `[]`, `{"receipt":{}}`, `{"payout_id":1}`, `{"event":1}`} {
		_, _, err := readReceipt([]byte(bad))
		require.Error(t, err, bad)
	}
}

// TestJudge: the first failure decides; a check that is required may not be skipped, and must
// exist.
func TestJudge(t *testing.T) {
	var s steps
	s.add("one", cli.ProofInvalid, nil, "")
	s.skip("two", "no input")
	failed, err := s.judge("one")
	require.NoError(t, err)
	require.Nil(t, failed)
	failed, err = s.judge("two")
	require.NoError(t, err)
	require.Equal(t, []any{cli.ProofInvalid, "two"}, []any{failed.Code, failed.Field})
	_, err = s.judge("three")
	require.ErrorContains(t, err, "no check is named")
	s = nil
	s.add("four", cli.AttestationError, fmt.Errorf("bad"), "")
	s.add("five", cli.ProofInvalid, fmt.Errorf("worse"), "")
	failed, err = s.judge("")
	require.NoError(t, err)
	require.Equal(t, []any{cli.AttestationError, "four", "bad"}, []any{failed.Code, failed.Field, failed.Message})
}

// FuzzSavedAnswers: whatever a file holds, reading it as receipt, log or inclusion proof ends
// with an answer or an error.
func FuzzSavedAnswers(f *testing.F) {
	page, err := json.Marshal(map[string]any{"events": chain(f, 2)})
	require.NoError(f, err)
	f.Add(page)
	f.Add([]byte(`{"payout_id":"","receipt":{"event":1,"sig":"AA=="}}`))
	f.Add([]byte(`{"epoch":1,"leaf":"AA==","path":["00"],"size":1,"batch":{"claims":1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, _, err := readReceipt(b); err == nil && r == nil {
			t.Fatal("neither receipt nor error")
		}
		_ = inLog(b, &aicf.Receipt{Event: 1}) // it ends
		p := &aicf.InclusionProof{}
		if json.Unmarshal(b, p) != nil {
			return
		}
		if line, err := network.ReadInclusion(p); err == nil && line.Claim != p.Claim {
			t.Fatalf("a line of %s for %s", line.Claim, p.Claim)
		}
	})
}
