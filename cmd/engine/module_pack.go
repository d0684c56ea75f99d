package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/modules/trust"
	"github.com/animicaorg/engine/proofs/transcript"
)

// recordAnswer is a record for readers.
type recordAnswer struct {
	ID         digest.Digest `json:"id"`
	Kind       string        `json:"kind"`
	Name       string        `json:"name"`
	Version    string        `json:"version"`
	SHA3       digest.Digest `json:"sha3_256"`
	SHA256     digest.Digest `json:"sha256"`
	Size       uint64        `json:"size"`
	Meter      string        `json:"meter,omitempty"`
	Metered    string        `json:"metered_sha3_256,omitempty"`
	Vectors    digest.Digest `json:"vectors"`
	Status     trust.Status  `json:"status"`
	Activation uint64        `json:"activation"` // block height
	Expiry     uint64        `json:"expiry"`     // block height
}

func recordOf(r *trust.Record) (recordAnswer, error) {
	id, err := r.ID()
	a := recordAnswer{ID: id, Kind: r.Kind, Name: r.Name, Version: r.Version, SHA3: r.SHA3, SHA256: r.SHA256, Size: r.Size, Meter: r.Meter,
		Vectors: r.Vectors, Status: r.Status, Activation: r.Activation, Expiry: r.Expiry}
	if !r.MeteredSHA3.IsZero() {
		a.Metered = r.MeteredSHA3.String()
	}
	return a, err
}

func (e *program) modulePack() *cobra.Command {
	r := trust.Record{Profile: "L1", ABI: "qx1"}
	var status, out string
	var builders, audits []string
	c := &cobra.Command{
		Use: "pack FILE", Short: "Make the governance record of a module, with self-test vectors",
		Long: `Run a module on fixed samples, keep what it answers as its self-test vectors, put
module and vectors into the store and write the record for a set. Hashes, size,
kind, name, version and float policy come from the module; where it comes from, who
built it and who audited it are given.`,
		Example: "  engine module pack traps.wasm --activation 100 --expiry 100000 \\\n    --source https://example.org/traps --commit 1a2b3c --out traps.record",
		Args:    cli.Args("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return cli.Errorf(cli.Usage, "--out", "is missing").WithHint("--out FILE")
			}
			r.Status = trust.Status(status)
			if err := parseDigests("--builder", builders, &r.Builders); err != nil {
				return err
			}
			if err := parseDigests("--audit", audits, &r.Audits); err != nil {
				return err
			}
			b, err := e.readModule("FILE", args[0])
			if err != nil {
				return err
			}
			a, refusal := inspectModule(b, "auto")
			if refusal != nil {
				return refusal
			}
			if a.Floats == "canonical" {
				r.Profile = "L1/canonical"
			}
			g, err := e.governed()
			if err != nil {
				return err
			}
			r.Kind, r.SHA3, r.SHA256, r.Size = a.Kind, a.SHA3, sha256.Sum256(b), uint64(len(b))
			vectors, err := e.recordVectors(cmd.Context(), &r, b)
			if err != nil {
				return trustError(args[0], err)
			}
			return e.pack(g, &r, b, vectors, out)
		},
	}
	f := c.Flags()
	f.StringVar(&status, "status", string(trust.Active), "candidate, active or deprecated")
	f.Uint64Var(&r.Activation, "activation", 0, "block height from which on the module may run")
	f.Uint64Var(&r.Expiry, "expiry", 0, "block height from which on it may not")
	f.StringVar(&r.Source, "source", "", "where the source is")
	f.StringVar(&r.Commit, "commit", "", "revision of the source")
	f.StringVar(&r.Toolchain, "toolchain", "", "what the module was built with")
	f.StringArrayVar(&builders, "builder", nil, "SHA3-256 `HASH` of a builder's statement that it got these bytes from the source; repeat")
	f.StringArrayVar(&audits, "audit", nil, "SHA3-256 `HASH` of an audit report; repeat")
	f.StringVar(&out, "out", "", "`FILE` for the record")
	return c
}

// parseDigests reads the values of a flag.
func parseDigests(flag string, text []string, to *[]digest.Digest) error {
	for _, t := range text {
		d, err := digest.Parse(t)
		if err != nil {
			return cli.Errorf(cli.Usage, flag, "%w", err)
		}
		*to = append(*to, d)
	}
	return nil
}

func (e *program) pack(g *governed, r *trust.Record, wasm, vectors []byte, out string) error {
	r.Vectors = digest.Sum(vectors)
	frame, err := transcript.Encode(*r)
	if err != nil {
		return trustError("FILE", err)
	}
	for _, b := range [][]byte{wasm, vectors} {
		if _, err := g.store.Put(b); err != nil {
			return trustError("--data-dir", err)
		}
	}
	if err := e.WriteOutput(out, frame, 0o644); err != nil {
		return err
	}
	a, err := recordOf(r)
	if err != nil {
		return err
	}
	return e.Print(map[string]any{"record": a, "sha3_256": a.SHA3, "sha256": a.SHA256}, func(w io.Writer) {
		fmt.Fprintf(w, "record    %s\nmodule    %s %s %s\nsha3_256  %s\nvectors   %s\n", a.ID, a.Kind, a.Name, a.Version, a.SHA3, a.Vectors)
	})
}

// recordVectors runs the samples and fills in what the module says of itself.
func (e *program) recordVectors(ctx context.Context, r *trust.Record, wasm []byte) ([]byte, error) {
	open, err := e.opener()
	if err != nil {
		return nil, err
	}
	kind, err := abi.ParseKind(r.Kind)
	if err != nil {
		return nil, err
	}
	c, end, err := open(ctx, kind, wasm)
	if err != nil {
		return nil, err
	}
	defer func() { _ = end() }() // ends the worker; its outcome is known by now
	metered, err := host.Metered(wasm, kind)
	if err != nil {
		return nil, err
	}
	r.Meter, r.MeteredSHA3 = meter.ID, digest.Sum(metered)
	rec := &trust.Recorder{Caller: c}
	m, err := abi.ReadManifest(ctx, rec)
	if err != nil {
		return nil, err
	}
	r.Name, r.Version = m.Name, m.Version
	if kind == abi.KindCompiler {
		err = compilerSamples(ctx, rec)
	} else {
		err = trapSamples(ctx, rec)
	}
	if err != nil {
		return nil, err
	}
	return transcript.Encode(rec.Vectors)
}

// compilerSamples compiles a small circuit for any device and for a line.
func compilerSamples(ctx context.Context, c abi.Caller) error {
	op := func(g circuit.Gate, q ...uint16) circuit.Op {
		o := circuit.Op{Gate: g, NQ: uint8(len(q))}
		copy(o.Q[:], q)
		return o
	}
	s := &circuit.Circuit{Qubits: 3, Clbits: 3}
	for q := range uint16(3) {
		u := op(circuit.U3, q)
		u.Params = [4]circuit.Angle{circuit.HalfPi, circuit.Angle(q+1) << 40, circuit.Pi}
		s.Ops = append(s.Ops, u)
	}
	s.Ops = append(s.Ops, op(circuit.CZ, 0, 1), op(circuit.CZ, 1, 2))
	for q := range uint16(3) {
		m := op(circuit.Measure, q)
		m.Clbit = uint32(q)
		s.Ops = append(s.Ops, m)
	}
	for _, t := range []guest.Target{{}, {Width: 3, Edges: []circuit.Pair{{A: 0, B: 1}, {A: 1, B: 2}}}} {
		if _, _, err := (abi.Compiler{Caller: c}).Compile(ctx, s, t); err != nil {
			return err
		}
	}
	return nil
}

// trapSamples plans, generates and judges a small job whose device answers all
// zeros.
func trapSamples(ctx context.Context, c abi.Caller) error {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{{A: 0, B: 1}}, {{A: 1, B: 2}}}}, Clbits: 3, Measure: []int{0, 1, 2}}
	for i := range l.Locations() {
		l.U = append(l.U, circuit.U3Angles{Theta: circuit.HalfPi / 2, Phi: circuit.Angle(i) << 40}.Normal())
	}
	in, lib := guest.AppendLayered(nil, l), abi.TrapLibrary{Caller: c}
	h := guest.Header{Shots: 200, RatioPPM: 300_000}
	p := guest.Policy{P1: 1000, P2: 1000, RO: 1000, AlphaE: 500_000, AlphaA: 400_000, AlphaB: 100_000, TMinAlpha: 1_000_000, TMinBeta: 1000}
	_, plan, err := lib.Plan(ctx, in, h, p)
	if err != nil {
		return err
	}
	_, hidden, err := lib.Generate(ctx, in, plan, h, p, [32]byte{1, 2, 3}, 0, 200)
	if err != nil {
		return err
	}
	o := &guest.Outcomes{N: 200, Width: 3, Rows: make([]byte, 200), Present: make([]byte, 25)}
	for i := range o.Present {
		o.Present[i] = 0xff
	}
	_, _, err = lib.Judge(ctx, plan, hidden, o)
	return err
}
