package economics

import (
	"bytes"
	"cmp"
	"fmt"
	"math/big"
	"slices"

	"github.com/animicaorg/engine/digest"
)

// Provider is a candidate.
type Provider struct {
	ID, Region string
	Stake      uint64
	Health     *big.Rat // 0..1; 0 gets no work
	Caps       []string // kinds of jobs
	Quota      uint64   // concurrent leases
	Inflight   uint64   // leases held already; they count against Quota
	// Fits is a last filter of the caller's: the name of what keeps the provider
	// from the job, empty when nothing does. Nil: nothing. It is a function of the
	// two alone.
	Fits func(*Job) string
}

// Job waits for a provider.
type Job struct {
	TaskID, Kind, Region string // empty region: any
	Priority             *big.Rat
}

// Assigned is one pair.
type Assigned struct {
	TaskID     string `json:"task_id"`
	ProviderID string `json:"provider_id"`
}

// Assignment is a pass over the jobs. Reasons has one entry per unassigned job:
// the last filter that no provider passed.
type Assignment struct {
	Assignments []Assigned        `json:"assignments"`
	Unassigned  []string          `json:"unassigned"`
	Reasons     map[string]string `json:"reasons"`
}

// filters in their order, named as reasons name them.
var filters = []struct {
	name string
	pass func(*Provider, *Job) bool
}{
	{"capability", func(p *Provider, j *Job) bool { return slices.Contains(p.Caps, j.Kind) }},
	{"region", func(p *Provider, j *Job) bool { return j.Region == "" || j.Region == p.Region }},
	{"health", func(p *Provider, _ *Job) bool { return p.Health.Sign() > 0 }},
	{"quota", func(p *Provider, _ *Job) bool { return p.Inflight < p.Quota }},
}

// Assign takes jobs by descending priority, then task id, and gives each to the
// provider with the highest stake × health that passes every filter. Equal
// scores go to the higher SHA3-256(seed ‖ provider id), then the smaller id. The
// order of the input plays no part.
func Assign(seed []byte, providers []Provider, jobs []Job) (*Assignment, error) {
	ranked, err := rank(seed, providers)
	if err != nil {
		return nil, err
	}
	queue := slices.Clone(jobs)
	slices.SortFunc(queue, func(a, b Job) int {
		return cmp.Or(b.Priority.Cmp(a.Priority), cmp.Compare(a.TaskID, b.TaskID))
	})
	out := &Assignment{Assignments: []Assigned{}, Unassigned: []string{}, Reasons: map[string]string{}}
	for i := range queue {
		j := &queue[i]
		if i > 0 && queue[i-1].TaskID == j.TaskID {
			return nil, fmt.Errorf("job %s appears twice: %w", j.TaskID, ErrRange)
		}
		p, reason := pick(ranked, j)
		if p == nil {
			out.Unassigned = append(out.Unassigned, j.TaskID)
			out.Reasons[j.TaskID] = reason
			continue
		}
		p.Inflight++
		out.Assignments = append(out.Assignments, Assigned{j.TaskID, p.ID})
	}
	return out, nil
}

func pick(ranked []Provider, j *Job) (*Provider, string) {
	reached, unfit := 0, ""
	if len(ranked) == 0 {
		return nil, "no provider"
	}
next:
	for i := range ranked {
		for stage, f := range filters {
			if !f.pass(&ranked[i], j) {
				reached = max(reached, stage)
				continue next
			}
		}
		if fits := ranked[i].Fits; fits != nil {
			if name := fits(j); name != "" {
				unfit = name
				continue
			}
		}
		return &ranked[i], ""
	}
	if unfit != "" {
		return nil, unfit
	}
	return nil, filters[reached].name
}

func rank(seed []byte, providers []Provider) ([]Provider, error) {
	out := slices.Clone(providers)
	score, tie := map[string]*big.Rat{}, map[string]digest.Digest{}
	for _, p := range out {
		if score[p.ID] != nil {
			return nil, fmt.Errorf("provider %s appears twice: %w", p.ID, ErrRange)
		}
		score[p.ID] = new(big.Rat).Mul(new(big.Rat).SetUint64(p.Stake), p.Health)
		tie[p.ID] = digest.SumParts(seed, []byte(p.ID))
	}
	slices.SortFunc(out, func(a, b Provider) int {
		x, y := tie[a.ID], tie[b.ID]
		return cmp.Or(score[b.ID].Cmp(score[a.ID]), bytes.Compare(y[:], x[:]), cmp.Compare(a.ID, b.ID))
	})
	return out, nil
}

// AssignmentSeed is the seed by which Assign orders equals: the beacon value after that many
// rounds of a fairness shuffle, the first of which is the value itself. Without rounds the
// order of equals is the same in every pass.
func AssignmentSeed(beacon []byte, rounds uint64) []byte {
	if rounds == 0 {
		return nil
	}
	seed := beacon
	for range rounds - 1 {
		next := digest.SumParts([]byte(shuffleDomain+":round:"), seed)
		seed = next[:]
	}
	return seed
}

// shuffleDomain separates the beacon shuffle from other hashes.
const shuffleDomain = "animica/aicf/assign/v1"

// Shuffle orders candidates by a beacon value: seed = H(domain ‖ ":epoch:" ‖
// u64be epoch ‖ beacon), then ascending H(domain ‖ ":score:" ‖ seed ‖ salt ‖
// candidate), ties by name. Repeated candidates count once.
func Shuffle(beacon []byte, epoch uint64, salt []byte, candidates []string) (seed digest.Digest, order []string) {
	seed = digest.SumParts([]byte(shuffleDomain+":epoch:"), u64(epoch), beacon)
	order = slices.Clone(candidates)
	slices.Sort(order)
	order = slices.Compact(order)
	score := map[string]digest.Digest{}
	for _, c := range order {
		score[c] = digest.SumParts([]byte(shuffleDomain+":score:"), seed[:], salt, []byte(c))
	}
	slices.SortStableFunc(order, func(a, b string) int {
		x, y := score[a], score[b]
		return bytes.Compare(x[:], y[:])
	})
	return seed, order
}
