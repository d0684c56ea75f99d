package vendorcert

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// sign makes the JWS, whose header a test may edit.
func (f forge) sign(t testing.TB, payload []byte, cert *x509.Certificate, key crypto.Signer) string {
	header := map[string]string{"alg": "EdDSA", "typ": jwsType, "x5t#S256": b64.EncodeToString(attest.Fingerprint(cert))}
	if f.header != nil {
		f.header(header)
	}
	h, err := json.Marshal(header)
	require.NoError(t, err)
	input := b64.EncodeToString(h) + "." + b64.EncodeToString(payload)
	sig, err := key.Sign(nil, []byte(input), crypto.Hash(0))
	require.NoError(t, err)
	return input + "." + b64.EncodeToString(sig)
}

func TestAcceptsWhatItIssues(t *testing.T) {
	d, p := good(t)
	raw, err := json.Marshal(d)
	require.NoError(t, err)
	again, err := Parse(raw)
	require.NoError(t, err)
	require.Equal(t, d, again)
	v, bad := Check(again, p)
	require.Empty(t, bad)
	require.Equal(t, goodClaims(), v.Claims)
	require.Equal(t, from, v.NotBefore)
	require.Equal(t, until.Add(-time.Second), v.NotAfter)
	require.Equal(t, digest.Sum(d.Chain[1].Raw), v.CertSHA3())
	require.Len(t, v.Notes, 1, "revocation was not checked")

	c := goodClaims()
	c.DeviceKey, c.KeyHolder, c.Topology = nil, HolderNone, digest.Sum([]byte("map"))
	keyless := issue(t, authority(t, "AcmeQPU", "root"), c)
	v, bad = Check(keyless, p)
	require.Empty(t, bad)
	require.Nil(t, v.Device)
	require.Equal(t, "none", keyless.DevicePubkey)
	require.Equal(t, c.Topology, v.Claims.Topology)
	require.Zero(t, v.CertSHA3())

	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384()} {
		a, err := NewAuthority("AcmeQPU", ecKey(t, curve, "root"), from)
		require.NoError(t, err)
		d, err := a.Issue(goodClaims(), ecKey(t, curve, "claims"))
		require.NoError(t, err)
		_, bad := Check(d, Params{At: now, Roots: a.trust()})
		require.Empty(t, bad)
	}
	_, bad = Check(forge{ca: func(*x509.Certificate) {}}.make(t))
	require.Empty(t, bad, "a CA between")
}

// TestRefusals spoils one thing; every signature is right unless it is the thing.
func TestRefusals(t *testing.T) {
	claims := func(f func(*Claims)) *Claims { c := goodClaims(); f(c); return c }
	usage := func(oid ...asn1.ObjectIdentifier) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.UnknownExtKeyUsage = oid }
	}
	head := func(k, v string) func(map[string]string) { return func(h map[string]string) { h[k] = v } }
	text := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
	}
	isCA := func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign }
	second, _ := forge{deviceKey: edKey("second")}.make(t)
	for name, c := range map[string]struct {
		f    forge
		want attest.Reason
	}{
		"claims signed by another key":       {forge{signatureKey: edKey("thief")}, attest.BadSignature},
		"claims signed by the device":        {forge{signatureKey: edKey("device")}, attest.BadSignature},
		"device certificate as signer":       {forge{signer: usage(OIDDevice)}, attest.BadChain},
		"signer of any use":                  {forge{signer: usage()}, attest.BadChain},
		"signer of two uses":                 {forge{signer: usage(OIDClaims, OIDDevice)}, attest.BadChain},
		"signer with a known use":            {forge{signer: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }}, attest.BadChain},
		"signer is a CA":                     {forge{signer: isCA}, attest.BadChain},
		"device is a CA":                     {forge{device: isCA}, attest.BadChain},
		"device of another use":              {forge{device: usage(OIDClaims)}, attest.BadChain},
		"device with key agreement":          {forge{device: func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyAgreement }}, attest.BadChain},
		"device key of another device":       {forge{deviceKey: edKey("other device")}, attest.BadChain},
		"serial number of another device":    {forge{device: func(c *x509.Certificate) { c.Subject.SerialNumber = "SN-0043" }}, attest.BadChain},
		"device under another root":          {forge{otherRoot: true}, attest.BadChain},
		"two device certificates":            {forge{extra: second.Chain[1]}, attest.BadChain},
		"between that is no CA":              {forge{ca: func(c *x509.Certificate) { c.IsCA = false }}, attest.BadChain},
		"between that may issue no CA paths": {forge{ca: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }}, attest.BadChain},
		"between left out":                   {forge{ca: func(*x509.Certificate) {}, leaveOut: 1}, attest.BadChain},
		"signer left out":                    {forge{leaveOut: 1}, attest.BadChain},
		"device left out":                    {forge{leaveOut: 2}, attest.BadChain},
		"algorithm none":                     {forge{header: head("alg", "none")}, attest.BadFormat},
		"symmetric algorithm":                {forge{header: head("alg", "HS256")}, attest.BadFormat},
		"algorithm of another key":           {forge{header: head("alg", "ES256")}, attest.BadSignature},
		"key in the header":                  {forge{header: head("jwk", "{}")}, attest.BadFormat},
		"key by reference":                   {forge{header: head("jku", "https://x.invalid")}, attest.BadFormat},
		"certificate by reference":           {forge{header: head("x5u", "https://x.invalid")}, attest.BadFormat},
		"critical member":                    {forge{header: head("crit", "b64")}, attest.BadFormat},
		"other type":                         {forge{header: head("typ", "JWT")}, attest.BadFormat},
		"thumbprint of another certificate":  {forge{header: head("x5t#S256", strings.Repeat("A", 43))}, attest.BadChain},
		"short thumbprint":                   {forge{header: head("x5t#S256", "AAAA")}, attest.BadFormat},
		"unknown claim":                      {forge{payload: text(`"qubits"`, `"extra":1,"qubits"`)}, attest.BadFormat},
		"repeated claim":                     {forge{payload: text(`"qubits"`, `"serial":"x","qubits"`)}, attest.BadFormat},
		"claim of another case":              {forge{payload: text(`"serial"`, `"Serial"`)}, attest.BadFormat},
		"exp as text":                        {forge{payload: text(`"exp":1`, `"exp":"1`)}, attest.BadFormat},
		"no key holder":                      {forge{payload: text(`"key_holder":"controller",`, ``)}, attest.BadFormat},
		"key holder unknown":                 {forge{payload: text(`"controller"`, `"me"`)}, attest.BadFormat},
		"key without holder":                 {forge{payload: text(`"controller"`, `"none"`)}, attest.BadFormat},
		"key in hex":                         {forge{payload: text(`"device_key":"z`, `"device_key":"f`)}, attest.BadFormat},
		"no qubits":                          {forge{payload: text(`"qubits":24`, `"qubits":0`)}, attest.BadFormat},
		"empty serial":                       {forge{payload: text(`"SN-0042"`, `""`)}, attest.BadFormat},
		"behind the claims":                  {forge{payload: func(b []byte) []byte { return append(b, " {}"...) }}, attest.BadFormat},
		"claims of a hundred days":           {forge{claims: claims(func(c *Claims) { c.NotBefore = c.NotBefore.AddDate(0, 0, -10) })}, attest.BadTime},
		"claims of the future":               {forge{claims: claims(func(c *Claims) { c.IssuedAt = now.Add(attest.Skew + time.Second) })}, attest.BadTime},
	} {
		t.Run(name, func(t *testing.T) {
			d, p := c.f.make(t)
			_, bad := Check(d, p)
			require.Equal(t, []attest.Reason{c.want}, reasons(bad), "%v", bad)
		})
	}
	d, _ := good(t)
	_, bad := Check(d, Params{At: now})
	require.ErrorContains(t, bad[0], "no trusted root")
	_, bad = Check(d, Params{At: now, Roots: authority(t, "AcmeQPU", "self made").trust()})
	require.ErrorContains(t, bad[0], "searched roots/acmeqpu")
	_, bad = Check(d, Params{Roots: authority(t, "AcmeQPU", "root").trust()})
	require.Equal(t, []attest.Reason{attest.BadTime}, reasons(bad))
}

// TestLongDeviceCertificate refuses a certificate that outlives the limit, with
// short claims.
func TestLongDeviceCertificate(t *testing.T) {
	c := goodClaims()
	c.Expires = c.Expires.Add(time.Second)
	_, err := authority(t, "AcmeQPU", "root").Issue(c, edKey("claims"))
	require.ErrorContains(t, err, "at most 90 days")
}

// TestMembersRepeatThePayload changes each member in the clear.
func TestMembersRepeatThePayload(t *testing.T) {
	for name, change := range map[string]func(*Document){
		"vendor":           func(d *Document) { d.Vendor = "OtherQPU" },
		"device_id":        func(d *Document) { d.DeviceID += "x" },
		"firmware":         func(d *Document) { d.Firmware = "1.9.4" },
		"device_pubkey":    func(d *Document) { d.DevicePubkey = keys.PublicText(keys.Ed25519, public(edKey("mine"))) },
		"vendor_signature": func(d *Document) { d.VendorSignature = strings.Repeat("A", 86) },
	} {
		d, p := good(t)
		change(d)
		_, bad := Check(d, p)
		require.Len(t, bad, 1)
		require.ErrorContains(t, bad[0], "member "+name)
	}
}

// TestEdges holds every date at the second before, on and behind it.
func TestEdges(t *testing.T) {
	c := goodClaims()
	c.NotBefore, c.Expires = from.Add(time.Hour), until.Add(-time.Hour) // inside the certificates' life
	claims, p := forge{claims: c}.make(t)
	certs, q := forge{}.make(t) // claims and certificates alike
	for name, e := range map[string]struct {
		d           *Document
		p           Params
		first, last time.Time
		want        attest.Reason
	}{
		"claims":       {claims, p, c.NotBefore, c.Expires.Add(-time.Second), attest.BadTime},
		"certificates": {certs, q, from, until.Add(-time.Second), attest.BadChain},
	} {
		for at, ok := range map[time.Time]bool{e.first: true, e.first.Add(time.Second): true, e.last: true, e.last.Add(-time.Second): true,
			e.first.Add(-time.Second): false, e.last.Add(time.Second): false} {
			e.p.At = at
			v, bad := Check(e.d, e.p)
			require.Equal(t, ok, len(bad) == 0, "%s at %s: %v", name, at, bad)
			if !ok {
				require.Equal(t, e.want, bad[0].Reason, "%s at %s", name, at)
				continue
			}
			require.Equal(t, e.last, v.NotAfter)
			require.NoError(t, attest.CoversDeadline(v.NotAfter, e.last))
			require.Error(t, attest.CoversDeadline(v.NotAfter, e.last.Add(time.Second)))
		}
	}
	issued := goodClaims()
	issued.IssuedAt = now.Add(attest.Skew)
	_, bad := Check(forge{claims: issued}.make(t))
	require.Empty(t, bad)
}

func TestRevocation(t *testing.T) {
	a := authority(t, "AcmeQPU", "root")
	d, p := good(t)
	list := func(a *Authority, c *x509.Certificate, at, from, to time.Time) []byte {
		var entries []x509.RevocationListEntry
		if c != nil {
			entries = append(entries, x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: at})
		}
		der, err := a.Revoke(entries, 1, from, to)
		require.NoError(t, err)
		return der
	}
	hour := time.Hour
	other := authority(t, "OtherQPU", "other")
	for name, c := range map[string]struct {
		carried, own []byte
		want         []attest.Reason
	}{
		"none":                           {nil, nil, nil},
		"clean":                          {list(a, nil, now, now.Add(-hour), now.Add(hour)), nil, nil},
		"first moment":                   {list(a, nil, now, now, now.Add(hour)), nil, nil},
		"last moment":                    {list(a, nil, now, now.Add(-hour), now), nil, nil},
		"too early":                      {list(a, nil, now, now.Add(time.Second), now.Add(hour)), nil, []attest.Reason{attest.BadCollateral}},
		"stale":                          {list(a, nil, now, now.Add(-hour), now.Add(-time.Second)), nil, []attest.Reason{attest.BadCollateral}},
		"signer revoked":                 {list(a, d.Chain[0], now, now.Add(-hour), now.Add(hour)), nil, []attest.Reason{attest.Revoked}},
		"device revoked":                 {list(a, d.Chain[1], now, now.Add(-hour), now.Add(hour)), nil, []attest.Reason{attest.Revoked}},
		"revoked by the verifier's list": {nil, list(a, d.Chain[1], now, now.Add(-hour), now.Add(hour)), []attest.Reason{attest.Revoked}},
		"the carried list hides it":      {list(a, nil, now, now.Add(-hour), now.Add(hour)), list(a, d.Chain[1], now, now.Add(-hour), now.Add(hour)), []attest.Reason{attest.Revoked}},
		"newer list, revoked before":     {nil, list(a, d.Chain[1], now.Add(-time.Second), now.Add(hour), now.Add(2*hour)), []attest.Reason{attest.Revoked}},
		"newer list, revoked later":      {nil, list(a, d.Chain[1], now.Add(time.Second), now.Add(hour), now.Add(2*hour)), nil},
		"stale list of the verifier":     {nil, list(a, nil, now, now.Add(-2*hour), now.Add(-hour)), []attest.Reason{attest.BadCollateral}},
		"carried list of another CA":     {list(other, nil, now, now.Add(-hour), now.Add(hour)), nil, []attest.Reason{attest.BadCollateral}},
		"verifier's list of another CA":  {nil, list(other, d.Chain[1], now, now.Add(-hour), now.Add(hour)), nil},
		"no list":                        {[]byte("x"), nil, []attest.Reason{attest.BadCollateral}},
		"behind the list":                {append(list(a, nil, now, now.Add(-hour), now.Add(hour)), 0), nil, []attest.Reason{attest.BadCollateral}},
	} {
		e, q := *d, p
		if c.carried != nil {
			e.CRLs = [][]byte{c.carried}
		}
		if c.own != nil {
			q.CRLs = [][]byte{c.own}
		}
		_, bad := Check(&e, q)
		require.Equal(t, c.want, reasons(bad), "%s: %v", name, bad)
	}
}

func TestPolicy(t *testing.T) {
	d, p := good(t)
	root := hex.EncodeToString(attest.Fingerprint(p.Roots.Certs[0]))
	leaf := hex.EncodeToString(attest.Fingerprint(d.Chain[0]))
	crl, err := authority(t, "AcmeQPU", "root").Revoke(nil, 1, now, now.Add(time.Hour))
	require.NoError(t, err)
	for doc, want := range map[string][]attest.Reason{
		``: nil,
		`,"vendors":[{"vendor":"AcmeQPU","roots":["` + root + `"]}]`: nil,
		`,"vendors":[]`: {attest.BadChain},
		`,"vendors":[{"vendor":"acmeqpu","roots":["` + root + `"]}]`:   {attest.BadChain},
		`,"vendors":[{"vendor":"AcmeQPU","roots":["` + leaf + `"]}]`:   {attest.BadChain},
		`,"denied_keys":["` + root + `"]`:                              {attest.DeniedKey},
		`,"denied_keys":["` + leaf + `"]`:                              {attest.DeniedKey},
		`,"denied_claims":["acme-1"]`:                                  {attest.DeniedKey},
		`,"denied_claims":["acme-2"]`:                                  nil,
		`,"denied_devices":[{"vendor":"AcmeQPU","serial":"SN-0042"}]`:  {attest.DeniedKey},
		`,"denied_devices":[{"vendor":"OtherQPU","serial":"SN-0042"}]`: nil,
		`,"require_crl":true`:                                          {attest.BadCollateral},
		`,"require_crl":true,"denied_claims":["acme-1"],"vendors":[]`:  {attest.BadCollateral, attest.DeniedKey, attest.BadChain},
	} {
		q := p
		q.Policy, err = attest.ParsePolicy([]byte(`{"id":"p","version":1,"measurements":[]` + doc + `}`))
		require.NoError(t, err, doc)
		v, bad := Check(d, q)
		require.Equal(t, want, reasons(bad), doc)
		require.NotNil(t, v)
		if strings.Contains(doc, "require_crl") {
			q.CRLs = [][]byte{crl}
			_, bad = Check(d, q)
			require.NotContains(t, reasons(bad), attest.BadCollateral)
		}
	}
	for _, bad := range []string{`,"vendors":[{"vendor":"x"}]`, `,"denied_devices":[{"vendor":"x"}]`, `,"require_crl":1`, `,"denied_claims":[1]`} {
		_, err := attest.ParsePolicy([]byte(`{"id":"p","version":1,"measurements":[]` + bad + `}`))
		require.Error(t, err, bad)
	}
}

func TestSignatures(t *testing.T) {
	d, p := good(t)
	v, bad := Check(d, p)
	require.Empty(t, bad)
	x, r := digest.Sum([]byte("X")), digest.Sum([]byte("R"))
	sign := func(label, domain string, d digest.Digest) []byte {
		sig, err := edKey(label).Sign(nil, append([]byte(domain), d[:]...), crypto.Hash(0))
		require.NoError(t, err)
		return sig
	}
	exec, result := sign("device", ExecDomain, x), sign("device", ResultDomain, r)
	require.NoError(t, v.CheckSignatures(&Signed{*d, exec, result}, x, r))
	for name, s := range map[string]*Signed{
		"no X": {*d, nil, result}, "no R": {*d, exec, nil}, "swapped": {*d, result, exec}, "R as X": {*d, sign("device", ExecDomain, r), result},
		"X in the domain of R": {*d, sign("device", ResultDomain, x), result}, "R in the domain of X": {*d, exec, sign("device", ExecDomain, r)},
		"another key": {*d, exec, sign("operator", ResultDomain, r)}, "vendor's key": {*d, exec, sign("claims", ResultDomain, r)},
	} {
		require.Error(t, v.CheckSignatures(s, x, r), name)
	}
	s := &Signed{*d, exec, result}
	value := s.Value()
	again, err := ParseSigned(&value)
	require.NoError(t, err)
	require.Equal(t, s, again)
	_, err = parse(&value, false)
	require.ErrorContains(t, err, "sig_exec")
	for name, v := range map[string]transcript.Value{"short": transcript.TextValue("00"), "upper case": transcript.TextValue(strings.Repeat("AA", 64)), "bytes": transcript.BytesValue(result)} {
		bad := value
		bad.Members = append([]transcript.Member{}, value.Members...)
		bad.Members[len(bad.Members)-1].Value = v
		_, err := ParseSigned(&bad)
		require.Error(t, err, name)
	}
}

// TestEveryByte flips a bit of each byte and cuts at each length: what is still
// accepted says the same.
func TestEveryByte(t *testing.T) {
	d, p := good(t)
	raw, err := json.Marshal(d)
	require.NoError(t, err)
	want, _ := Check(d, p)
	accepted := 0
	try := func(b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		if v, bad := Check(d, p); len(bad) == 0 {
			accepted++
			require.Equal(t, want, v)
		}
	}
	for i := range raw {
		for _, mask := range []byte{0x01, 0x40, 0x80} {
			b := bytes.Clone(raw)
			b[i] ^= mask
			try(b)
		}
		try(raw[:i])
	}
	require.Zero(t, accepted)
}

func TestLimits(t *testing.T) {
	_, err := Parse(make([]byte, MaxDocument+1))
	require.ErrorContains(t, err, "limit")
	d, p := good(t)
	d.ClaimsJWS = strings.Repeat("A", maxJWS+1)
	_, bad := Check(d, p)
	require.ErrorContains(t, bad[0], "limit")
	d, _ = good(t)
	for len(d.Chain) <= attest.MaxChain {
		d.Chain = append(d.Chain, d.Chain[0])
	}
	raw, err := json.Marshal(d)
	require.NoError(t, err)
	_, err = Parse(raw)
	require.ErrorContains(t, err, "list of 1 to 8")
	for name, doc := range map[string]string{"no object": `[]`, "empty": ``, "unknown": `{"x":1}`, "missing": `{"vendor":"x"}`, "deep": `{"chain":[[["x"]]]}`, "no base64": `{"chain":["*"]}`, "number": `{"vendor":1}`} {
		_, err := Parse([]byte(doc))
		require.Error(t, err, name)
	}
}

func TestMultikey(t *testing.T) {
	// W3C, Controlled Identifiers 1.0, section 2.2.2: an Ed25519 Multikey.
	const published = "z6MkmM42vxfqZQsv4ehtTjFFxQ4sQKS2w6WR7emozFAn5cxu"
	raw, err := ParseMultikey(published)
	require.NoError(t, err)
	require.Equal(t, published, FormatMultikey(raw))
	zeros := append(make([]byte, 20), bytes.Repeat([]byte{1}, 12)...)
	require.True(t, strings.HasPrefix(FormatMultikey(zeros), "z6Mk"), "leading zeros of the key stay behind the codec")
	for _, bad := range []string{"", "z", published[1:], published + "1", "z1" + published[1:], "Z" + published[1:], "z" + strings.ToUpper(published[1:]), "z" + strings.Repeat("z", 60),
		FormatMultikey(make([]byte, 32)), FormatMultikey(make([]byte, 31)), "z0" + published[2:]} {
		_, err := ParseMultikey(bad)
		require.Error(t, err, bad)
	}
}

func TestIssueRefusesWhatDoesNotVerify(t *testing.T) {
	a := authority(t, "AcmeQPU", "root")
	for name, edit := range map[string]func(*Claims){
		"no vendor": func(c *Claims) { c.Vendor = "" }, "no end": func(c *Claims) { c.Expires = c.NotBefore }, "key without holder": func(c *Claims) { c.KeyHolder = HolderNone },
		"small-order key": func(c *Claims) { c.DeviceKey = make([]byte, 32) }, "long name": func(c *Claims) { c.Family = strings.Repeat("x", 257) },
	} {
		c := goodClaims()
		edit(c)
		_, err := a.Issue(c, edKey("claims"))
		require.Error(t, err, name)
	}
	one, err := a.Issue(goodClaims(), edKey("claims"))
	require.NoError(t, err)
	require.Equal(t, one, issue(t, a, goodClaims()), "issuing is deterministic")
	require.Positive(t, one.Chain[0].SerialNumber.Cmp(big.NewInt(1<<62)))
}

func FuzzParse(f *testing.F) {
	d, p := good(f)
	raw, err := json.Marshal(d)
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte(`{"vendor":"x","chain":["` + base64.StdEncoding.EncodeToString(d.Chain[0].Raw) + `"]}`))
	want, _ := Check(d, p)
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := Parse(b)
		if err != nil {
			return
		}
		if v, bad := Check(d, p); len(bad) == 0 && v.Claims.Serial != want.Claims.Serial {
			t.Fatal("accepted other claims")
		}
	})
}

func FuzzClaims(f *testing.F) {
	b, err := goodClaims().marshal()
	require.NoError(f, err)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := parseClaims(b)
		if err != nil {
			return
		}
		again, err := c.marshal()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := parseClaims(again); err != nil || d.ID != c.ID || !bytes.Equal(d.DeviceKey, c.DeviceKey) {
			t.Fatalf("%s is read, %s is not the same: %v", b, again, err)
		}
	})
}

func FuzzJWS(f *testing.F) {
	d, _ := good(f)
	f.Add(d.ClaimsJWS)
	f.Fuzz(func(t *testing.T, s string) {
		j, err := parseJWS(s)
		if err == nil && (j.input+"."+j.sigText != s || b64.EncodeToString(j.sig) != j.sigText || len(j.thumbprint) != 32) {
			t.Fatal("the parts do not make the whole")
		}
	})
}

func FuzzMultikey(f *testing.F) {
	f.Add(FormatMultikey(goodClaims().DeviceKey))
	f.Add("z1")
	f.Fuzz(func(t *testing.T, s string) {
		if raw, err := ParseMultikey(s); err == nil && FormatMultikey(raw) != s {
			t.Fatalf("%q comes back as %q", s, FormatMultikey(raw))
		}
	})
}
