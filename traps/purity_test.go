package traps

import (
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
	"github.com/stretchr/testify/require"
)

// TestChunksGiveEqualBytes splits a job in every way the batch contract names.
func TestChunksGiveEqualBytes(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	l := randomLayered(r, 9, 5)
	p, rows, hid := job(t, l, 4096, 100_000, Accredit, 3)
	for _, chunk := range []int{1, 7, 64, 1000, 4096} {
		for _, reversed := range []bool{false, true} {
			g, err := NewGenerator(l, p, testRoot(3))
			require.NoError(t, err)
			var firsts []int
			for f := 0; f < 4096; f += chunk {
				firsts = append(firsts, f)
			}
			for k := range firsts {
				f := firsts[k]
				if reversed {
					f = firsts[len(firsts)-1-k]
				}
				n := min(chunk, 4096-f)
				gr, gh, err := g.Slots(uint64(f), n)
				require.NoError(t, err)
				row, rb := rows.Locations*rows.ElemSize, guest.RowBytes(l.Width)
				require.Equal(t, rows.Data[f*row:(f+n)*row], gr.Data)
				require.Equal(t, hid.Pad[f*rb:(f+n)*rb], gh.Pad)
				require.Equal(t, hid.Mask[f*rb:(f+n)*rb], gh.Mask)
				require.Equal(t, hid.Kind[f:f+n], gh.Kind)
				require.Equal(t, hid.Window[f:f+n], gh.Window)
				require.Equal(t, hid.Parity[f:f+n], gh.Parity)
			}
		}
	}
}

// TestGuideCounts pins counts, windows and positions of 4096 slots at ratio 0.1
// against the published known answers.
func TestGuideCounts(t *testing.T) {
	raw, err := os.ReadFile("testdata/traps_prng_kat.json")
	require.NoError(t, err)
	var kat struct {
		PRNG struct {
			Root   struct{ Root string }
			Counts struct {
				Shots   uint64
				PPM     uint64 `json:"trap_ratio_ppm"`
				Ceil    uint64 `json:"T_ceil"`
				Windows int
			}
			Positions struct {
				First     []uint32 `json:"t_j_first10"`
				Six       int      `json:"count6"`
				Seven     int      `json:"count7"`
				First16   []uint32
				Last8     []uint32
				Total     int
				SHA3u32be string `json:"sha3_256_u32be"`
			}
		}
	}
	require.NoError(t, json.Unmarshal(raw, &kat))
	var root [32]byte
	_, err = hex.Decode(root[:], []byte(kat.PRNG.Root.Root))
	require.NoError(t, err)
	l := randomLayered(rand.New(rand.NewPCG(6, 1)), 2, 1)
	p, err := Plan(l, guest.Header{Shots: kat.PRNG.Counts.Shots, RatioPPM: kat.PRNG.Counts.PPM}, refPolicy(), Accredit)
	require.NoError(t, err)
	require.Equal(t, [3]uint64{kat.PRNG.Counts.Ceil, 308, 102}, [3]uint64{p.Traps, p.NA, p.NB})
	require.Len(t, p.WindowTraps, kat.PRNG.Counts.Windows)
	require.Equal(t, kat.PRNG.Positions.First, p.WindowTraps[:10])
	sizes := map[uint32]int{}
	for _, n := range p.WindowTraps {
		sizes[n]++
	}
	require.Equal(t, map[uint32]int{6: kat.PRNG.Positions.Six, 7: kat.PRNG.Positions.Seven}, sizes)

	_, hid, err := Generate(l, p, root, 0, 4096)
	require.NoError(t, err)
	var pos []uint32
	var be []byte
	nB := 0
	perm := seed.NewStream(root, "kind", 0).Shuffle(410)
	for i, k := range hid.Kind {
		require.Equal(t, uint32(i/64), hid.Window[i])
		if k == byte(guest.SlotTarget) {
			continue
		}
		require.Equal(t, perm[len(pos)]%4 == 3, k == byte(guest.SlotParity), "trap %d", len(pos))
		nB += int(k - 1)
		pos = append(pos, uint32(i))
		be = binary.BigEndian.AppendUint32(be, uint32(i))
	}
	require.Equal(t, 102, nB)
	require.Equal(t, kat.PRNG.Positions.First16, pos[:16])
	require.Equal(t, kat.PRNG.Positions.Last8, pos[len(pos)-8:])
	sum := sha3.Sum256(be)
	require.Equal(t, kat.PRNG.Positions.SHA3u32be, hex.EncodeToString(sum[:]))
}

// TestCountsOfEveryShape checks the sums for odd shots and ratios.
func TestCountsOfEveryShape(t *testing.T) {
	l := randomLayered(rand.New(rand.NewPCG(7, 1)), 1, 0)
	for _, shots := range []uint64{1, 2, 63, 64, 65, 127, 128, 129, 1000, 4095, 4097, 5000} {
		for _, ppm := range []uint64{0, 1, 999, 100_000, 333_333, 500_000, 999_999, 1_000_000} {
			for _, mix := range []Mix{Accredit, CliffordParity} {
				p, rows, hid := job(t, l, shots, ppm, mix, 1)
				var n [3]uint64
				for _, k := range hid.Kind {
					n[k]++
				}
				require.Equal(t, [3]uint64{shots - p.Traps, p.NA, p.NB}, n)
				require.Equal(t, (shots*ppm+999_999)/1_000_000, p.Traps)
				require.Equal(t, int(shots), rows.N)
				_, err := Judge(p, hid, outcomesOf(1, make([]int, shots)), int(shots))
				require.NoError(t, err)
			}
		}
	}
}

// TestDriverView: pads are uniform at every location of every kind, positions
// uniform in their window, and no secret appears in what a driver receives.
func TestDriverView(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	l := randomLayered(r, 4, 3)
	root := testRoot(77)
	p, err := Plan(l, guest.Header{Shots: 30_000, RatioPPM: 500_000}, refPolicy(), Accredit)
	require.NoError(t, err)
	rows, hid, err := Generate(l, p, root, 0, 30_000)
	require.NoError(t, err)
	// The Pauli-canonical form of a triple hides its left pad: within one kind,
	// each of the four left Paulis of one canonical triple must be equally likely.
	n := rows.Locations
	count := make([][3][4]float64, n)
	left := make([]circuit.Pauli, len(p.Palette))
	for i, u := range p.Palette {
		_, left[i] = u.PauliCanonical()
	}
	for i := range rows.N {
		for x := range n {
			count[x][hid.Kind[i]][left[rows.Index(i, x)]]++
		}
	}
	for x := range count {
		for kind, c := range count[x] {
			total := c[0] + c[1] + c[2] + c[3]
			chi := 0.0
			for _, v := range c {
				chi += (v - total/4) * (v - total/4) / (total / 4)
			}
			require.Less(t, chi, 22.0, "location %d kind %d: %v", x, kind, c) // 48 tests, 3 degrees of freedom, p about 7e-5
		}
	}
	size := int(p.WindowStart(1))
	at := make([]float64, 8)
	for i, k := range hid.Kind {
		if k != 0 {
			at[i%size*8/size]++
		}
	}
	chi := 0.0
	for _, v := range at {
		e := float64(p.Traps) / 8
		chi += (v - e) * (v - e) / e
	}
	require.Less(t, chi, 30.0)
	view := append(p.Append(nil), rows.Append(nil)...)
	require.NotContains(t, string(view), string(root[:]))
	require.NotContains(t, string(view), string(root[:8]))
}

// TestThreadsDoNotMatter generates from several goroutines at once.
func TestThreadsDoNotMatter(t *testing.T) {
	l := randomLayered(rand.New(rand.NewPCG(9, 1)), 6, 4)
	p, rows, _ := job(t, l, 512, 250_000, Accredit, 5)
	got := make([]*guest.Rows, 2*runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for k := range got {
		wg.Go(func() { got[k], _, _ = Generate(l, p, testRoot(5), 0, 512) })
	}
	wg.Wait()
	for _, g := range got {
		require.Equal(t, rows.Data, g.Data)
	}
}

func TestGenerateRefuses(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 1))
	l, other := randomLayered(r, 3, 2), randomLayered(r, 3, 2)
	p, _, _ := job(t, l, 100, 100_000, Accredit, 1)
	for name, f := range map[string]func() error{
		"first":    func() error { _, _, err := Generate(l, p, testRoot(1), 100, 1); return err },
		"overflow": func() error { _, _, err := Generate(l, p, testRoot(1), 99, 2); return err },
		"wrap":     func() error { _, _, err := Generate(l, p, testRoot(1), ^uint64(0), 1); return err },
		"none":     func() error { _, _, err := Generate(l, p, testRoot(1), 0, 0); return err },
		"palette": func() error {
			o := *l
			o.U = other.U
			_, _, err := Generate(&o, p, testRoot(1), 0, 1)
			return err
		},
		"skeleton": func() error {
			o := *l
			o.Skeleton = circuit.Skeleton{Width: 3, Layers: [][]circuit.Pair{{}, {{A: 0, B: 2}}}}
			_, _, err := Generate(&o, p, testRoot(1), 0, 1)
			return err
		},
		"mix": func() error {
			q := *p
			q.MixA = 2
			_, _, err := Generate(l, &q, testRoot(1), 0, 1)
			return err
		},
		"windows": func() error {
			q := *p
			q.WindowTraps = []uint32{9, 1}
			_, _, err := Generate(l, &q, testRoot(1), 0, 1)
			return err
		},
		"counts": func() error {
			q := *p
			q.NA, q.NB = q.NA+1, q.NB-1
			_, _, err := Generate(l, &q, testRoot(1), 0, 1)
			return err
		},
		"shots":  func() error { _, err := Plan(l, guest.Header{}, refPolicy(), Accredit); return err },
		"policy": func() error { _, err := Plan(l, guest.Header{Shots: 1}, guest.Policy{}, Accredit); return err },
		"too large": func() error {
			big := randomLayered(r, 64, 0)
			big.Layers = make([][]circuit.Pair, MaxLocations/64)
			big.U = make([]circuit.U3Angles, big.Locations())
			_, err := Plan(big, guest.Header{Shots: 1}, refPolicy(), Accredit)
			return err
		},
	} {
		require.ErrorIs(t, f(), ErrDomain, name)
	}
}

var update = flag.Bool("update", false, "write testdata/golden.json")

// TestGoldenHashes freezes the bytes of plan, rows, hidden data and verdict.
func TestGoldenHashes(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var want map[string][4]string
	require.NoError(t, json.Unmarshal(raw, &want))
	got := map[string][4]string{}
	for name, j := range goldenJobs() {
		p, rows, hid := job(t, j.layered, j.shots, j.ppm, j.mix, 42)
		v, err := Judge(p, hid, j.outcomes(hid), int(j.shots))
		require.NoError(t, err)
		got[name] = [4]string{hexSum(p.Append(nil)), hexSum(rows.Append(nil)), hexSum(hid.Append(nil)), hexSum(v.Append(nil))}
	}
	out, err := json.MarshalIndent(got, "", " ")
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("testdata/golden.json", append(out, '\n'), 0o644))
	}
	require.Equal(t, want, got, "now:\n%s", out)
}

func hexSum(b []byte) string {
	h := sha3.Sum256(b)
	return hex.EncodeToString(h[:])
}

type goldenJob struct {
	layered    *circuit.Layered
	shots, ppm uint64
	mix        Mix
}

func goldenJobs() map[string]goldenJob {
	r := rand.New(rand.NewPCG(2026, 1))
	out := map[string]goldenJob{
		"w1 m0 shots1":       {randomLayered(r, 1, 0), 1, 1_000_000, Accredit},
		"w3 m2 shots200":     {randomLayered(r, 3, 2), 200, 333_333, Accredit},
		"w9 m4 parity":       {randomLayered(r, 9, 4), 1000, 100_000, CliffordParity},
		"guide 20x120 x4096": {brickwork(r, 20, 60), 4096, 100_000, Accredit},
	}
	for _, f := range secondary() {
		r := rand.New(rand.NewPCG(2026, 2))
		out["family "+f.Name] = goldenJob{suited(f.Name, brickwork(r, 7, 5), r), 700, 200_000, f.Mix}
	}
	return out
}

// outcomes is a device that honours four of five traps: deterministic, not honest.
func (j goldenJob) outcomes(h *guest.Hidden) *guest.Outcomes {
	o := outcomesOf(h.Width, make([]int, h.N))
	copy(o.Rows, h.Pad)
	rb := guest.RowBytes(h.Width)
	for i := 0; i < h.N; i++ {
		if h.Parity[i] == 1 || i%5 == 0 {
			k := 0
			for h.Mask[i*rb+k] == 0 && k+1 < rb {
				k++
			}
			if m := h.Mask[i*rb+k]; m != 0 {
				o.Rows[i*rb+k] ^= m & -m
			}
		}
	}
	return o
}
