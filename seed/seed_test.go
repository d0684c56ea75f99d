package seed

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// kat is testdata/traps_prng_kat.json. Its symplectic vectors belong to the
// random Clifford of a whole register, which nothing here draws.
type kat struct {
	PRNG struct {
		Root struct {
			Seed           string
			ModuleHash     string `json:"module_hash"`
			TranscriptHash string `json:"transcript_hash"`
			PRK, Root      string
		}
		HKDF struct {
			IKM, Salt, Info string
			L               int
			PRK, OKM        string
		} `json:"hkdf_sha3_256"`
		ShakeEmpty string `json:"shake256_empty_32"`
		ShakeABC   string `json:"shake256_abc_32"`
		Stream     struct {
			Label  string
			Index  uint64
			First  string `json:"first_64"`
			Index1 string `json:"index1_first_32"`
		}
		Uniform []struct {
			N         uint64
			Label     string
			Index     uint64
			First8    []uint64
			BytesUsed int `json:"bytes_used"`
		}
		Shuffle16   []uint32
		Shuffle4096 struct {
			First8, Last8 []uint32
			Hash          string `json:"sha3_256_u32be"`
		}
		Positions struct {
			First16, Last8 []uint32
			Total          int
			Hash           string `json:"sha3_256_u32be"`
		}
		Clifford [][2]uint64 `json:"clifford1q_slot7"`
	}
}

func load(t testing.TB) (k kat, root [32]byte) {
	raw, err := os.ReadFile("testdata/traps_prng_kat.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &k))
	copy(root[:], unhex(t, k.PRNG.Root.Root))
	return k, root
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	require.NoError(t, err)
	return b
}

func hash32(t testing.TB, s string) (h [32]byte) {
	require.Equal(t, 32, copy(h[:], unhex(t, s)))
	return h
}

func sumU32BE(v []uint32) string {
	var b []byte
	for _, x := range v {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	h := sha3.Sum256(b)
	return hex.EncodeToString(h[:])
}

func TestRoot(t *testing.T) {
	k, want := load(t)
	r := k.PRNG.Root
	got, err := Root(hash32(t, r.ModuleHash), hash32(t, r.Seed), hash32(t, r.TranscriptHash))
	require.NoError(t, err)
	require.Equal(t, want, got)
	prk, err := hkdf.Extract(newSHA3, append(unhex(t, r.Seed), unhex(t, r.TranscriptHash)...), unhex(t, r.ModuleHash))
	require.NoError(t, err)
	require.Equal(t, r.PRK, hex.EncodeToString(prk))

	h := k.PRNG.HKDF
	prk, err = hkdf.Extract(newSHA3, unhex(t, h.IKM), unhex(t, h.Salt))
	require.NoError(t, err)
	require.Equal(t, h.PRK, hex.EncodeToString(prk))
	okm := make([]byte, h.L)
	require.NoError(t, derive(okm, unhex(t, h.IKM), unhex(t, h.Salt), string(unhex(t, h.Info))))
	require.Equal(t, h.OKM, hex.EncodeToString(okm))
	require.Equal(t, h.OKM[:32], hex.EncodeToString(okm[:16]), "a shorter output is a prefix")

	require.Equal(t, k.PRNG.ShakeEmpty, hex.EncodeToString(sha3.SumSHAKE256(nil, 32)))
	require.Equal(t, k.PRNG.ShakeABC, hex.EncodeToString(sha3.SumSHAKE256([]byte("abc"), 32)))
}

func TestStream(t *testing.T) {
	k, root := load(t)
	s := NewStream(root, k.PRNG.Stream.Label, k.PRNG.Stream.Index)
	got := make([]byte, 64)
	s.Fill(got[:7])
	s.Fill(got[7:])
	require.Equal(t, k.PRNG.Stream.First, hex.EncodeToString(got))
	s.Reset(&root, k.PRNG.Stream.Label, 1)
	s.Fill(got[:32])
	require.Equal(t, k.PRNG.Stream.Index1, hex.EncodeToString(got[:32]))

	// Against one plain hash over the whole rule, across refills and for labels
	// longer than the scratch space.
	for _, label := range []string{"", "win", string(bytes.Repeat([]byte("x"), 200))} {
		in := append([]byte("qtrap/v1/stream"), 0, 0, 0, byte(len(label)))
		in = append(in, label...)
		in = binary.BigEndian.AppendUint64(in, 0x0102030405060708)
		in = append(in, 0, 0, 0, 32)
		want := sha3.SumSHAKE256(append(in, root[:]...), 3000)
		got := make([]byte, 3000)
		s := NewStream(root, label, 0x0102030405060708)
		for i, n := 0, 1; i < len(got); i, n = i+n, n+13 {
			n = min(n, len(got)-i)
			s.Fill(got[i : i+n])
		}
		require.Equal(t, want, got)
	}
}

func TestUniform(t *testing.T) {
	k, root := load(t)
	for _, u := range k.PRNG.Uniform {
		s := NewStream(root, u.Label, u.Index)
		for _, want := range u.First8 {
			require.Equal(t, want, s.Uniform(u.N), "n=%d", u.N)
		}
		rest, all := make([]byte, 8), make([]byte, u.BytesUsed+8)
		s.Fill(rest)
		NewStream(root, u.Label, u.Index).Fill(all)
		require.Equal(t, all[u.BytesUsed:], rest, "n=%d: bytes read", u.N)

		if u.N <= 256 {
			got := make([]byte, 8)
			s.Reset(&root, u.Label, u.Index)
			s.FillUniform(got[:3], int(u.N))
			s.FillUniform(got[3:], int(u.N))
			for i, want := range u.First8 {
				require.Equal(t, want, uint64(got[i]))
			}
			s.Fill(rest)
			require.Equal(t, all[u.BytesUsed:], rest, "n=%d: bytes read by FillUniform", u.N)
		}
	}
	s := NewStream(root, "u", 0)
	var want, got [8]byte
	s.Fill(want[:])
	s.Reset(&root, "u", 0)
	require.Zero(t, s.Uniform(1))
	require.Zero(t, s.Uniform(0))
	one := []byte{9, 9}
	s.FillUniform(one, 1)
	require.Equal(t, []byte{0, 0}, one)
	s.Fill(got[:])
	require.Equal(t, want, got, "n = 1 reads nothing")
	s.Reset(&root, "u", 0)
	require.Equal(t, binary.LittleEndian.Uint64(want[:]), s.Uniform(1<<64-1), "a 64-bit modulus")
}

func TestFillUniformEqualsUniform(t *testing.T) {
	_, root := load(t)
	for _, n := range []int{2, 3, 4, 6, 24, 200, 255, 256} {
		a, b := NewStream(root, "eq", uint64(n)), NewStream(root, "eq", uint64(n))
		got := make([]byte, 2000)
		for lo, step := 0, 1; lo < len(got); lo, step = lo+step, step+7 {
			step = min(step, len(got)-lo)
			a.FillUniform(got[lo:lo+step], n)
		}
		for i := range got {
			require.Equal(t, b.Uniform(uint64(n)), uint64(got[i]), "n=%d draw %d", n, i)
		}
		require.Equal(t, b.Uniform(1<<40), a.Uniform(1<<40))
	}
}

func TestShuffleAndChoose(t *testing.T) {
	k, root := load(t)
	require.Equal(t, k.PRNG.Shuffle16, NewStream(root, "shuffle", 0).Shuffle(16))
	p := NewStream(root, "shuffle", 1).Shuffle(4096)
	require.Equal(t, k.PRNG.Shuffle4096.First8, p[:8])
	require.Equal(t, k.PRNG.Shuffle4096.Last8, p[4088:])
	require.Equal(t, k.PRNG.Shuffle4096.Hash, sumU32BE(p))

	var pos []uint32 // 410 traps in 64 windows of 64 slots
	for j := range 64 {
		n := (j+1)*410/64 - j*410/64
		for _, x := range NewStream(root, "win", uint64(j)).Choose(n, 64) {
			pos = append(pos, uint32(64*j)+x)
		}
	}
	w := k.PRNG.Positions
	require.Len(t, pos, w.Total)
	require.Equal(t, w.First16, pos[:16])
	require.Equal(t, w.Last8, pos[len(pos)-8:])
	require.Equal(t, w.Hash, sumU32BE(pos))

	s := NewStream(root, "edge", 0)
	require.Equal(t, []uint32{0, 1, 2}, s.Choose(9, 3))
	require.Empty(t, s.Choose(-1, 3))
	require.Empty(t, s.Choose(2, -3))
	require.Empty(t, s.Shuffle(-1))
}

func TestClifford(t *testing.T) {
	k, root := load(t)
	s := NewStream(root, "slot", 7)
	for i, want := range k.PRNG.Clifford {
		require.Equal(t, want, [2]uint64{s.Uniform(6), s.Uniform(4)}, "gate %d", i)
	}
}

func TestShotWords(t *testing.T) {
	var j, sd [32]byte
	for i := range j {
		j[i], sd[i] = byte(i), byte(255-i)
	}
	key, err := ShotKey(j, sd)
	require.NoError(t, err)
	long, err := hkdf.Key(newSHA3, sd[:], j[:], "qprov/v1/shots", 32)
	require.NoError(t, err)
	require.Equal(t, long[:16], key[:])

	w, err := NewShotWords(key)
	require.NoError(t, err)
	block, err := aes.NewCipher(key[:])
	require.NoError(t, err)
	raw := make([]byte, 8*3000)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(raw, raw)
	got := make([]uint64, 2000)
	for _, first := range []uint64{0, 1, 2, 511, 512, 1000} {
		w.Fill(got, first)
		for i := range got {
			require.Equal(t, binary.LittleEndian.Uint64(raw[8*(int(first)+i):]), got[i])
			require.Equal(t, w.At(first+uint64(i)), got[i])
		}
	}
	w.Fill(got[:2], 1<<40+1)
	require.Equal(t, w.At(1<<40+1), got[0])
	require.Equal(t, w.At(1<<40+2), got[1])
	w.Fill(nil, 3)
}

// FIPS 197, appendix C.1 fixes the block cipher; here counter 0 under the zero
// key fixes word order and counter start.
func TestShotWordsKnownAnswer(t *testing.T) {
	w, err := NewShotWords([16]byte{})
	require.NoError(t, err)
	// AES-128 of the zero block under the zero key: 66e94bd4ef8a2c3b884cfa59ca342b2e.
	require.Equal(t, uint64(0x3b2c8aefd44be966), w.At(0))
	require.Equal(t, uint64(0x2e2b34ca59fa4c88), w.At(1))
}

func TestNoAllocation(t *testing.T) {
	_, root := load(t)
	s := NewStream(root, "slot", 0)
	buf := make([]byte, 5000)
	n := testing.AllocsPerRun(20, func() {
		s.Reset(&root, "slot", 5)
		s.FillUniform(buf, 4)
		s.Uniform(6)
	})
	require.Zero(t, n)
}

// BenchmarkSlots4096 is one job of 4096 slots with 5 KB of draws each.
func BenchmarkSlots4096(b *testing.B) {
	_, root := load(b)
	s := new(Stream)
	buf := make([]byte, 5000)
	for b.Loop() {
		for i := range uint64(4096) {
			s.Reset(&root, "slot", i)
			s.FillUniform(buf, 4)
		}
	}
}

// BenchmarkUniform is the same job drawn one value at a time.
func BenchmarkUniform(b *testing.B) {
	_, root := load(b)
	s := new(Stream)
	for b.Loop() {
		for i := range uint64(4096) {
			s.Reset(&root, "slot", i)
			for range 5000 {
				s.Uniform(4)
			}
		}
	}
}

func BenchmarkShotWords(b *testing.B) {
	w, _ := NewShotWords([16]byte{1})
	dst := make([]uint64, 4096)
	b.SetBytes(8 * 4096)
	for b.Loop() {
		w.Fill(dst, 1)
	}
}
