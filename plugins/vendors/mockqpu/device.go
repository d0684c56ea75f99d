package mockqpu

import (
	"context"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
)

// Name is how an operator calls this driver, and DeviceID its only device.
const (
	Name     = "mockqpu"
	DeviceID = "mock-1"
	Version  = "1.0.0"
)

// Device implements driver.Driver and driver.Signer, Watcher, Drainer.
type Device struct {
	now func() time.Time

	mu      sync.Mutex
	cfg     *config
	store   *store
	key     ed25519.PrivateKey
	counter uint64
	seed    []byte
	dir     string
	faults  []fault
	running map[string]bool // jobs that a goroutine works on

	changed chan struct{} // closed and replaced when a job changes
	work    sync.WaitGroup
	open    context.Context // ends with the process
}

// New makes the driver; now is its clock.
func New(now func() time.Time) *Device {
	return &Device{now: now, changed: make(chan struct{}), running: map[string]bool{}, open: context.Background()}
}

// Describe implements driver.Driver.
func (d *Device) Describe(context.Context) (*driverv1.Description, error) {
	return &driverv1.Description{Id: "animica/" + Name, Version: Version, VendorApi: "none", ConfigSchema: []byte(Schema), DeviceIds: []string{DeviceID}, SecretNames: []string{"token"},
		Features: []driverv1.Feature{driverv1.Feature_FEATURE_CANCEL, driverv1.Feature_FEATURE_RECOVER, driverv1.Feature_FEATURE_PER_SHOT, driverv1.Feature_FEATURE_ESTIMATE,
			driverv1.Feature_FEATURE_SIGN, driverv1.Feature_FEATURE_BATCH, driverv1.Feature_FEATURE_WATCH, driverv1.Feature_FEATURE_VERBATIM, driverv1.Feature_FEATURE_VENDOR_TOKEN}}, nil
}

// Configure implements driver.Driver.
func (d *Device) Configure(_ context.Context, c *driver.Config) ([]string, error) {
	cfg, err := parseConfig(c.JSON)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.store == nil || d.dir != c.CacheDir {
		if err := d.openDir(c.CacheDir); err != nil {
			return nil, &driver.Error{Code: driver.ConfigInvalid, Field: "cache_dir", VendorMessage: err.Error()}
		}
	}
	d.cfg, d.faults = cfg, append([]fault(nil), cfg.faults...)
	d.seed = []byte(cfg.seed)
	if cfg.seed == "" {
		d.seed = make([]byte, 32)
		rand.Read(d.seed)
	}
	for _, j := range d.store.list() {
		if !ended(j.State) {
			d.run(j.JobId)
		}
	}
	if cfg.omitCZ {
		return []string{"omit_cz is set: this device lies"}, nil
	}
	return nil, nil
}

// openDir loads or makes the device's key, counter and jobs.
func (d *Device) openDir(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("%q is not absolute", dir)
	}
	s, err := openStore(filepath.Join(dir, "jobs"))
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "device.key")
	keySeed, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		keySeed = make([]byte, ed25519.SeedSize)
		rand.Read(keySeed)
		err = write(name, keySeed)
	}
	if err != nil {
		return err
	}
	if len(keySeed) != ed25519.SeedSize {
		return fmt.Errorf("%s has %d bytes, want %d", name, len(keySeed), ed25519.SeedSize)
	}
	d.counter = 0
	if b, err := os.ReadFile(filepath.Join(dir, "counter")); err == nil {
		if d.counter, err = strconv.ParseUint(string(b), 10, 64); err != nil {
			return fmt.Errorf("counter: %w", err)
		}
	}
	d.key, d.store, d.dir = ed25519.NewKeyFromSeed(keySeed), s, dir
	return nil
}

// fail takes the next planned fault of a call; nil when there is none.
func (d *Device) fail(call string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.faults {
		f := &d.faults[i]
		if f.call == call && f.times > 0 {
			f.times--
			return &driver.Error{Code: f.code, Retryable: f.code != driver.SubmitUncertain, RetryAfter: f.retryAfter, VendorCode: "planned", VendorMessage: "a fault of the configuration"}
		}
	}
	return nil
}

func (d *Device) present() (cfg *config, s *store, seed []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.cfg, d.store, d.seed
}

func (d *Device) check(id string) error {
	if id != DeviceID {
		return &driver.Error{Code: driver.UnknownDevice, Field: "device_id", VendorMessage: fmt.Sprintf("%.128q is not here, only %s", id, DeviceID)}
	}
	return nil
}

// Device implements driver.Driver.
func (d *Device) Device(_ context.Context, id string) (*driverv1.Device, error) {
	if err := d.check(id); err != nil {
		return nil, err
	}
	cfg, _, _ := d.present()
	pub := d.key.Public().(ed25519.PublicKey)
	keyID := sha3.Sum256(pub)
	dev := &driverv1.Device{Id: DeviceID, Vendor: "animica", Family: Name, Serial: hex.EncodeToString(keyID[:8]), Firmware: Version, Location: "nowhere", Kind: driverv1.DeviceKind_DEVICE_KIND_EMULATOR,
		Width: uint32(cfg.width), Edges: cfg.edges(), Verbatim: true, ResultKinds: cfg.kinds,
		Operations: []*driverv1.Operation{{Name: "cz", Arity: 2}, {Name: "measure", Arity: 1}, {Name: "u3", Arity: 1, Parameters: 3}},
		Limits:     &driverv1.Limits{MaxSlotsPerSubmit: cfg.maxSlots, MaxShotsPerSlot: 1_000_000, MaxInFlight: 16, MaxDuration: durationpb.New(time.Hour)},
		Keys:       []*driverv1.DeviceKey{{Id: hex.EncodeToString(keyID[:16]), Algorithm: "ed25519", PublicKey: pub, Holder: driverv1.KeyHolder_KEY_HOLDER_OPERATOR}}}
	for q := range cfg.width {
		dev.Qubits = append(dev.Qubits, &driverv1.Qubit{Id: uint32(q), Label: "q" + strconv.Itoa(q), Operational: true})
	}
	return dev, nil
}

// Calibration implements driver.Driver.
func (d *Device) Calibration(_ context.Context, device, id string) (*driverv1.Calibration, error) {
	if err := d.check(device); err != nil {
		return nil, err
	}
	if err := d.fail("calibration"); err != nil {
		return nil, err
	}
	cfg, _, _ := d.present()
	h2 := sha256.Sum256(cfg.raw)
	c := &driverv1.Calibration{Id: d.calibrationID(), VendorRaw: cfg.raw, VendorRawSha256: h2[:]}
	if id != "" && id != c.Id {
		return nil, &driver.Error{Code: driver.ResultGone, Field: "calibration_id", VendorMessage: "only the present calibration is kept"}
	}
	for q := range cfg.width {
		r := readout(cfg.model, q)
		qc := &driverv1.QubitCalibration{Id: uint32(q), Readout_0Given_1: &r.OneZero, Readout_1Given_0: &r.ZeroOne}
		for _, t := range []struct {
			ns float64
			to **uint64
		}{{r.T1, &qc.T1Ns}, {r.T2, &qc.T2Ns}} {
			if t.ns > 0 {
				n := uint64(t.ns)
				*t.to = &n
			}
		}
		c.Qubits = append(c.Qubits, qc)
		one, _ := rule(cfg.model, "u3", "1q", q)
		fid := 1 - one
		c.Gates = append(c.Gates, &driverv1.GateCalibration{Operation: "u3", Qubits: []uint32{uint32(q)}, Fidelity: &fid})
	}
	return c, nil
}

// calibrationID names the present calibration by its content.
func (d *Device) calibrationID() string {
	cfg, _, _ := d.present()
	h := sha3.Sum256(cfg.raw)
	return "mock:" + hex.EncodeToString(h[:16])
}

// Submit implements driver.Driver.
func (d *Device) Submit(_ context.Context, s *driver.Submission) (*driverv1.SubmitResponse, error) {
	if err := d.fail("submit"); err != nil {
		return nil, err
	}
	if !s.NotAfter.IsZero() && d.now().After(s.NotAfter) {
		return nil, &driver.Error{Code: driver.Deadline, Field: "not_after", VendorMessage: "the time has passed"}
	}
	_, st, _ := d.present()
	j, known, err := st.accept(s, d.now())
	if err != nil {
		return nil, err
	}
	if !known {
		d.mu.Lock()
		d.run(j.JobId)
		d.mu.Unlock()
	}
	if err := d.fail("submit-lost-reply"); err != nil {
		return nil, err
	}
	return &driverv1.SubmitResponse{JobId: j.JobId, State: j.State, Deduplicated: known, AcceptedAt: j.AcceptedAt}, nil
}

// run works on a job beside the calls; the lock is held.
func (d *Device) run(id string) {
	if d.running[id] {
		return
	}
	d.running[id] = true
	cfg, st, seed := d.cfg, d.store, d.seed
	d.work.Add(1)
	go func() {
		defer d.work.Done()
		defer d.forget(id)
		err := d.execute(cfg, st, seed, id)
		if err == nil {
			err = d.fail("job")
		}
		_, saveErr := st.change(id, func(j *driverv1.Job) {
			j.FinishedAt = timestamppb.New(d.now())
			if err != nil {
				j.State = driverv1.JobState_JOB_STATE_FAILED
				j.Error = &driverv1.ErrorDetail{Code: driver.ExecutionFailed, VendorMessage: err.Error()}
				return
			}
			j.State = driverv1.JobState_JOB_STATE_SUCCEEDED
		})
		if saveErr != nil {
			io.WriteString(os.Stderr, "mockqpu: "+saveErr.Error()+"\n")
		}
		d.tell()
	}()
}

func (d *Device) execute(cfg *config, st *store, root []byte, id string) error {
	if cfg.latency > 0 {
		t := time.NewTimer(cfg.latency)
		defer t.Stop()
		<-t.C
	}
	started, err := st.change(id, func(j *driverv1.Job) {
		j.State, j.StartedAt = driverv1.JobState_JOB_STATE_RUNNING, timestamppb.New(d.now())
	})
	if err != nil || !started {
		return err
	}
	d.tell()
	s, err := st.submission(id)
	if err != nil {
		return err
	}
	k, err := hkdf.Key(func() hash.Hash { return sha3.New256() }, root, s.Key[:], "mockqpu/shots", 16)
	if err != nil {
		return err
	}
	o, err := emulate(d.open, cfg, s, [16]byte(k))
	if err != nil {
		return err
	}
	if err := write(st.file(id, ".out"), o.Rows); err != nil {
		return err
	}
	_, err = st.change(id, func(j *driverv1.Job) { j.SlotsDone = s.Slots() })
	return err
}

func (d *Device) tell() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *Device) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.running, id)
}

// Get implements driver.Driver.
func (d *Device) Get(ctx context.Context, id string, wait time.Duration) (*driverv1.Job, error) {
	if err := d.fail("get"); err != nil {
		return nil, err
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		d.mu.Lock()
		st, changed := d.store, d.changed
		d.mu.Unlock()
		j, err := st.get(id)
		if err != nil || ended(j.State) || wait == 0 {
			return j, err
		}
		select {
		case <-changed:
		case <-t.C:
			return j, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Results implements driver.Driver.
func (d *Device) Results(_ context.Context, id string, from uint64, maxBytes int, send func(*driverv1.ResultChunk) error) error {
	if err := d.fail("results"); err != nil {
		return err
	}
	cfg, st, _ := d.present()
	j, err := st.get(id)
	if err != nil {
		return err
	}
	if j.State != driverv1.JobState_JOB_STATE_SUCCEEDED {
		return &driver.Error{Code: driver.ExecutionFailed, VendorMessage: "the job is " + j.State.String(), Retryable: !ended(j.State)}
	}
	s, err := st.submission(id)
	if err != nil {
		return err
	}
	o, err := st.outcomes(id, s.Batch.Skeleton.Width, int(s.Slots()*s.ShotsPerSlot))
	if err != nil {
		return err
	}
	f := driver.Finished{CalibrationID: d.calibrationID(), Started: j.StartedAt, Done: j.FinishedAt}
	kind := s.Kind
	if cfg.answer != 0 {
		kind = cfg.answer
	}
	switch kind {
	case driverv1.ResultKind_RESULT_KIND_COUNTS:
		return driver.SendPairs(send, kind, o.Width, uint64(o.N), driver.Count(o), from, f)
	case driverv1.ResultKind_RESULT_KIND_PROBABILITIES, driverv1.ResultKind_RESULT_KIND_RESAMPLED:
		pairs := driver.Count(o)
		for i := range pairs {
			pairs[i].Probability = float64(pairs[i].Count) / float64(o.N)
		}
		return driver.SendPairs(send, kind, o.Width, 0, pairs, from, f)
	}
	return driver.SendRows(send, o, from, maxBytes, f)
}

// Cancel implements driver.Driver.
func (d *Device) Cancel(_ context.Context, id string) (driverv1.CancelState, error) {
	if err := d.fail("cancel"); err != nil {
		return 0, err
	}
	_, st, _ := d.present()
	if _, err := st.get(id); err != nil {
		return driverv1.CancelState_CANCEL_STATE_UNKNOWN_JOB, nil
	}
	ok, err := st.change(id, func(j *driverv1.Job) {
		j.State, j.FinishedAt = driverv1.JobState_JOB_STATE_CANCELLED, timestamppb.New(d.now())
	})
	d.tell()
	if err != nil || !ok {
		return driverv1.CancelState_CANCEL_STATE_TOO_LATE, err
	}
	return driverv1.CancelState_CANCEL_STATE_CANCELLED, nil
}

// Recover implements driver.Driver.
func (d *Device) Recover(_ context.Context, device string, key [32]byte, since time.Time, send func(*driverv1.Job) error) error {
	if err := d.check(device); err != nil {
		return err
	}
	if err := d.fail("recover"); err != nil {
		return err
	}
	_, st, _ := d.present()
	for _, j := range st.list() {
		if key != [32]byte{} && string(j.IdempotencyKey) != string(key[:]) || !since.IsZero() && j.AcceptedAt.AsTime().Before(since) {
			continue
		}
		if err := send(j); err != nil {
			return err
		}
	}
	return nil
}

// Estimate implements driver.Estimator.
func (d *Device) Estimate(_ context.Context, r *driverv1.EstimateRequest) (*driverv1.EstimateResponse, error) {
	if err := d.check(r.DeviceId); err != nil {
		return nil, err
	}
	cfg, _, _ := d.present()
	return &driverv1.EstimateResponse{Cost: &driverv1.Money{Currency: "XTS"}, Duration: durationpb.New(cfg.latency), Queue: durationpb.New(0)}, nil
}

// Watch implements driver.Watcher.
func (d *Device) Watch(ctx context.Context, device string, send func(*driverv1.DeviceStatus) error) error {
	if err := d.check(device); err != nil {
		return err
	}
	var last driverv1.DeviceState
	for {
		d.mu.Lock()
		st, changed := d.store, d.changed
		d.mu.Unlock()
		var open uint64
		for _, j := range st.list() {
			if !ended(j.State) {
				open++
			}
		}
		state := driverv1.DeviceState_DEVICE_STATE_READY
		if open > 0 {
			state = driverv1.DeviceState_DEVICE_STATE_BUSY
		}
		if state != last {
			if err := send(&driverv1.DeviceStatus{DeviceId: DeviceID, State: state, QueueLength: &open}); err != nil {
				return err
			}
			last = state
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Sign implements driver.Signer. The counter is on disk before the signature is
// given away.
func (d *Device) Sign(_ context.Context, device string, purpose driverv1.Purpose, digest [32]byte) (*driverv1.Signature, error) {
	if err := d.check(device); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := write(filepath.Join(d.dir, "counter"), strconv.AppendUint(nil, d.counter+1, 10)); err != nil {
		return nil, err
	}
	d.counter++
	keyID := sha3.Sum256(d.key.Public().(ed25519.PublicKey))
	return &driverv1.Signature{Algorithm: "ed25519", KeyId: hex.EncodeToString(keyID[:16]), Signature: ed25519.Sign(d.key, driver.SignedMessage(purpose, digest)),
		Holder: driverv1.KeyHolder_KEY_HOLDER_OPERATOR, Counter: d.counter, SignedAt: timestamppb.New(d.now())}, nil
}

// Drain implements driver.Drainer.
func (d *Device) Drain(ctx context.Context, grace time.Duration, send func(open uint64) error) error {
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	done := make(chan struct{})
	go func() {
		d.work.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return nil
}
