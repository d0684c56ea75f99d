package attest

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/transcript"
)

// PolicyPurpose is the purpose in the frame that a policy's signature covers.
const PolicyPurpose = "attestation-policy"

// MaxPolicy bounds a policy file in bytes.
const MaxPolicy = 1 << 20

const maxPolicyList = 4096

// PolicyDigest is what a policy's signature signs: the frame
// qprov/v1/attest-policy over the exact bytes of the policy object.
func PolicyDigest(raw []byte) (digest.Digest, error) {
	return transcript.NewFrame("qprov/v1/attest-policy").Bytes(1, raw, MaxPolicy).Sum()
}

// ParsePolicy reads {"policy":{…},"signature":{"public","signed_at","sig"}} or a
// bare policy object. A signature that is present must verify. trusted are the
// accepted signers (alg:hex); when there is one, a signature by one of them is
// demanded.
func ParsePolicy(b []byte, trusted ...string) (*Policy, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: MaxPolicy, Depth: 8, Values: 64 * maxPolicyList})
	body, sig := c, c
	signed := c.Has("policy")
	if signed {
		c.Only("policy", "signature")
		body, sig = c.Member("policy"), c.Member("signature")
	}
	p := readPolicy(body)
	var public string
	var s keys.Signature
	if signed {
		public, s = readPolicySignature(sig)
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	var err error
	if p.Hash, err = PolicyDigest(body.Node().Raw); err != nil {
		return nil, err
	}
	if signed {
		if err := checkPolicySignature(public, s, p.Hash); err != nil {
			return nil, err
		}
		p.Signer = public
	}
	if len(trusted) == 0 {
		return p, nil
	}
	for _, t := range trusted {
		if p.Signer == t {
			return p, nil
		}
	}
	if p.Signer == "" {
		return nil, Refuse(BadPolicy, "policy %s is not signed, and a signature is demanded", p.ID)
	}
	return nil, Refuse(BadPolicy, "policy %s is signed by %s, which is not trusted", p.ID, p.Signer)
}

func checkPolicySignature(public string, s keys.Signature, d digest.Digest) error {
	alg, key, err := keys.ParsePublic(public)
	if err != nil {
		return Refuse(BadPolicy, "policy signature: %v", err)
	}
	s.Purpose, s.Alg, s.KeyID = PolicyPurpose, alg, keys.KeyID(key)
	if err := s.Verify(alg, key, PolicyPurpose, d); err != nil {
		return Refuse(BadPolicy, "policy signature: %v", err)
	}
	return nil
}

// policySigner hides the role of a key: the policy's purpose belongs to a key of
// its own that is no key of a provider.
type policySigner struct{ keys.Signer }

// SignPolicy wraps a bare policy object with a signature. The key should serve
// no other purpose. nowUnix is in seconds.
func SignPolicy(ctx context.Context, s keys.Signer, raw []byte, nowUnix uint64) ([]byte, error) {
	if _, err := ParsePolicy(raw); err != nil {
		return nil, err
	}
	d, err := PolicyDigest(raw)
	if err != nil {
		return nil, err
	}
	sig, err := keys.Sign(ctx, policySigner{s}, PolicyPurpose, d, nowUnix)
	if err != nil {
		return nil, err
	}
	tail, err := json.Marshal(map[string]any{"public": keys.PublicText(s.Alg(), s.Public()), "signed_at": nowUnix, "sig": hex.EncodeToString(sig.Sig)})
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "{\"policy\":%s,\"signature\":%s}\n", raw, tail), nil
}

func readPolicySignature(c strictjson.Cursor) (string, keys.Signature) {
	c.Only("public", "signed_at", "sig")
	return c.Member("public").Text(256), keys.Signature{SignedAtUnix: c.Member("signed_at").Uint(0, 1<<53), Sig: c.Member("sig").Hex(64)}
}

func readPolicy(c strictjson.Cursor) *Policy {
	c.Only("id", "version", "not_before", "not_after", "measurements", "tcb", "min_svn", "max_vmpl", "min_tcb_evaluation", "denied_keys",
		"vendors", "denied_claims", "denied_devices", "require_crl")
	p := &Policy{ID: c.Member("id").Text(128), Version: c.Member("version").Uint(1, 1<<53), Window: readWindow(c)}
	for _, m := range c.Member("measurements").Items(maxPolicyList) {
		p.Measurements = append(p.Measurements, readMeasurement(m))
	}
	if l, ok := c.Optional("tcb"); ok {
		for _, t := range l.Items(maxPolicyList) {
			p.TCB = append(p.TCB, readTCBRule(t))
		}
	}
	if l, ok := c.Optional("min_svn"); ok {
		for _, m := range l.Items(maxPolicyList) {
			m.Only("kind", "name", "min")
			p.MinSVN = append(p.MinSVN, MinSVN{readKind(m.Member("kind")), m.Member("name").Text(64), m.Member("min").Uint(0, 1<<53)})
		}
	}
	if m, ok := c.Optional("max_vmpl"); ok {
		v := m.Uint(0, 3)
		p.MaxVMPL = &v
	}
	if m, ok := c.Optional("min_tcb_evaluation"); ok {
		p.MinTCBEval = m.Uint(0, 1<<31)
	}
	if l, ok := c.Optional("denied_keys"); ok {
		for _, k := range l.Items(maxPolicyList) {
			d := k.Hash()
			p.DeniedKeys = append(p.DeniedKeys, d[:])
		}
	}
	readVendorRules(c, p)
	return p
}

func readVendorRules(c strictjson.Cursor, p *Policy) {
	if l, ok := c.Optional("vendors"); ok {
		p.Vendors = []VendorRule{}
		for _, v := range l.Items(maxPolicyList) {
			v.Only("vendor", "roots")
			rule := VendorRule{Vendor: v.Member("vendor").Text(256)}
			for _, r := range v.Member("roots").Items(64) {
				d := r.Hash()
				rule.Roots = append(rule.Roots, d[:])
			}
			p.Vendors = append(p.Vendors, rule)
		}
	}
	if l, ok := c.Optional("denied_claims"); ok {
		for _, x := range l.Items(maxPolicyList) {
			p.DeniedIDs = append(p.DeniedIDs, x.Text(256))
		}
	}
	if l, ok := c.Optional("denied_devices"); ok {
		for _, x := range l.Items(maxPolicyList) {
			x.Only("vendor", "serial")
			p.DeniedDevices = append(p.DeniedDevices, DeniedDevice{x.Member("vendor").Text(256), x.Member("serial").Text(256)})
		}
	}
	if m, ok := c.Optional("require_crl"); ok {
		p.RequireCRL = m.Bool()
	}
}

func readKind(c strictjson.Cursor) Kind {
	names := make([]string, len(Kinds))
	for i, k := range Kinds {
		names[i] = string(k)
	}
	return Kind(c.OneOf(names...))
}

func readWindow(c strictjson.Cursor) (w Window) {
	if m, ok := c.Optional("not_before"); ok {
		w.NotBefore = readTime(m)
	}
	if m, ok := c.Optional("not_after"); ok {
		w.NotAfter = readTime(m)
	}
	return w
}

func readTime(c strictjson.Cursor) time.Time {
	s := c.Text(40)
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.Unix() <= 0 {
		c.Fail("such as 2026-01-02T15:04:05Z", "is %q, want a time", s)
		return time.Time{}
	}
	return t.UTC()
}

func readMeasurement(c strictjson.Cursor) AllowedMeasurement {
	c.Only("kind", "measurement", "extra", "not_before", "not_after", "name")
	m := AllowedMeasurement{Kind: readKind(c.Member("kind")), Measurement: c.Member("measurement").Hex(64), Window: readWindow(c)}
	if len(m.Measurement) == 0 {
		c.Member("measurement").Fail("", "is empty")
	}
	if n, ok := c.Optional("name"); ok {
		m.Name = n.Text(256)
	}
	if l, ok := c.Optional("extra"); ok {
		for _, x := range l.Items(64) {
			x.Only("name", "value")
			m.Extra = append(m.Extra, Named{x.Member("name").Text(64), x.Member("value").Hex(1024)})
		}
	}
	return m
}

func readTCBRule(c strictjson.Cursor) (t TCBRule) {
	c.Only("kind", "status", "advisories", "grace_days")
	if k, ok := c.Optional("kind"); ok {
		t.Kind = readKind(k)
	}
	t.Status = TCBStatus(c.Member("status").OneOf(string(SWHardeningNeeded), string(ConfigurationNeeded),
		string(ConfigurationAndSWHardeningNeeded), string(OutOfDate), string(OutOfDateConfigurationNeeded)))
	if l, ok := c.Optional("advisories"); ok {
		for _, a := range l.Items(256) {
			t.Advisories = append(t.Advisories, a.Text(64))
		}
	}
	outdated := t.Status == OutOfDate || t.Status == OutOfDateConfigurationNeeded
	g, ok := c.Optional("grace_days")
	switch {
	case ok && !outdated:
		g.Fail("", "goes with OutOfDate and OutOfDateConfigurationNeeded only")
	case ok:
		t.GraceDays = g.Uint(1, MaxGraceDays)
	case outdated:
		c.Fail("", "status %s needs grace_days", t.Status)
	}
	return t
}
