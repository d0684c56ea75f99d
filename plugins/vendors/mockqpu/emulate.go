package mockqpu

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/backends/sim"
	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/plugins/driver"
	"github.com/animicaorg/engine/seed"
)

// emulate runs a submission on the device: every shot draws its own errors, which
// are Paulis, so a shot is one circuit with other angles, run by the simulator.
// The answer is a function of cfg, the submission and key.
func emulate(ctx context.Context, cfg *config, s *driver.Submission, key [16]byte) (*guest.Outcomes, error) {
	words, err := seed.NewShotWords(key)
	if err != nil {
		return nil, err
	}
	e := newEditor(s.Batch, int(s.ShotsPerSlot), cfg.omitCZ)
	d := &dice{from: words, next: 1 << 62} // beyond the words that the simulator uses
	for i := range e.rows {
		e.spoil(i, cfg.model, d)
	}
	b := e.batch(s.Batch.Meta)
	b.Key = key
	out := &guest.Outcomes{Width: b.Skeleton.Width}
	err = sim.New().Run(ctx, b, func(o *guest.Outcomes) error {
		out.N += o.N
		out.Rows = append(out.Rows, o.Rows...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Present = make([]byte, (out.N+7)/8)
	for i := range out.N {
		out.Present[i>>3] |= 1 << (i & 7)
		row := out.Row(i)
		for q := range out.Width {
			r := readout(cfg.model, q)
			flip := r.ZeroOne
			if row[q>>3]>>(q&7)&1 == 1 {
				flip = r.OneZero
			}
			if flip > 0 && d.hits(flip) {
				row[q>>3] ^= 1 << (q & 7)
			}
		}
	}
	return out, nil
}

func readout(m *noise.Model, q int) noise.Qubit {
	if r, ok := m.Qubits[q]; ok {
		return r
	}
	return m.Default
}

// rule is the first rule of a model that fits a gate.
func rule(m *noise.Model, gate, class string, qubits ...int) (one, pair float64) {
	for _, r := range m.Rules {
		if (r.Gate == gate || r.Gate == class || r.Gate == "any") && (len(r.Qubits) == 0 || slices.Equal(r.Qubits, qubits)) {
			return r.Depolarizing, r.PairDepolarizing
		}
	}
	return 0, 0
}

// editor holds the shots of a batch as rows of palette indexes that may grow.
type editor struct {
	skeleton circuit.Skeleton
	palette  []circuit.U3Angles
	index    map[circuit.U3Angles]uint32
	rows     [][]uint32
	one      []float64   // error after a u3, per qubit
	pairs    [][]pairErr // per layer, per pair
	built    bool
}

type pairErr struct{ one, pair float64 }

func newEditor(b *backends.Batch, shots int, omitCZ bool) *editor {
	e := &editor{skeleton: b.Skeleton, palette: slices.Clone(b.Palette), index: make(map[circuit.U3Angles]uint32, len(b.Palette))}
	for i, u := range e.palette {
		e.index[u] = uint32(i)
	}
	for i := range b.Rows.N {
		row := make([]uint32, b.Rows.Locations)
		for k := range row {
			row[k] = uint32(b.Rows.Index(i, k))
		}
		for range shots {
			e.rows = append(e.rows, row)
			row = slices.Clone(row)
		}
	}
	if omitCZ {
		e.skeleton.Layers = make([][]circuit.Pair, len(b.Skeleton.Layers))
	}
	return e
}

// spoil multiplies the errors of one shot into its row: after each u3, and after
// each CZ on both of its qubits.
func (e *editor) spoil(i int, m *noise.Model, d *dice) {
	if !e.built {
		e.tables(m)
	}
	w := e.skeleton.Width
	for j := range len(e.skeleton.Layers) + 1 {
		for q := range w {
			if p := e.one[q]; p > 0 && d.hits(p) {
				e.multiply(i, j*w+q, circuit.Pauli(1+d.below(3)), circuit.PauliI)
			}
		}
		if j == len(e.skeleton.Layers) {
			break
		}
		for k, pair := range e.skeleton.Layers[j] {
			p := e.pairs[j][k]
			for _, q := range [2]uint16{pair.A, pair.B} {
				if p.one > 0 && d.hits(p.one) {
					e.multiply(i, (j+1)*w+int(q), circuit.PauliI, circuit.Pauli(1+d.below(3)))
				}
			}
			if p.pair > 0 && d.hits(p.pair) {
				both := 1 + d.below(15)
				e.multiply(i, (j+1)*w+int(pair.A), circuit.PauliI, circuit.Pauli(both&3))
				e.multiply(i, (j+1)*w+int(pair.B), circuit.PauliI, circuit.Pauli(both>>2))
			}
		}
	}
}

func (e *editor) tables(m *noise.Model) {
	e.built = true
	e.one = make([]float64, e.skeleton.Width)
	for q := range e.one {
		e.one[q], _ = rule(m, "u3", "1q", q)
	}
	e.pairs = make([][]pairErr, len(e.skeleton.Layers))
	for j, l := range e.skeleton.Layers {
		for _, p := range l {
			one, pair := rule(m, "cz", "2q", int(p.A), int(p.B))
			e.pairs[j] = append(e.pairs[j], pairErr{one, pair})
		}
	}
}

// multiply replaces the gate u at a location by L·u·R. A Pauli behind the last CZ
// of a qubit meets the next layer's u3, which is always there.
func (e *editor) multiply(i, loc int, left, right circuit.Pauli) {
	u := e.palette[e.rows[i][loc]].Right(right).Left(left)
	at, ok := e.index[u]
	if !ok {
		at = uint32(len(e.palette))
		e.palette = append(e.palette, u)
		e.index[u] = at
	}
	e.rows[i][loc] = at
}

// batch sorts the palette and packs the rows.
func (e *editor) batch(meta backends.Meta) *backends.Batch {
	order := make([]uint32, len(e.palette))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return e.palette[a].Compare(e.palette[b]) })
	rank := make([]uint32, len(order))
	b := &backends.Batch{Skeleton: e.skeleton, Meta: meta, Rows: &guest.Rows{N: len(e.rows), Locations: e.skeleton.Locations(), ElemSize: 2}}
	for to, from := range order {
		rank[from] = uint32(to)
		b.Palette = append(b.Palette, e.palette[from])
	}
	if len(b.Palette) > 1<<16 {
		b.Rows.ElemSize = 4
	}
	for _, row := range e.rows {
		for _, x := range row {
			if b.Rows.ElemSize == 4 {
				b.Rows.Data = binary.LittleEndian.AppendUint32(b.Rows.Data, rank[x])
			} else {
				b.Rows.Data = binary.LittleEndian.AppendUint16(b.Rows.Data, uint16(rank[x]))
			}
		}
	}
	return b
}

// dice reads the words of a stream one after the other.
type dice struct {
	from *seed.ShotWords
	buf  [512]uint64
	next uint64
	left int
}

func (d *dice) word() uint64 {
	if d.left == 0 {
		d.from.Fill(d.buf[:], d.next)
		d.next += uint64(len(d.buf))
		d.left = len(d.buf)
	}
	d.left--
	return d.buf[len(d.buf)-1-d.left]
}

// hits is true with chance p.
func (d *dice) hits(p float64) bool { return float64(d.word()>>11) < p*math.Exp2(53) }

// below is an integer below a small n.
func (d *dice) below(n uint64) uint64 { return (d.word() >> 32) * n >> 32 }
