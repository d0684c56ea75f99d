package main

import (
	"math/big"

	"github.com/animicaorg/engine/aicf/economics"
	"github.com/animicaorg/engine/internal/strictjson"
)

// defaultConcurrent is how many leases a provider without a quota may hold.
const defaultConcurrent = 1

func (s *simulator) assign(f fields) (any, error) {
	inflight := map[string]uint64{}
	for _, l := range f.list("inflight", "provider_id", "task_id") {
		inflight[l.text("provider_id")]++
	}
	quotas := f
	if f.has("quotas") {
		quotas = f.free("quotas")
	}
	var providers []economics.Provider
	f.need("providers", strictjson.Array)
	for _, p := range f.list("providers", "id", "stake", "health", "caps", "region") {
		c := economics.Provider{ID: p.text("id"), Region: p.textOr("region", ""), Stake: p.uint("stake"), Health: p.maybeRatio("health"), Caps: p.texts("caps"), Quota: defaultConcurrent}
		if c.Health == nil {
			c.Health = big.NewRat(1, 1)
		}
		if s.policy != nil {
			c.Quota = s.policy.Quotas.LeasesMaxConcurrent.Quantum
		}
		if f.has("quotas") && quotas.has(c.ID) {
			c.Quota = quotas.object(c.ID, "concurrent").uint("concurrent")
		}
		c.Inflight = inflight[c.ID]
		providers = append(providers, c)
	}
	var jobs []economics.Job
	f.need("jobs", strictjson.Array)
	for _, j := range f.list("jobs", "task_id", "job_kind", "priority", "region") {
		priority := j.maybeRat("priority")
		if priority == nil {
			priority = new(big.Rat)
		}
		jobs = append(jobs, economics.Job{TaskID: j.text("task_id"), Kind: j.textOr("job_kind", "QUANTUM"), Region: j.textOr("region", ""), Priority: priority})
	}
	seed := f.raw("random_seed", true)
	if f.failed() {
		return nil, errStuck
	}
	return economics.Assign(seed, providers, jobs)
}

func shuffle(f fields) (any, error) {
	beacon, epoch, candidates := f.raw("beacon", true), f.uint("epoch"), f.texts("candidates")
	var salt []byte
	if f.has("salt") {
		salt = f.raw("salt", false)
	}
	if f.failed() {
		return nil, errStuck
	}
	seed, order := economics.Shuffle(beacon, epoch, salt, candidates)
	if order == nil {
		order = []string{}
	}
	return map[string]any{"seed": seed, "order": order}, nil
}
