package transcript

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

// katChecks is the number of comparisons in testdata/transcript_kat.json.
const katChecks = 107

type katCase struct {
	Name   string
	Input  json.RawMessage
	Expect map[string]string
}

type kat struct {
	Jobs, Modules, Devices, Execs, Histograms, Results, Nullifiers, Signatures []katCase
	ModuleSets                                                                 []katCase `json:"module_sets"`
	ProviderIDs                                                                []katCase `json:"provider_ids"`
	MustReject                                                                 []struct {
		What   string
		Params json.RawMessage
	} `json:"must_reject"`
	MustRejectCBOR []struct{ What, Hex string } `json:"must_reject_cbor"`
}

type katRun struct {
	t *testing.T
	n int
}

func (r *katRun) equal(want, got, what string) {
	r.t.Helper()
	require.Equal(r.t, want, got, what)
	r.n++
}

func (r *katRun) refused(err error, what string) {
	r.t.Helper()
	require.Error(r.t, err, what)
	r.n++
}

// frame compares the two expectations that most cases have.
func (r *katRun) frame(c katCase, f *Frame, what string) {
	r.t.Helper()
	b, err := f.Encode()
	require.NoError(r.t, err, what)
	r.equal(c.Expect["preimage"], hex.EncodeToString(b), what+" preimage")
	r.equal(c.Expect["digest"], digest.Sum(b).String(), what+" digest")
}

// fields is a KAT input whose values are all text.
type fields map[string]string

func input(t *testing.T, c katCase) fields {
	m := map[string]any{}
	require.NoError(t, json.Unmarshal(c.Input, &m))
	f := fields{}
	for k, v := range m {
		if s, ok := v.(string); ok {
			f[k] = s
		}
	}
	return f
}

func (f fields) u(t *testing.T, k string) uint64 {
	v, err := strconv.ParseUint(f[k], 10, 64)
	require.NoError(t, err, k)
	return v
}

func (f fields) b(t *testing.T, k string) []byte {
	v, err := hex.DecodeString(f[k])
	require.NoError(t, err, k)
	return v
}

func (f fields) h(t *testing.T, k string) (d digest.Digest) {
	if f[k] == "" {
		return d
	}
	d, err := digest.Parse(f[k])
	require.NoError(t, err, k)
	return d
}

// katValue reads the file's tagged notation of params values.
func katValue(raw json.RawMessage) (Value, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(raw, &m); err != nil {
		return Value{}, err
	}
	for tag, body := range m {
		var s string
		_ = json.Unmarshal(body, &s)
		switch tag {
		case "u":
			n, err := strconv.ParseUint(s, 10, 64)
			return UintValue(n), err
		case "i":
			n, err := strconv.ParseInt(s, 10, 64)
			return IntValue(n), err
		case "t":
			return TextValue(s), nil
		case "b":
			b, err := hex.DecodeString(s)
			return BytesValue(b), err
		case "bool":
			return BoolValue(string(body) == "true"), nil
		case "a":
			var list []json.RawMessage
			err := json.Unmarshal(body, &list)
			v := ArrayValue()
			for _, e := range list {
				ev, e := katValue(e)
				v.Array, err = append(v.Array, ev), firstError(err, e)
			}
			return v, err
		case "m":
			var members map[string]json.RawMessage
			err := json.Unmarshal(body, &members)
			v := MapValue()
			for k, e := range members {
				ev, e := katValue(e)
				v.Members, err = append(v.Members, Member{k, ev}), firstError(err, e)
			}
			return v, err
		}
	}
	return Value{}, fmt.Errorf("unknown notation %s", raw)
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func TestKnownAnswers(t *testing.T) {
	raw, err := os.ReadFile("testdata/transcript_kat.json")
	require.NoError(t, err)
	var k kat
	require.NoError(t, json.Unmarshal(raw, &k))
	r := &katRun{t: t}
	r.jobs(k.Jobs)
	r.executions(k)
	r.results(k)
	r.refusals(k)
	require.Equal(t, katChecks, r.n)
	t.Logf("%d of %d known answers hold", r.n, katChecks)
}

func (r *katRun) jobs(cases []katCase) {
	for _, c := range cases {
		f := input(r.t, c)
		var in struct{ Params json.RawMessage }
		require.NoError(r.t, json.Unmarshal(c.Input, &in))
		v, err := katValue(in.Params)
		require.NoError(r.t, err, c.Name)
		enc, err := EncodeCBOR(v, ParamsLimits)
		require.NoError(r.t, err, c.Name)
		r.equal(c.Expect["params_dcbor"], hex.EncodeToString(enc), c.Name)
		ph, err := ParamsHash(v)
		require.NoError(r.t, err, c.Name)
		r.equal(c.Expect["params_hash"], ph.String(), c.Name)
		r.frame(c, JobFrame{f.u(r.t, "chain_id"), f.u(r.t, "round"), f.h(r.t, "lease_id"), f.h(r.t, "circuit_hash"),
			f.u(r.t, "shots"), f.h(r.t, "seed"), ph}.Frame(), c.Name)
	}
}

func katModule(t *testing.T, c katCase) ModuleFrame {
	f := input(t, c)
	return ModuleFrame{f["slot"], f["name"], f["version"], f.u(t, "abi"), f.u(t, "size"), f.h(t, "content_sha3_256")}
}

func (r *katRun) executions(k kat) {
	for _, c := range k.Modules {
		r.frame(c, katModule(r.t, c).Frame(), "module")
	}
	for _, c := range k.ModuleSets {
		var list []json.RawMessage
		require.NoError(r.t, json.Unmarshal(c.Input, &list))
		var set ModuleSet
		for _, m := range list {
			set = append(set, katModule(r.t, katCase{Input: m}))
		}
		r.frame(c, set.Frame(), "module set")
	}
	for _, c := range k.Devices {
		f := input(r.t, c)
		r.frame(c, DeviceFrame{f["vendor"], f["family"], f["serial"], f["firmware"],
			f.h(r.t, "device_key_sha3_256"), f.h(r.t, "vendor_cert_sha3_256"), f["calibration_id"]}.Frame(), "device")
	}
	for _, c := range k.Execs {
		f := input(r.t, c)
		r.frame(c, ExecFrame{f.h(r.t, "job_digest"), f.h(r.t, "provider_id"), f.h(r.t, "compiled_circuit_hash"), f.h(r.t, "module_set_hash"),
			f.h(r.t, "device_hash"), f["engine_version"], f.b(r.t, "runner_measurement"), f.h(r.t, "trap_plan_hash")}.Frame(), "exec")
	}
}

func (r *katRun) results(k kat) {
	for _, c := range k.ProviderIDs {
		r.equal(c.Expect["provider_id"], digest.Sum(input(r.t, c).b(r.t, "public_key_raw")).String(), "provider id")
	}
	for _, c := range k.Histograms {
		f := input(r.t, c)
		var in struct{ Counts map[string]string }
		require.NoError(r.t, json.Unmarshal(c.Input, &in))
		var rows [][]byte
		var counts []uint64
		for key, n := range in.Counts {
			row := fields{"k": key, "n": n}.b(r.t, "k")
			slices.Reverse(row)
			rows, counts = append(rows, row), append(counts, fields{"n": n}.u(r.t, "n"))
		}
		h, err := HistOfCounts(f.u(r.t, "width_bits"), rows, counts)
		require.NoError(r.t, err)
		shots, _ := h.Shots()
		require.Equal(r.t, f.u(r.t, "shots"), shots)
		r.frame(c, h.Frame(), "histogram")
	}
	for _, c := range k.Results {
		f := input(r.t, c)
		v := ResultV1{f.h(r.t, "exec_digest"), f.h(r.t, "hist_digest"), f.u(r.t, "trap_pass"), f.u(r.t, "trap_fail"),
			f.u(r.t, "started_unix_ms"), f.u(r.t, "finished_unix_ms"), f.u(r.t, "status")}
		r.frame(c, v.Frame(), "result")
		d, _ := Sum(v)
		data := ReportData(d)
		r.equal(c.Expect["report_data_64"], hex.EncodeToString(data[:]), "report data")
	}
	for _, c := range k.Nullifiers {
		f := input(r.t, c)
		fr := NewFrame("qprov/v1/nullifier").U64(1, f.u(r.t, "chain_id")).H32(2, f.h(r.t, "job_id")).H32(3, f.h(r.t, "provider_id"))
		r.frame(c, fr, "nullifier")
		n, err := Nullifier(f.u(r.t, "chain_id"), f.h(r.t, "job_id"), f.h(r.t, "provider_id"))
		require.NoError(r.t, err)
		require.Equal(r.t, c.Expect["digest"], n.String())
	}
	for _, c := range k.Signatures {
		f := input(r.t, c)
		msg, err := Encode(SigFrame{f["purpose"], f["alg"], f.h(r.t, "key_id"), f.h(r.t, "digest"), f.u(r.t, "signed_at_unix")})
		require.NoError(r.t, err)
		r.equal(c.Expect["message"], hex.EncodeToString(msg), "signature message")
		key := ed25519.NewKeyFromSeed(f.b(r.t, "ed25519_seed"))
		r.equal(c.Expect["signature"], hex.EncodeToString(ed25519.Sign(key, msg)), "signature")
	}
}

func (r *katRun) refusals(k kat) {
	for _, c := range k.MustReject {
		v, err := katValue(c.Params)
		if err == nil {
			_, err = EncodeCBOR(v, ParamsLimits)
		}
		r.refused(err, c.What)
	}
	for _, c := range k.MustRejectCBOR {
		b, err := hex.DecodeString(c.Hex)
		require.NoError(r.t, err)
		_, err = ParamsFrame{b}.Frame().Encode()
		require.ErrorIs(r.t, err, ErrCBOR, c.What)
		r.refused(err, c.What)
	}
}

func TestKnownAnswerCoincidences(t *testing.T) {
	raw, err := os.ReadFile("testdata/transcript_kat.json")
	require.NoError(t, err)
	var k kat
	require.NoError(t, json.Unmarshal(raw, &k))
	seen := map[string]int{}
	for _, c := range k.Jobs {
		seen[c.Expect["digest"]]++
	}
	require.Equal(t, 2, seen[k.Jobs[0].Expect["digest"]], "map order is irrelevant")
	require.Len(t, seen, len(k.Jobs)-1)
	require.NotEqual(t, k.Devices[0].Expect["digest"], k.Devices[2].Expect["digest"], "equal concatenation, other fields")
	require.False(t, bytes.Equal([]byte(k.Jobs[5].Expect["digest"]), []byte(k.Jobs[6].Expect["digest"])))
}
