// Command audit recomputes the digests of a proof bundle from its files with
// nothing but the standard library: an auditor needs no code of the engine. It
// checks hashes only; signatures, traps and attestation are the business of
// `engine proof verify`.
//
//	audit BUNDLE
package main

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: audit BUNDLE")
		os.Exit(2)
	}
	if err := audit(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "audit:", err)
		os.Exit(1)
	}
}

// proof is the part of proof.json that the digests need.
type proof struct {
	Body struct {
		ProviderID string      `json:"provider_id"`
		Circuit    string      `json:"circuit_hash"`
		Shots      uint64      `json:"shots"`
		Ratio      json.Number `json:"trap_ratio"`
		Pass       uint64      `json:"trap_pass"`
		Fail       uint64      `json:"trap_fail"`
		Hist       string      `json:"hist_digest"`
		Binding    struct {
			Chain   uint64 `json:"chain_id"`
			Round   uint64 `json:"round"`
			JobID   string `json:"job_id"`
			LeaseID string `json:"lease_id"`
			Seed    string `json:"seed"`
			Width   uint64 `json:"width"`
			Depth   uint64 `json:"depth"`
			Params  struct {
				CircuitID string `json:"circuit_id"`
				TrapMode  string `json:"trap_mode"`
				Family    string `json:"trap_family"`
				Policy    string `json:"policy_hash"`
			} `json:"params"`
			Modules []module `json:"modules"`
			Device  struct {
				Vendor, Family, Serial, Firmware string
				Key                              string `json:"device_key_sha3_256"`
				Cert                             string `json:"vendor_cert_sha3_256"`
				Calibration                      string `json:"calibration_id"`
			} `json:"device"`
			Engine   string                            `json:"engine"`
			Runner   string                            `json:"runner_measurement"`
			Compiled string                            `json:"compiled_circuit_hash"`
			TrapPlan string                            `json:"trap_plan_hash"`
			Digests  struct{ J, M, D, X, G, R string } `json:"digests"`
			Started  uint64                            `json:"started_unix_ms"`
			Finished uint64                            `json:"finished_unix_ms"`
			Status   uint64                            `json:"status"`
			Outcomes string                            `json:"outcomes_root"`
			Report   string                            `json:"trap_report_hash"`
		} `json:"binding"`
	} `json:"body"`
	Nullifier string `json:"nullifier"`
}

type module struct {
	Slot, Name, Version string
	ABI                 uint64 `json:"abi"`
	Size                uint64 `json:"size"`
	SHA3                string `json:"sha3_256"`
}

// frame is the one encoding of everything hashed: fields are numbered from 1.
func frame(domain string, fields ...[]byte) []byte {
	b := append([]byte{byte(len(domain))}, domain...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(fields)))
	for i, f := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(i+1))
		b = binary.BigEndian.AppendUint32(b, uint32(len(f)))
		b = append(b, f...)
	}
	return b
}

func hash(parts ...[]byte) []byte {
	h := sha3.Sum256(slices.Concat(parts...))
	return h[:]
}

func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// auditor collects what does not match.
type auditor struct {
	dir    string
	out    io.Writer
	failed []error
}

func (a *auditor) unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		a.failed = append(a.failed, err)
	}
	return b
}

func (a *auditor) file(name string) []byte {
	b, err := os.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		a.failed = append(a.failed, err)
	}
	return b
}

func (a *auditor) equal(name, want string, got []byte) {
	if g := hex.EncodeToString(got); g != want {
		a.failed = append(a.failed, fmt.Errorf("%s is %s, recomputed %s", name, want, g))
		return
	}
	fmt.Fprintf(a.out, "ok  %s\n", name)
}

// cbor writes the deterministic form of a map of integers, texts and bytes.
func cbor(m map[string]any) []byte {
	head := func(major byte, n uint64) []byte {
		switch {
		case n < 24:
			return []byte{major<<5 | byte(n)}
		case n < 1<<8:
			return []byte{major<<5 | 24, byte(n)}
		case n < 1<<16:
			return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
		case n < 1<<32:
			return binary.BigEndian.AppendUint32([]byte{major<<5 | 26}, uint32(n))
		}
		return binary.BigEndian.AppendUint64([]byte{major<<5 | 27}, n)
	}
	var items []string
	for k, v := range m {
		item := append(head(3, uint64(len(k))), k...)
		switch v := v.(type) {
		case uint64:
			item = append(item, head(0, v)...)
		case string:
			item = append(append(item, head(3, uint64(len(v)))...), v...)
		case []byte:
			item = append(append(item, head(2, uint64(len(v)))...), v...)
		}
		items = append(items, string(item))
	}
	sort.Strings(items)
	b := head(5, uint64(len(items)))
	for _, i := range items {
		b = append(b, i...)
	}
	return b
}

func audit(dir string, out io.Writer) error {
	a := &auditor{dir: dir, out: out}
	var p proof
	if err := json.Unmarshal(a.file("proof.json"), &p); err != nil {
		return err
	}
	b := &p.Body
	d := &b.Binding
	ratio, ok := new(big.Rat).SetString(b.Ratio.String())
	if !ok {
		return fmt.Errorf("trap_ratio %q", b.Ratio)
	}
	ppm := ratio.Mul(ratio, big.NewRat(1_000_000, 1)).Num().Uint64()

	params := map[string]any{"job_id": a.unhex(d.JobID), "width": d.Width, "depth": d.Depth, "trap_ratio_ppm": ppm, "trap_mode": d.Params.TrapMode, "policy_hash": a.unhex(d.Params.Policy)}
	if d.Params.CircuitID != "" {
		params["circuit_id"] = d.Params.CircuitID
	}
	if d.Params.Family != "" {
		params["trap_family"] = d.Params.Family
	}
	a.equal("circuit_hash", b.Circuit, hash(frame("qprov/v1/circuit", a.file("circuit.bin"))))
	a.equal("policy_hash", d.Params.Policy, hash(frame("qprov/v1/policy", a.file("policy.json"))))
	job := hash(frame("qprov/v1/job", u64(d.Chain), u64(d.Round), a.unhex(d.LeaseID), a.unhex(b.Circuit), u64(b.Shots), a.unhex(d.Seed), hash(frame("qprov/v1/params", cbor(params)))))
	a.equal("job J", d.Digests.J, job)

	slices.SortFunc(d.Modules, func(x, y module) int { return strings.Compare(x.Slot, y.Slot) })
	var digests []byte
	for _, m := range d.Modules {
		a.equal("module "+m.Slot, m.SHA3, hash(a.file("modules/"+m.SHA3+".wasm")))
		digests = append(digests, hash(frame("qprov/v1/module", []byte(m.Slot), []byte(m.Name), []byte(m.Version), u64(m.ABI), u64(m.Size), a.unhex(m.SHA3)))...)
	}
	modules := hash(frame("qprov/v1/modset", u64(uint64(len(d.Modules))), digests))
	a.equal("modules M", d.Digests.M, modules)
	dev := d.Device
	device := hash(frame("qprov/v1/device", []byte(dev.Vendor), []byte(dev.Family), []byte(dev.Serial), []byte(dev.Firmware), a.unhex(dev.Key), a.unhex(dev.Cert), []byte(dev.Calibration)))
	a.equal("device D", d.Digests.D, device)
	a.equal("compiled_circuit_hash", d.Compiled, hash(frame("qprov/v1/compiled", a.file("compiled.bin"))))
	exec := hash(frame("qprov/v1/exec", job, a.unhex(b.ProviderID), a.unhex(d.Compiled), modules, device, []byte(d.Engine), a.unhex(d.Runner), a.unhex(d.TrapPlan)))
	a.equal("execution X", d.Digests.X, exec)

	hist := a.histogram()
	a.equal("histogram G", b.Hist, hist)
	a.equal("outcomes_root", d.Outcomes, a.outcomes())
	a.equal("trap_report_hash", d.Report, hash(a.file("report.bin")))
	result := hash(frame("qprov/v2/result", exec, hist, u64(b.Pass), u64(b.Fail), u64(d.Started), u64(d.Finished), u64(d.Status), a.unhex(d.Outcomes), a.unhex(d.Report)))
	a.equal("result R", d.Digests.R, result)
	a.equal("nullifier N", p.Nullifier, hash(frame("qprov/v1/nullifier", u64(d.Chain), a.unhex(d.JobID), a.unhex(b.ProviderID))))
	return errors.Join(a.failed...)
}

// histogram is G of counts.json.
func (a *auditor) histogram() []byte {
	var c struct {
		Width, Shots uint64
		Counts       map[string]uint64
	}
	if err := json.Unmarshal(a.file("counts.json"), &c); err != nil {
		a.failed = append(a.failed, err)
		return nil
	}
	var rows []string
	for bits, n := range c.Counts {
		k, _ := new(big.Int).SetString(bits, 2)
		if k == nil {
			a.failed = append(a.failed, fmt.Errorf("counts.json: key %q", bits))
			return nil
		}
		rows = append(rows, string(append(k.FillBytes(make([]byte, (c.Width+7)/8)), u64(n)...)))
	}
	sort.Strings(rows)
	var all []byte
	for _, r := range rows {
		all = append(all, r...)
	}
	return hash(frame("qprov/v1/hist", u64(c.Width), u64(c.Shots), u64(uint64(len(rows))), all))
}

// outcomes is the RFC 6962 root over leaves of 64 slots of outcomes.bin.
func (a *auditor) outcomes() []byte {
	b := a.file("outcomes.bin")
	if len(b) < 24 {
		a.failed = append(a.failed, errors.New("outcomes.bin is too short"))
		return nil
	}
	width, slots := binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(b[16:])
	stride := (width + 7) / 8
	if width > 1<<16 || slots > 1<<32 || uint64(len(b)) != 24+slots*stride+(slots+7)/8 {
		a.failed = append(a.failed, errors.New("outcomes.bin has another length than it says"))
		return nil
	}
	rows, present := b[24:24+slots*stride], b[24+slots*stride:]
	var leaves [][]byte
	for first := uint64(0); first < slots; first += 64 {
		last := min(first+64, slots)
		leaves = append(leaves, hash([]byte{0}, u64(first), u64(last-first), rows[first*stride:last*stride], present[first/8:(last+7)/8]))
	}
	return root(leaves)
}

func root(l [][]byte) []byte {
	switch len(l) {
	case 0:
		return hash()
	case 1:
		return l[0]
	}
	k := 1
	for 2*k < len(l) {
		k *= 2
	}
	return hash([]byte{1}, root(l[:k]), root(l[k:]))
}
