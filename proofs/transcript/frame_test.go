package transcript

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func TestFrameRefusals(t *testing.T) {
	for name, f := range map[string]*Frame{
		"empty domain":     NewFrame(""),
		"long domain":      NewFrame(strings.Repeat("d", 256)),
		"domain not ASCII": NewFrame("qprov/é"),
		"ids fall":         NewFrame("d").U64(2, 0).U64(1, 0),
		"id repeated":      NewFrame("d").U64(1, 0).U64(1, 0),
		"id zero":          NewFrame("d").U64(0, 0),
		"text too long":    NewFrame("d").Text(1, strings.Repeat("a", MaxText+1)),
		"text not NFC":     NewFrame("d").Text(1, "e\u0301"),
		"text not UTF-8":   NewFrame("d").Text(1, "\xff"),
		"byte order mark":  NewFrame("d").Text(1, "\ufeffa"),
		"bytes over limit": NewFrame("d").Bytes(1, []byte("abc"), 2),
		"measurement":      ExecFrame{RunnerMeasurement: make([]byte, 33)}.Frame(),
		"status":           ResultFrame{ResultV1: ResultV1{Status: 3}}.Frame(),
		"slot twice":       ModuleSet{{Slot: "traps"}, {Slot: "traps", Name: "x"}}.Frame(),
		"too many modules": make(ModuleSet, MaxModules+1).Frame(),
	} {
		_, err := f.Encode()
		require.ErrorIs(t, err, ErrFrame, name)
		_, err = f.Sum()
		require.Error(t, err, name)
	}
	_, err := NewFrame("d").Text(1, strings.Repeat("a", MaxText)).Encode()
	require.NoError(t, err)
}

// TestEveryDomainIsItsOwn encodes one value of each definition and wants
// pairwise different domains, and every one to parse back.
func TestEveryDomainIsItsOwn(t *testing.T) {
	var z digest.Digest
	all := []Framed{JobFrame{}, ParamsFrame{[]byte{0xa0}}, JobSpecFrame{}, LeaseFrame{}, ModuleFrame{}, ModuleSet{}, DeviceFrame{},
		ExecFrame{}, ResultV1{}, ResultFrame{}, ClaimFrame{}, SigFrame{}, &Hist{Width: 1}}
	seen := map[string]bool{}
	for _, v := range all {
		b, err := Encode(v)
		require.NoError(t, err)
		domain, fields, err := ParseFrame(b)
		require.NoError(t, err)
		require.False(t, seen[domain], domain)
		require.NotEmpty(t, fields)
		seen[domain] = true
	}
	digests := map[digest.Digest]bool{}
	for _, f := range []func() (digest.Digest, error){
		func() (digest.Digest, error) { return LocalLeaseID(z) },
		func() (digest.Digest, error) { return LeaseNonceHash(z) },
		func() (digest.Digest, error) { return LeaseID(0, z, z, 0) },
		func() (digest.Digest, error) { return LeaseSeed(z, nil, z, z) },
		func() (digest.Digest, error) { return Nullifier(0, z, z) },
		func() (digest.Digest, error) { return CircuitHash(nil) },
		func() (digest.Digest, error) { return CompiledHash(nil) },
		func() (digest.Digest, error) { return PolicyHash(nil) },
		func() (digest.Digest, error) { return TrapPlanHash(z, z) },
		func() (digest.Digest, error) { return JobParams{}.Hash() },
	} {
		d, err := f()
		require.NoError(t, err)
		require.False(t, digests[d])
		digests[d] = true
	}
	_, err := LeaseSeed(z, make([]byte, MaxBeacon+1), z, z)
	require.ErrorIs(t, err, ErrFrame)
}

func TestCBORLimits(t *testing.T) {
	for name, v := range map[string]Value{
		"bytes":       MapValue(Member{"a", BytesValue(make([]byte, 65536))}),
		"key twice":   MapValue(Member{"a", UintValue(1)}, Member{"a", UintValue(2)}),
		"int kind":    {Kind: KindInt, Int: 5},
		"bool kind":   {Kind: KindBool, Uint: 2},
		"no kind":     {Kind: 99},
		"key not NFC": MapValue(Member{"e\u0301", UintValue(1)}),
	} {
		_, err := EncodeCBOR(v, ParamsLimits)
		require.ErrorIs(t, err, ErrCBOR, name)
	}
	b := bytes.Repeat([]byte{0x81}, 8) // eight nested arrays around 0: depth 8
	_, err := DecodeCBOR(append(b, 0), ParamsLimits)
	require.NoError(t, err)
	_, err = DecodeCBOR(append(b, 0x81, 0), ParamsLimits)
	require.ErrorIs(t, err, ErrCBOR)
	_, err = DecodeCBOR(make([]byte, 65537), ParamsLimits)
	require.ErrorIs(t, err, ErrCBOR)
	_, err = DecodeCBOR([]byte{0x62, 'a', 'b'}, Limits{Depth: 1, Bytes: 10, Text: 1})
	require.ErrorIs(t, err, ErrCBOR)
}

func FuzzParseFrame(f *testing.F) {
	for _, v := range []Framed{JobFrame{}, ModuleFrame{Slot: "traps", Name: "é"}, &Hist{Width: 3, Bins: []Bin{{[]byte{5}, 2}}}} {
		b, err := Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)-1])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		domain, fields, err := ParseFrame(b)
		if err != nil {
			return
		}
		fr := NewFrame(domain)
		for _, x := range fields {
			fr.Bytes(x.ID, x.Value, 1<<30)
		}
		again, err := fr.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x parses but encodes as %x (%v)", b, again, err)
		}
	})
}

func FuzzDecodeCBOR(f *testing.F) {
	seed, err := EncodeCBOR(JobParams{CircuitID: "ghz", TrapRatioPPM: 100000}.Value(), ParamsLimits)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte{0xa1, 0x61, 'x', 0x84, 0x20, 0xf5, 0x41, 0, 0x19, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := DecodeCBOR(b, ParamsLimits)
		if err != nil {
			return
		}
		again, err := EncodeCBOR(v, ParamsLimits)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x decodes but encodes as %x (%v)", b, again, err)
		}
	})
}
