package web

import (
	"context"
	"net/http"
	"time"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// Daemon is what a provider's daemon says of itself.
type Daemon struct {
	ProviderID, Endpoint string
	Draining             bool
	Capacity             int
	UptimeMS             int64
	Running              []DaemonLease
	Latest               []DaemonLease // newest first
	States               []DaemonCount // of the journal
	LastError            string
	Heartbeat            *aicf.HeartbeatAnswer // nil: none was answered

	// What the network said when it was last asked; Provider nil: not asked.
	AskedMS  int64
	Provider *aicf.Provider
	Balance  *aicf.Balance
	StakeMin aicf.Amount
	Eligible bool
	Because  string // the first filter that fails
	Queued   uint64
}

// DaemonLease is a lease on the machine.
type DaemonLease struct {
	Job, Lease         digest.Digest
	Fence              uint64
	State              string
	ForMS              int64 // that it has run; 0: it does not run
	UpdatedMS          int64
	LatencyMS          int64
	TrapPass, TrapFail uint64
	Accrued            aicf.Amount
	Reason             string
}

// DaemonCount is how many leases of the journal are in a state.
type DaemonCount struct {
	State string
	N     uint64
}

// daemonEvery is how often the page asks again while somebody looks at it: a provider has
// no event log.
const daemonEvery = 2 * time.Second

// NewDaemon shows a provider at "/" and the files that its page needs below "/ui/static/".
func NewDaemon(read func(context.Context) (*Daemon, error), now func() time.Time) http.Handler {
	s := newSite(Config{Now: now})
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Root+"static/{name}", s.static)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		d, err := read(r.Context())
		if err != nil {
			s.Log.Error("page", "error", err)
			http.Error(w, "the journal does not answer: "+err.Error(), http.StatusInternalServerError)
			return
		}
		s.write(w, http.StatusOK, "daemon", &view{Title: "Provider", Now: s.Now().UnixMilli(), Every: daemonEvery.Milliseconds(), Data: d})
	})
	return mux
}
