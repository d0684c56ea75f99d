package sim

import (
	"context"

	"github.com/animicaorg/engine/abi/guest"
	"github.com/animicaorg/engine/seed"
)

// drawChunk is how many shots of a state vector are drawn between looks at ctx.
const drawChunk = 1 << 18

// draw draws all shots of the state, many at a time.
func (r *SimResult) draw(ctx context.Context, qubits int, t *final, o SimOptions) error {
	stream, err := seed.NewShotWords(o.Key)
	if err != nil {
		return err
	}
	w := r.writer(qubits, t, o)
	n := min(drawChunk, o.Shots)
	words, out := make([]uint64, n), make([]uint64, n) // a state has at most 64 qubits
	for first := 0; first < o.Shots; first += drawChunk {
		n := min(drawChunk, o.Shots-first)
		stream.Fill(words[:n], uint64(first))
		r.State.Outcomes(out[:n], words[:n])
		const perTask = 1 << 12
		err := parallel(ctx, o.Threads, (n+perTask-1)/perTask, func(_, task int) error {
			for i := task * perTask; i < min((task+1)*perTask, n); i++ {
				w.put(first+i, out[i:i+1])
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// writer turns qubits into rows of clbits.
type writer struct {
	rows     []byte
	rb       int
	source   []int
	straight bool
}

func (r *SimResult) writer(qubits int, t *final, o SimOptions) *writer {
	rb := guest.RowBytes(r.Clbits)
	r.Rows = make([]byte, o.Shots*rb)
	return &writer{r.Rows, rb, t.source, t.straight(qubits)}
}

// put writes the row of shot i.
func (w *writer) put(i int, out []uint64) {
	row := w.rows[i*w.rb:][:w.rb]
	if w.straight {
		putRow(row, out)
		return
	}
	for b, q := range w.source {
		if q >= 0 {
			row[b>>3] |= byte(out[q/64]>>(q%64)&1) << (b & 7)
		}
	}
}

// straight reports whether clbit i is qubit i throughout.
func (f *final) straight(qubits int) bool {
	for b, q := range f.source {
		if b != q {
			return false
		}
	}
	return len(f.source) == qubits
}

// putRow writes the bits of out little-endian.
func putRow(row []byte, out []uint64) {
	for k := range row {
		row[k] = byte(out[k/8] >> (8 * (k % 8)))
	}
}
