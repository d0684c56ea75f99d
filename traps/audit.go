package traps

import (
	"encoding/binary"
	"fmt"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
	"github.com/animicaorg/engine/seed"
	"github.com/animicaorg/engine/stats"
)

// AuditInput is a finished job and the beacon drawn after its outcomes were
// committed.
type AuditInput struct {
	Mix      Mix
	Layered  []byte // the compiler's stream 16
	Header   guest.Header
	Policy   guest.Policy
	Root     [32]byte
	Outcomes *transcript.Outcomes
	Result   digest.Digest // R
	Round    uint64        // beacon round, later than the lease's
	Value    [32]byte      // beacon value
	Leaves   uint64        // leaves of outcomes to open; 0: all
}

// Audit is the score of the target shots in the opened leaves.
type Audit struct {
	guest.Audit
	Leaves   []uint32      // opened, ascending
	Openings digest.Digest // RFC 6962 root over the opened leaves
}

// RunAudit opens the leaves that the beacon draws and scores their target shots.
func RunAudit(in AuditInput) (*Audit, error) {
	l, err := guest.ParseLayered(in.Layered)
	if err != nil {
		return nil, err
	}
	o := in.Outcomes
	if o.Slots != in.Header.Shots || o.Width != uint64(l.Width) {
		return nil, domain("outcomes of %d slots at width %d for %d shots at width %d", o.Slots, o.Width, in.Header.Shots, l.Width)
	}
	plan, err := Plan(l, in.Header, in.Policy, in.Mix)
	if err != nil {
		return nil, err
	}
	d, err := newIdeal(l)
	if err != nil {
		return nil, err
	}
	a := &Audit{Leaves: drawLeaves(&in)}
	s := newScorer(plan, d)
	if err := a.open(&in, l, plan, s); err != nil {
		return nil, err
	}
	a.Audit = *s.judge()
	return a, nil
}

// drawLeaves chooses the leaves by R and the beacon alone.
func drawLeaves(in *AuditInput) []uint32 {
	total := int(in.Outcomes.Leaves())
	k := total
	if in.Leaves > 0 {
		k = int(min(in.Leaves, uint64(total)))
	}
	root := digest.SumParts([]byte("qprov/v1/audit-draw"), in.Result[:], binary.BigEndian.AppendUint64(nil, in.Round), in.Value[:])
	return seed.NewStream(root, "leaf", 0).Choose(k, total)
}

// open un-pads the target shots of the leaves and scores them.
func (a *Audit) open(in *AuditInput, l *circuit.Layered, plan *guest.Plan, s *scorer) error {
	g, err := NewGenerator(l, plan, in.Root)
	if err != nil {
		return err
	}
	o := in.Outcomes
	stride := uint64(guest.RowBytes(l.Width))
	var tree transcript.Tree
	for _, k := range a.Leaves {
		tree.Append(o.Leaf(uint64(k)))
		first := uint64(k) * transcript.SlotsPerLeaf
		n := min(transcript.SlotsPerLeaf, o.Slots-first)
		_, hid, err := g.Slots(first, int(n))
		if err != nil {
			return err
		}
		for i := range n {
			if hid.Kind[i] == byte(guest.SlotTarget) && o.Present(first+i) {
				s.add(o.Rows[(first+i)*stride:(first+i+1)*stride], hid.Pad[i*stride:(i+1)*stride])
			}
		}
	}
	a.Openings = tree.Root()
	return nil
}

// Frame is the document qprov/v1/audit over a result.
func (a *Audit) Frame(in *AuditInput) transcript.AuditFrame {
	return transcript.AuditFrame{Result: in.Result, Round: in.Round, Beacon: digest.Digest(in.Value), OpeningsRoot: a.Openings, Leaves: uint64(len(a.Leaves)), Shots: a.Shots,
		Statistic: a.Statistic, F0: a.F0, Score: a.Score, Limit: a.Limit, FraudLimit: a.FraudLimit, Verdict: uint64(a.Verdict)}
}

// String is one line for people.
func (a *Audit) String() string {
	return fmt.Sprintf("%s: score %.6f, limit %.6f, honest at least %.6f, %d shots, statistic %d", a.Verdict, float64(a.Score)/stats.Ppb, float64(a.Limit)/stats.Ppb, float64(a.F0)/stats.Ppb, a.Shots, a.Statistic)
}
