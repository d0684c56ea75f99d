package abitest

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
)

// Vector is a call and what it must answer. Streams are keyed by number. An input
// is hexadecimal, or "=CALL.STREAM": what an earlier call of the list wrote. An
// output is hexadecimal, or "sha3-256:" and the digest of a long one.
type Vector struct {
	What   string         `json:"what"`
	Export string         `json:"export"`
	Args   []uint64       `json:"args,omitempty"`
	In     map[int]string `json:"in,omitempty"`
	Class  string         `json:"class"`
	Out    map[int]string `json:"out,omitempty"`
}

// Vectors are lists of calls by the name of the module in its manifest: whatever
// language a module of that name is written in, it gives these bytes.
type Vectors map[string][]Vector

// Limits of a vector file.
const (
	MaxVectorFile  = 4 << 20
	maxVectorCalls = 1000
	longOutput     = 256 // bytes; longer ones are given by digest
	digestPrefix   = "sha3-256:"
)

// ParseVectors reads a vector file.
func ParseVectors(b []byte) (Vectors, error) {
	if len(b) > MaxVectorFile {
		return nil, fmt.Errorf("vectors: %d bytes, the limit is %d", len(b), MaxVectorFile)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var v Vectors
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	for name, calls := range v {
		if len(calls) == 0 || len(calls) > maxVectorCalls {
			return nil, fmt.Errorf("vectors of %q: %d calls, want 1 to %d", name, len(calls), maxVectorCalls)
		}
	}
	return v, nil
}

// Replay runs the calls of one module on one instance.
func Replay(ctx context.Context, c abi.Caller, calls []Vector) error {
	outs := make([]map[int][]byte, len(calls))
	for i, v := range calls {
		in := map[int][]byte{}
		for s, text := range v.In {
			b, err := vectorInput(text, outs[:i])
			if err != nil {
				return fmt.Errorf("vector %d, stream %d: %w", i, s, err)
			}
			in[s] = b
		}
		o, err := c.Call(ctx, v.Export, v.Args, in)
		if err != nil {
			return err
		}
		if o.Class.String() != v.Class {
			return fmt.Errorf("vector %d (%s): %s ended as %v %s, want %s", i, v.What, v.Export, o.Class, o.Message, v.Class)
		}
		if len(o.Out) != len(v.Out) {
			return fmt.Errorf("vector %d (%s): %s wrote %d streams, want %d", i, v.What, v.Export, len(o.Out), len(v.Out))
		}
		for s, want := range v.Out {
			if got := vectorOutput(o.Out[s]); got != want {
				return fmt.Errorf("vector %d (%s): %s wrote %d bytes to stream %d, %s, want %s", i, v.What, v.Export, len(o.Out[s]), s, got, want)
			}
		}
		outs[i] = o.Out
	}
	return nil
}

func vectorInput(text string, outs []map[int][]byte) ([]byte, error) {
	ref, ok := strings.CutPrefix(text, "=")
	if !ok {
		return hex.DecodeString(text)
	}
	var call, stream int
	if _, err := fmt.Sscanf(ref, "%d.%d", &call, &stream); err != nil || call < 0 || call >= len(outs) || outs[call][stream] == nil {
		return nil, fmt.Errorf("%q names no output of an earlier call", text)
	}
	return outs[call][stream], nil
}

func vectorOutput(b []byte) string {
	if len(b) > longOutput {
		return digestPrefix + digest.Sum(b).String()
	}
	return hex.EncodeToString(b)
}

// recorder keeps the calls that pass through it.
type recorder struct {
	abi.Caller
	what  string
	calls []Vector
	outs  []map[int][]byte
}

func (r *recorder) Call(ctx context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	o, err := r.Caller.Call(ctx, export, args, in)
	if err != nil {
		return nil, err
	}
	v := Vector{What: r.what, Export: export, Args: args, In: map[int]string{}, Class: o.Class.String(), Out: map[int]string{}}
	for s, b := range in {
		v.In[s] = hex.EncodeToString(b)
		for k, out := range r.outs {
			for os, ob := range out {
				if bytes.Equal(b, ob) {
					v.In[s] = fmt.Sprintf("=%d.%d", k, os)
				}
			}
		}
	}
	for s, b := range o.Out {
		v.Out[s] = vectorOutput(b)
	}
	r.calls, r.outs = append(r.calls, v), append(r.outs, o.Out)
	return o, nil
}

// Record runs sample calls on a guest and returns them with its answers.
func Record(ctx context.Context, g Guest) ([]Vector, error) {
	var calls []Vector
	err := g.with(ctx, func(c abi.Caller) error {
		r := &recorder{Caller: c, what: "manifest"}
		_, err := abi.Describe(ctx, r)
		if err == nil && g.Kind == abi.KindTraps {
			err = r.traps(ctx)
		} else if err == nil {
			err = r.circuits(ctx)
		}
		calls = r.calls
		return err
	})
	return calls, err
}

// traps records whole jobs, one in small calls, with outcomes good and bad.
func (rec *recorder) traps(ctx context.Context) error {
	for _, j := range []*job{newJob(1, 0, 1, 1_000_000), newJob(3, 2, 130, 300_000), newJob(9, 4, 80, 100_000), newJob(5, 3, 704, 250_000)} {
		rec.what = fmt.Sprintf("width %d, %d layers, %d shots, %d ppm", j.layered.Width, len(j.layered.Layers), j.header.Shots, j.header.RatioPPM)
		r, err := j.generated(ctx, rec)
		if err != nil {
			return err
		}
		if _, _, err := r.generate(ctx, j.header.Shots-1, 1); err != nil {
			return err
		}
		wrong := ideal(r.hidden)
		for i, k := range r.hidden.Kind {
			if i%2 == 0 && guest.SlotKind(k) != guest.SlotTarget {
				flip(r.hidden, wrong, i)
			}
		}
		lost := ideal(r.hidden)
		lost.Rows[0], lost.Present[0] = 0, lost.Present[0]&^1
		clear(lost.Rows[:guest.RowBytes(lost.Width)])
		for _, o := range []*guest.Outcomes{ideal(r.hidden), wrong, lost, ideal(r.hidden.Prefix(int(r.plan.WindowStart(len(r.plan.WindowTraps) / 2))))} {
			if _, _, err := r.judge(ctx, o); err != nil {
				return err
			}
		}
		rec.what += ": refused"
		in := r.inputs()
		if err := refused(ctx, rec, call{export: abi.ExportGenerate, args: []uint64{j.header.Shots, 1}, in: in}); err != nil {
			return err
		}
		delete(in, abi.StreamCircuit)
		if err := refused(ctx, rec, call{export: abi.ExportGenerate, args: []uint64{0, 1}, in: in}); err != nil {
			return err
		}
	}
	return nil
}

// circuits records compilations, and what is refused.
func (rec *recorder) circuits(ctx context.Context) error {
	for _, s := range append(samples(), routed()...) {
		rec.what = s.name
		if _, _, err := (abi.Compiler{Caller: rec}).Compile(ctx, s.c, s.target); err != nil && abi.ClassOf(err) != abi.DomainError {
			return err
		}
	}
	rec.what = "measured twice"
	twice := &circuit.Circuit{Qubits: 1, Clbits: 2, Ops: []circuit.Op{measure(0, 0), measure(0, 1)}}
	in, err := guest.AppendCircuit(nil, twice)
	if err != nil {
		return err
	}
	return refused(ctx, rec, compileCall(in, guest.Target{}))
}

// Check is the demand that a guest gives the answers listed under its name.
func (v Vectors) Check() Check {
	return Check{"known answers", func(ctx context.Context, g Guest) error {
		return g.with(ctx, func(c abi.Caller) error {
			m, err := abi.ReadManifest(ctx, c)
			if err != nil {
				return err
			}
			if v[m.Name] == nil {
				return fmt.Errorf("no vectors for a module named %q", m.Name)
			}
			return Replay(ctx, c, v[m.Name])
		})
	}}
}
