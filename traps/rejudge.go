package traps

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// ErrUnknownFamily: this build has no native definition of the library.
var ErrUnknownFamily = errors.New("no native definition of this trap library")

// Rejudged is what a third party recomputes from the opened seed and the raw
// outcomes.
type Rejudged struct {
	PlanSHA3   digest.Digest
	RowsRoot   digest.Digest // RFC 6962 root of the rows
	Verdict    *guest.Verdict
	Report     []byte // bytes of the verdict, what trap_report_hash hashes
	TargetRows []byte // un-padded executed target slots, rows of the circuit's clbits
}

// Rejudge plans, generates every slot, and judges. Judged is the number of
// slots that the report in question is about: all, or a window bound where the
// job was stopped early.
func Rejudge(mix Mix, layered []byte, h guest.Header, pol guest.Policy, root [32]byte, o *transcript.Outcomes, judged uint64) (*Rejudged, error) {
	l, err := guest.ParseLayered(layered)
	if err != nil {
		return nil, err
	}
	if o.Slots != h.Shots || o.Width != uint64(l.Width) || judged > o.Slots {
		return nil, fmt.Errorf("outcomes of %d slots at width %d, judged %d, for %d shots at width %d", o.Slots, o.Width, judged, h.Shots, l.Width)
	}
	plan, err := Plan(l, h, pol, mix)
	if err != nil {
		return nil, err
	}
	r := &Rejudged{PlanSHA3: digest.Sum(plan.Append(nil))}
	hidden, err := r.replay(l, plan, root)
	if err != nil {
		return nil, err
	}
	n := int(judged)
	if r.Verdict, err = Judge(plan, hidden.Prefix(n), guest.Prefix(l.Width, o.Rows, o.Presence, n), n); err != nil {
		return nil, err
	}
	r.Report = r.Verdict.Append(nil)
	r.TargetRows = hidden.Unpad(l, o.Rows, o.Presence)
	return r, nil
}

// replay generates all slots, hashes the rows and returns the hidden data.
func (r *Rejudged) replay(l *circuit.Layered, plan *guest.Plan, root [32]byte) (*guest.Hidden, error) {
	g, err := NewGenerator(l, plan, root)
	if err != nil {
		return nil, err
	}
	all := &guest.Hidden{Width: l.Width}
	var tree transcript.Tree
	for first := uint64(0); first < plan.Shots; first += guest.MaxGenerate {
		rows, h, err := g.Slots(first, int(min(guest.MaxGenerate, plan.Shots-first)))
		if err != nil {
			return nil, err
		}
		for i := range rows.N {
			tree.Append(rows.Row(i))
		}
		all.Extend(h)
	}
	r.RowsRoot = tree.Root()
	return all, nil
}
