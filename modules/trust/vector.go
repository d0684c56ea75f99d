package trust

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Domains of self-test vectors.
const (
	DomainVectors = "qprov/v1/module-vectors"
	domainVector  = "qprov/v1/module-vector"
	domainStreams = "qprov/v1/module-streams"
)

// MaxArgs is the most arguments of a vector's call.
const MaxArgs = 16

// Vector is one call with its known end.
type Vector struct {
	Export string
	Args   []uint64
	Inputs map[int][]byte // by stream, 0..15
	Class  abi.Class      // how the call ends: OK or DOMAIN_ERROR
	Code   uint64         // of a DOMAIN_ERROR, else 0
	Output map[int]digest.Digest
}

// Vectors are the self-test of one module.
type Vectors []Vector

// streams writes a map of streams as a frame: field number = stream + 1.
func streams[T any](m map[int]T, first, last int, bytes func(T) []byte) ([]byte, error) {
	f := transcript.NewFrame(domainStreams)
	n := 0
	for s := first; s <= last; s++ {
		if v, ok := m[s]; ok {
			f.Bytes(uint16(s+1), bytes(v), MaxInputs)
			n++
		}
	}
	if n != len(m) {
		return nil, fmt.Errorf("vector: a stream is outside %d..%d: %w", first, last, ErrForm)
	}
	return f.Encode()
}

func (v *Vector) check() error {
	total := 0
	for _, b := range v.Inputs {
		total += len(b)
	}
	ok := v.Class == abi.OK && v.Code == 0 && len(v.Output) > 0 || v.Class == abi.DomainError && v.Code >= 1 && v.Code <= abi.MaxDomainCode && len(v.Output) == 0
	switch {
	case v.Export == "" || len(v.Export) > 64 || len(v.Args) > MaxArgs || total > MaxInputs:
		return fmt.Errorf("vector: call of %q with %d arguments and %d input bytes: %w", v.Export, len(v.Args), total, ErrForm)
	case !ok:
		return fmt.Errorf("vector: end %v, code %d, %d outputs: %w", v.Class, v.Code, len(v.Output), ErrForm)
	}
	return nil
}

// Frame implements transcript.Framed.
func (v Vector) Frame() *transcript.Frame {
	f := transcript.NewFrame(domainVector)
	in, err := streams(v.Inputs, 0, abi.MaxInput, func(b []byte) []byte { return b })
	out, outErr := streams(v.Output, abi.FirstOutput, abi.MaxOutput, func(d digest.Digest) []byte { return d[:] })
	if err := errors.Join(v.check(), err, outErr); err != nil {
		return f.Fail(err)
	}
	var args []byte
	for _, a := range v.Args {
		args = binary.BigEndian.AppendUint64(args, a)
	}
	return f.Text(1, v.Export).Bytes(2, args, 8*MaxArgs).Bytes(3, in, 2*MaxInputs).U64(4, uint64(v.Class)).U64(5, v.Code).Bytes(6, out, MaxRecord)
}

// Frame implements transcript.Framed.
func (v Vectors) Frame() *transcript.Frame {
	f := transcript.NewFrame(DomainVectors)
	if len(v) == 0 || len(v) > MaxVectors {
		return f.Fail(fmt.Errorf("%d vectors, want 1..%d: %w", len(v), MaxVectors, ErrForm))
	}
	total := 0
	for i := range v {
		b, err := transcript.Encode(v[i])
		if err != nil {
			return f.Fail(err)
		}
		if total += len(b); total > MaxVectorFile {
			return f.Fail(fmt.Errorf("vectors above %d bytes: %w", MaxVectorFile, ErrForm))
		}
		f.Bytes(uint16(i+1), b, MaxVectorFile)
	}
	return f
}

// ParseVectors reads the frame of a module's vectors.
func ParseVectors(b []byte) (Vectors, error) {
	f := open(b, DomainVectors, -1, MaxVectorFile+MaxRecord)
	if f.err == nil && (len(f.fields) == 0 || len(f.fields) > MaxVectors) {
		f.fail("%d vectors, want 1..%d", len(f.fields), MaxVectors)
	}
	if f.err != nil {
		return nil, f.err
	}
	var out Vectors
	for i, x := range f.fields {
		v, err := parseVector(x.Value)
		if err == nil && int(x.ID) != i+1 {
			err = fmt.Errorf("field %d where %d is due: %w", x.ID, i+1, ErrForm)
		}
		if err != nil {
			return nil, fmt.Errorf("vector %d: %w", i, err)
		}
		out = append(out, *v)
	}
	return out, nil
}

func parseVector(b []byte) (*Vector, error) {
	f := open(b, domainVector, 6, MaxVectorFile)
	v := &Vector{Export: f.text(), Inputs: map[int][]byte{}, Output: map[int]digest.Digest{}}
	args := f.raw()
	in := f.raw()
	class := f.u64()
	v.Code = f.u64()
	out := f.raw()
	if len(args)%8 != 0 || len(args) > 8*MaxArgs || class > uint64(abi.Infra) {
		f.fail("arguments of %d bytes, class %d", len(args), class)
	}
	if f.err != nil {
		return nil, f.err
	}
	v.Class = abi.Class(class)
	for ; len(args) > 0; args = args[8:] {
		v.Args = append(v.Args, binary.BigEndian.Uint64(args))
	}
	inputs, outputs := open(in, domainStreams, -1, 2*MaxInputs), open(out, domainStreams, -1, MaxRecord)
	for _, x := range inputs.fields {
		if x.ID > abi.MaxInput+1 {
			inputs.fail("input stream %d", int(x.ID)-1)
		}
		v.Inputs[int(x.ID)-1] = x.Value
	}
	for _, x := range outputs.fields {
		if x.ID <= abi.FirstOutput || x.ID > abi.MaxOutput+1 || len(x.Value) != digest.Size {
			outputs.fail("output stream %d with a hash of %d bytes", int(x.ID)-1, len(x.Value))
			break
		}
		v.Output[int(x.ID)-1] = digest.Digest(x.Value)
	}
	if err := errors.Join(inputs.err, outputs.err); err != nil {
		return nil, err
	}
	return v, v.check()
}

// Recorder passes calls on to a guest and keeps each as a vector. Calls that come
// to no outcome, and those that a vector cannot hold, end in an error.
type Recorder struct {
	Caller  abi.Caller
	Vectors Vectors
}

// Call implements abi.Caller.
func (r *Recorder) Call(ctx context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	o, err := r.Caller.Call(ctx, export, args, in)
	if err != nil {
		return nil, err
	}
	v := Vector{Export: export, Args: args, Inputs: in, Class: o.Class, Output: map[int]digest.Digest{}}
	if o.Class == abi.DomainError {
		v.Code = uint64(o.Code)
	}
	for s, b := range o.Out {
		v.Output[s] = digest.Sum(b)
	}
	r.Vectors = append(r.Vectors, v)
	return o, v.check()
}

// Opener makes an instance of the bytes given and says how to end it.
type Opener func(ctx context.Context, kind abi.Kind, wasm []byte) (abi.Caller, func() error, error)

// SelfTest replays vectors on the artifact's own bytes in one instance. The frame
// must be the one that the record names; any other end of a call is ErrSelfTest.
func (a *Artifact) SelfTest(ctx context.Context, vectors []byte, open Opener) (err error) {
	vectors = bytes.Clone(vectors) // what is hashed is what is replayed
	if got := digest.Sum(vectors); got != a.Record.Vectors {
		return fmt.Errorf("%s %s: vectors %s, record says %s: %w", a.Record.Name, a.Record.Version, got, a.Record.Vectors, ErrBytes)
	}
	list, err := ParseVectors(vectors)
	if err != nil {
		return err
	}
	kind, err := abi.ParseKind(a.Record.Kind)
	if err != nil {
		return err
	}
	c, end, err := open(ctx, kind, a.Bytes())
	if err != nil {
		return fmt.Errorf("%s %s: opening for the self-test: %w", a.Record.Name, a.Record.Version, err)
	}
	defer func() { err = errors.Join(err, end()) }()
	for i := range list {
		if err := list[i].replay(ctx, c); err != nil {
			return fmt.Errorf("%s %s: vector %d: %w", a.Record.Name, a.Record.Version, i, err)
		}
	}
	return nil
}

func (v *Vector) replay(ctx context.Context, c abi.Caller) error {
	o, err := c.Call(ctx, v.Export, v.Args, v.Inputs)
	if err != nil {
		return err
	}
	code := uint64(0)
	if o.Class == abi.DomainError {
		code = uint64(o.Code)
	}
	if o.Class != v.Class || code != v.Code || len(o.Out) != len(v.Output) {
		return fmt.Errorf("%s ends as %v %d with %d outputs, want %v %d with %d: %w", v.Export, o.Class, code, len(o.Out), v.Class, v.Code, len(v.Output), ErrSelfTest)
	}
	for s := abi.FirstOutput; s <= abi.MaxOutput; s++ {
		want, ok := v.Output[s]
		if b, have := o.Out[s]; ok != have || ok && digest.Sum(b) != want {
			return fmt.Errorf("%s: output %d differs: %w", v.Export, s, ErrSelfTest)
		}
	}
	return nil
}
