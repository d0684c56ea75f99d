package transcript

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

// parsers of frames that others read, by domain.
var parsers = map[string]func([]byte) (Framed, error){
	"qprov/v1/batch":      func(b []byte) (Framed, error) { return ParseBatch(b) },
	"qprov/v1/raw-result": func(b []byte) (Framed, error) { return ParseRaw(b) },
	"qprov/v1/verdict":    func(b []byte) (Framed, error) { return ParseVerdict(b) },
	"qprov/v1/fraud":      func(b []byte) (Framed, error) { return ParseFraud(b) },
	"qprov/v1/module":     func(b []byte) (Framed, error) { return ParseModule(b) },
	"qprov/v1/device":     func(b []byte) (Framed, error) { return ParseDevice(b) },
}

// TestParseFrames reads what is written, and of changed bytes nothing that is
// written otherwise.
func TestParseFrames(t *testing.T) {
	frames := samples(t)
	for domain, parse := range parsers {
		b := frames[domain]
		require.NotEmpty(t, b, domain)
		f, err := parse(b)
		require.NoError(t, err, domain)
		require.Equal(t, b, must(t)(Encode(f)), domain)
		for i := range b {
			for _, x := range []byte{1, 0x80, 0xff} {
				c := append([]byte(nil), b...)
				c[i] ^= x
				if got, err := parse(c); err == nil {
					require.Equal(t, c, must(t)(Encode(got)), "%s byte %d", domain, i)
				}
			}
			_, err := parse(b[:i])
			require.Error(t, err, "%s cut at %d", domain, i)
		}
		for other, b := range frames {
			if other != domain {
				_, err := parse(b)
				require.Error(t, err, "%s read as %s", other, domain)
			}
		}
	}
	raw := rawSample(func(b byte) digest.Digest { return digest.Digest{b} })
	raw.Driver = nil
	got, err := ParseRaw(must(t)(Encode(raw)))
	require.NoError(t, err)
	require.Equal(t, raw, got)
	_, err = Encode(VerdictFrame{Decision: 3})
	require.ErrorIs(t, err, ErrFrame)
}

func FuzzParseVerifierFrames(f *testing.F) {
	h := func(b byte) digest.Digest { return digest.Digest{b} }
	for _, s := range []Framed{batchSample(h), rawSample(h), VerdictFrame{}, FraudFrame{Reason: 1}} {
		b, err := Encode(s)
		require.NoError(f, err)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range parsers {
			if got, err := parse(b); err == nil {
				again, err := Encode(got)
				require.NoError(t, err)
				require.Equal(t, b, again)
			}
		}
	})
}
