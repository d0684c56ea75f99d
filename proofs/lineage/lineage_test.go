package lineage

import (
	"bytes"
	"encoding/hex"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/digest"
)

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

// The encodings are those of RFC 8949 appendix A.
func TestCBORVectors(t *testing.T) {
	for in, want := range map[string]Value{
		"00": {Kind: Uint}, "1818": {Kind: Uint, Uint: 24}, "1903e8": {Kind: Uint, Uint: 1000}, "1bffffffffffffffff": {Kind: Uint, Uint: math.MaxUint64},
		"20": {Kind: Negative}, "3903e7": {Kind: Negative, Uint: 999},
		"f90000": {Kind: Float}, "f93c00": {Kind: Float, Float: 1}, "fb3ff199999999999a": {Kind: Float, Float: 1.1}, "fa47c35000": {Kind: Float, Float: 100000},
		"f90001": {Kind: Float, Float: 5.960464477539063e-8}, "f90400": {Kind: Float, Float: 0.00006103515625}, "f97bff": {Kind: Float, Float: 65504}, "f97c00": {Kind: Float, Float: math.Inf(1)}, "f9c400": {Kind: Float, Float: -4},
		"f4": {Kind: Bool}, "f5": {Kind: Bool, Uint: 1}, "f6": {}, "43010203": {Kind: Bytes, Bytes: []byte{1, 2, 3}}, "6161": {Kind: Text, Text: "a"}, "80": {Kind: Array}, "a0": {Kind: Map},
	} {
		require.Equal(t, in, hex.EncodeToString(Encode(want)))
		got, err := Decode(unhex(t, in))
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	mixed := Value{Kind: Map, Members: []Member{{"aa", Value{Kind: Uint, Uint: 1}}, {"b", Value{Kind: Uint, Uint: 2}}}}
	require.Equal(t, "a261620262616101", hex.EncodeToString(Encode(mixed)), "shorter keys first")
}

func TestCBORRefused(t *testing.T) {
	for _, in := range []string{
		"", "0000", "1817", "190017", "1a00000001", "1b0000000000000001", "5f", "c000", "f7", "f818", "fa3f800000", "fb3ff0000000000000",
		"a26162026161", "a2616101616101", "a1", "a10102", "61ff", "62c328", "82", "44010203", "9bffffffffffffffff", "bbffffffffffffffff", "5bffffffffffffffff", "f97e01",
		strings.Repeat("81", maxDepth+1) + "00",
	} {
		_, err := Decode(unhex(t, in))
		require.ErrorIs(t, err, ErrCBOR, in)
	}
	_, err := Decode(make([]byte, MaxBytes+1))
	require.ErrorContains(t, err, "limit")
	many := appendHead(nil, 4, maxItems)
	_, err = Decode(append(many, make([]byte, maxItems)...))
	require.ErrorContains(t, err, "items")
}

func body() Value {
	return Value{Kind: Map, Members: []Member{
		{"providerCert", Value{Kind: Bytes, Bytes: []byte("cert")}},
		{"trapResults", Value{Kind: Array, Items: []Value{{Kind: Float, Float: 0.5}}}},
		{"circuitDigest", Value{Kind: Bytes, Bytes: make([]byte, 32)}},
		{"shots", Value{Kind: Uint, Uint: 4096}}, {"width", Value{Kind: Uint, Uint: 20}}, {"depth", Value{Kind: Uint, Uint: 120}},
	}}
}

// The preimage is written out by hand here.
func TestNullifier(t *testing.T) {
	b, chain := body(), uint64(7)
	cert, traps := digest.Sum([]byte("cert")), digest.Sum(unhex(t, "81f93800"))
	id := unhex(t, "a6"+"6564657074681878"+"6573686f7473191000"+"65776964746814"+"6d63697263756974446967657374"+"5820"+strings.Repeat("00", 32)+
		hex.EncodeToString([]byte("\x71trapResultsDigest"))+"5820"+traps.String()+hex.EncodeToString([]byte("\x72providerCertDigest"))+"5820"+cert.String())
	sum := digest.Sum(id)
	want := digest.SumParts([]byte("Animica/ProofNullifier/Quantum/v1\x00"), sum[:], []byte{1, 0, 0, 0, 7, 2, 0xaa})
	got, err := Nullifier(&b, Salt{&chain, []byte{0xaa}})
	require.NoError(t, err)
	require.Equal(t, want, got)
	plain, err := Nullifier(&b, Salt{})
	require.NoError(t, err)
	require.Equal(t, digest.SumParts([]byte("Animica/ProofNullifier/Quantum/v1\x00"), sum[:]), plain)
	b.Members = append(b.Members, Member{"extra", Value{}})
	again, err := Nullifier(&b, Salt{})
	require.NoError(t, err)
	require.Equal(t, plain, again, "unknown members play no part")
	chain = 1 << 32
	_, err = Nullifier(&b, Salt{ChainID: &chain})
	require.ErrorIs(t, err, ErrEnvelope)
}

func TestEnvelope(t *testing.T) {
	raw, n, err := EncodeEnvelope(body(), Salt{})
	require.NoError(t, err)
	back, got, err := DecodeEnvelope(raw, Salt{})
	require.NoError(t, err)
	require.Equal(t, n, got)
	require.Equal(t, Encode(body()), Encode(*back))
	chain := uint64(1)
	_, _, err = DecodeEnvelope(raw, Salt{ChainID: &chain})
	require.ErrorIs(t, err, ErrNullifier)
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		_, _, err := DecodeEnvelope(bad, Salt{})
		require.Error(t, err, "byte %d", i)
	}
	for _, change := range []Member{
		{"shots", Value{Kind: Bool, Uint: 1}}, {"shots", Value{Kind: Uint}}, {"providerCert", Value{Kind: Bytes}}, {"trapResults", Value{Kind: Array}},
		{"circuitDigest", Value{Kind: Bytes, Bytes: make([]byte, 31)}}, {"depth", Value{Kind: Text, Text: "1"}},
	} {
		b := body()
		*b.Get(change.Key) = change.Value
		_, _, err := EncodeEnvelope(b, Salt{})
		require.ErrorIs(t, err, ErrEnvelope, change.Key)
	}
	_, _, err = DecodeEnvelope(unhex(t, "80"), Salt{})
	require.ErrorIs(t, err, ErrEnvelope)
}

func TestReceipts(t *testing.T) {
	a, b, c := Receipt{digest.Digest{1}, 9, true}, Receipt{digest.Digest{2}, 1, false}, Receipt{digest.Digest{3}, 5, true}
	leaf := func(r Receipt, flag byte) []byte {
		d := digest.SumParts([]byte("Animica/QTrapItem/v1"), r.TrapDigest[:], []byte{0, 0, 0, 0, 0, 0, 0, byte(r.Count), flag})
		return d[:]
	}
	node := func(l, r []byte) []byte {
		d := digest.SumParts([]byte("Animica/QTrapRoot/v1"), l, r)
		return d[:]
	}
	got, err := SumReceipts([]Receipt{a, b, c}, nil)
	require.NoError(t, err)
	require.Equal(t, node(node(leaf(a, 1), leaf(b, 0)), node(leaf(c, 1), leaf(c, 1))), got.Root[:])
	require.Equal(t, []uint64{14, 15}, []uint64{got.OK, got.Total})
	_, err = SumReceipts([]Receipt{a, b, c}, &got.Root)
	require.NoError(t, err)
	_, err = SumReceipts([]Receipt{a, b, c, c}, &got.Root)
	require.ErrorContains(t, err, "repeats")
	_, err = SumReceipts([]Receipt{a, c, b}, &got.Root)
	require.ErrorContains(t, err, "computed")
	_, err = SumReceipts([]Receipt{{Count: maxCount + 1}}, nil)
	require.ErrorIs(t, err, ErrReceipts)
	_, err = SumReceipts(make([]Receipt, maxReceipts+1), nil)
	require.ErrorIs(t, err, ErrReceipts)
	empty, err := SumReceipts(nil, nil)
	require.NoError(t, err)
	require.Equal(t, digest.Sum([]byte("Animica/QTrapRoot/v1")), empty.Root)
}

func TestQoS(t *testing.T) {
	for _, c := range []struct {
		p95, success, uptime uint64
		want                 float64
	}{{0, 1000, 1000, 1}, {6000, 1000, 1000, 0.55}, {90_000, 0, 0, 0}, {1500, 0, 0, 0.45 * 0.569}} {
		got, err := QoSScore(c.p95, c.success, c.uptime)
		require.NoError(t, err)
		require.InDelta(t, c.want, got, 2e-4)
	}
	_, err := QoSScore(0, 1001, 0)
	require.ErrorIs(t, err, ErrEnvelope)
}

func TestIDs(t *testing.T) {
	c := Call{1, 5, []byte{0xaa}, []byte("bob")}
	id, err := JobID(c, []byte("hi"))
	require.NoError(t, err)
	require.Equal(t, "6b3ba2624aedd9639f2380fed5bcdc49761bbc66a61cddcc079516f643f74511", id.String())
	payload := BridgePayload([]byte(`{"a":"x\"","z":1}`), 100, "3", "", "0.1")
	require.Equal(t, "e35cc7e9766d1e58c28f596650cf43a84ea285e11e47145cd33450f4ef9b4541", BridgeID(Call{1, 500, []byte{0xaa}, []byte("bob")}, payload).String())
	id, err = TaskID(c, Value{Kind: Map})
	require.NoError(t, err)
	empty := digest.Sum([]byte{0xa0})
	require.Equal(t, digest.SumParts([]byte("animica/cap.task_id/v1\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x01\xaa\x00\x03bob"), empty[:]), id)
	for _, bad := range []Call{{0, 5, c.TxHash, c.Caller}, {1, 5, nil, c.Caller}, {1, 5, c.TxHash, make([]byte, 1<<16)}} {
		_, err := TaskID(bad, Value{})
		require.ErrorIs(t, err, ErrID)
	}
	_, err = JobID(c, make([]byte, maxPart+1))
	require.ErrorIs(t, err, ErrID)
}

func TestEvidence(t *testing.T) {
	p := EvidencePolicy{big.NewRat(92, 100), 2_592_000, []string{"ed25519"}}
	good := Evidence{"qpu_provider", "x", "x", "ed25519", 1_730_000_000, 1_739_500_000, 1_730_000_100, true, 16, 18, 800, 37, 40}
	v := good.Judge(p, 0)
	require.Empty(t, v.Reasons)
	require.Zero(t, v.TrapsRatio.Cmp(big.NewRat(925, 1000)))
	require.Zero(t, v.Units.Cmp(big.NewRat(2304, 10)))
	for reason, change := range map[string]func(*Evidence){
		TrapsRatioTooLow:           func(e *Evidence) { e.TrapsPassed = 36 },
		ProviderSignatureInvalid:   func(e *Evidence) { e.SignatureOK = false },
		ProviderCertExpired:        func(e *Evidence) { e.NotAfter = e.Timestamp - 1 },
		ProviderAttestationInvalid: func(e *Evidence) { e.Subject = "y" },
	} {
		bad := good
		change(&bad)
		require.Equal(t, []string{reason}, bad.Judge(p, 0).Reasons)
	}
	require.Equal(t, []string{ProviderCertExpired}, good.Judge(p, good.NotBefore+p.MaxCertAgeSecs+1).Reasons)
	none := good
	none.TrapsPassed, none.TrapsTotal = 0, 0
	require.Equal(t, []string{TrapsRatioTooLow}, none.Judge(p, 0).Reasons)
}

func FuzzDecode(f *testing.F) {
	raw, _, err := EncodeEnvelope(body(), Salt{})
	require.NoError(f, err)
	f.Add(raw)
	f.Add([]byte{0xf9, 0x7e, 0x00})
	f.Add([]byte{0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Decode(b)
		if err != nil {
			return
		}
		if !bytes.Equal(Encode(v), b) {
			t.Fatalf("%x encodes to %x", b, Encode(v))
		}
		_, _, _ = DecodeEnvelope(b, Salt{})
	})
}

// FuzzDecodeEnvelope wants an envelope that is read to be the only one of its body.
func FuzzDecodeEnvelope(f *testing.F) {
	raw, _, err := EncodeEnvelope(body(), Salt{})
	require.NoError(f, err)
	f.Add(raw, uint64(0), false)
	id := uint64(7)
	raw, _, err = EncodeEnvelope(body(), Salt{ChainID: &id})
	require.NoError(f, err)
	f.Add(raw, id, true)
	f.Fuzz(func(t *testing.T, b []byte, chain uint64, bound bool) {
		salt := Salt{}
		if bound {
			salt.ChainID = &chain
		}
		v, n, err := DecodeEnvelope(b, salt)
		if err != nil {
			return
		}
		again, m, err := EncodeEnvelope(*v, salt)
		if err != nil || m != n || !bytes.Equal(again, b) {
			t.Fatalf("accepted another spelling: %v", err)
		}
	})
}
