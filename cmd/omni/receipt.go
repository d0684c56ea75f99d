package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/network"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

func (o *program) receiptVerbs() *cobra.Command {
	return o.Group("receipt", "The service's word for an answer", o.receiptVerify())
}

type verifiedReceipt struct {
	Valid   bool          `json:"valid"`
	Event   uint64        `json:"event"`
	Hash    digest.Digest `json:"event_hash"`
	Subject digest.Digest `json:"subject"`
	Checks  steps         `json:"checks"`
	Error   *cli.Body     `json:"error,omitempty"`
}

func (o *program) receiptVerify() *cobra.Command {
	var key, events, require string
	var chain uint64
	c := &cobra.Command{
		Use: "verify FILE", Short: "Check a signed receipt, offline", Args: cli.Args("FILE"),
		Long: `Check a receipt offline. FILE is a saved answer to an ack, a result or a claim
(omni aicf claim_payout --json), or its receipt alone. The service signs the number
and chain hash of the event that made the answer: with the log, which anybody may
keep (GET /aicf/events), it cannot deny the answer later.

  signature  the service signed event, hash and subject            always
  subject    the receipt is about what stands in the answer        an answer
  events     the log has this event with this hash, and hangs      --events
             together from the first event of FILE on

--events takes a page of the log: {"events":[…]}, or one event a line. Exit 41
where the signature does not hold, 42 where the rest does not.`,
		Example: "  omni aicf claim_payout --epoch 12 --json > payout.json\n  omni aicf receipt verify payout.json --service-key ed25519:HEX --chain-id 1",
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := o.ReadInput("FILE", args[0], maxAnswerFile, cli.ProofInvalid)
			if err != nil {
				return err
			}
			if key == "" {
				return cli.Errorf(cli.Usage, "--service-key", "is needed: the receipt is nothing but its signature").WithHint("omni aicf status prints the service's key")
			}
			public, err := serviceKey(key)
			if err != nil {
				return err
			}
			r, subject, err := readReceipt(raw)
			if err != nil {
				return cli.Errorf(cli.ProofInvalid, "FILE", "%w", err).Named("ReceiptInvalid")
			}
			out := verifiedReceipt{Event: r.Event, Hash: r.EventHash, Subject: r.Subject}
			out.Checks.add("signature", cli.AttestationError, network.VerifyReceipt(chain, r, public), "key "+keys.KeyID(public).String())
			if subject == nil {
				out.Checks.skip("subject", "the receipt stands alone")
			} else {
				var bad error
				if subject.id != r.Subject {
					bad = fmt.Errorf("%s is %s, the receipt is about %s", subject.name, subject.id, r.Subject)
				}
				out.Checks.add("subject", cli.ProofInvalid, bad, subject.name)
			}
			if events == "" {
				out.Checks.skip("events", "--events was not given")
			} else {
				raw, err := o.ReadInput("--events", events, maxAnswerFile, cli.ProofInvalid)
				if err != nil {
					return err
				}
				out.Checks.add("events", cli.ProofInvalid, inLog(raw, r), "")
			}
			return o.verdict(&out, &out.Valid, &out.Error, out.Checks, require)
		},
	}
	f := c.Flags()
	f.StringVar(&key, "service-key", "", "public `KEY` of the service (ed25519:HEX)")
	f.Uint64Var(&chain, "chain-id", 1, "`N` of the network")
	f.StringVar(&events, "events", "", "`FILE` with a piece of the event log")
	f.StringVar(&require, "require", "", "`NAMES` of checks that may not be skipped")
	return c
}

// subject is what an answer says that its receipt must be about.
type subject struct {
	name string
	id   digest.Digest
}

// readReceipt finds the receipt of an answer and what it should be about: nil where the
// receipt stands alone.
func readReceipt(raw []byte) (*aicf.Receipt, *subject, error) {
	var answer struct {
		Receipt *aicf.Receipt `json:"receipt"`
		Payout  digest.Digest `json:"payout_id"`
		Claim   digest.Digest `json:"claim"`
		Lease   *struct {
			ID digest.Digest `json:"lease_id"`
		} `json:"lease"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, nil, fmt.Errorf("is no answer: %w", err)
	}
	switch {
	case answer.Receipt == nil:
		r := &aicf.Receipt{}
		if err := json.Unmarshal(raw, r); err != nil || r.Event == 0 || len(r.Sig) == 0 {
			return nil, nil, errors.New("has no receipt")
		}
		return r, nil, nil
	case !answer.Payout.IsZero():
		return answer.Receipt, &subject{"payout_id", answer.Payout}, nil
	case answer.Lease != nil:
		return answer.Receipt, &subject{"lease_id", answer.Lease.ID}, nil
	case !answer.Claim.IsZero():
		return answer.Receipt, &subject{"claim", answer.Claim}, nil
	}
	return nil, nil, errors.New("names no lease, claim or payout beside its receipt")
}

// inLog checks a piece of the log, and that it has the receipt's event.
func inLog(raw []byte, r *aicf.Receipt) error {
	var page struct {
		Events []aicf.Event `json:"events"`
	}
	if err := json.Unmarshal(raw, &page); err != nil || page.Events == nil {
		page.Events = nil
		for d := json.NewDecoder(bytes.NewReader(raw)); ; {
			var e aicf.Event
			if err := d.Decode(&e); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("event %d of the file: %w", len(page.Events)+1, err)
			}
			page.Events = append(page.Events, e)
		}
	}
	if err := network.VerifyEvents(page.Events); err != nil {
		return err
	}
	for i := range page.Events {
		if page.Events[i].Seq != r.Event {
			continue
		}
		if page.Events[i].Hash != r.EventHash {
			return fmt.Errorf("event %d has hash %s in the log, the receipt has %s", r.Event, page.Events[i].Hash, r.EventHash)
		}
		return nil
	}
	return fmt.Errorf("the file has no event %d", r.Event)
}
