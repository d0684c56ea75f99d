package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// section is one kind of page.
type section struct {
	path     string // in the navigation
	title    string
	template string
	types    string // events that change it, by comma; empty: none is followed
	fill     func(*site, *http.Request, *view) (any, error)
}

// Events that change a page.
var (
	jobEvents = strings.Join([]string{aicf.EvSubmitted, aicf.EvOffered, aicf.EvOfferLapsed, aicf.EvLeased, aicf.EvRenewed, aicf.EvReleased, aicf.EvLeaseExpired, aicf.EvRequeued, aicf.EvReceived,
		aicf.EvCompleted, aicf.EvRejected, aicf.EvFailed, aicf.EvJobExpired, aicf.EvCancelled, aicf.EvAccrued, aicf.EvRefunded, aicf.EvPayHeld, aicf.EvPayReleased, aicf.EvPayRefused, aicf.EvSettled, aicf.EvClaimed}, ",")
	memberEvents = strings.Join([]string{aicf.EvRegistered, aicf.EvRetired, aicf.EvStaked, aicf.EvUnstaked, aicf.EvHeartbeat, aicf.EvProviderState, aicf.EvWindow}, ",")
	moneyEvents  = strings.Join([]string{aicf.EvDeposited, aicf.EvFaucet, aicf.EvStaked, aicf.EvUnstaked, aicf.EvSubmitted, aicf.EvAccrued, aicf.EvRefunded, aicf.EvEpochSettled, aicf.EvPayout}, ",")
	slashEvents  = strings.Join([]string{aicf.EvSlashProposed, aicf.EvSlashAppealed, aicf.EvSlashExecuted, aicf.EvSlashReversed}, ",")
)

// sections by their pattern below Root.
var sections = map[string]section{
	"{$}":             {"", "Overview", "overview", jobEvents + "," + memberEvents + "," + slashEvents + "," + aicf.EvRound + "," + aicf.EvEpochSettled, (*site).overview},
	"providers":       {"providers", "Providers", "providers", memberEvents, (*site).providers},
	"providers/{id}":  {"providers", "Provider", "provider", memberEvents + "," + jobEvents + "," + slashEvents, (*site).provider},
	"jobs":            {"jobs", "Jobs", "jobs", jobEvents, (*site).jobs},
	"jobs/{id}":       {"jobs", "Job", "job", jobEvents, (*site).job},
	"queue":           {"queue", "Queue", "queue", jobEvents, (*site).queue},
	"settlements":     {"settlements", "Settlements", "settlements", aicf.EvEpochSettled, (*site).settlements},
	"settlements/{n}": {"settlements", "Epoch", "settlement", aicf.EvEpochSettled, (*site).settlement},
	"ledger":          {"ledger", "Ledger", "ledger", moneyEvents, (*site).ledger},
	"disputes":        {"disputes", "Disputes", "disputes", slashEvents, (*site).disputes},
	"disputes/{id}":   {"disputes", "Dispute", "dispute", slashEvents, (*site).dispute},
	"policy":          {"policy", "Policy", "policy", aicf.EvPolicy, (*site).policy},
	"events":          {"", "Events", "events", "", (*site).events},
}

func pathID(r *http.Request) (digest.Digest, error) {
	id, err := digest.Parse(r.PathValue("id"))
	if err != nil {
		return id, aicf.Refuse(aicf.SchemaError, "%.80q is no id: %v", r.PathValue("id"), err)
	}
	return id, nil
}

// cursor reads a number of the query; absent is 0.
func cursor(r *http.Request, name string) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	return parseDigits(text)
}

func parseDigits(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, aicf.Refuse(aicf.SchemaError, "%.40q is no number", text)
	}
	return n, nil
}

func digits(n uint64) string { return strconv.FormatUint(n, 10) }
