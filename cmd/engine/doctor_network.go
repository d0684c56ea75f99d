package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/animicaorg/engine/agent"
	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/client"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/keys"
)

// The checks that ask a network, in their order.
const (
	netEndpoint   = "endpoint"
	netClock      = "clock_skew"
	netRegistered = "registered"
	netKey        = "key_enrolled"
	netStake      = "stake"
	netHeartbeat  = "heartbeat"
	netEligible   = "eligible"
)

// networkPatience bounds all questions to a service.
const networkPatience = 15 * time.Second

// checkNetwork asks a network's service about itself and this provider. Every check has a
// finding, also where it cannot be made.
func (e *program) checkNetwork(ctx context.Context, endpoint string) []finding {
	names := []string{netEndpoint, netClock, netRegistered, netKey, netStake, netHeartbeat, netEligible}
	if endpoint == "" {
		out := make([]finding, len(names))
		for i, name := range names {
			out[i] = good(name, "not asked: --endpoint or OMNI_ENDPOINT names a network")
		}
		return out
	}
	ctx, cancel := context.WithTimeout(ctx, networkPatience)
	defer cancel()
	out := e.askNetwork(ctx, endpoint)
	last := out[len(out)-1]
	for _, name := range names[len(out):] { // what could not be asked has the fix of what failed
		out = append(out, finding{Name: name, OK: last.OK, Detail: "not asked: see " + last.Name, Fix: last.Fix, code: last.code})
	}
	return out
}

// askNetwork returns the findings up to the first that leaves nothing to ask.
func (e *program) askNetwork(ctx context.Context, endpoint string) (out []finding) {
	c, err := client.New(endpoint, nil)
	if err != nil {
		return append(out, bad(netEndpoint, cli.Usage, "name it as http://HOST:PORT or https://HOST", "%v", err))
	}
	reached, skew := checkEndpoint(ctx, c)
	if out = append(out, reached); !reached.OK {
		return out
	}
	out = append(out, skew)
	held, err := e.heldKeys()
	if err != nil {
		f := good(netRegistered, "no keys to ask for: %v", err)
		f.Fix = "engine provider start makes keys and registers them"
		return append(out, f)
	}
	p, err := c.Provider(ctx, held.ProviderID)
	switch {
	case aicf.CodeOf(err) == aicf.NotFound:
		return append(out, bad(netRegistered, cli.NetworkService, "engine provider start registers it", "provider %s is not registered at %s", held.ProviderID, c.Endpoint))
	case err != nil:
		return append(out, bad(netRegistered, cli.NetworkService, "try again; the service's log has the cause", "%v", err))
	case p.State == aicf.Retired || p.State == aicf.Suspended || p.State == aicf.Jailed:
		out = append(out, bad(netRegistered, cli.NetworkService, standingFix[p.State], "provider %s is %s", held.ProviderID, p.State))
	default:
		out = append(out, good(netRegistered, "provider %s is %s, evidence %s", held.ProviderID, p.State, p.Level))
	}
	return append(out, checkEnrolled(ctx, c, held), checkStake(ctx, c, p), checkBeat(p, time.Now()), checkEligible(ctx, c, p))
}

var standingFix = map[aicf.ProviderState]string{
	aicf.Retired:   "register again: engine provider start",
	aicf.Suspended: "register a bundle with fresh evidence: engine bundle make, engine provider start --bundle FILE",
	aicf.Jailed:    "omni aicf slashes says why and until when; omni aicf dispute appeals",
}

// checkEndpoint asks who answers and what its clock says. The Date of an answer is cut to
// whole seconds.
func checkEndpoint(ctx context.Context, c *client.Client) (reached, skew finding) {
	const fix = "is the service up, and does a firewall or proxy lie between? curl URL/healthz"
	before := time.Now()
	status, err := c.Status(ctx)
	took := time.Since(before)
	if err != nil {
		return bad(netEndpoint, cli.NetworkService, fix, "%v", err), finding{}
	}
	reached = good(netEndpoint, "%s: chain %d, epoch %d, round %d; answered in %d ms", c.Endpoint, status.ChainID, status.Epoch, status.Round, took.Milliseconds())
	if strings.HasPrefix(c.Endpoint, "http://") && !loopbackURL(c.Endpoint) {
		reached.Fix = "calls are signed but not hidden: use https beyond this machine"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Endpoint+"/healthz", nil)
	if err != nil {
		return reached, bad(netClock, cli.Internal, fix, "%v", err)
	}
	before = time.Now()
	a, err := http.DefaultClient.Do(r)
	after := time.Now()
	if err != nil {
		return reached, bad(netClock, cli.NetworkService, fix, "%v", err)
	}
	a.Body.Close()
	theirs, err := http.ParseTime(a.Header.Get("Date"))
	if err != nil {
		return reached, good(netClock, "the service's answers have no Date")
	}
	return reached, checkSkew(theirs, before, after)
}

func loopbackURL(endpoint string) bool {
	return strings.HasPrefix(endpoint, "http://127.") || strings.HasPrefix(endpoint, "http://localhost") || strings.HasPrefix(endpoint, "http://[::1]")
}

// maxSkew is what the network's alert allows; signatures hold for 60 s.
const maxSkew = 5 * time.Second

// checkSkew compares a clock of whole seconds with ours before and after it was read.
func checkSkew(theirs, before, after time.Time) finding {
	ahead, behind := theirs.Sub(after), before.Sub(theirs.Add(time.Second))
	switch {
	case ahead > maxSkew:
		return bad(netClock, cli.NetworkService, "set the clock by NTP: timedatectl set-ntp true", "this clock is at least %v behind the service's", ahead.Round(time.Second))
	case behind > maxSkew:
		return bad(netClock, cli.NetworkService, "set the clock by NTP: timedatectl set-ntp true", "this clock is at least %v ahead of the service's", behind.Round(time.Second))
	}
	return good(netClock, "within %v of the service's clock", maxSkew)
}

// checkEnrolled makes a signed call that reads only.
func checkEnrolled(ctx context.Context, c *client.Client, held *keys.Held) finding {
	signed := *c
	signed.Signer = held.Operational
	_, err := signed.Statement(ctx, held.ProviderID, nil, "")
	switch aicf.CodeOf(err) {
	case aicf.Unauthorized, aicf.Forbidden:
		return bad(netKey, cli.AttestationError, "register the key: engine bundle make, engine provider start --bundle FILE", "key %s: %v", held.Operational.KeyID(), err)
	}
	if err != nil {
		return bad(netKey, cli.NetworkService, "try again; the service's log has the cause", "%v", err)
	}
	return good(netKey, "the service takes calls signed by key %s", held.Operational.KeyID())
}

// checkStake compares stake and policy.
func checkStake(ctx context.Context, c *client.Client, p *aicf.Provider) finding {
	least, err := agent.LeastStake(ctx, c)
	if err != nil {
		return bad(netStake, cli.NetworkService, "try again; the service's log has the cause", "%v", err)
	}
	if p.Staked < least {
		return bad(netStake, cli.NetworkService, fmt.Sprintf("omni aicf provider_stake --amount %d", least-p.Staked), "staked %d, the policy wants %d", p.Staked, least)
	}
	f := good(netStake, "staked %d, the policy wants %d", p.Staked, least)
	if p.Staked < least+least/10 {
		f.Fix = "a single slash ends work: stake a tenth more than the least"
	}
	return f
}

// lateBeat is three heartbeats of the default policy.
const lateBeat = 90 * time.Second

func checkBeat(p *aicf.Provider, now time.Time) finding {
	if p.LastBeatMS == 0 {
		return bad(netHeartbeat, cli.NetworkService, "engine provider start sends heartbeats", "the network has seen none")
	}
	if age := now.Sub(time.UnixMilli(p.LastBeatMS)); age > lateBeat {
		return bad(netHeartbeat, cli.NetworkService, "engine provider status: does it run, and what is its last error?", "the last came %v ago; health %d ppm", age.Round(time.Second), p.HealthPPM)
	}
	return good(netHeartbeat, "in time; health %d ppm, %s", p.HealthPPM, p.QoS)
}

func checkEligible(ctx context.Context, c *client.Client, p *aicf.Provider) finding {
	e, err := c.Eligibility(ctx, p.ID)
	if err != nil {
		return bad(netEligible, cli.NetworkService, "try again; the service's log has the cause", "%v", err)
	}
	for _, f := range e.Filters {
		if !f.OK {
			return bad(netEligible, cli.NetworkService, "engine provider why says what to do", "matching passes over this provider: %s: %s", f.Name, f.Detail)
		}
	}
	return good(netEligible, "matching would take this provider now")
}

// checkDaemon asks the provider that runs in this data directory for its outbox and its
// metrics. Looking makes nothing.
func (e *program) checkDaemon(ctx context.Context) []finding {
	const outbox, metrics = "outbox", "metrics"
	if _, err := os.Lstat(filepath.Join(e.dataDir, "provider", controlSocket)); e.dataDir == "" || err != nil {
		return []finding{good(outbox, "no provider runs here"), good(metrics, "no provider runs here")}
	}
	raw, err := e.callControl(ctx, http.MethodGet, "/status")
	var s agent.Status
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		f := good(outbox, "no provider runs here; its socket is left over")
		f.Fix = "if it should run: engine provider start carries on what was under way"
		return []finding{f, good(metrics, "no provider runs here")}
	}
	return []finding{checkOutbox(outbox, &s), e.checkMetrics(ctx, metrics)}
}

func checkOutbox(name string, s *agent.Status) finding {
	f := good(name, "%d proofs wait for the network's answer, %d leases run, %d parked", s.Leases[agent.Proved], len(s.Running), s.Leases[agent.Parked])
	switch {
	case s.LastError != "":
		f.Fix = "the provider's last error: " + s.LastError
	case s.Leases[agent.Parked] > 0:
		f.Fix = "engine provider status --json names the reasons of parked leases"
	}
	return f
}

// maxScrape bounds an answer in bytes.
const maxScrape = 8 << 20

func (e *program) checkMetrics(ctx context.Context, name string) finding {
	raw, err := e.callControl(ctx, http.MethodGet, "/about")
	var about map[string]string
	if err == nil {
		err = json.Unmarshal(raw, &about)
	}
	if err != nil {
		return bad(name, cli.NetworkService, "start the provider again with this version", "%v", err)
	}
	at := about["metrics"]
	if at == "" {
		f := good(name, "the provider serves none")
		f.Fix = "engine provider start --metrics 127.0.0.1:9465, for the alerts of docs/operating/alerts.md"
		return f
	}
	if err := scrape(ctx, at); err != nil {
		return bad(name, cli.NetworkService, "does something else listen there? engine provider start --metrics another address", "%s: %v", at, err)
	}
	return good(name, "%s answers", at)
}

// scrape wants a figure that every provider has.
func scrape(ctx context.Context, at string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(a.Body, maxScrape))
	if err == nil && !strings.Contains(string(raw), "\nengine_provider_running ") {
		err = errors.New("what answers is no provider")
	}
	return err
}
