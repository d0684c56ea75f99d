package evidence_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/attest/enroll"
	"github.com/animicaorg/engine/proofs/attest/evidence"
	"github.com/animicaorg/engine/proofs/attest/vendorcert"
	"github.com/animicaorg/engine/proofs/transcript"
)

var (
	ctx      = context.Background()
	now      = attesttest.Now
	x, r     = digest.Sum([]byte("X")), digest.Sum([]byte("R"))
	provider = digest.Sum([]byte("provider"))
)

func edKey(label string) ed25519.PrivateKey {
	h := sha256.Sum256([]byte(label))
	return ed25519.NewKeyFromSeed(h[:])
}

func public(k ed25519.PrivateKey) []byte { return k.Public().(ed25519.PublicKey) }

func data(d digest.Digest) []byte { return append(bytes.Clone(d[:]), make([]byte, 32)...) }

// quoted is a TDX quote as a proof carries it.
func quoted(d attesttest.DCAP) (*attest.Carried, attesttest.Sample) {
	d.TDX = true
	s := d.Mint()
	return &attest.Carried{Kind: attest.TDX, Evidence: s.Evidence}, s
}

func value(c *attest.Carried, more ...transcript.Member) *transcript.Value {
	v := c.Value()
	v.Members = append(v.Members, more...)
	return &v
}

// world is a verifier's trust, a good quote and a good device.
type world struct {
	a  *evidence.Attester
	in proofs.AttestInput
}

func policy(t testing.TB, more string) *attest.Policy {
	p, err := attest.ParsePolicy(fmt.Appendf(nil, `{"id":"runner","version":1,"measurements":[{"kind":"tdx","measurement":"%x"}]%s}`, attesttest.DCAP{TDX: true}.DCAPMeasurement(), more))
	require.NoError(t, err)
	return p
}

func device(t testing.TB, holder vendorcert.KeyHolder) (*vendorcert.Signed, *attest.Roots) {
	root, err := vendorcert.NewAuthority("AcmeQPU", edKey("root"), now.AddDate(-1, 0, 0))
	require.NoError(t, err)
	c := &vendorcert.Claims{Vendor: "AcmeQPU", DeviceID: "AQ-7x", Family: "AQ-7", Serial: "SN-1", Firmware: "1.9.3", KeyHolder: holder, DeviceKey: public(edKey("device")),
		Qubits: 24, IssuedAt: now.AddDate(0, 0, -1), NotBefore: now.AddDate(0, 0, -1), Expires: now.AddDate(0, 0, 30), ID: "1"}
	if holder == vendorcert.HolderNone {
		c.DeviceKey = nil
	}
	d, err := root.Issue(c, edKey("claims"))
	require.NoError(t, err)
	return &vendorcert.Signed{Document: *d}, &attest.Roots{Certs: []*x509.Certificate{root.Root}, Where: "roots/acmeqpu"}
}

func sign(label, domain string, d digest.Digest) []byte {
	sig, err := edKey(label).Sign(nil, append([]byte(domain), d[:]...), crypto.Hash(0))
	if err != nil {
		panic(err)
	}
	return sig
}

func newWorld(t testing.TB) *world {
	c, s := quoted(attesttest.DCAP{ReportData: data(r)})
	d, roots := device(t, vendorcert.HolderController)
	d.ExecSig, d.ResultSig = sign("device", vendorcert.ExecDomain, x), sign("device", vendorcert.ResultDomain, r)
	qpu := d.Value()
	return &world{a: &evidence.Attester{Policy: policy(t, ""),
		TEE: func(k attest.Kind) (*evidence.Trust, error) { return &evidence.Trust{Roots: s.Roots}, nil },
		Vendor: func(vendor string) (*evidence.Trust, error) {
			if vendor != "AcmeQPU" {
				return &evidence.Trust{Roots: &attest.Roots{Where: "roots/other"}}, nil
			}
			return &evidence.Trust{Roots: roots}, nil
		}},
		in: proofs.AttestInput{Attest: proofs.Attest{TEE: value(c), QPU: &qpu}, X: x, R: r, ProviderID: provider, TimeMS: uint64(now.UnixMilli()),
			RunnerMeasurement: attesttest.DCAP{TDX: true}.DCAPMeasurement(), Device: transcript.DeviceFrame{Vendor: "AcmeQPU", Family: "AQ-7", Serial: "SN-1", Firmware: "1.9.3",
				DeviceKeySHA3: digest.Sum(public(edKey("device"))), VendorCertSHA3: digest.Sum(d.Chain[1].Raw)}}}
}

// judge returns the verdicts by member.
func (w *world) judge(t testing.TB) map[string]proofs.EvidenceVerdict {
	list, err := w.a.Attest(ctx, w.in)
	require.NoError(t, err)
	out := map[string]proofs.EvidenceVerdict{}
	for _, v := range list {
		require.Equal(t, len(v.Reasons) == 0, v.Accepted)
		if !v.Accepted {
			require.Equal(t, proofs.LevelNone, v.Level)
		}
		out[v.Member] = v
	}
	return out
}

func codes(v proofs.EvidenceVerdict) (out []string) {
	for _, r := range v.Reasons {
		out = append(out, r.Code)
	}
	return out
}

func TestAccepted(t *testing.T) {
	w := newWorld(t)
	got := w.judge(t)
	require.Equal(t, proofs.LevelTEESigned, got["tee"].Level, "%+v", got["tee"])
	require.Equal(t, "tdx", got["tee"].Kind)
	require.NotEmpty(t, got["tee"].NotAfter)
	require.NotNil(t, got["tee"].Digest)
	require.False(t, got["tee"].SealedSeed)
	require.Equal(t, proofs.LevelDeviceSigned, got["qpu"].Level, "%+v", got["qpu"])
	require.NotNil(t, got["qpu"].Digest)

	w.a.Policy = nil
	got = w.judge(t)
	require.True(t, got["tee"].Accepted)
	require.Equal(t, proofs.LevelNone, got["tee"].Level, "nobody says what the measurement is")
	w.in.Attest.TEE = nil
	require.Len(t, w.judge(t), 1)
}

// TestTEERefusals spoils one thing of a good quote.
func TestTEERefusals(t *testing.T) {
	other := digest.Sum([]byte("other"))
	half := data(r)
	half[63] = 1
	for name, c := range map[string]struct {
		mint   attesttest.DCAP
		change func(*world)
		want   []string
	}{
		"result of another job":     {attesttest.DCAP{ReportData: data(other)}, nil, []string{"report_data"}},
		"second half not zero":      {attesttest.DCAP{ReportData: half}, nil, []string{"report_data"}},
		"X in place of R":           {attesttest.DCAP{ReportData: data(x)}, nil, []string{"report_data"}},
		"debug":                     {attesttest.DCAP{ReportData: data(r), Debug: true}, nil, []string{"debug"}},
		"revoked PCK":               {attesttest.DCAP{ReportData: data(r), Revoke: "pck"}, nil, []string{"revoked"}},
		"outdated":                  {attesttest.DCAP{ReportData: data(r), Status: "OutOfDate"}, nil, []string{"tcb"}},
		"debug and another job":     {attesttest.DCAP{ReportData: data(other), Debug: true}, nil, []string{"debug", "report_data"}},
		"another root":              {attesttest.DCAP{ReportData: data(r), Label: "other"}, nil, []string{"chain"}},
		"pinned roots":              {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.a.TEE = nil }, []string{"chain"}},
		"another measurement in X":  {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.in.RunnerMeasurement = make([]byte, 48) }, []string{"measurement"}},
		"no measurement in X":       {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.in.RunnerMeasurement = nil }, []string{"measurement"}},
		"measurement not in policy": {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.a.Policy.Measurements = nil }, []string{"measurement"}},
		"stale collateral":          {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.in.TimeMS = uint64(now.AddDate(0, 2, 0).UnixMilli()) }, []string{"collateral"}},
		"before the collateral":     {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.in.TimeMS = uint64(now.AddDate(0, 0, -3).UnixMilli()) }, []string{"collateral"}},
		"the verifier's collateral": {attesttest.DCAP{ReportData: data(r)}, func(w *world) { w.a.Collateral = []byte("{}") }, []string{"collateral"}},
		"published root": {attesttest.DCAP{ReportData: data(r)}, func(w *world) {
			tr, _ := w.a.TEE(attest.TDX)
			w.a.Published = attest.DenyList{hex.EncodeToString(attest.Fingerprint(tr.Roots.Certs[0])): "made for tests"}
		}, []string{"denied_key"}},
		"unknown kind":   {attesttest.DCAP{}, func(w *world) { w.in.Attest.TEE.Members[0].Value = transcript.TextValue("fake") }, []string{"format"}},
		"kind of others": {attesttest.DCAP{}, func(w *world) { w.in.Attest.TEE.Members[0].Value = transcript.TextValue("sgx") }, []string{"format"}},
		"unknown member": {attesttest.DCAP{}, func(w *world) {
			w.in.Attest.TEE.Members = append(w.in.Attest.TEE.Members, transcript.Member{Key: "measurement", Value: transcript.TextValue("00")})
		}, []string{"format"}},
		"no base64": {attesttest.DCAP{}, func(w *world) { w.in.Attest.TEE.Members[1].Value = transcript.TextValue("A") }, []string{"format"}},
		"sealed, no lease": {attesttest.DCAP{ReportData: data(r)}, func(w *world) {
			w.in.Attest.TEE.Members = append(w.in.Attest.TEE.Members, transcript.Member{Key: "sealed", Value: transcript.MapValue()})
		}, []string{"format"}},
		"no evidence inside": {attesttest.DCAP{}, func(w *world) { v := transcript.MapValue(); w.in.Attest.TEE = &v }, []string{"format"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			carried, _ := quoted(c.mint)
			w.in.Attest = proofs.Attest{TEE: value(carried)}
			if c.change != nil {
				c.change(w)
			}
			got := w.judge(t)["tee"]
			require.Equal(t, c.want, codes(got), "%+v", got.Reasons)
		})
	}
	w := newWorld(t)
	tr, _ := w.a.TEE(attest.TDX)
	w.a.Published = attest.DenyList{hex.EncodeToString(attest.Fingerprint(tr.Roots.Certs[0])): "made for tests"}
	w.in.Dev = true
	require.Equal(t, proofs.LevelTEESigned, w.judge(t)["tee"].Level, "a development proof may use it")
}

// TestQPU covers who holds the key and what is signed.
func TestQPU(t *testing.T) {
	exec, result := sign("device", vendorcert.ExecDomain, x), sign("device", vendorcert.ResultDomain, r)
	for name, c := range map[string]struct {
		holder       vendorcert.KeyHolder
		exec, result []byte
		change       func(*world)
		level        proofs.Level
		want         []string
	}{
		"device":                       {"device", exec, result, nil, proofs.LevelDeviceSigned, nil},
		"controller":                   {"controller", exec, result, nil, proofs.LevelDeviceSigned, nil},
		"operator":                     {"operator", exec, result, nil, proofs.LevelVendorChained, nil},
		"host":                         {"host_tee", exec, result, nil, proofs.LevelVendorChained, nil},
		"nothing signed":               {"device", nil, nil, nil, proofs.LevelVendorChained, nil},
		"no key":                       {"none", nil, nil, noKey, proofs.LevelVendorAsserted, nil},
		"no key, but signatures":       {"none", exec, result, noKey, proofs.LevelNone, []string{"signature"}},
		"only R":                       {"device", nil, result, nil, proofs.LevelNone, []string{"signature"}},
		"only X":                       {"device", exec, nil, nil, proofs.LevelNone, []string{"signature"}},
		"another key":                  {"device", exec, sign("operator", vendorcert.ResultDomain, r), nil, proofs.LevelNone, []string{"signature"}},
		"operator's and wrong":         {"operator", exec, sign("operator", vendorcert.ResultDomain, r), nil, proofs.LevelNone, []string{"signature"}},
		"signatures of another job":    {"device", exec, result, func(w *world) { w.in.X, w.in.R = r, x }, proofs.LevelNone, []string{"signature"}},
		"another vendor in D":          {"device", exec, result, func(w *world) { w.in.Device.Vendor = "animica" }, proofs.LevelNone, []string{"measurement"}},
		"another serial in D":          {"device", exec, result, func(w *world) { w.in.Device.Serial = "SN-2" }, proofs.LevelNone, []string{"measurement"}},
		"another firmware in D":        {"device", exec, result, func(w *world) { w.in.Device.Firmware = "2" }, proofs.LevelNone, []string{"measurement"}},
		"another family in D":          {"device", exec, result, func(w *world) { w.in.Device.Family = "AQ-8" }, proofs.LevelNone, []string{"measurement"}},
		"another key in D":             {"device", exec, result, func(w *world) { w.in.Device.DeviceKeySHA3 = x }, proofs.LevelNone, []string{"measurement"}},
		"another certificate in D":     {"device", exec, result, func(w *world) { w.in.Device.VendorCertSHA3 = x }, proofs.LevelNone, []string{"measurement"}},
		"a simulator in D":             {"device", nil, nil, func(w *world) { w.in.Device = transcript.SimulatorDevice("numeric/1") }, proofs.LevelNone, []string{"measurement", "measurement", "measurement", "measurement", "measurement", "measurement"}},
		"expired":                      {"device", exec, result, func(w *world) { w.in.TimeMS = uint64(now.AddDate(0, 0, 30).UnixMilli()) }, proofs.LevelNone, []string{"chain"}},
		"last second":                  {"device", exec, result, func(w *world) { w.in.TimeMS = uint64(now.AddDate(0, 0, 30).Add(-time.Second).UnixMilli()) }, proofs.LevelDeviceSigned, nil},
		"no vendor is trusted":         {"device", exec, result, func(w *world) { w.a.Vendor = nil }, proofs.LevelNone, []string{"chain"}},
		"claims on the deny list":      {"device", exec, result, func(w *world) { w.a.Policy.DeniedIDs = []string{"1"} }, proofs.LevelNone, []string{"denied_key"}},
		"a policy without measurement": {"device", exec, result, func(w *world) { w.a.Policy.Measurements = nil }, proofs.LevelDeviceSigned, nil},
		"published root":               {"device", exec, result, func(w *world) { publish(t, w) }, proofs.LevelNone, []string{"denied_key"}},
		"published root, development":  {"device", exec, result, func(w *world) { publish(t, w); w.in.Dev = true }, proofs.LevelDeviceSigned, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			d, _ := device(t, c.holder)
			d.ExecSig, d.ResultSig = c.exec, c.result
			v := d.Value()
			w.in.Attest = proofs.Attest{QPU: &v}
			if len(d.Chain) > 1 {
				w.in.Device.VendorCertSHA3 = digest.Sum(d.Chain[1].Raw)
			}
			if c.change != nil {
				c.change(w)
			}
			got := w.judge(t)["qpu"]
			require.Equal(t, c.want, codes(got), "%+v", got.Reasons)
			require.Equal(t, c.level, got.Level)
		})
	}
	w := newWorld(t)
	bad := transcript.TextValue("x")
	w.in.Attest = proofs.Attest{QPU: &bad}
	require.Equal(t, []string{"format"}, codes(w.judge(t)["qpu"]))
}

func noKey(w *world) {
	w.in.Device.DeviceKeySHA3, w.in.Device.VendorCertSHA3 = digest.Digest{}, digest.Digest{}
}

func publish(t *testing.T, w *world) {
	tr, err := w.a.Vendor("AcmeQPU")
	require.NoError(t, err)
	w.a.Published = attest.DenyList{hex.EncodeToString(attest.Fingerprint(tr.Roots.Certs[0])): "made for tests"}
}

func TestUndecided(t *testing.T) {
	w := newWorld(t)
	down := errors.New("folder is not readable")
	w.a.TEE = func(attest.Kind) (*evidence.Trust, error) { return nil, down }
	_, err := w.a.Attest(ctx, w.in)
	require.ErrorIs(t, err, down)
	w = newWorld(t)
	w.a.Vendor = func(string) (*evidence.Trust, error) { return nil, down }
	_, err = w.a.Attest(ctx, w.in)
	require.ErrorIs(t, err, down)
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = newWorld(t).a.Attest(gone, w.in)
	require.ErrorIs(t, err, context.Canceled)
}

// sealedWorld has a lease whose document went sealed to a key that a quote enrolled.
func sealedWorld(t *testing.T, mint attesttest.DCAP, change func(*enroll.Enrolment)) (*world, *enroll.Sealed, *keys.Ed25519Key) {
	w := newWorld(t)
	key, err := enroll.NewRunnerKey()
	require.NoError(t, err)
	e := &enroll.Enrolment{Nonce: digest.Sum([]byte("nonce")), ProviderID: provider, Public: key.Public(), Expires: now.Add(time.Hour)}
	if change != nil {
		change(e)
	}
	bound, err := e.ReportData()
	require.NoError(t, err)
	if mint.ReportData == nil {
		mint.ReportData = bound[:]
	}
	quote, _ := quoted(mint)
	service, err := keys.NewEd25519(keys.Service, [32]byte{9})
	require.NoError(t, err)
	w.in.Lease = &proofs.LeaseBinding{Public: service.Public()}
	w.in.LeaseFrame = transcript.LeaseFrame{ChainID: 7, LeaseID: digest.Sum([]byte("lease")), ProviderID: provider, IssuedMS: uint64(now.UnixMilli())}
	lease, err := transcript.Sum(w.in.LeaseFrame)
	require.NoError(t, err)
	s, blob, err := enroll.Seal(ctx, e, *quote, []byte(`{"lease":"document"}`), lease, service, uint64(now.Unix()))
	require.NoError(t, err)
	opened, err := key.Open(e, blob)
	require.NoError(t, err)
	require.Equal(t, `{"lease":"document"}`, string(opened))
	return w, s, service
}

func (w *world) seal(s *enroll.Sealed) {
	v := s.Value()
	w.in.Attest.TEE.Members = append(w.in.Attest.TEE.Members, transcript.Member{Key: "sealed", Value: v})
}

func TestSealedSeed(t *testing.T) {
	w, s, _ := sealedWorld(t, attesttest.DCAP{}, nil)
	w.seal(s)
	got := w.judge(t)["tee"]
	require.True(t, got.Accepted, "%+v", got.Reasons)
	require.True(t, got.SealedSeed)

	for name, c := range map[string]struct {
		mint   attesttest.DCAP
		enrol  func(*enroll.Enrolment)
		change func(*world, *enroll.Sealed)
		want   string
	}{
		"another lease":             {change: func(w *world, _ *enroll.Sealed) { w.in.LeaseFrame.Fence = 2 }, want: "did not sign"},
		"another service":           {change: func(w *world, _ *enroll.Sealed) { w.in.Lease.Public = public(edKey("x")) }, want: "did not sign"},
		"another ciphertext":        {change: func(_ *world, s *enroll.Sealed) { s.Blob[0] ^= 1 }, want: "did not sign"},
		"another runner key":        {change: func(_ *world, s *enroll.Sealed) { s.Enrolment.Public[0] ^= 1 }, want: "did not sign"},
		"another provider enrolled": {enrol: func(e *enroll.Enrolment) { e.ProviderID = x }, want: "enrolled by provider"},
		"enrolment over":            {enrol: func(e *enroll.Enrolment) { e.Expires = now.Add(-time.Second) }, want: "enrolment ended"},
		"last second":               {enrol: func(e *enroll.Enrolment) { e.Expires = now }},
		"longest life":              {enrol: func(e *enroll.Enrolment) { e.Expires = now.Add(enroll.MaxLife) }},
		"too long a life":           {enrol: func(e *enroll.Enrolment) { e.Expires = now.Add(enroll.MaxLife + time.Second) }, want: "lives longer"},
		"a result's quote":          {mint: attesttest.DCAP{ReportData: data(r)}, want: "report data"},
		"enrolled in debug mode":    {mint: attesttest.DCAP{Debug: true}, want: "debug"},
		"enrolled elsewhere":        {mint: attesttest.DCAP{Label: "other"}, want: "chain invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := sealedWorld(t, c.mint, c.enrol)
			if c.change != nil {
				c.change(w, s)
			}
			w.seal(s)
			got := w.judge(t)["tee"]
			if c.want == "" {
				require.True(t, got.SealedSeed, "%+v", got.Reasons)
				return
			}
			require.False(t, got.SealedSeed)
			require.Len(t, got.Reasons, 1)
			require.Contains(t, got.Reasons[0].Message, c.want)
		})
	}
}

// TestSealedForm refuses every object that differs in one member.
func TestSealedForm(t *testing.T) {
	_, s, _ := sealedWorld(t, attesttest.DCAP{}, nil)
	v := s.Value()
	again, err := enroll.Parse(&v)
	require.NoError(t, err)
	require.Equal(t, s.Value(), again.Value())
	spoil := func(v transcript.Value, i int, m *transcript.Value) transcript.Value {
		out := v
		out.Members = append([]transcript.Member{}, v.Members...)
		if m == nil {
			out.Members = append(out.Members[:i], out.Members[i+1:]...)
		} else {
			out.Members[i].Value = *m
		}
		return out
	}
	for _, bad := range []*transcript.Value{nil, ptr(transcript.TextValue("A0")), ptr(transcript.UintValue(1 << 62)), ptr(transcript.MapValue()), ptr(transcript.BoolValue(true))} {
		for i := range v.Members {
			b := spoil(v, i, bad)
			_, err := enroll.Parse(&b)
			require.Error(t, err, "%s %+v", v.Members[i].Key, bad)
		}
		inner := v.Members[0].Value
		for i := range inner.Members {
			e := spoil(inner, i, bad)
			b := spoil(v, 0, &e)
			_, err := enroll.Parse(&b)
			require.Error(t, err, "enrolment/%s %+v", inner.Members[i].Key, bad)
		}
	}
	more := v
	more.Members = append([]transcript.Member{{Key: "x", Value: transcript.BoolValue(true)}}, v.Members...)
	_, err = enroll.Parse(&more)
	require.ErrorContains(t, err, "unknown members")
}

func ptr(v transcript.Value) *transcript.Value { return &v }

// FuzzEvidence gives the attester objects of any shape: no panic, no level.
func FuzzEvidence(f *testing.F) {
	w := newWorld(f)
	for _, v := range []*transcript.Value{w.in.Attest.TEE, w.in.Attest.QPU} {
		b, err := transcript.EncodeCBOR(sorted(*v), keys.EvidenceLimits)
		require.NoError(f, err)
		f.Add(b)
	}
	want := w.judge(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := transcript.DecodeCBOR(b, keys.EvidenceLimits)
		if err != nil {
			return
		}
		w.in.Attest = proofs.Attest{TEE: &v, QPU: &v}
		list, err := w.a.Attest(ctx, w.in)
		if err != nil {
			t.Fatal(err)
		}
		for _, got := range list {
			if got.Accepted && *got.Digest != *want[got.Member].Digest {
				t.Fatal("other evidence is accepted")
			}
		}
	})
}

// sorted orders members as the encoder wants them.
func sorted(v transcript.Value) transcript.Value {
	b := append([]transcript.Member{}, v.Members...)
	for i := range b {
		for j := i; j > 0 && transcript.CompareKeys(b[j].Key, b[j-1].Key) < 0; j-- {
			b[j], b[j-1] = b[j-1], b[j]
		}
	}
	v.Members = b
	return v
}
