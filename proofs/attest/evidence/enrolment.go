package evidence

import (
	"context"
	"time"

	"github.com/animicaorg/engine/proofs/attest"
)

// Enrolment judges the quote of a runner's enrolment, which must bind data (32 bytes), by
// the measurement policy. It returns the measurement, and whether the platform's root is
// one for development (dev admits those).
func (a *Attester) Enrolment(ctx context.Context, c *attest.Carried, data []byte, at time.Time, dev bool) (measurement []byte, development bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	if a.Policy == nil {
		return nil, false, attest.Refuse(attest.BadPolicy, "no policy lists the measurements of runners")
	}
	v := newVerdict("tee", string(c.Kind))
	r, bad, err := a.quote(c, data, at)
	if err != nil {
		return nil, false, err
	}
	refuse(v, bad...)
	if r != nil {
		a.describe(v, r, dev)
		development = a.isPublished(r.Root)
	}
	if len(v.Reasons) > 0 {
		return nil, false, attest.Refuse(attest.Reason(v.Reasons[0].Code), "%s", v.Reasons[0].Message)
	}
	return r.Measurement, development, nil
}
