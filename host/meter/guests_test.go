package meter_test

import (
	"maps"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/plugins/embedded"
	"github.com/animicaorg/engine/stats"
	"github.com/animicaorg/engine/traps"
	"github.com/stretchr/testify/require"
)

func module(t testing.TB, name string) []byte {
	m, ok := embedded.Lookup(name)
	require.True(t, ok, name)
	return m.Bytes
}

func angle(r *rand.Rand) circuit.Angle { return circuit.Angle(r.Uint64()) &^ 0xfff }

// brickwork is a layered circuit of CZ layers on neighbours.
func brickwork(r *rand.Rand, width, layers int) *circuit.Layered {
	l := &circuit.Layered{Skeleton: circuit.Skeleton{Width: width}, Clbits: width}
	for j := range layers {
		var pairs []circuit.Pair
		for q := j % 2; q+1 < width; q += 2 {
			pairs = append(pairs, circuit.Pair{A: uint16(q), B: uint16(q + 1)})
		}
		l.Layers = append(l.Layers, pairs)
	}
	for range l.Locations() {
		l.U = append(l.U, circuit.U3Angles{Theta: angle(r), Phi: angle(r), Lambda: angle(r)}.Normal())
	}
	for q := range width {
		l.Measure = append(l.Measure, q)
	}
	return l
}

// call is one call of a guest with its inputs.
type guestCall struct {
	export string
	args   []uint64
	in     map[uint32][]byte
}

// trapCalls is plan, generate and judge of a job.
func trapCalls(t testing.TB, mix traps.Mix, width, layers int, shots uint64) []guestCall {
	r := rand.New(rand.NewPCG(7, uint64(width)))
	l := brickwork(r, width, layers)
	for j := range layers / 2 {
		if traps.NeedsMirror(mix) {
			l.Layers[layers-1-j] = l.Layers[j]
		}
	}
	h := guest.Header{Shots: shots, RatioPPM: 100_000}
	policy := guest.Policy(stats.RefPolicy())
	root := [32]byte{1, 2, 3}
	plan, err := traps.Plan(l, h, policy, mix)
	require.NoError(t, err)
	_, hidden, err := traps.Generate(l, plan, root, 0, int(shots))
	require.NoError(t, err)
	out := guest.Outcomes{N: hidden.N, Width: hidden.Width, Rows: hidden.Pad, Present: make([]byte, (hidden.N+7)/8)}
	for i := range hidden.N {
		out.Present[i>>3] |= 1 << (i & 7)
	}
	header, circ := h.Append(nil), guest.AppendLayered(nil, l)
	zero := policy.Append(make([]byte, 32))
	return []guestCall{
		{"qx_describe", nil, nil},
		{"qx_plan", nil, map[uint32][]byte{0: header, 1: circ, 5: zero}},
		{"qx_generate", []uint64{0, shots}, map[uint32][]byte{0: header, 1: circ, 2: plan.Append(nil), 5: policy.Append(root[:])}},
		{"qx_judge", []uint64{shots}, map[uint32][]byte{2: plan.Append(nil), 3: hidden.Append(nil), 4: out.Append(nil), 5: zero}},
	}
}

// compileCalls is the compilation of a random circuit.
func compileCalls(t testing.TB, width, n int) []guestCall {
	r := rand.New(rand.NewPCG(8, uint64(width)))
	c := &circuit.Circuit{Qubits: width, Clbits: width}
	for range n {
		q := uint16(r.IntN(width))
		if r.IntN(2) == 0 {
			c.Ops = append(c.Ops, circuit.Op{Gate: circuit.U3, NQ: 1, Q: [4]uint16{q}, Params: [4]circuit.Angle{angle(r), angle(r), angle(r)}})
		} else {
			c.Ops = append(c.Ops, circuit.Op{Gate: circuit.CZ, NQ: 2, Q: [4]uint16{q, (q + 1) % uint16(width)}})
		}
	}
	for q := range width {
		c.Ops = append(c.Ops, circuit.Op{Gate: circuit.Measure, NQ: 1, Q: [4]uint16{uint16(q)}, Clbit: uint32(q)})
	}
	in, err := guest.AppendCircuit(nil, c)
	require.NoError(t, err)
	return []guestCall{{"qx_describe", nil, nil}, {"qx_compile", nil, map[uint32][]byte{1: in, 2: guest.AppendTarget(nil, guest.Target{})}}}
}

// shippedCalls are small jobs of every shipped module.
func shippedCalls(t testing.TB) map[string][]guestCall {
	out := map[string][]guestCall{"layered": compileCalls(t, 5, 60)}
	for _, f := range traps.Families() {
		out[f.Name] = trapCalls(t, f.Mix, 3, 2, 40)
	}
	audited := out["xeb_small"]
	judge := audited[len(audited)-1]
	in := maps.Clone(judge.in)
	in[1] = audited[1].in[1]
	out["xeb_small"] = append(audited, guestCall{"qx_audit", judge.args, in})
	out["accredit"] = trapCalls(t, traps.Accredit, 4, 4, 64)
	return out
}

// TestShippedGuests: oracle, metered and original agree on small jobs, output
// streams included.
func TestShippedGuests(t *testing.T) {
	for name, calls := range shippedCalls(t) {
		wasm := module(t, name)
		out := instrument(t, wasm, meter.Limits{MemoryPages: 4096})
		ref := newNaive(t, wasm, 0, metertest.NewWorld(nil))
		guests := []*metertest.Guest{
			openGuest(t, metertest.Compiler, out, wasm, metertest.NewWorld(nil)), openGuest(t, metertest.Interpreter, out, wasm, metertest.NewWorld(nil)),
			openGuest(t, metertest.Compiler, wasm, wasm, metertest.NewWorld(nil)),
		}
		for _, c := range calls {
			ref.world.In, ref.world.Out = c.in, map[uint32][]byte{}
			want := ref.call(t, c.export, plenty, meter.Depth, c.args...)
			require.Empty(t, want.Trap)
			require.Equal(t, []uint64{0}, want.Values, "%s %s succeeds", name, c.export)
			require.NotEmpty(t, ref.world.Out[16])
			t.Logf("%s %s: %d fuel", name, c.export, plenty-want.Fuel)
			for i, g := range guests {
				g.World.In, g.World.Out = c.in, map[uint32][]byte{}
				got, err := g.Call(c.export, plenty, meter.Depth, c.args...)
				require.NoError(t, err)
				require.Equal(t, ref.world.Out, g.World.Out)
				if i == 2 {
					want.Fuel = 0
				}
				require.Equal(t, want, got, "%s %s on guest %d", name, c.export, i)
			}
		}
	}
}

// TestGolden: plugins/modules.lock names the digest of the metered form of each
// shipped module. A change of one is a change of what records say: it needs a new
// version of the rules, or a new module.
func TestGolden(t *testing.T) {
	lock, err := os.ReadFile("../../plugins/modules.lock")
	require.NoError(t, err)
	golden := map[string]string{} // by digest of the module
	for line := range strings.Lines(string(lock)) {
		f := strings.Fields(line) // name kind version abi sha3-256 size meter metered-sha3-256
		require.Len(t, f, 8, line)
		require.Equal(t, meter.ID, f[6])
		golden[f[4]] = f[7]
	}
	for _, m := range embedded.All() {
		out := digest.Sum(instrument(t, m.Bytes, meter.Limits{}))
		require.Equal(t, golden[digest.Sum(m.Bytes).String()], out.String(), "%s", m.Name)
		capped := 4096
		if m.Kind == "traps" {
			capped = 256
		}
		require.Equal(t, out, digest.Sum(instrument(t, m.Bytes, meter.Limits{MemoryPages: uint32(capped), Floats: true})), "limits that change nothing change nothing")
	}
}

// BenchmarkGuide is the guide's job, 20 x 120 and 4096 slots, without and with
// the meter in turns, so that a busy machine slows both. It reports the fastest
// run of each.
func BenchmarkGuide(b *testing.B) {
	wasm := module(b, "accredit")
	var guests []*metertest.Guest
	for _, w := range [][]byte{wasm, instrument(b, wasm, meter.Limits{})} {
		g := openGuest(b, metertest.Compiler, w, wasm, metertest.NewWorld(nil))
		g.World.Quiet = true
		guests = append(guests, g)
	}
	for _, c := range trapCalls(b, traps.Accredit, 20, 60, 4096)[1:] {
		b.Run(c.export, func(b *testing.B) {
			best := [2]time.Duration{1 << 62, 1 << 62}
			for b.Loop() {
				for i, g := range guests {
					g.World.In, g.World.Out = c.in, map[uint32][]byte{}
					start := time.Now()
					_, err := g.Run(c.export, plenty, meter.Depth, c.args...)
					best[i] = min(best[i], time.Since(start))
					require.NoError(b, err)
				}
			}
			b.ReportMetric(best[0].Seconds()*1e3, "plain-ms")
			b.ReportMetric(best[1].Seconds()*1e3, "metered-ms")
			b.ReportMetric(100*(best[1].Seconds()/best[0].Seconds()-1), "overhead-%")
			b.ReportMetric(float64(plenty-guests[1].Fuel()), "fuel")
		})
	}
}

// BenchmarkInstrument rewrites the shipped trap library; BenchmarkCompile is what
// the engine then takes, without and with the meter.
func BenchmarkInstrument(b *testing.B) {
	wasm := module(b, "accredit")
	b.SetBytes(int64(len(wasm)))
	for b.Loop() {
		_, err := meter.Instrument(wasm, meter.Limits{})
		require.NoError(b, err)
	}
}

func BenchmarkCompile(b *testing.B) {
	wasm := module(b, "accredit")
	for i, w := range [][]byte{wasm, instrument(b, wasm, meter.Limits{})} {
		b.Run([]string{"plain", "metered"}[i], func(b *testing.B) {
			b.ReportMetric(float64(len(w)), "wasm_bytes")
			for b.Loop() {
				require.NoError(b, metertest.Compiler.Validate(w))
			}
		})
	}
}
