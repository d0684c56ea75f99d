package transcript

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func must(t *testing.T) func(b []byte, err error) []byte {
	return func(b []byte, err error) []byte {
		t.Helper()
		require.NoError(t, err)
		return b
	}
}

// samples holds one frame of every domain with distinguishable values.
func samples(t *testing.T) map[string][]byte {
	h := func(b byte) (d digest.Digest) {
		for i := range d {
			d[i] = b
		}
		return d
	}
	params := must(t)(EncodeCBOR(JobParams{h(1), "ghz", 5, 6, 100000, "process", h(2), ""}.Value(), ParamsLimits))
	result := ResultV1{h(1), h(2), 3, 4, 5, 6, 1}
	out := map[string][]byte{}
	for _, v := range []Framed{
		JobFrame{1, 2, h(3), h(4), 5, h(6), h(7)}, ParamsFrame{params}, JobSpecFrame{h(1), "quantum", h(3), 4, 5, 6, 7, "process", h(9), 10, 11, ""}, JobSpecFrame{h(1), "quantum", h(3), 4, 5, 6, 7, "process", h(9), 10, 11, "iqp@1"},
		LeaseFrame{1, 2, h(3), h(4), h(5), h(6), 7, h(8), h(9), 10, 11, 12},
		ModuleFrame{"traps", "accredit", "1.0.0", 1, 2, h(3)}, ModuleSet{{"traps", "accredit", "1.0.0", 1, 2, h(3)}},
		DeviceFrame{"v", "f", "s", "w", h(5), h(6), "c"}, ExecFrame{h(1), h(2), h(3), h(4), h(5), "engine/1.0.0 numeric/1 meter/1", nil, h(8)},
		result, ResultFrame{result, h(8), h(9)}, ClaimFrame{h(1), h(2), h(3)}, AuditFrame{h(1), 2, h(3), h(4), 5, 6, 2, 8, 9, 10, 11, 1}, FraudFrame{h(1), h(2), h(3), 1, h(5)}, batchSample(h), rawSample(h), VerdictFrame{h(1), h(2), 1, 4, 5, h(6), h(7), h(8)}, SigFrame{"quantum-proof", "ed25519", h(3), h(4), 5},
		&Hist{Width: 3, Bins: []Bin{{[]byte{1}, 2}, {[]byte{7}, 1}}},
	} {
		b := must(t)(Encode(v))
		domain, _, err := ParseFrame(b)
		require.NoError(t, err)
		out[domain] = b
	}
	return out
}

func batchSample(h func(byte) digest.Digest) BatchFrame {
	return BatchFrame{1, 2, h(3), h(4), h(5), h(6), ModuleSet{{"compiler", "layered", "1.0.0", 1, 2, h(7)}, {"traps", "accredit", "1.0.0", 1, 2, h(3)}}, h(8), h(9), h(10), 11, 12, h(13)}
}

func rawSample(h func(byte) digest.Digest) RawFrame {
	return RawFrame{h(1), h(2), h(3), "engine/1.0.0 numeric/1 meter/1", DeviceFrame{"v", "f", "s", "w", h(5), h(6), "c"}, &ModuleFrame{"driver", "d", "1.0.0", 1, 2, h(3)}, h(7), 8, 9, 10, 1}
}

var specRow = regexp.MustCompile(`(?m)^\| (qprov/\S+) \| (.+) \|$`)

func TestSpecTableMatchesCode(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	require.NoError(t, err)
	frames := samples(t)
	seen := map[string]bool{}
	for _, row := range specRow.FindAllStringSubmatch(string(spec), -1) {
		seen[row[1]] = true
		b, ok := frames[row[1]]
		if !ok {
			continue // a digest-only function; its frame is rebuilt from the table in TestDigestOnlyDomains
		}
		_, fields, err := ParseFrame(b)
		require.NoError(t, err)
		list := strings.Split(row[2], ", ")
		require.Len(t, fields, len(list), row[1])
		for i, f := range fields {
			part := strings.Fields(list[i])
			require.Equal(t, fmt.Sprint(f.ID), part[0], row[1])
			switch part[len(part)-1] {
			case "u64":
				require.Len(t, f.Value, 8, list[i])
			case "h32", "h32?":
				require.Len(t, f.Value, 32, list[i])
			}
		}
	}
	for domain := range frames {
		require.True(t, seen[domain], "SPEC.md has no row for %s", domain)
	}
	for domain := range digestOnly(t) {
		require.True(t, seen[domain], "SPEC.md has no row for %s", domain)
	}
}

// digestOnly rebuilds by hand, from the table, the frames of the functions that
// return a digest at once.
func digestOnly(t *testing.T) map[string][2]digest.Digest {
	h := func(b byte) (d digest.Digest) { d[0] = b; return d }
	out := map[string][2]digest.Digest{}
	add := func(domain string, got digest.Digest, err error, fields ...[]byte) {
		require.NoError(t, err)
		raw := append([]byte{byte(len(domain))}, domain...)
		raw = append(raw, 0, byte(len(fields)))
		for i, f := range fields {
			raw = append(raw, 0, byte(i+1), 0, 0, 0, byte(len(f)))
			raw = append(raw, f...)
		}
		out[domain] = [2]digest.Digest{digest.Sum(raw), got}
	}
	b := func(d digest.Digest) []byte { return d[:] }
	u := func(v byte) []byte { return []byte{0, 0, 0, 0, 0, 0, 0, v} }
	d, err := LocalLeaseID(h(1))
	add("qprov/v1/local-lease", d, err, b(h(1)))
	d, err = LeaseNonceHash(h(1))
	add("qprov/v1/lease-nonce", d, err, b(h(1)))
	d, err = LeaseID(7, h(1), h(2), 3)
	add("qprov/v1/lease-id", d, err, u(7), b(h(1)), b(h(2)), u(3))
	d, err = LeaseSeed(h(1), []byte("beacon"), h(2), h(3))
	add("qprov/v1/lease-seed", d, err, b(h(1)), []byte("beacon"), b(h(2)), b(h(3)))
	d, err = Nullifier(7, h(1), h(2))
	add("qprov/v1/nullifier", d, err, u(7), b(h(1)), b(h(2)))
	d, err = CircuitHash([]byte("c"))
	add("qprov/v1/circuit", d, err, []byte("c"))
	d, err = CompiledHash([]byte("c"))
	add("qprov/v1/compiled", d, err, []byte("c"))
	d, err = PolicyHash([]byte("c"))
	add("qprov/v1/policy", d, err, []byte("c"))
	d, err = TrapPlanHash(h(1), h(2))
	add("qprov/v1/trapplan", d, err, b(h(1)), b(h(2)))
	return out
}

func TestDigestOnlyDomains(t *testing.T) {
	for domain, pair := range digestOnly(t) {
		require.Equal(t, pair[0], pair[1], domain)
	}
}

// TestGoldenFrames pins the frames that the known answers do not have.
func TestGoldenFrames(t *testing.T) {
	golden, err := os.ReadFile("testdata/frames.golden")
	require.NoError(t, err)
	var got strings.Builder
	frames := samples(t)
	for _, domain := range []string{"qprov/v1/jobspec", "qprov/v2/jobspec", "qprov/v1/params", "qprov/v1/lease", "qprov/v2/result", "qprov/v1/claim"} {
		fmt.Fprintf(&got, "%s %s %x\n", domain, digest.Sum(frames[domain]), frames[domain])
	}
	require.Equal(t, string(golden), got.String())
}
