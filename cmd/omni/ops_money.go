package main

import (
	"math/big"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/internal/strictjson"
)

// shares are those of the policy, or the network's.
func (s *simulator) shares() economics.Shares {
	if s.policy == nil {
		return economics.DefaultShares
	}
	b, err := s.policy.Economics.Splits.BPS()
	if err != nil {
		return economics.DefaultShares // a loaded policy has good shares
	}
	return economics.Shares{Provider: b[0], Treasury: b[1], Miner: b[2]}
}

// remainder is the policy's rule where a policy is given, else the one that is the operation's.
func (s *simulator) remainder(own economics.Remainder) string {
	if s.policy != nil {
		return s.policy.Filled().Remainder
	}
	return string(own)
}

// readShares reads {provider,treasury,miner} or [provider,treasury,miner].
func readShares(f fields, key string) (out economics.Shares) {
	if n := f.get(key); n != nil && n.Kind == strictjson.Array && len(n.Items) == 3 {
		members := []strictjson.Member{{Key: "provider", Value: n.Items[0]}, {Key: "treasury", Value: n.Items[1]}, {Key: "miner", Value: n.Items[2]}}
		f.node = &strictjson.Node{Kind: strictjson.Object, Members: []strictjson.Member{{Key: key, Value: strictjson.Node{Kind: strictjson.Object, Members: members}}}}
	}
	o := f.object(key, "provider", "treasury", "miner")
	return economics.Shares{Provider: o.uint("provider"), Treasury: o.uint("treasury"), Miner: o.uint("miner")}
}

func (s *simulator) split(f fields) (any, error) {
	shares := s.shares()
	if f.has("bps") {
		shares = readShares(f, "bps")
	}
	total, rule := f.uint("total"), economics.Remainder(f.textOr("remainder", s.remainder(economics.Largest)))
	if f.failed() {
		return nil, errStuck
	}
	return economics.Split(total, shares, rule)
}

func (s *simulator) settle(f fields) (any, error) {
	e := economics.Epoch{
		Remainder: economics.Remainder(f.textOr("remainder", s.remainder(economics.ToTreasury))),
		CapRule:   economics.CapRule(f.textOr("cap_rule", string(economics.ProRata))),
		Cap:       f.maybeUint("cap"),
	}
	if e.Cap == nil && s.policy != nil {
		e.Cap = &s.policy.Epochs.FundCapAtomic
	}
	f.need("claims", strictjson.Array)
	for _, c := range f.list("claims", "task_id", "provider_id", "miner_id", "kind", "units") {
		kind := c.textOr("kind", "QUANTUM")
		e.Claims = append(e.Claims, economics.Claim{
			TaskID: c.text("task_id"), ProviderID: c.text("provider_id"), MinerID: c.textOr("miner_id", ""), Units: c.uint("units"),
			PerUnit: s.perUnit(f, kind), Shares: s.sharesOf(f, kind),
		})
	}
	for _, x := range f.list("slashes", "provider_id", "amount", "reason") {
		e.Slashes = append(e.Slashes, economics.Slash{ProviderID: x.text("provider_id"), Amount: x.uint("amount")})
	}
	if f.failed() {
		return nil, errStuck
	}
	return economics.Settle(e)
}

// perUnit is a number for all kinds, or {KIND: number} or {KIND: {per_unit}}.
func (s *simulator) perUnit(f fields, kind string) uint64 {
	switch n := f.get("per_unit"); {
	case n == nil && s.policy != nil && kind == "AI":
		return s.policy.Economics.Pricing.AI.BasePerUnit
	case n == nil && s.policy != nil:
		return s.policy.Economics.Pricing.Quantum.BasePerUnit
	case n == nil:
		return economics.DefaultPerUnit
	case n.Kind == strictjson.Object:
		kinds := f.free("per_unit")
		if k := kinds.get(kind); k != nil && k.Kind == strictjson.Object {
			return kinds.object(kind, "per_unit").uint("per_unit")
		}
		return kinds.uint(kind)
	}
	return f.uint("per_unit")
}

// sharesOf is one set of shares for all kinds, or {KIND: shares}.
func (s *simulator) sharesOf(f fields, kind string) economics.Shares {
	n := f.get("splits_bps")
	if n == nil {
		return s.shares()
	}
	if n.Kind == strictjson.Object {
		if kinds := f.free("splits_bps"); !kinds.has("provider") {
			return readShares(kinds, kind)
		}
	}
	return readShares(f, "splits_bps")
}

func (s *simulator) price(f fields) (any, error) {
	q := economics.Quote{
		Units: f.uint("units"), PerUnit: f.uintOr("per_unit", economics.DefaultPerUnit),
		Min: f.maybeUint("min"), Max: f.maybeUint("max"), Rounding: f.textOr("rounding", "floor"),
		Surge: f.maybeRat("surge"), Quality: f.maybeRat("quality"),
	}
	if s.policy != nil && !f.has("per_unit") {
		p := s.policy.Economics.Pricing.Quantum
		q.PerUnit, q.Tiers = p.BasePerUnit, p.Piecewise
		limit := new(big.Rat).SetFrac64(int64(p.SurgeMultiplierMax), aicf.Nano)
		if q.Surge != nil && limit.Sign() > 0 && q.Surge.Cmp(limit) > 0 {
			q.Surge = limit
		}
	}
	if f.failed() {
		return nil, errStuck
	}
	v, err := economics.Price(q)
	return map[string]any{"price": v}, err
}

func (s *simulator) units(f fields) (any, error) {
	w, d, n, profile := f.uint("width"), f.uint("depth"), f.uint("shots"), f.textOr("profile", "default")
	if f.failed() {
		return nil, errStuck
	}
	divisor := uint64(0)
	switch profile {
	case "default":
		divisor = economics.UnitsDivisor
		if s.policy != nil && !f.has("profile") {
			divisor = s.policy.Filled().UnitsDivisor
		}
	case "lineage":
		divisor = economics.LineageDivisor
	default:
		c, err := economics.CalibratedUnits(w, d, n, profile)
		if err != nil {
			return nil, err
		}
		return map[string]any{"raw": number(c.Raw), "quality": number(c.Quality), "adjusted": number(c.Adjusted)}, nil
	}
	v, err := economics.Units(w, d, n, divisor)
	return map[string]any{"units": v}, err
}

func slashPlan(f fields) (any, error) {
	reason, sev, stake, earnings, epoch := f.text("reason"), f.uint("severity_bps"), f.uint("stake"), f.uint("earnings"), f.uint("epoch")
	if f.failed() {
		return nil, errStuck
	}
	return economics.PlanSlash(reason, sev, stake, earnings, epoch)
}

func severity(f fields) (any, error) {
	m := economics.Metrics{TrapsRatio: f.maybeRatio("traps_ratio"), QoSScore: f.maybeRatio("qos_score"), Availability: f.maybeRatio("availability"), LatencyP99MS: f.maybeRat("latency_p99_ms")}
	if m.LatencyP99MS != nil && m.LatencyP99MS.Sign() < 0 {
		f.refuse(domainError, "latency_p99_ms is negative")
	}
	if f.failed() {
		return nil, errStuck
	}
	reason, s := economics.Severity(m)
	return map[string]any{"reason": reason, "severity": number(s)}, nil
}

func backoff(f fields) (any, error) {
	attempt := f.uint("attempt")
	if f.failed() {
		return nil, errStuck
	}
	d, err := economics.Backoff(attempt)
	if err != nil {
		return nil, err
	}
	return map[string]any{"seconds": number(d), "last": attempt >= economics.MaxAttempts}, nil
}
