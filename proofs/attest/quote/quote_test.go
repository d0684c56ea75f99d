package quote_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-configfs-tsm/configfs/faketsm"
	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/attesttest"
	"github.com/animicaorg/engine/proofs/attest/cose"
	"github.com/animicaorg/engine/proofs/attest/nitro"
	"github.com/animicaorg/engine/proofs/attest/quote"
	"github.com/animicaorg/engine/proofs/attest/sev"
	"github.com/animicaorg/engine/proofs/attest/sgx"
	"github.com/animicaorg/engine/proofs/attest/tdx"
)

var (
	ctx = context.Background()
	d   = digest.Sum([]byte("R"))
)

// tsm is a fake kernel whose reports attest makes.
func tsm(provider string, attr func(name string, inblob []byte) []byte) *faketsm.ReportSubsystem {
	s := faketsm.ReportV7(0)
	s.ReadAttr = func(e *faketsm.ReportEntry, name string) ([]byte, error) {
		if name == "provider" {
			return []byte(provider + "\n"), nil
		}
		b := attr(name, e.InAttrs["inblob"].Value)
		if b == nil {
			return nil, os.ErrNotExist
		}
		return b, nil
	}
	return s
}

// verified judges evidence of a source against a sample's trust and the digest.
func verified(t *testing.T, v attest.Verifier, ev *attest.Evidence, s attesttest.Sample) {
	t.Helper()
	got := attest.Check(v, *ev, attest.Params{At: s.At, Roots: s.Roots, Key: s.Key}, attest.Rules{ExpectReportData: d[:], AllowTCB: []attest.TCBStatus{attest.Unknown}})
	require.True(t, got.Accepted, "%v", got.Refusals)
}

func TestTDX(t *testing.T) {
	fake := tsm("tdx_guest", func(name string, in []byte) []byte {
		if name == "outblob" {
			return attesttest.DCAP{TDX: true, ReportData: in}.Mint().Evidence.Raw
		}
		return nil
	})
	src := quote.NewTSM(attest.TDX, fake)
	require.Equal(t, attest.TDX, src.Kind())
	ev, err := src.Quote(ctx, d)
	require.NoError(t, err)
	verified(t, tdx.Verifier{}, ev, attesttest.DCAP{TDX: true}.Mint())
	require.Empty(t, fake.Entries, "the request is taken away")
	other, err := src.Quote(ctx, digest.Sum([]byte("other")))
	require.NoError(t, err)
	require.NotEqual(t, ev.Raw, other.Raw)

	_, err = quote.NewTSM(attest.SEV, fake).Quote(ctx, d)
	require.ErrorIs(t, err, quote.ErrAbsent, "the provider is another")
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = src.Quote(gone, d)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSEV(t *testing.T) {
	s := attesttest.SEV{}.Mint()
	var ders [][]byte
	for rest := s.Evidence.Certs; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		ders = append(ders, block.Bytes)
	}
	table := certTable(map[string][]byte{"63da758de6644564adc5f4b93be8accd": ders[0], "4ab7b379bbac4fe4a02f05aef327c782": ders[1]})
	source := func(aux []byte) *quote.TSM {
		return quote.NewTSM(attest.SEV, tsm("sev_guest", func(name string, in []byte) []byte {
			switch name {
			case "outblob":
				require.Equal(t, append(d[:], make([]byte, 32)...), in)
				return s.Evidence.Raw
			case "auxblob":
				return aux
			}
			return nil
		}))
	}
	ev, err := source(table).Quote(ctx, d)
	require.NoError(t, err)
	ev.Collateral = s.Evidence.Collateral
	got := attest.Check(sev.Verifier{}, *ev, attest.Params{At: s.At, Roots: s.Roots}, attest.Rules{})
	require.True(t, got.Accepted, "%v", got.Refusals)
	ev, err = source([]byte{}).Quote(ctx, d)
	require.NoError(t, err)
	require.Empty(t, ev.Certs, "a host that leaves no certificates")
	for name, aux := range map[string][]byte{"no end": table[:30], "no zero entry": bytes.Repeat([]byte{1}, 17*24), "outside": certTable(map[string][]byte{"63da758de6644564adc5f4b93be8accd": ders[0]})[:200],
		"no certificate": certTable(map[string][]byte{"63da758de6644564adc5f4b93be8accd": []byte("x")}), "too long": make([]byte, attest.MaxCerts+1)} {
		_, err := source(aux).Quote(ctx, d)
		require.ErrorContains(t, err, map[bool]string{true: "auxblob", false: "certificate table"}[name == "too long"], name)
	}
}

// certTable writes AMD's table: GUID, offset, length, and a zero entry at the end.
func certTable(entries map[string][]byte) []byte {
	var head, body []byte
	start := 24 * (len(entries) + 1)
	for guid, der := range entries {
		g, _ := hex.DecodeString(guid)
		head = binary.LittleEndian.AppendUint32(append(head, g...), uint32(start+len(body)))
		head = binary.LittleEndian.AppendUint32(head, uint32(len(der)))
		body = append(body, der...)
	}
	return append(append(head, make([]byte, 24)...), body...)
}

// broken is a fake kernel with one fault.
type broken struct {
	quote.Files
	write  func(quote.Files, string, []byte) error
	read   func(name string) ([]byte, error)
	remove error
}

func (b broken) WriteFile(name string, c []byte) error {
	if b.write != nil {
		return b.write(b.Files, name, c)
	}
	return b.Files.WriteFile(name, c)
}

func (b broken) ReadFile(name string) ([]byte, error) {
	if b.read != nil {
		if out, err := b.read(name); out != nil || err != nil {
			return out, err
		}
	}
	return b.Files.ReadFile(name)
}

func (b broken) RemoveAll(name string) error { return errors.Join(b.Files.RemoveAll(name), b.remove) }

func TestTSMFaults(t *testing.T) {
	fake := func() quote.Files {
		return tsm("tdx_guest", func(name string, in []byte) []byte { return bytes.Clone(in) })
	}
	down := errors.New("down")
	for name, b := range map[string]broken{
		"written twice": {Files: fake(), write: func(f quote.Files, n string, c []byte) error {
			return errors.Join(f.WriteFile(n, c), f.WriteFile(n, c))
		}},
		"not written": {Files: fake(), write: func(quote.Files, string, []byte) error { return down }},
		"no report":   {Files: fake(), read: func(n string) ([]byte, error) { return nil, down }},
		"endless":     {Files: fake(), read: func(n string) ([]byte, error) { return make([]byte, attest.MaxEvidence+1), nil }},
		"stays":       {Files: fake(), remove: down},
	} {
		_, err := quote.NewTSM(attest.TDX, b).Quote(ctx, d)
		require.Error(t, err, name)
		require.Contains(t, err.Error()+"configfs-tsm", "configfs-tsm", name)
	}
}

// TestOS holds the real file calls against a folder: attributes are never made, and
// a request goes with one rmdir.
func TestOS(t *testing.T) {
	dir := t.TempDir()
	entry, err := quote.OS{}.MkdirTemp(dir, "engine-*")
	require.NoError(t, err)
	require.ErrorIs(t, quote.OS{}.WriteFile(filepath.Join(entry, "inblob"), []byte("x")), os.ErrNotExist)
	require.NoError(t, quote.OS{}.RemoveAll(entry))
	require.NoDirExists(t, entry)
}

func TestGramine(t *testing.T) {
	dir := t.TempDir()
	_, err := quote.NewGramine(dir).Quote(ctx, d)
	require.ErrorIs(t, err, os.ErrNotExist)
	report := append(d[:], make([]byte, 32)...)
	s := attesttest.DCAP{ReportData: report}.Mint()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "user_report_data"), nil, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "quote"), s.Evidence.Raw, 0o600))
	ev, err := quote.NewGramine(dir).Quote(ctx, d)
	require.NoError(t, err)
	verified(t, sgx.Verifier{}, ev, s)
	wrote, err := os.ReadFile(filepath.Join(dir, "user_report_data"))
	require.NoError(t, err)
	require.Equal(t, report, wrote)
	for _, size := range []int{0, attest.MaxEvidence + 1} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "quote"), make([]byte, size), 0o600))
		_, err = quote.NewGramine(dir).Quote(ctx, d)
		require.ErrorContains(t, err, "limit")
	}
}

// TestNitro answers as a security module: it decodes the request and binds its
// user_data.
func TestNitro(t *testing.T) {
	module := func(request []byte) ([]byte, error) {
		v, err := cose.Decode(request)
		require.NoError(t, err)
		a := v.Get("Attestation")
		require.True(t, a.Get("nonce").Null() && a.Get("public_key").Null())
		doc := attesttest.Nitro{UserData: a.Get("user_data").Bytes}.Mint().Evidence.Raw
		return attesttest.CBOR([]attesttest.Field{{Key: "Attestation", Value: []attesttest.Field{{Key: "document", Value: doc}}}}), nil
	}
	ev, err := quote.NewNSM(module).Quote(ctx, d)
	require.NoError(t, err)
	verified(t, nitro.Verifier{}, ev, attesttest.Nitro{}.Mint())
	for name, c := range map[string]struct {
		answer any
		err    error
		want   string
	}{
		"refused":     {[]attesttest.Field{{Key: "Error", Value: "InvalidArgument"}}, nil, "InvalidArgument"},
		"no document": {[]attesttest.Field{{Key: "Attestation", Value: []attesttest.Field{}}}, nil, "no document"},
		"other":       {"x", nil, "no document"},
		"too long":    {attesttest.Raw(make([]byte, 12289)), nil, "limit"},
		"broken":      {attesttest.Raw{0x61}, nil, "nsm"},
		"device":      {attesttest.Raw{}, errors.New("no device"), "no device"},
	} {
		_, err := quote.NewNSM(func([]byte) ([]byte, error) { return attesttest.CBOR(c.answer), c.err }).Quote(ctx, d)
		require.ErrorContains(t, err, c.want, name)
	}
}

// TestOpenNamesWhatIsMissing: this test's machine is no TEE.
func TestOpenNamesWhatIsMissing(t *testing.T) {
	for k, path := range map[attest.Kind]string{attest.TDX: "/sys/kernel/config/tsm/report", attest.SEV: "/sys/kernel/config/tsm/report", attest.SGX: "/dev/attestation", attest.Nitro: "/dev/nsm", attest.TPM: "/dev/tpmrm0"} {
		if _, err := os.Stat(path); err == nil {
			continue
		}
		_, err := quote.Open(k)
		require.ErrorIs(t, err, quote.ErrAbsent)
		require.True(t, strings.Contains(err.Error(), path), err)
	}
	_, err := quote.Open(attest.CCA)
	require.ErrorIs(t, err, quote.ErrAbsent)
}

func FuzzCertTable(f *testing.F) {
	s := attesttest.SEV{}.Mint()
	block, _ := pem.Decode(s.Evidence.Certs)
	f.Add(certTable(map[string][]byte{"63da758de6644564adc5f4b93be8accd": block.Bytes}))
	f.Fuzz(func(t *testing.T, b []byte) {
		src := quote.NewTSM(attest.SEV, tsm("sev_guest", func(name string, _ []byte) []byte {
			if name == "auxblob" {
				return b
			}
			return []byte{1}
		}))
		ev, err := src.Quote(ctx, d)
		if err != nil || len(ev.Certs) == 0 {
			return
		}
		block, _ := pem.Decode(ev.Certs)
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			t.Fatal(err)
		}
	})
}
