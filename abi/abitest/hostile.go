package abitest

import (
	"bytes"
	"context"
	"fmt"
	"maps"

	"github.com/animicaorg/engine/abi"
)

// call is one call with good inputs.
type call struct {
	export string
	args   []uint64
	in     map[int][]byte
	parse  func(out map[int][]byte) error // refuses an output that is not of the right form
}

// positions is about how many places of each input are tried.
const positions = 40

// mutations yields changed versions of b: single bytes, cuts, additions.
func mutations(b []byte, yield func(what string, b []byte) error) error {
	step := max(1, len(b)/positions)
	for i := 0; i < len(b); i += step {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			c := bytes.Clone(b)
			c[i] ^= x
			if err := yield(fmt.Sprintf("byte %d changed by %#02x", i, x), c); err != nil {
				return err
			}
		}
		if err := yield(fmt.Sprintf("cut at %d", i), b[:i]); err != nil {
			return err
		}
	}
	for _, n := range []int{1, 8} {
		if err := yield(fmt.Sprintf("%d bytes longer", n), append(bytes.Clone(b), make([]byte, n)...)); err != nil {
			return err
		}
	}
	// Counts and offsets of the header and the section table at their extremes.
	for i := 8; i+8 <= min(len(b), 32+24*8); i += 8 {
		c := bytes.Clone(b)
		copy(c[i:], bytes.Repeat([]byte{0xff}, 8))
		if err := yield(fmt.Sprintf("bytes %d to %d all ones", i, i+7), c); err != nil {
			return err
		}
	}
	return nil
}

// lies: whatever stands in an input, the guest answers OK with a well-formed
// output, or DOMAIN_ERROR, and then still answers the good call as before.
func lies(ctx context.Context, g Guest, good call) error {
	return g.with(ctx, func(c abi.Caller) error {
		want, err := c.Call(ctx, good.export, good.args, good.in)
		if err != nil {
			return err
		}
		if want.Class != abi.OK {
			return fmt.Errorf("%s with good inputs: %v %s", good.export, want.Class, want.Message)
		}
		try := func(what string, in map[int][]byte) error {
			if err := orderly(ctx, c, call{good.export, good.args, in, good.parse}); err != nil {
				return fmt.Errorf("%s, %s: %w", good.export, what, err)
			}
			return nil
		}
		for stream := range abi.MaxInput + 1 {
			b, ok := good.in[stream]
			if !ok {
				continue
			}
			in := maps.Clone(good.in)
			delete(in, stream)
			if err := try(fmt.Sprintf("stream %d absent", stream), in); err != nil {
				return err
			}
			err := mutations(b, func(what string, b []byte) error {
				in[stream] = b
				return try(fmt.Sprintf("stream %d %s", stream, what), in)
			})
			if err != nil {
				return err
			}
		}
		again, err := c.Call(ctx, good.export, good.args, good.in)
		if err != nil {
			return err
		}
		if !sameOutput(want, again) {
			return fmt.Errorf("%s: after errors the good call gives %v and other bytes than before", good.export, again.Class)
		}
		return nil
	})
}

// orderly runs a call and demands OK with a well-formed output, or DOMAIN_ERROR.
func orderly(ctx context.Context, c abi.Caller, x call) error {
	o, err := c.Call(ctx, x.export, x.args, x.in)
	switch {
	case err != nil:
		return err
	case o.Class == abi.DomainError:
		return nil
	case o.Class != abi.OK:
		return fmt.Errorf("ended as %v: %s", o.Class, o.Message)
	}
	return x.parse(o.Out)
}

// refused runs a call and demands DOMAIN_ERROR.
func refused(ctx context.Context, c abi.Caller, x call) error {
	o, err := c.Call(ctx, x.export, x.args, x.in)
	if err != nil {
		return err
	}
	if o.Class != abi.DomainError {
		return fmt.Errorf("%s%v ended as %v, want %v", x.export, x.args, o.Class, abi.DomainError)
	}
	return nil
}

func sameOutput(a, b *abi.Outcome) bool {
	return a.Class == b.Class && a.Code == b.Code && maps.EqualFunc(a.Out, b.Out, bytes.Equal)
}
