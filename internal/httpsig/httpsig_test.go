package httpsig

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/require"
)

// TestStandardVector is RFC 9421 appendix B.2.6, which covers another set than ours: it
// proves the base and the algorithm.
func TestStandardVector(t *testing.T) {
	r, err := http.NewRequest(http.MethodPost, "https://example.com/foo?param=Value&Pet=dog", nil)
	require.NoError(t, err)
	r.Header.Set("Date", "Tue, 20 Apr 2021 02:07:55 GMT")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Length", "18")
	covered := innerList([]string{"date", "@method", "@path", "@authority", "content-type", "content-length"})
	covered.Params.Add("created", int64(1618884473))
	covered.Params.Add("keyid", "test-key-ed25519")
	base, err := requestMessage(r).base(covered)
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		`"date": Tue, 20 Apr 2021 02:07:55 GMT`,
		`"@method": POST`,
		`"@path": /foo`,
		`"@authority": example.com`,
		`"content-type": application/json`,
		`"content-length": 18`,
		`"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`,
	}, "\n"), string(base))
	der, err := base64.StdEncoding.DecodeString("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
	require.NoError(t, err)
	public, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	signature, err := base64.StdEncoding.DecodeString("wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==")
	require.NoError(t, err)
	require.True(t, ed25519.Verify(public.(ed25519.PublicKey), base, signature))
	r.Header.Set("Date", "Tue, 20 Apr 2021 02:07:56 GMT")
	base, err = requestMessage(r).base(covered)
	require.NoError(t, err)
	require.False(t, ed25519.Verify(public.(ed25519.PublicKey), base, signature))
}

var (
	noon  = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	nonce = [NonceSize]byte{1, 2, 3}
	body  = []byte(`{"amount":"5000"}`)
)

func keyOf(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func known(id string) (ed25519.PublicKey, bool) {
	if id != "alice" {
		return nil, false
	}
	return keyOf(1).Public().(ed25519.PublicKey), true
}

// signed is what the server reads of a good call.
func signed(t testing.TB, method string) *http.Request {
	r := httptest.NewRequest(method, "http://aicf.example:8545/aicf/stake?wait_ms=5", nil)
	if readOnly(method) {
		require.NoError(t, SignRequest(r, nil, FromKey("alice", keyOf(1)), noon, 0, nonce))
		return r
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "stake-1")
	require.NoError(t, SignRequest(r, body, FromKey("alice", keyOf(1)), noon, 0, nonce))
	return r
}

func TestGoodCalls(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		s, err := VerifyRequest(signed(t, method), noon.Add(20*time.Second), known)
		require.NoError(t, err, method)
		require.Equal(t, "alice", s.KeyID)
		require.Equal(t, nonce, s.Nonce)
		require.Equal(t, noon.Add(90*time.Second), s.ForgetAfter().UTC())
		require.Equal(t, method != http.MethodGet, s.HasBody)
		if s.HasBody {
			require.NoError(t, s.CheckBody(body))
			read, err := io.ReadAll(s.Body(iotest.OneByteReader(bytes.NewReader(body))))
			require.NoError(t, err)
			require.Equal(t, body, read)
		}
	}
}

func TestBodyIsBound(t *testing.T) {
	s, err := VerifyRequest(signed(t, http.MethodPost), noon, known)
	require.NoError(t, err)
	other := []byte(`{"amount":"5001"}`)
	require.ErrorIs(t, s.CheckBody(other), ErrDigest)
	_, err = io.ReadAll(s.Body(bytes.NewReader(other)))
	require.ErrorIs(t, err, ErrDigest)
	s, err = VerifyRequest(signed(t, http.MethodGet), noon, known)
	require.NoError(t, err)
	require.NoError(t, s.CheckBody(nil))
	require.ErrorIs(t, s.CheckBody(body), ErrDigest)
}

// TestSwaps changes one part of a good call at a time.
func TestSwaps(t *testing.T) {
	replace := func(name, old, new string) func(*http.Request) {
		return func(r *http.Request) {
			value := r.Header.Get(name)
			changed := strings.Replace(value, old, new, 1)
			if changed == value {
				panic(name + " does not hold " + old)
			}
			r.Header.Set(name, changed)
		}
	}
	for name, c := range map[string]struct {
		change func(r *http.Request)
		want   error
	}{
		"method":              {func(r *http.Request) { r.Method = http.MethodPut }, ErrSignature},
		"host":                {func(r *http.Request) { r.Host = "other.example" }, ErrSignature},
		"path":                {func(r *http.Request) { r.URL.Path = "/aicf/unstake" }, ErrSignature},
		"escaped path":        {func(r *http.Request) { r.URL.RawPath = "/aicf/st%61ke" }, ErrSignature},
		"query":               {func(r *http.Request) { r.URL.RawQuery = "wait_ms=6" }, ErrSignature},
		"no query":            {func(r *http.Request) { r.URL.RawQuery = "" }, ErrSignature},
		"type":                {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, ErrSignature},
		"key of idempotency":  {func(r *http.Request) { r.Header.Set("Idempotency-Key", "stake-2") }, ErrSignature},
		"digest":              {func(r *http.Request) { r.Header.Set("Content-Digest", ContentDigest([]byte("x"))) }, ErrSignature},
		"nonce":               {replace("Signature-Input", `nonce="01`, `nonce="02`), ErrSignature},
		"short nonce":         {replace("Signature-Input", `nonce="01`, `nonce="`), ErrMalformed},
		"created":             {replace("Signature-Input", "created=1767355200", "created=1767355201"), ErrSignature},
		"expires":             {replace("Signature-Input", "expires=1767355260", "expires=1767355259"), ErrSignature},
		"lifetime":            {replace("Signature-Input", "expires=1767355260", "expires=1767355261"), ErrClock},
		"no lifetime":         {replace("Signature-Input", "expires=1767355260", "expires=1767355200"), ErrClock},
		"keyid":               {replace("Signature-Input", `"alice"`, `"bob"`), ErrKey},
		"algorithm":           {replace("Signature-Input", `"ed25519"`, `"hmac-sha256"`), ErrMalformed},
		"tag":                 {replace("Signature-Input", Tag, "animica-aicf/2"), ErrMalformed},
		"no tag":              {replace("Signature-Input", `;tag="`+Tag+`"`, ""), ErrMalformed},
		"more parameters":     {replace("Signature-Input", ";tag", ";x=1;tag"), ErrMalformed},
		"parameter type":      {replace("Signature-Input", "created=1767355200", `created="1767355200"`), ErrMalformed},
		"negative time":       {replace("Signature-Input", "created=1767355200", "created=-1"), ErrMalformed},
		"label":               {replace("Signature-Input", Label+"=", "sig1="), ErrMalformed},
		"order":               {replace("Signature-Input", `"@method" "@authority"`, `"@authority" "@method"`), ErrComponents},
		"unknown component":   {replace("Signature-Input", `"@query"`, `"@query" "@scheme"`), ErrComponents},
		"component parameter": {replace("Signature-Input", `"@query"`, `"@query";req`), ErrComponents},
		"component type":      {replace("Signature-Input", `"@query"`, `query`), ErrComponents},
		"twice":               {func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) }, ErrMalformed},
		"input twice":         {func(r *http.Request) { r.Header.Add("Signature-Input", r.Header.Get("Signature-Input")) }, ErrMalformed},
		"two labels":          {func(r *http.Request) { r.Header.Set("Signature", r.Header.Get("Signature")+", x=:AA==:") }, ErrMalformed},
		"two types":           {func(r *http.Request) { r.Header.Add("Content-Type", "application/json") }, ErrMalformed},
		"two keys":            {func(r *http.Request) { r.Header.Add("Idempotency-Key", "stake-1") }, ErrMalformed},
		"two digests":         {func(r *http.Request) { r.Header.Add("Content-Digest", r.Header.Get("Content-Digest")) }, ErrMalformed},
		"other digest": {func(r *http.Request) {
			r.Header.Set("Content-Digest", r.Header.Get("Content-Digest")+", md5=:AA==:")
		}, ErrMalformed},
		"no digest":       {func(r *http.Request) { r.Header.Del("Content-Digest") }, ErrMalformed},
		"no key":          {func(r *http.Request) { r.Header.Del("Idempotency-Key") }, ErrMalformed},
		"no type":         {func(r *http.Request) { r.Header.Del("Content-Type") }, ErrMalformed},
		"no signature":    {func(r *http.Request) { r.Header.Del("Signature") }, ErrMalformed},
		"no input":        {func(r *http.Request) { r.Header.Del("Signature-Input") }, ErrMalformed},
		"nothing":         {func(r *http.Request) { r.Header.Del("Signature-Input"); r.Header.Del("Signature") }, ErrUnsigned},
		"short signature": {func(r *http.Request) { r.Header.Set("Signature", "omni=:AAAA:") }, ErrMalformed},
		"long header":     {func(r *http.Request) { r.Header.Set("Signature-Input", "omni=("+strings.Repeat(" ", 4096)+")") }, ErrMalformed},
		"other signer": {func(r *http.Request) {
			require.NoError(t, SignRequest(r, body, FromKey("alice", keyOf(2)), noon, 0, nonce))
		}, ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, http.MethodPost)
			c.change(r)
			_, err := VerifyRequest(r, noon, known)
			require.ErrorIs(t, err, c.want)
		})
	}
}

// TestDroppedComponents signs, with the right key, each set that lacks one component.
func TestDroppedComponents(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, dropped := range componentsOf(method) {
			r := signed(t, method)
			var rest []string
			for _, name := range componentsOf(method) {
				if name != dropped {
					rest = append(rest, name)
				}
			}
			full, _, err := parse(r.Header)
			require.NoError(t, err)
			covered := innerList(rest)
			covered.Params = full.Params
			require.NoError(t, attach(r.Header, requestMessage(r), covered, FromKey("alice", keyOf(1))))
			_, err = VerifyRequest(r, noon, known)
			require.ErrorIs(t, err, ErrComponents, "%s without %s", method, dropped)
		}
	}
}

func TestReadWithBodyIsRefused(t *testing.T) {
	r := signed(t, http.MethodGet)
	r.ContentLength = 3
	_, err := VerifyRequest(r, noon, known)
	require.ErrorIs(t, err, ErrComponents)
}

func TestWindowEdges(t *testing.T) {
	for at, ok := range map[time.Duration]bool{
		-31 * time.Second: false, -30 * time.Second: true, 0: true, 90 * time.Second: true, 91 * time.Second: false,
	} {
		_, err := VerifyRequest(signed(t, http.MethodGet), noon.Add(at), known)
		if ok {
			require.NoError(t, err, "at %v", at)
		} else {
			require.ErrorIs(t, err, ErrClock, "at %v", at)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "http://h/", nil)
	require.Error(t, SignRequest(r, nil, FromKey("alice", keyOf(1)), noon, 61*time.Second, nonce))
}

func TestAuthority(t *testing.T) {
	require.Equal(t, "h.example", authority("H.Example:80", false))
	require.Equal(t, "h.example:80", authority("h.example:80", true))
	require.Equal(t, "h.example", authority("h.example:443", true))
	require.Equal(t, "[::1]:8545", authority("[::1]:8545", false))
}

func TestResponseIsBoundToItsRequest(t *testing.T) {
	service := func(id string) (ed25519.PublicKey, bool) {
		return keyOf(9).Public().(ed25519.PublicKey), id == "service"
	}
	asked := signed(t, http.MethodPost).Header
	answer := []byte(`{"lease_id":"x"}`)
	h := http.Header{"Content-Type": {"application/json"}}
	require.NoError(t, SignResponse(200, h, answer, asked, FromKey("service", keyOf(9)), noon))
	s, err := VerifyResponse(200, h, answer, asked, service)
	require.NoError(t, err)
	require.Equal(t, noon, s.Created.UTC())

	_, err = VerifyResponse(201, h, answer, asked, service)
	require.ErrorIs(t, err, ErrSignature)
	_, err = VerifyResponse(200, h, append(answer, ' '), asked, service)
	require.ErrorIs(t, err, ErrDigest)
	_, err = VerifyResponse(200, h, answer, signed(t, http.MethodGet).Header, service)
	require.ErrorIs(t, err, ErrSignature)
	_, err = VerifyResponse(200, h, answer, asked, known)
	require.ErrorIs(t, err, ErrKey)
	_, err = VerifyResponse(200, http.Header{}, answer, asked, service)
	require.ErrorIs(t, err, ErrUnsigned)
	_, err = VerifyResponse(200, asked, body, asked, service)
	require.ErrorIs(t, err, ErrComponents, "a request is no answer")
}

// FuzzVerifyRequest feeds headers that nobody signed: none may verify or panic.
func FuzzVerifyRequest(f *testing.F) {
	r := signed(f, http.MethodPost)
	f.Add(r.Header.Get("Signature-Input"), r.Header.Get("Signature"), r.Header.Get("Content-Digest"), "/aicf/stake?wait_ms=5")
	good := [4]string{r.Header.Get("Signature-Input"), r.Header.Get("Signature"), r.Header.Get("Content-Digest"), "/aicf/stake?wait_ms=5"}
	f.Fuzz(func(t *testing.T, input, signature, digest, target string) {
		r := signed(t, http.MethodPost)
		r.Header.Set("Signature-Input", input)
		r.Header.Set("Signature", signature)
		r.Header.Set("Content-Digest", digest)
		if path, query, ok := strings.Cut(target, "?"); ok {
			r.URL.Path, r.URL.RawQuery = path, query
		}
		agree(t, r)
		s, err := VerifyRequest(r, noon, known)
		if err != nil {
			return
		}
		// Only another spelling of the same dictionaries may verify.
		require.Equal(t, good[3], r.URL.Path+"?"+r.URL.RawQuery)
		require.NoError(t, s.CheckBody(body))
		for i, text := range []string{input, signature, digest} {
			got, err := httpsfv.UnmarshalDictionary([]string{text})
			require.NoError(t, err)
			canonical, err := httpsfv.Marshal(got)
			require.NoError(t, err)
			require.Equal(t, good[i], canonical)
		}
	})
}

// agree holds the two readers together: what plain accepts general reads the same.
func agree(t testing.TB, r *http.Request) (ok bool) {
	want := componentsOf(r.Method)
	s, base, raw, ok := plain(r, want)
	if !ok {
		return false
	}
	s2, covered, raw2, err := general(r, want)
	require.NoError(t, err)
	require.Equal(t, s2, s)
	require.Equal(t, raw2, raw)
	base2, err := requestMessage(r).base(covered)
	require.NoError(t, err)
	require.Equal(t, string(base2), string(base))
	return true
}

// TestPlainSpelling: what SignRequest writes is read by plain; another spelling of the same is
// not, and verifies by the general reader where its base is the same.
func TestPlainSpelling(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		require.True(t, agree(t, signed(t, method)), method)
	}
	for _, c := range []struct{ name, old, new string }{
		{"Signature-Input", "omni=(", "omni=( "}, {"Signature-Input", ";created", "; created"}, {"Signature-Input", `("@method" `, `("@method"  `},
		{"Signature", "omni=", " omni="}, {"Content-Digest", "sha-256=", " sha-256="},
	} {
		r := signed(t, http.MethodPost)
		value := r.Header.Get(c.name)
		r.Header.Set(c.name, strings.Replace(value, c.old, c.new, 1))
		require.NotEqual(t, value, r.Header.Get(c.name))
		require.False(t, agree(t, r), c.new)
		_, err := VerifyRequest(r, noon, known)
		require.NoError(t, err, c.new)
	}
	for _, c := range []struct{ name, old, new string }{
		{"Signature-Input", "created=1", "created=01"}, {"Signature-Input", "created=", "created=-"}, {"Signature-Input", `keyid="a`, `keyid="\\a`},
		{"Signature-Input", `nonce="01`, `nonce="zz`}, {"Signature-Input", ";alg", ";x;alg"}, {"Signature", ":", ":A"},
	} {
		r := signed(t, http.MethodPost)
		r.Header.Set(c.name, strings.Replace(r.Header.Get(c.name), c.old, c.new, 1))
		require.False(t, agree(t, r), c.new)
	}
}

// BenchmarkVerifyRequest verifies a signed POST. Bar: 125 µs (8,000 a second and core); it
// also says how much of it is not Ed25519.
func BenchmarkVerifyRequest(b *testing.B) {
	r := signed(b, http.MethodPost)
	_, base, raw, ok := plain(r, componentsOf(r.Method))
	key, _ := known("alice")
	require.True(b, ok)
	const times = 2000
	begun := time.Now()
	for range times {
		require.True(b, ed25519.Verify(key, base, raw))
	}
	verify := float64(time.Since(begun).Nanoseconds()) / times
	b.ReportAllocs()
	for b.Loop() {
		if _, err := VerifyRequest(r, noon, func(string) (ed25519.PublicKey, bool) { return key, true }); err != nil {
			b.Fatal(err)
		}
	}
	const bar = 125_000.0
	took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(bar, "bar-ns")
	b.ReportMetric(took/bar, "of-bar")
	b.ReportMetric(took-verify, "ns-beside-ed25519")
}
