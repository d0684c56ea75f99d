package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

// shownStatus has the service's key as the other verbs take it.
type shownStatus struct {
	*aicf.NetworkStatus
	Key string `json:"service_key_text"`
}

func (o *program) status() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show the head of the network and the service's key", Args: cli.Args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := o.open(cmd.Context(), nil)
			if err != nil {
				return err
			}
			st, err := c.Status(cmd.Context())
			if err != nil {
				return o.refused(err)
			}
			out := shownStatus{st, keys.PublicText(keys.Ed25519, st.ServicePub)}
			return o.Print(out, func(w io.Writer) {
				fmt.Fprintf(w, "chain_id     %d\nround        %d of epoch %d\npolicy       %s\nqueued       %d, %d live leases, %d providers\nevents       %d %s\nservice key  %s\n",
					st.ChainID, st.Round, st.Epoch, st.Policy, st.Queued, st.Leases, st.Providers, st.Events, st.HeadHash, out.Key)
			})
		},
	}
}
