package exec

import (
	"bufio"
	"context"
	"crypto/sha3"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/animicaorg/engine/backends/statevector/internal/kernel"
	"github.com/animicaorg/engine/backends/statevector/internal/plan"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/seed"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite testdata/golden*.txt: new numeric versions")

// golden lists the circuits whose bits are frozen. Names are the keys of
// testdata/golden.txt: width, kind, depth or number of gates.
var golden = []string{
	"1 random 9", "2 random 30", "3 random 50", "4 random 80", "5 trapset 40", "7 random 150", "9 trapset 30",
	"11 random 200", "12 trapset 20", "13 trapset 16", "14 random 150", "15 trapset 8", "16 random 60",
	"17 trapset 6", "18 random 40", "10 qft_small 0", "17 ghz 0",
}

// goldenExchange is the same for numeric/1-exchange, in testdata/golden-exchange.txt.
var goldenExchange = []string{
	"2 exchanging 30", "3 exchanging 60", "4 fsim 9", "7 exchanging 150", "9 heisenberg 12", "11 exchanging 120",
	"12 fsim 12", "13 exchanging 100", "14 heisenberg 6", "15 fsim 8", "16 exchanging 60", "17 fsim 5", "18 heisenberg 3",
}

// goldens are the lists with their files.
var goldens = map[string][]string{"testdata/golden.txt": golden, "testdata/golden-exchange.txt": goldenExchange}

// goldenOps builds a circuit by its name.
func goldenOps(t testing.TB, name string) (width int, ops []circuit.Op) {
	var kind string
	var n int
	_, err := fmt.Sscan(name, &width, &kind, &n)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(uint64(width), uint64(n)))
	switch kind {
	case "random":
		return width, randomOps(r, width, n)
	case "exchanging":
		return width, exchanging(r, width, n)
	case "fsim":
		return width, sims(r, width, n)
	case "heisenberg":
		return width, heisenberg(r, width, n)
	}
	if kind == "trapset" {
		kind = "animica.quantum.trapset.v1"
	}
	c, err := circuit.Generate(kind, width, n, [32]byte{9})
	require.NoError(t, err)
	low, err := c.Lower()
	require.NoError(t, err)
	return width, low.Ops
}

// digest hashes all amplitudes, in order of basis states, the running sums of
// the sampler and 300 outcomes.
func digest(t testing.TB, s *State) string {
	h := sha3.New256()
	var b [8]byte
	for i := range uint64(1) << s.Width() {
		o := s.stored(i)
		binary.LittleEndian.PutUint32(b[:], math.Float32bits(s.x[o]))
		binary.LittleEndian.PutUint32(b[4:], math.Float32bits(s.x[o+kernel.Lanes]))
		h.Write(b[:])
	}
	words, out := make([]uint64, 300), make([]uint64, 300)
	stream, err := seed.NewShotWords([16]byte{2})
	require.NoError(t, err)
	stream.Fill(words, 0)
	s.Sample(out, words)
	for _, list := range [][]uint64{s.leaves.cum, out} {
		for _, x := range list {
			binary.LittleEndian.PutUint64(b[:], x)
			h.Write(b[:])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func readGolden(t testing.TB, file string) map[string]string {
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	m := map[string]string{}
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if name, sum, ok := strings.Cut(sc.Text(), ": "); ok {
			m[name] = sum
		}
	}
	return m
}

// TestGolden is the promise of a numeric version: these bits, for every kernel,
// number of threads, build tag and architecture.
func TestGolden(t *testing.T) {
	for file, names := range goldens {
		if *update {
			var out strings.Builder
			for _, name := range names {
				width, ops := goldenOps(t, name)
				s := run(t, width, ops, Options{Kernel: kernel.Generic, Threads: 1})
				fmt.Fprintf(&out, "%s: %s\n", name, digest(t, s))
				s.Close()
			}
			require.NoError(t, os.WriteFile(file, []byte(out.String()), 0o644))
		}
		want := readGolden(t, file)
		require.Len(t, want, len(names))
		for _, k := range kernel.All() {
			t.Run(file+"/"+k.Name(), func(t *testing.T) { requireGolden(t, k, names, want) })
		}
	}
}

// requireGolden runs all circuits of a list on a kernel, in memory used again.
func requireGolden(t *testing.T, k kernel.Kernel, names []string, want map[string]string) {
	var old *State
	for i, name := range names {
		width, ops := goldenOps(t, name)
		p, err := plan.FromOps(width, ops)
		require.NoError(t, err)
		pl := plan.New(p)
		for j, threads := range []int{1, 2, 3, 7} {
			if k == kernel.Generic && j != i%4 {
				continue // slow: each circuit with one number of threads
			}
			s, err := Run(context.Background(), p, pl, Options{Kernel: k, Threads: threads, Reuse: old})
			require.NoError(t, err)
			require.Equal(t, want[name], digest(t, s), "%s, %d threads", name, threads)
			old = s
		}
	}
	old.Close()
}

// TestSharedPlan: a plan of another circuit with the same structure.
func TestSharedPlan(t *testing.T) {
	p, err := plan.FromOps(13, trapset(t, 13, 10))
	require.NoError(t, err)
	c, err := circuit.Generate("animica.quantum.trapset.v1", 13, 10, [32]byte{8})
	require.NoError(t, err)
	q, err := plan.FromOps(13, c.Ops)
	require.NoError(t, err)
	a, err := Run(context.Background(), p, plan.New(p), Options{})
	require.NoError(t, err)
	defer a.Close()
	b, err := Run(context.Background(), p, plan.New(q), Options{})
	require.NoError(t, err)
	defer b.Close()
	require.Equal(t, digest(t, a), digest(t, b))
}
