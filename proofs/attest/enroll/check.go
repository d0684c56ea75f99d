package enroll

import (
	"encoding/hex"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// CheckInput is what a sealed seed is held against.
type CheckInput struct {
	ProviderID digest.Digest
	Lease      transcript.LeaseFrame
	Service    []byte // the key that signed the lease
	// Quote judges evidence at a time under the same rules as the result's; data is
	// what it must bind.
	Quote       func(c *attest.Carried, data []byte, at time.Time) (*attest.Result, []*attest.Refusal)
	Measurement []byte // of the environment that bound the result
}

func refuse(format string, a ...any) error {
	return attest.Refuse(attest.BadMeasurement, "sealed seed: "+format, a...)
}

// Check accepts a seed as sealed to the environment that bound the result.
func (s *Sealed) Check(in CheckInput) error {
	issued := time.UnixMilli(int64(in.Lease.IssuedMS))
	lease, err := transcript.Sum(in.Lease)
	if err != nil {
		return err
	}
	d, err := s.statementOf(lease)
	if err != nil {
		return err
	}
	sig := keys.Signature{Purpose: keys.PurposeSealedLease, Alg: keys.Ed25519, KeyID: keys.KeyID(in.Service), SignedAtUnix: s.SignedAt, Sig: s.Sig}
	switch {
	case sig.Verify(keys.Ed25519, in.Service, keys.PurposeSealedLease, d) != nil:
		return refuse("the service that signed the lease did not sign this statement about it")
	case s.Enrolment.ProviderID != in.ProviderID || in.Lease.ProviderID != in.ProviderID:
		return refuse("the runner key was enrolled by provider %s", s.Enrolment.ProviderID)
	case issued.After(s.Enrolment.Expires):
		return refuse("the enrolment ended at %s, the lease was issued at %s", s.Enrolment.Expires.UTC().Format(time.RFC3339), issued.UTC().Format(time.RFC3339))
	case s.Enrolment.Expires.After(issued.Add(MaxLife)):
		return refuse("the enrolment lives longer than %s", MaxLife)
	}
	data, err := s.Enrolment.ReportData()
	if err != nil {
		return err
	}
	r, bad := in.Quote(&s.Quote, data[:32], issued)
	if len(bad) > 0 {
		return refuse("the quote of the enrolment: %s", bad[0].Message)
	}
	if string(r.Measurement) != string(in.Measurement) {
		return refuse("the runner key lives in environment %s, the result was bound by %x", r.Measurement, in.Measurement)
	}
	return nil
}

// Value writes member sealed of attest.tee.
func (s *Sealed) Value() transcript.Value {
	e := &s.Enrolment
	put := func(key string, v transcript.Value) transcript.Member { return transcript.Member{Key: key, Value: v} }
	text := func(b []byte) transcript.Value { return transcript.TextValue(hex.EncodeToString(b)) }
	return transcript.MapValue(
		put("enrolment", transcript.MapValue(put("nonce", text(e.Nonce[:])), put("provider_id", text(e.ProviderID[:])), put("suite", transcript.TextValue(Suite)),
			put("public", text(e.Public)), put("expires", transcript.UintValue(uint64(e.Expires.Unix()))))),
		put("quote", s.Quote.Value()), put("blob_sha3_256", text(s.Blob[:])), put("signed_at_unix", transcript.UintValue(s.SignedAt)), put("sig", text(s.Sig)))
}

// reader takes members off an object; the first failure stays.
type reader struct {
	v    *transcript.Value
	path string
	err  error
	seen int
}

func (r *reader) get(key string, kind transcript.Kind) *transcript.Value {
	r.seen++
	if v, ok := r.v.Get(key); ok && v.Kind == kind {
		return v
	}
	if r.err == nil {
		r.err = attest.Refuse(attest.BadFormat, "%s/%s is missing or of another type", r.path, key)
	}
	none := transcript.Value{}
	return &none
}

func (r *reader) hex(key string, size int) []byte {
	v := r.get(key, transcript.KindText)
	b, err := hex.DecodeString(v.Text)
	if (err != nil || len(b) != size || hex.EncodeToString(b) != v.Text) && r.err == nil {
		r.err = attest.Refuse(attest.BadFormat, "%s/%s is not %d bytes in lower-case hexadecimal digits", r.path, key, size)
	}
	return b
}

func (r *reader) hash(key string) (d digest.Digest) {
	copy(d[:], r.hex(key, digest.Size))
	return d
}

// unix reads a time whose milliseconds fit everywhere.
func (r *reader) unix(key string) uint64 {
	v := r.get(key, transcript.KindUint)
	if v.Uint > 1<<40 && r.err == nil {
		r.err = attest.Refuse(attest.BadFormat, "%s/%s is no time", r.path, key)
	}
	return v.Uint
}

// done refuses members that were not asked for.
func (r *reader) done() error {
	if r.err == nil && len(r.v.Members) != r.seen {
		r.err = attest.Refuse(attest.BadFormat, "%s has unknown members", r.path)
	}
	return r.err
}

// Parse reads what Value writes.
func Parse(v *transcript.Value) (*Sealed, error) {
	r := &reader{v: v, path: "sealed"}
	e := &reader{v: r.get("enrolment", transcript.KindMap), path: "sealed/enrolment"}
	s := &Sealed{Enrolment: Enrolment{Nonce: e.hash("nonce"), ProviderID: e.hash("provider_id"), Public: e.hex("public", publicSize), Expires: time.Unix(int64(e.unix("expires")), 0).UTC()},
		Blob: r.hash("blob_sha3_256"), SignedAt: r.unix("signed_at_unix"), Sig: r.hex("sig", 64)}
	if suite := e.get("suite", transcript.KindText).Text; suite != Suite && e.err == nil {
		e.err = attest.Refuse(attest.BadFormat, "sealed/enrolment/suite is %.40q, want %s", suite, Suite)
	}
	quote := r.get("quote", transcript.KindMap)
	if err := r.done(); err != nil {
		return nil, err
	}
	if err := e.done(); err != nil {
		return nil, err
	}
	c, err := attest.ParseCarried(quote)
	if err != nil {
		return nil, err
	}
	s.Quote = *c
	return s, nil
}
