package driver_test

import (
	"context"
	"crypto/sha3"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// fake is a driver whose device takes three qubits in a line.
type fake struct {
	submitted atomic.Int32
	last      *driver.Submission
	err       error
	chunks    []*driverv1.ResultChunk // instead of right ones
	outcomes  *guest.Outcomes
	raw       []byte // of the calibration
}

func (f *fake) Describe(context.Context) (*driverv1.Description, error) {
	return &driverv1.Description{Id: "t/fake", DeviceIds: []string{"d"}}, nil
}
func (f *fake) Configure(_ context.Context, c *driver.Config) ([]string, error) {
	if string(c.JSON) == "bad" {
		return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "config_json", VendorMessage: "bad"}
	}
	return []string{"hm"}, nil
}
func (f *fake) Device(_ context.Context, id string) (*driverv1.Device, error) {
	if id != "d" {
		return nil, &driver.Error{Code: driver.UnknownDevice, Field: "device_id"}
	}
	return &driverv1.Device{Id: "d", Width: 3, Verbatim: true, Edges: []*driverv1.Edge{{A: 0, B: 1}, {A: 1, B: 2}}, ResultKinds: []driverv1.ResultKind{driverv1.ResultKind_RESULT_KIND_PER_SHOT},
		Limits: &driverv1.Limits{MaxSlotsPerSubmit: 8, MaxShotsPerSlot: 1, MaxGatesPerSlot: 12}}, nil
}
func (f *fake) Calibration(context.Context, string, string) (*driverv1.Calibration, error) {
	return &driverv1.Calibration{Id: "c", VendorRaw: f.raw}, nil
}
func (f *fake) Submit(_ context.Context, s *driver.Submission) (*driverv1.SubmitResponse, error) {
	f.submitted.Add(1)
	f.last = s
	if f.err != nil {
		return nil, f.err
	}
	return &driverv1.SubmitResponse{JobId: "j", State: driverv1.JobState_JOB_STATE_QUEUED}, nil
}
func (f *fake) Get(ctx context.Context, id string, wait time.Duration) (*driverv1.Job, error) {
	if id == "slow" {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &driverv1.Job{JobId: id, State: driverv1.JobState_JOB_STATE_SUCCEEDED}, nil
}
func (f *fake) Results(_ context.Context, _ string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	if f.chunks == nil {
		return driver.SendRows(send, f.outcomes, from, maxBytes, driver.Finished{CalibrationID: "c"})
	}
	for _, c := range f.chunks {
		if err := send(c); err != nil {
			return err
		}
	}
	return nil
}
func (f *fake) Cancel(context.Context, string) (driverv1.CancelState, error) {
	return driverv1.CancelState_CANCEL_STATE_TOO_LATE, nil
}
func (f *fake) Recover(_ context.Context, _ string, key [32]byte, _ time.Time, send func(*driverv1.Job) error) error {
	return send(&driverv1.Job{JobId: "j", IdempotencyKey: key[:], State: driverv1.JobState_JOB_STATE_RUNNING})
}

// dial serves a driver in memory.
func dial(t testing.TB, d driver.Driver) (*driver.Client, driverv1.DriverClient, *grpc.Server) {
	t.Helper()
	l := bufconn.Listen(1 << 20)
	s := grpc.NewServer(grpc.MaxRecvMsgSize(32 << 20))
	driver.Register(s, d)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	c, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(32<<20)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return driver.NewClient(c, &driverv1.Meta{RequestId: "r"}), driverv1.NewDriverClient(c), s
}

func configured(t testing.TB, f *fake) (*driver.Client, driverv1.DriverClient, *grpc.Server) {
	c, raw, s := dial(t, f)
	w, err := c.Configure(t.Context(), &driver.Config{})
	require.NoError(t, err)
	require.Equal(t, []string{"hm"}, w)
	return c, raw, s
}

func submission(slots int) *driver.Submission {
	b := &backends.Batch{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 1, B: 2}}}}, Palette: []circuit.U3Angles{{}, {Theta: 1 << 61}},
		Rows: &guest.Rows{N: slots, Locations: 9, ElemSize: 2, Data: make([]byte, 18*slots)}, Meta: backends.Meta{JobID: "job", LeaseID: "lease"}}
	b.Rows.Data[4] = 1
	return &driver.Submission{Key: sha3.Sum256([]byte("k")), Device: "d", Batch: b, ShotsPerSlot: 1, Kind: driverv1.ResultKind_RESULT_KIND_PER_SHOT, Verbatim: true,
		Meta: &driverv1.Meta{EngineJobId: "job", LeaseId: "lease"}}
}

func TestSubmissionCrossesUnchanged(t *testing.T) {
	f := &fake{}
	c, _, _ := configured(t, f)
	s := submission(8)
	s.NotAfter = time.Unix(1_800_000_000, 0).UTC()
	s.MaxCost = &driverv1.Money{Currency: "EUR", Micro: 5}
	r, err := c.Submit(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "j", r.JobId)
	got := f.last
	require.Equal(t, s.Batch.Skeleton, got.Batch.Skeleton)
	require.Equal(t, s.Batch.Palette, got.Batch.Palette)
	require.Equal(t, s.Batch.Rows, got.Batch.Rows)
	require.Equal(t, [4]any{s.Key, s.Device, s.NotAfter, s.Digest()}, [4]any{got.Key, got.Device, got.NotAfter, got.Digest()})
	require.Equal(t, uint64(5), got.MaxCost.Micro)
	b, err := s.MarshalBinary()
	require.NoError(t, err)
	kept, err := driver.UnmarshalSubmission(b)
	require.NoError(t, err)
	require.Equal(t, s.Digest(), kept.Digest())
	require.NotEqual(t, s.SubKey(0), s.SubKey(1))
}

func TestFiveMegabytesOfRows(t *testing.T) {
	f := &fake{}
	c, _, _ := configured(t, f)
	s := submission(300_000) // 5.4 MB
	_, err := c.Submit(t.Context(), s)
	var e *driver.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, driver.TooManyShots, e.Code, "the batch crossed whole; the device takes 8 slots")
}

func TestRefusedBeforeTheVendorHears(t *testing.T) {
	f := &fake{}
	c, raw, _ := dial(t, f)
	_, err := c.Submit(t.Context(), submission(1))
	require.ErrorIs(t, err, &driver.Error{Code: driver.NotConfigured})
	_, err = c.Configure(t.Context(), &driver.Config{JSON: []byte("bad")})
	require.ErrorIs(t, err, &driver.Error{Code: driver.ConfigInvalid})
	_, err = c.Get(t.Context(), "j", 0)
	require.ErrorIs(t, err, &driver.Error{Code: driver.NotConfigured}, "a refused configuration is none")
	_, err = c.Configure(t.Context(), &driver.Config{})
	require.NoError(t, err)
	for name, edit := range map[string]func(*driver.Submission){
		"UNKNOWN_DEVICE (device_id)":        func(s *driver.Submission) { s.Device = "e" },
		"TOO_MANY_SHOTS (slots)":            func(s *driver.Submission) { *s = *submission(9) },
		"CONNECTIVITY (skeleton.layers)":    func(s *driver.Submission) { s.Batch.Skeleton.Layers[0][0].B = 2 },
		"TOO_MANY_SHOTS (shots_per_slot)":   func(s *driver.Submission) { s.ShotsPerSlot = 2 },
		"NOT_SUPPORTED (kind)":              func(s *driver.Submission) { s.Kind = driverv1.ResultKind_RESULT_KIND_COUNTS },
		"PROGRAM_INVALID (rows)":            func(s *driver.Submission) { s.Batch.Rows.Data[0] = 7 },
		"PROGRAM_INVALID (skeleton.layers)": func(s *driver.Submission) { s.Batch.Skeleton.Layers[0][0].B = 3 },
		"TOO_MANY_QUBITS (skeleton.width)":  func(s *driver.Submission) { s.Batch.Skeleton.Width = 0 },
		"PROGRAM_TOO_LARGE (skeleton)": func(s *driver.Submission) {
			s.Batch.Skeleton.Layers = append(s.Batch.Skeleton.Layers, nil)
			s.Batch.Rows.Locations = 12
			s.Batch.Rows.Data = make([]byte, 24)
		},
	} {
		s := submission(1)
		edit(s)
		_, err := c.Submit(t.Context(), s)
		require.ErrorContains(t, err, name)
		if problems, err := c.Validate(t.Context(), s); err == nil {
			require.Len(t, problems, 1, name)
			require.Contains(t, problems[0].Error(), name)
		}
	}
	require.Zero(t, f.submitted.Load())
	for name, chunks := range map[string][]*driverv1.SubmitChunk{
		"no header":      {{Part: &driverv1.SubmitChunk_Rows{Rows: []byte{1}}}},
		"nothing":        nil,
		"empty header":   {{Part: &driverv1.SubmitChunk_Header{Header: &driverv1.BatchHeader{}}}},
		"header and end": {{Part: &driverv1.SubmitChunk_Header{Header: header(t)}}},
		"long rows":      {{Part: &driverv1.SubmitChunk_Header{Header: header(t)}}, {Part: &driverv1.SubmitChunk_Rows{Rows: make([]byte, 1000)}}},
		"other digest":   {{Part: &driverv1.SubmitChunk_Header{Header: header(t)}}, {Part: &driverv1.SubmitChunk_Rows{Rows: make([]byte, 18)}}},
	} {
		stream, err := raw.SubmitBatch(t.Context())
		require.NoError(t, err)
		for _, x := range chunks {
			_ = stream.Send(x)
		}
		_, err = stream.CloseAndRecv()
		require.Error(t, err, name)
	}
	require.Zero(t, f.submitted.Load())
	_, err = raw.SignTranscript(t.Context(), &driverv1.SignTranscriptRequest{DeviceId: "d", Digest: make([]byte, 31), Purpose: driverv1.Purpose_PURPOSE_EXEC})
	require.ErrorContains(t, err, "31 bytes")
}

// header is the first chunk of submission(1).
func header(t *testing.T) *driverv1.BatchHeader {
	t.Helper()
	b, err := submission(1).MarshalBinary()
	require.NoError(t, err)
	h := &driverv1.BatchHeader{}
	require.NoError(t, proto.Unmarshal(b[4:len(b)-18], h))
	return h
}

func TestErrorsKeepTheirMeaning(t *testing.T) {
	for code := driver.ProgramInvalid; code <= driver.Draining; code++ {
		f := &fake{err: &driver.Error{Code: code, Retryable: true, RetryAfter: 3 * time.Second, VendorCode: "v7", VendorMessage: strings.Repeat("é", 2000), HTTPStatus: 429, Field: "f", Hint: "h"}}
		c, _, _ := configured(t, f)
		_, err := c.Submit(t.Context(), submission(1))
		var e *driver.Error
		require.ErrorAs(t, err, &e)
		want := code
		if code == driver.Deadline || code == driver.Cancelled {
			want = driver.SubmitUncertain // a submission that ran out of time may have arrived
		}
		require.Equal(t, want, e.Code)
		if want == code {
			require.Equal(t, code != driver.SubmitUncertain, e.Retryable)
			require.Equal(t, 3*time.Second, e.RetryAfter)
			require.LessOrEqual(t, len(e.VendorMessage), 1026)
			require.Equal(t, [3]any{"v7", 429, "f"}, [3]any{e.VendorCode, e.HTTPStatus, e.Field})
		}
	}
}

func TestDeathIsNotTheCallersEnd(t *testing.T) {
	c, _, s := configured(t, &fake{})
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	_, err := c.Get(ctx, "slow", time.Second)
	require.ErrorIs(t, err, context.Canceled)
	done := make(chan error)
	go func() {
		_, err := c.Get(t.Context(), "slow", time.Second)
		done <- err
	}()
	s.Stop()
	require.ErrorIs(t, <-done, driver.ErrDied)
	_, err = c.Submit(t.Context(), submission(1))
	require.ErrorIs(t, err, driver.ErrDied)
}

func rows(n int) *guest.Outcomes {
	o := &guest.Outcomes{N: n, Width: 12, Rows: make([]byte, 2*n), Present: make([]byte, (n+7)/8)}
	for i := range n {
		o.Rows[2*i], o.Rows[2*i+1] = byte(i), byte(i>>8)&15
		if i%3 != 0 {
			o.Present[i>>3] |= 1 << (i & 7)
		} else {
			clear(o.Row(i))
		}
	}
	return o
}

func TestResultsFromEverySlot(t *testing.T) {
	f := &fake{outcomes: rows(100)}
	c, _, _ := configured(t, f)
	for from := uint64(0); from <= 100; from++ {
		var got []byte
		require.NoError(t, c.Results(t.Context(), "j", from, 32, func(x *driverv1.ResultChunk) error {
			got = append(got, x.GetBody().GetRows()...)
			return nil
		}))
		require.Equal(t, f.outcomes.Rows[2*from:], append([]byte{}, got...))
	}
	require.ErrorIs(t, c.Results(t.Context(), "j", 101, 0, func(*driverv1.ResultChunk) error { return nil }), &driver.Error{Code: driver.ProgramInvalid})
	stop := errors.New("enough")
	require.ErrorIs(t, c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return stop }), stop)
}

// TestBrokenResultStreams changes one thing at a time in a stream that is right.
func TestBrokenResultStreams(t *testing.T) {
	right := func() (out []*driverv1.ResultChunk) {
		require.NoError(t, driver.SendRows(func(c *driverv1.ResultChunk) error { out = append(out, c); return nil }, rows(20), 0, 16, driver.Finished{}))
		return out
	}
	require.Len(t, right(), 5) // header, three bodies, trailer
	f := &fake{}
	c, _, _ := configured(t, f)
	try := func(chunks []*driverv1.ResultChunk) error {
		f.chunks = chunks
		return c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return nil })
	}
	require.NoError(t, try(right()))
	for name, edit := range map[string]func([]*driverv1.ResultChunk) []*driverv1.ResultChunk{
		"no trailer":    func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return c[:4] },
		"no header":     func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return c[1:] },
		"gap":           func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return append(c[:1], c[2:]...) },
		"swapped":       func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[1], c[2] = c[2], c[1]; return c },
		"twice":         func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return append(c[:2], c[1:]...) },
		"after trailer": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return append(c, c[3]) },
		"two headers":   func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return append(c[:1], c...) },
		"changed bit":   func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[2].GetBody().Rows[0] ^= 1; return c },
		"padding":       func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[2].GetBody().Rows[1] |= 0x10; return c },
		"long body": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk {
			c[1].GetBody().Rows = make([]byte, driver.ChunkBytes+1)
			return c
		},
		"short row": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk {
			c[2].GetBody().Rows = c[2].GetBody().Rows[1:]
			return c
		},
		"presence":        func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[2].GetBody().Present = nil; return c },
		"presence beyond": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[3].GetBody().Present[0] |= 0x80; return c },
		"counts":          func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[2].GetBody().Counts = []uint64{1}; return c },
		"total":           func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[0].GetHeader().Total = 21; return c },
		"fewer":           func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[0].GetHeader().Total = 19; return c },
		"from":            func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[0].GetHeader().From = 1; return c },
		"kind":            func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[0].GetHeader().Kind = 9; return c },
		"width":           func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[0].GetHeader().Width = 0; return c },
		"hash": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk {
			c[4].GetTrailer().RollingSha3[0] ^= 1
			return c
		},
		"trailer total": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { c[4].GetTrailer().Total--; return c },
		"empty chunk":   func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk { return append(c[:1], &driverv1.ResultChunk{}) },
		"nothing":       func([]*driverv1.ResultChunk) []*driverv1.ResultChunk { return []*driverv1.ResultChunk{} },
		"probability": func(c []*driverv1.ResultChunk) []*driverv1.ResultChunk {
			c[0].GetHeader().Kind = driverv1.ResultKind_RESULT_KIND_PROBABILITIES
			return c
		},
	} {
		require.ErrorIs(t, try(edit(right())), driver.ErrBroken, name)
	}
}

// TestLimitsOfMessages hits the limits of single messages from either side.
func TestLimitsOfMessages(t *testing.T) {
	f := &fake{raw: make([]byte, driver.MaxRawCalibration)}
	c, raw, _ := configured(t, f)
	_, err := c.Calibration(t.Context(), "d", "")
	require.NoError(t, err)
	f.raw = append(f.raw, 0)
	_, err = c.Calibration(t.Context(), "d", "")
	require.ErrorIs(t, err, driver.ErrBroken)

	s := submission(1)
	s.Batch.Rows.N = 20_000 // 360 kB of rows
	s.Batch.Rows.Data = make([]byte, 18*20_000)
	b, err := s.MarshalBinary()
	require.NoError(t, err)
	h := &driverv1.BatchHeader{}
	require.NoError(t, proto.Unmarshal(b[4:len(b)-18*20_000], h))
	stream, err := raw.SubmitBatch(t.Context())
	require.NoError(t, err)
	require.NoError(t, stream.Send(&driverv1.SubmitChunk{Part: &driverv1.SubmitChunk_Header{Header: h}}))
	_ = stream.Send(&driverv1.SubmitChunk{Part: &driverv1.SubmitChunk_Rows{Rows: make([]byte, driver.ChunkBytes+1)}})
	_, err = stream.CloseAndRecv()
	require.ErrorContains(t, err, "at most 262144")

	wide := make([]driver.Pair, 2000) // 512 bytes each: two messages and more
	for i := range wide {
		wide[i] = driver.Pair{Row: make([]byte, 512), Probability: 0.5}
	}
	f.chunks = []*driverv1.ResultChunk{}
	require.NoError(t, driver.SendPairs(func(x *driverv1.ResultChunk) error { f.chunks = append(f.chunks, x); return nil }, driverv1.ResultKind_RESULT_KIND_PROBABILITIES, 4096, 0, wide, 0, driver.Finished{}))
	require.Greater(t, len(f.chunks), 5)
	require.NoError(t, c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return nil }))
	long := &driverv1.ResultBody{N: 1000, Rows: make([]byte, 512_000), Probabilities: make([]float64, 1000)}
	f.chunks = []*driverv1.ResultChunk{f.chunks[0], {Part: &driverv1.ResultChunk_Body{Body: long}}}
	require.ErrorIs(t, c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return nil }), driver.ErrBroken)
}

func TestPairs(t *testing.T) {
	o := &guest.Outcomes{N: 5, Width: 9, Rows: []byte{1, 1, 1, 0, 0, 1, 1, 0, 1, 0}, Present: []byte{0x1f}}
	pairs := driver.Count(o)
	require.Equal(t, []driver.Pair{{Row: []byte{1, 0}, Count: 3}, {Row: []byte{0, 1}, Count: 1}, {Row: []byte{1, 1}, Count: 1}}, pairs)
	f := &fake{chunks: []*driverv1.ResultChunk{}}
	require.NoError(t, driver.SendPairs(func(c *driverv1.ResultChunk) error { f.chunks = append(f.chunks, c); return nil }, driverv1.ResultKind_RESULT_KIND_COUNTS, 9, 5, pairs, 0, driver.Finished{}))
	c, _, _ := configured(t, f)
	require.NoError(t, c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return nil }))
	f.chunks[1].GetBody().Counts[0] = 4
	require.ErrorIs(t, c.Results(t.Context(), "j", 0, 0, func(*driverv1.ResultChunk) error { return nil }), driver.ErrBroken)
}

func TestDrainRefusesNewWork(t *testing.T) {
	f := &fake{}
	c, _, _ := configured(t, f)
	require.NoError(t, c.Drain(t.Context(), time.Second, func(uint64) error { return nil }))
	_, err := c.Submit(t.Context(), submission(1))
	require.ErrorIs(t, err, &driver.Error{Code: driver.Draining})
}

func TestLedger(t *testing.T) {
	dir := t.TempDir()
	l, err := driver.OpenLedger(dir)
	require.NoError(t, err)
	k1, k2, k3, d := [32]byte{1}, [32]byte{2}, [32]byte{3}, [32]byte{9}
	for _, k := range [][32]byte{k1, k2, k3} {
		_, known, err := l.Begin(k, d)
		require.NoError(t, err)
		require.False(t, known)
	}
	require.NoError(t, l.Accepted(k1, "job-1"))
	require.NoError(t, l.Refused(k3))
	require.Error(t, l.Accepted([32]byte{7}, "x"))
	require.NoError(t, l.Close())
	l, err = driver.OpenLedger(dir)
	require.NoError(t, err)
	defer l.Close()
	e, known, err := l.Begin(k1, d)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, "job-1", e.JobID)
	_, _, err = l.Begin(k1, [32]byte{8})
	require.ErrorIs(t, err, &driver.Error{Code: driver.KeyReused})
	e, known, err = l.Begin(k2, d)
	require.NoError(t, err)
	require.True(t, known)
	require.Empty(t, e.JobID, "begun, end not known")
	_, known, err = l.Begin(k3, d)
	require.NoError(t, err)
	require.False(t, known, "refused: free again")
	require.Equal(t, []driver.KeyedEntry{{Key: k1, Entry: driver.Entry{Digest: d, JobID: "job-1"}}, {Key: k2, Entry: driver.Entry{Digest: d}}, {Key: k3, Entry: driver.Entry{Digest: d}}}, l.Entries())
}

func TestLedgerCutShort(t *testing.T) {
	dir := t.TempDir()
	l, err := driver.OpenLedger(dir)
	require.NoError(t, err)
	_, _, err = l.Begin([32]byte{1}, [32]byte{2})
	require.NoError(t, err)
	require.NoError(t, l.Close())
	whole, err := os.ReadFile(filepath.Join(dir, "submissions.log"))
	require.NoError(t, err)
	require.NoError(t, writeFile(dir, append(whole, whole[:20]...)))
	l, err = driver.OpenLedger(dir)
	require.NoError(t, err, "a crash cut the last line")
	_, ok := l.Lookup([32]byte{1})
	require.True(t, ok)
	require.NoError(t, l.Close())
	require.NoError(t, writeFile(dir, append([]byte("nonsense\n"), whole...)))
	_, err = driver.OpenLedger(dir)
	require.ErrorContains(t, err, "line 1")
}

func writeFile(dir string, b []byte) error {
	return os.WriteFile(filepath.Join(dir, "submissions.log"), b, 0o600)
}

func TestIDs(t *testing.T) {
	for _, id := range []string{"a", "A-Z.a_9:x", strings.Repeat("x", 128)} {
		require.True(t, driver.CheckID(id), id)
	}
	for _, id := range []string{"", "a b", "a/b", "é", strings.Repeat("x", 129)} {
		require.False(t, driver.CheckID(id), id)
	}
}

// FuzzSubmission reads submissions from bytes, mostly wrong. What is let through
// must survive a round trip.
func FuzzSubmission(f *testing.F) {
	b, err := submission(2).MarshalBinary()
	require.NoError(f, err)
	f.Add(b)
	f.Add([]byte{0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := driver.UnmarshalSubmission(b)
		if err != nil {
			var e *driver.Error
			require.ErrorAs(t, err, &e)
			return
		}
		again, err := s.MarshalBinary()
		require.NoError(t, err)
		back, err := driver.UnmarshalSubmission(again)
		require.NoError(t, err)
		require.Equal(t, s.Digest(), back.Digest())
	})
}

// FuzzLedger opens files of every kind: an error or a ledger, never a panic.
func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","digest":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}` + "\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		require.NoError(t, writeFile(dir, b))
		l, err := driver.OpenLedger(dir)
		if err == nil {
			_, _, err = l.Begin([32]byte{5}, [32]byte{6})
			require.NoError(t, err)
			require.NoError(t, l.Close())
			again, err := driver.OpenLedger(dir)
			require.NoError(t, err)
			require.NoError(t, again.Close())
		}
	})
}
