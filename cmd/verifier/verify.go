// Command verifier checks a proof bundle and does nothing else: no network, no
// keys, no sandbox, no simulator. Natively it is a program for a sceptic's machine;
// built for js/wasm it is what the page of cmd/verifier/page runs in a browser. The
// two are the same code and give the same report.
//
// It judges traps by the native definition and does not compile circuits again;
// "engine proof verify" does, in the sandbox.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/job"
	"github.com/animicaorg/engine/proofs"
	"github.com/animicaorg/engine/proofs/attest"
	"github.com/animicaorg/engine/proofs/attest/evidence"
)

// request is one verification.
type request struct {
	bundle *proofs.Bundle
	roots  map[string][]byte // KIND-OR-VENDOR/FILE.pem or .crl
	policy []byte            // attestation policy; nil: none
	at     string            // RFC 3339; empty: the time that the proof names
}

// report is the answer: the members of "engine proof verify --json".
type report struct {
	*proofs.Report
	Claim       *digest.Digest `json:"claim,omitempty"`
	FailedCheck string         `json:"failed_check,omitempty"`
	Exit        int            `json:"exit"` // of the first failure; 0 when valid
	Error       string         `json:"error,omitempty"`
}

// exitBundle is the exit code for a bundle that cannot be read.
const exitBundle = proofs.ExitProof

// refusal is the answer where nothing could be verified.
func refusal(err error) []byte {
	b, _ := json.Marshal(struct {
		Valid bool   `json:"valid"`
		Exit  int    `json:"exit"`
		Error string `json:"error"`
	}{false, exitBundle, err.Error()})
	return b
}

// verify answers a request with a report in JSON, and says its exit code.
func verify(ctx context.Context, r *request) ([]byte, int) {
	in, err := r.input()
	if err != nil {
		return refusal(err), exitBundle
	}
	got, err := proofs.Verify(ctx, *in)
	if err != nil {
		return refusal(err), exitBundle
	}
	out := report{Report: got}
	if !got.Claim.IsZero() {
		out.Claim = &got.Claim
	}
	if f := got.Failure; f != nil {
		out.FailedCheck, out.Exit, out.Error = f.Check, f.Exit, f.Error()
	}
	b, err := json.Marshal(out)
	if err != nil {
		return refusal(err), exitBundle
	}
	return b, out.Exit
}

// input is what proofs.Verify is asked.
func (r *request) input() (*proofs.Input, error) {
	in := &proofs.Input{Bundle: r.bundle, TrapPolicies: map[digest.Digest][]byte{}}
	for _, name := range []string{job.ExactPolicy, "ref@1"} {
		p, err := job.NamedTrapPolicy(name)
		if err != nil {
			return nil, err
		}
		h, err := p.Hash()
		if err != nil {
			return nil, err
		}
		in.TrapPolicies[h] = p.Record.Append(nil)
	}
	if r.at != "" {
		t, err := time.Parse(time.RFC3339, r.at)
		if err != nil || t.UnixMilli() <= 0 {
			return nil, fmt.Errorf("%.60q is no time such as 2026-11-25T12:00:00Z", r.at)
		}
		in.AtMS = uint64(t.UnixMilli())
	}
	a := &evidence.Attester{Published: evidence.PublishedRoots(), TEE: r.teeTrust,
		Vendor: func(vendor string) (*evidence.Trust, error) { return evidence.VendorTrust(r.folder, vendor) }}
	if r.policy != nil {
		var err error
		if a.Policy, err = attest.ParsePolicy(r.policy); err != nil {
			return nil, err
		}
	}
	in.Attester = a
	return in, nil
}

// teeTrust is the pinned roots of a kind and those given.
func (r *request) teeTrust(k attest.Kind) (*evidence.Trust, error) {
	t, err := evidence.TEETrust(r.folder, k)
	if err != nil {
		return nil, err
	}
	for _, v := range evidence.Verifiers() {
		if v.Kind() != k {
			continue
		}
		p := v.PinnedRoots()
		t.Roots.Certs, t.Roots.Between = append(t.Roots.Certs, p.Certs...), append(t.Roots.Between, p.Between...)
		t.Roots.Where = p.Where + " and " + t.Roots.Where
	}
	return t, nil
}

// folder finds the roots of one folder by the last two parts of their names.
func (r *request) folder(name string) (map[string][]byte, string, error) {
	files := map[string][]byte{}
	for full, b := range r.roots {
		if dir, file := path.Split(full); path.Base(dir) == name && name != "" {
			files[file] = b
		}
	}
	return files, "roots/" + name, nil
}

// readBundle reads a .tar, or the files of a folder by name.
func readBundle(tar []byte, files map[string][]byte) (*proofs.Bundle, error) {
	if len(tar) > 0 {
		return proofs.ReadTar(strings.NewReader(string(tar)))
	}
	if len(files) == 0 {
		return nil, errors.New("no bundle: a .tar, or a folder with manifest.json")
	}
	return proofs.ReadFiles(files)
}
