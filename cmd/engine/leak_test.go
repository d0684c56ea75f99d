package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/engine"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/plugins/driver/driverv1"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/traps"
)

// leakJob has as many traps as targets, so that each kind of slot is common.
const leakJob = `{"job_id":"abababababababababababababababababababababababababababababababab","kind":"quantum",` +
	`"spec":{"circuit_id":"animica.quantum.trapset.v1","width":5,"depth":8,"shots":12000,"trap_ratio":0.5,"seed":"4f1e2d3c5b6a798811223344556677889900aabbccddeeff0123456789abcdef"},` +
	`"max_latency_ms":2000,"price":{"units":12}}`

// leakRun is one run through a driver that wrote down what reached it.
type leakRun struct {
	data      string
	task      *engine.Task
	crossings []crossing
	header    *driverv1.BatchHeader // of the only submission
	rows      []byte
	root      [32]byte
	shotKey   [16]byte
	hidden    *guest.Hidden // derived again, natively
	want      *guest.Rows
	window    int      // slots of a window
	secrets   []secret // what must not be found
}

type secret struct {
	name  string
	bytes []byte
}

func runWitness(t *testing.T) *leakRun {
	t.Helper()
	dir := t.TempDir()
	r := &leakRun{data: filepath.Join(dir, "data")}
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(dir, "witness")))
	jobFile, config, out := filepath.Join(dir, "job.json"), filepath.Join(dir, "engine.yaml"), filepath.Join(dir, "out")
	require.NoError(t, os.WriteFile(jobFile, []byte(leakJob), 0o600))
	require.NoError(t, os.WriteFile(config, []byte("dev_overrides: {witness: "+filepath.Join(dir, "witness")+"}\n"), 0o600))
	t.Setenv("ENGINE_TEST_SECRET", "4f1e2d3c5b6a7988 in the environment")
	code, stdout, stderr := runHere(t, "", "run", jobFile, "--backend", "witness", "--config", config, "--data-dir", r.data, "--out", out, "--json")
	require.Zero(t, code, "%s\n%s", stdout, stderr)

	r.crossings, err = readCrossings(filepath.Join(r.data, "drivers", "witness", "cache", "crossed.jsonl"))
	require.NoError(t, err)
	r.collect(t)
	r.derive(t, jobFile, filepath.Join(out, "compiled.bin"))
	return r
}

// collect decodes the submission.
func (r *leakRun) collect(t *testing.T) {
	for _, c := range r.crossings {
		if !strings.HasSuffix(c.Method, "/SubmitBatch") {
			continue
		}
		chunk := &driverv1.SubmitChunk{}
		require.NoError(t, proto.Unmarshal(c.Body, chunk))
		if h := chunk.GetHeader(); h != nil {
			require.Nil(t, r.header, "one submission")
			r.header = h
		}
		r.rows = append(r.rows, chunk.GetRows()...)
	}
	require.NotNil(t, r.header)
}

// derive computes what the driver must not know, from the job and the journal.
func (r *leakRun) derive(t *testing.T, jobFile, compiled string) {
	e := &program{App: cli.New("engine")}
	var err error
	r.task, err = e.readTask(jobFile, &runFlags{policy: "exact@1"}, job.TrapModeProcess)
	require.NoError(t, err)
	records, err := engine.ReadJournal(filepath.Join(r.data, "journal.jsonl"))
	require.NoError(t, err)
	j := records[0]
	require.Equal(t, engine.RecordJob, j.Kind)
	m, ok := embedded.Lookup("accredit")
	require.True(t, ok)
	r.root, err = seed.Root(digest.Sum(m.Bytes), r.task.Lease.Seed, j.Digest)
	require.NoError(t, err)
	r.shotKey, err = seed.ShotKey(j.Digest, r.task.Lease.Seed)
	require.NoError(t, err)
	b, err := os.ReadFile(compiled)
	require.NoError(t, err)
	l, err := guest.ParseLayered(b)
	require.NoError(t, err)
	spec := r.task.Lease.Job.Spec
	plan, err := traps.Plan(l, guest.Header{Shots: spec.Shots, RatioPPM: spec.TrapRatioPPM}, r.task.Policy.Record, traps.Accredit)
	require.NoError(t, err)
	r.want = &guest.Rows{Locations: plan.Skeleton.Locations(), ElemSize: plan.IndexSize()}
	r.hidden, r.window = &guest.Hidden{Width: l.Width}, int(plan.WindowStart(1))
	for first := uint64(0); first < spec.Shots; first += guest.MaxGenerate {
		rows, hidden, err := traps.Generate(l, plan, r.root, first, int(min(guest.MaxGenerate, spec.Shots-first)))
		require.NoError(t, err)
		r.want.Data, r.want.N = append(r.want.Data, rows.Data...), r.want.N+rows.N
		r.hidden.Extend(hidden)
	}
	r.secrets = []secret{{"spec.seed", spec.Seed[:]}, {"lease.seed", r.task.Lease.Seed[:]}, {"root32", r.root[:]}, {"shot key", r.shotKey[:]}}
	files, err := filepath.Glob(filepath.Join(r.data, "keys", "*.key"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		_, rest, found := strings.Cut(string(b), `"seed":"`)
		require.True(t, found)
		key, err := hex.DecodeString(rest[:64])
		require.NoError(t, err)
		r.secrets = append(r.secrets, secret{filepath.Base(f), key})
	}
}

// leakChecks are what decision F6 demands of everything that reaches a driver.
var leakChecks = []struct {
	name string
	run  func(*leakRun) (string, error)
}{{"schema", (*leakRun).schema}, {"rows", (*leakRun).rowsOfOneLength}, {"pads", (*leakRun).pads}, {"positions", (*leakRun).positions}, {"secrets", (*leakRun).search}}

// TestNothingSecretCrosses is the leak test of decision F6: everything that reaches
// a driver during a job with traps is decoded by the schema, measured, and searched.
// Then each check is shown a leak of its own, which it finds.
func TestNothingSecretCrosses(t *testing.T) {
	r := runWitness(t)
	for _, c := range leakChecks {
		said, err := c.run(r)
		require.NoError(t, err, c.name)
		t.Logf("%s: %s", c.name, said)
	}
	leaks := map[string]struct {
		finds string
		leak  func(*leakRun)
	}{
		"the seed as a trace label": {"schema", func(r *leakRun) {
			r.header.Meta.Traceparent = hex.EncodeToString(r.root[:])
			r.again()
		}},
		"a field that the schema does not have": {"schema", func(r *leakRun) {
			r.header.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 99, protowire.VarintType), 1))
			r.again()
		}},
		"a header of the call":    {"schema", func(r *leakRun) { r.crossings[1].Metadata["x-role"] = []string{"1"} }},
		"one more index in a row": {"rows", func(r *leakRun) { r.rows = append(slices.Clone(r.rows), 0, 0) }},
		"targets without pads in one place": {"pads", func(r *leakRun) {
			r.rows = slices.Clone(r.rows)
			for i, k := range r.hidden.Kind {
				if k == byte(guest.SlotTarget) {
					copy(r.rows[i*r.want.Locations*2:], r.rows[:2])
				}
			}
		}},
		"traps at the front of each window": {"positions", func(r *leakRun) {
			for w := 0; w < len(r.hidden.Kind); w += r.window {
				slices.Sort(r.hidden.Kind[w:min(len(r.hidden.Kind), w+r.window)])
			}
		}},
		"root32 as the key of the submission": {"secrets", func(r *leakRun) { r.header.IdempotencyKey = r.root[:]; r.again() }},
		"a key in hexadecimal, in labels":     {"secrets", func(r *leakRun) { r.crossings[1].Metadata["x"] = []string{hex.EncodeToString(r.secrets[5].bytes)} }},
		"a role by its name":                  {"secrets", func(r *leakRun) { r.header.Meta.LeaseId = "target"; r.again() }},
	}
	for name, l := range leaks {
		c := r.clone()
		l.leak(c)
		for _, check := range leakChecks {
			if check.name == l.finds {
				_, err := check.run(c)
				require.Error(t, err, name)
				t.Logf("%s: %.160v", name, err)
			}
		}
	}
}

// clone copies what a leak may change.
func (r *leakRun) clone() *leakRun {
	c := *r
	c.header = proto.CloneOf(r.header)
	c.crossings = slices.Clone(r.crossings)
	for i := range c.crossings {
		c.crossings[i].Metadata = maps.Clone(c.crossings[i].Metadata)
		if c.crossings[i].Metadata == nil {
			c.crossings[i].Metadata = map[string][]string{}
		}
	}
	h := *r.hidden
	h.Kind = slices.Clone(h.Kind)
	c.hidden = &h
	return &c
}

// again puts the header, which a leak changed, in place of the one that crossed.
func (r *leakRun) again() {
	for i, c := range r.crossings {
		chunk := &driverv1.SubmitChunk{}
		if strings.HasSuffix(c.Method, "/SubmitBatch") && proto.Unmarshal(c.Body, chunk) == nil && chunk.GetHeader() != nil {
			b, err := proto.Marshal(&driverv1.SubmitChunk{Part: &driverv1.SubmitChunk_Header{Header: r.header}})
			if err != nil {
				panic(err)
			}
			r.crossings[i].Body = b
		}
	}
}

// mayCross lists the fields that the engine may set, by message. What is not here
// does not cross, whatever a later version of the schema knows.
var mayCross = map[string][]string{
	"engine.driver.v1.DescribeRequest":       {},
	"engine.driver.v1.ConfigureRequest":      {"config_json", "cache_dir", "dev"},
	"engine.driver.v1.GetDeviceRequest":      {"device_id"},
	"engine.driver.v1.GetCalibrationRequest": {"device_id"},
	"engine.driver.v1.SubmitChunk":           {"header", "rows"},
	"engine.driver.v1.BatchHeader":           {"meta", "idempotency_key", "batch_sha3", "device_id", "skeleton", "palette", "index_bytes", "slots", "shots_per_slot", "kind", "calibration_id", "verbatim"},
	"engine.driver.v1.Meta":                  {"lease_id", "engine_job_id"},
	"engine.driver.v1.Skeleton":              {"width", "layers"},
	"engine.driver.v1.CZLayer":               {"pairs"},
	"engine.driver.v1.GetRequest":            {"job_id", "wait"},
	"engine.driver.v1.ResultsRequest":        {"job_id", "max_message_bytes"},
	"engine.driver.v1.SignTranscriptRequest": {"device_id", "digest", "purpose"},
	"google.protobuf.Duration":               {"seconds", "nanos"},
	"google.protobuf.Empty":                  {},
	"grpc.health.v1.HealthCheckRequest":      {"service"},
}

// labels are the metadata that gRPC itself sends.
var labels = []string{":authority", "content-type", "user-agent", "grpc-accept-encoding"}

func (r *leakRun) schema() (string, error) {
	methods := map[string]int{}
	for _, c := range r.crossings {
		methods[c.Method[strings.LastIndex(c.Method, "/")+1:]]++
		for k := range c.Metadata {
			if !slices.Contains(labels, k) {
				return "", fmt.Errorf("metadata %s of %s", k, c.Method)
			}
		}
		if c.Method == "process" {
			continue
		}
		kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(c.Type))
		if err != nil {
			return "", err
		}
		m := kind.New().Interface()
		if err := proto.Unmarshal(c.Body, m); err != nil {
			return "", err
		}
		if err := onlyKnown(m.ProtoReflect()); err != nil {
			return "", fmt.Errorf("%s: %w", c.Method, err)
		}
	}
	if methods["process"] != 1 || methods["SubmitBatch"] < 2 {
		return "", fmt.Errorf("calls %v", methods)
	}
	return fmt.Sprint(methods), nil
}

// onlyKnown refuses a field that may not cross.
func onlyKnown(m protoreflect.Message) (err error) {
	name := string(m.Descriptor().FullName())
	allowed, ok := mayCross[name]
	if !ok {
		return fmt.Errorf("a message %s", name)
	}
	if u := m.GetUnknown(); len(u) > 0 {
		return fmt.Errorf("%d bytes of %s that the schema does not know", len(u), name)
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case !slices.Contains(allowed, string(f.Name())):
			err = fmt.Errorf("field %s of %s", f.Name(), name)
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				err = errors.Join(err, onlyKnown(v.List().Get(i).Message()))
			}
		default:
			err = onlyKnown(v.Message())
		}
		return err == nil
	})
	return err
}

func (r *leakRun) rowsOfOneLength() (string, error) {
	h := r.header
	locations := int(h.Skeleton.Width) * (len(h.Skeleton.Layers) + 1)
	kinds := map[byte]int{}
	for _, k := range r.hidden.Kind {
		kinds[k]++
	}
	switch {
	case h.Slots != r.task.Lease.Job.Spec.Shots || h.ShotsPerSlot != 1:
		return "", fmt.Errorf("%d slots of %d shots", h.Slots, h.ShotsPerSlot)
	case len(r.rows) != int(h.Slots)*locations*int(h.IndexBytes):
		return "", fmt.Errorf("%d bytes of rows: not one index for each of %d locations in each of %d slots", len(r.rows), locations, h.Slots)
	case !bytes.Equal(r.rows, r.want.Data):
		return "", errors.New("other slots than the seed gives")
	case len(h.Palette)%24 != 0 || len(kinds) != 3:
		return "", fmt.Errorf("palette of %d bytes, kinds %v", len(h.Palette), kinds)
	}
	return fmt.Sprintf("%d slots of %d indexes, palette of %d; slots by kind %v", h.Slots, locations, len(h.Palette)/24, kinds), nil
}

// pads: within each kind of slot, at each location, the four left Paulis of a
// canonical gate are equally likely. Chi-square with 3 degrees of freedom for each
// location and kind; the least p of all is held against 1e-3 by Bonferroni.
func (r *leakRun) pads() (string, error) {
	var left []circuit.Pauli
	for p := r.header.Palette; len(p) > 0; p = p[24:] {
		u := circuit.U3Angles{Theta: circuit.Angle(binary.LittleEndian.Uint64(p)), Phi: circuit.Angle(binary.LittleEndian.Uint64(p[8:])), Lambda: circuit.Angle(binary.LittleEndian.Uint64(p[16:]))}
		_, l := u.PauliCanonical()
		left = append(left, l)
	}
	rows := &guest.Rows{N: int(r.header.Slots), Locations: r.want.Locations, ElemSize: int(r.header.IndexBytes), Data: r.rows}
	counts := make([][3][4]float64, rows.Locations)
	for i := range rows.N {
		for x := range rows.Locations {
			counts[x][r.hidden.Kind[i]][left[rows.Index(i, x)]]++
		}
	}
	worst, tests := 1.0, 0
	for x := range counts {
		for kind, c := range counts[x] {
			p := chiSquareTail3(chiSquare(c[:]))
			tests++
			worst = min(worst, p)
			if p < 1e-3/float64(3*rows.Locations) {
				return "", fmt.Errorf("location %d, kind %d: left Paulis %v, p %.2g", x, kind, c, p)
			}
		}
	}
	return fmt.Sprintf("%d chi-square tests, least p %.2g", tests, worst), nil
}

// positions: within their windows, each of which has its share, traps are anywhere.
func (r *leakRun) positions() (string, error) {
	var at [4]float64
	for i, k := range r.hidden.Kind {
		if guest.SlotKind(k) != guest.SlotTarget {
			at[i%r.window*4/r.window]++
		}
	}
	p := chiSquareTail3(chiSquare(at[:]))
	if p < 1e-3 {
		return "", fmt.Errorf("traps by quarter of their window %v, p %.2g", at, p)
	}
	return fmt.Sprintf("traps by quarter of their window of %d slots %v, p %.2g", r.window, at, p), nil
}

func chiSquare(c []float64) (chi float64) {
	total := 0.0
	for _, v := range c {
		total += v
	}
	e := total / float64(len(c))
	for _, v := range c {
		chi += (v - e) * (v - e) / e
	}
	return chi
}

// chiSquareTail3 is the upper tail with 3 degrees of freedom:
// erfc(√(x/2)) + √(2x/π)·e^(−x/2).
func chiSquareTail3(x float64) float64 {
	return math.Erfc(math.Sqrt(x/2)) + math.Sqrt(2*x/math.Pi)*math.Exp(-x/2)
}

// search: nothing that crossed holds a seed, root32, the shot key, a private key or
// a word about traps, raw or written as text.
func (r *leakRun) search() (string, error) {
	var all bytes.Buffer
	for _, c := range r.crossings {
		fmt.Fprintf(&all, "%s\n%v\n", c.Method, c.Metadata)
		all.Write(c.Body)
	}
	haystack := all.Bytes()
	if !bytes.Contains(haystack, []byte(r.task.Lease.JobID.String())) {
		return "", errors.New("the search does not even find the job's id, which crosses")
	}
	for _, s := range r.secrets {
		for i := 0; i+8 <= len(s.bytes); i += 8 { // any eight bytes of it
			if bytes.Contains(haystack, s.bytes[i:i+8]) {
				return "", fmt.Errorf("%s, bytes from %d", s.name, i)
			}
		}
		back := slices.Clone(s.bytes)
		slices.Reverse(back)
		for _, text := range []string{hex.EncodeToString(s.bytes[:8]), strings.ToUpper(hex.EncodeToString(s.bytes[:8])), base64.StdEncoding.EncodeToString(s.bytes)[:12], base64.URLEncoding.EncodeToString(s.bytes)[:12], string(back[:8])} {
			if bytes.Contains(haystack, []byte(text)) {
				return "", fmt.Errorf("%s as %q", s.name, text)
			}
		}
	}
	lower := bytes.ToLower(haystack)
	for _, word := range []string{"trap", "accredit", "target", "seed", "root32", "window", "hidden", "engine_test_secret"} {
		if bytes.Contains(lower, []byte(word)) {
			return "", fmt.Errorf("the word %s", word)
		}
	}
	return fmt.Sprintf("%d bytes of %d messages, for %d secrets", len(haystack), len(r.crossings), len(r.secrets)), nil
}
