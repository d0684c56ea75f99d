package enroll

import (
	"cmp"
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
	return transcript.MapValue(put("enrolment", s.Enrolment.value()), put("quote", s.Quote.Value()), put("blob_sha3_256", digits(s.Blob[:])),
		put("signed_at_unix", transcript.UintValue(s.SignedAt)), put("sig", digits(s.Sig)))
}

func (e *Enrolment) value() transcript.Value {
	return transcript.MapValue(put("nonce", digits(e.Nonce[:])), put("provider_id", digits(e.ProviderID[:])), put("suite", transcript.TextValue(Suite)),
		put("public", digits(e.Public)), put("expires", transcript.UintValue(uint64(e.Expires.Unix()))))
}

func put(key string, v transcript.Value) transcript.Member {
	return transcript.Member{Key: key, Value: v}
}

func digits(b []byte) transcript.Value { return transcript.TextValue(hex.EncodeToString(b)) }

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
	s := &Sealed{Blob: r.hash("blob_sha3_256"), SignedAt: r.unix("signed_at_unix"), Sig: r.hex("sig", 64)}
	return s, r.enrolled(&s.Enrolment, &s.Quote)
}

// enrolled reads the members enrolment and quote, the last two of the object.
func (r *reader) enrolled(e *Enrolment, quote *attest.Carried) error {
	in := &reader{v: r.get("enrolment", transcript.KindMap), path: r.path + "/enrolment"}
	*e = Enrolment{Nonce: in.hash("nonce"), ProviderID: in.hash("provider_id"), Public: in.hex("public", publicSize), Expires: time.Unix(int64(in.unix("expires")), 0).UTC()}
	if suite := in.get("suite", transcript.KindText).Text; suite != Suite && in.err == nil {
		in.err = attest.Refuse(attest.BadFormat, "%s/suite is %.40q, want %s", in.path, suite, Suite)
	}
	q := r.get("quote", transcript.KindMap)
	if err := cmp.Or(r.done(), in.done()); err != nil {
		return err
	}
	c, err := attest.ParseCarried(q)
	if err != nil {
		return err
	}
	*quote = *c
	return nil
}
