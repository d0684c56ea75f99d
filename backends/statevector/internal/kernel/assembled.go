package kernel

// assembled is a Kernel made of assembly routines. Pointers lead to as many
// elements as the generic kernel would touch; the methods check that.
type assembled struct {
	name            string
	split           [2][MaxRotated + 1][3]int // without and with lanes, by number of qubits
	diagonal        func(x, f *float32, n uint64, t *float32, mask uint64)
	diagonalSigned  func(x, f *float32, n uint64, t *float32, mask uint64, block, lane *uint32)
	fused           []func(x, f *float32, bytes uint64, t *float32, mask uint64, stride *uint64, rt *float32)
	rotate          []func(x *float32, bytes uint64, stride *uint64, t *float32) // by qubits, from 1
	gather, scatter func(buf, mem *float32, off *uint64, rows, rowBytes uint64)
	prefetch        func(mem *float32, off *uint64, rows, rowBytes uint64)
	outer           func(f, v, s *float32, pattern *uint8, patterns *uint32, n uint64)
	weights         func(w *uint64, x *float32, leaves, blocks uint64)
	squares         func(w *uint64, x *float32, n uint64)
	probe           func(n uint64)

	// Empty or nil: the kernel does as Generic does.
	exchange     *exchangers[float32, uint32]
	products     []func(x, v, s *float32, pattern *uint8, patterns *uint32, bytes uint64, t *float32, mask uint64, stride *uint64, rt *float32) // by qubits, from 0
	splitProduct [MaxRotated + 1][3]int                                                                                                         // with products: by number of qubits
	spread       func(out *float32, s *float64, n uint64, stage *byte, stages uint64)
	running      func(w *uint64, x *float32, n, sum uint64)
	sinCos       func(sin, cos *float64, a *uint64, n uint64, unsure *uint8)
	tangents     func(tan *float32, sin, cos *float64, n uint64, unsure *uint8)
	draw         search // both or neither
	locate       search
	drawRows     func(rows *byte, words *uint64, n, total uint64, cum *uint64, guide *uint32, shift, flip uint64)
}

func (a *assembled) Name() string { return a.name }

func (a *assembled) Split(n int, lanes bool) [3]int {
	if lanes {
		return a.split[1][n]
	}
	return a.split[0][n]
}

func (a *assembled) Layer(x, f []float32, s *Signs, t *LaneTans, r *Rotation) {
	f = f[:len(x)]
	if s == nil && r != nil && r.N > 0 && r.N <= len(a.fused) {
		r.check(x)
		a.fused[r.N-1](&x[0], &f[0], uint64(len(x))*4, &t.T[0], t.Mask, &r.Stride[0], &r.T[0])
		return
	}
	piece, block := r.piece(len(x)), 0
	for ; len(x) > 0; x, f, block = x[piece:], f[piece:], block+piece/Block {
		n := uint64(piece / Block)
		if s == nil {
			a.diagonal(&x[0], &f[0], n, &t.T[0], t.Mask)
		} else {
			a.diagonalSigned(&x[0], &f[0], n, &t.T[0], t.Mask, &s.Block[block:][:n][0], &s.Lane[0])
		}
		if r != nil && r.N > 0 {
			a.Rotate(x[:piece], r)
		}
	}
}

// pieceFloats is 8 KiB of amplitudes: so much, and as much of a table, stays in
// a first-level cache between two sweeps.
const pieceFloats = 2048

// piece is how much of n floats r can be applied to independently.
func (r *Rotation) piece(n int) int {
	if n%pieceFloats != 0 || r != nil && r.N > 0 && r.Stride[r.N-1] > 2*pieceFloats {
		return n
	}
	return pieceFloats
}

// check panics where r does not fit into x.
func (r *Rotation) check(x []float32) {
	if r.N == 0 || uint64(len(x))*4%(2*r.Stride[r.N-1]) != 0 {
		panic("kernel: qubits of a rotation outside of the buffer")
	}
}

// Rotate splits what the routines cannot do at once into near-equal parts.
func (a *assembled) Rotate(x []float32, r *Rotation) {
	r.check(x)
	bytes := uint64(len(x)) * 4
	parts := (r.N + len(a.rotate) - 1) / len(a.rotate)
	for i, n := 0, 0; i < r.N; i += n {
		n = (r.N - i + parts - 1) / parts
		parts--
		a.rotate[n-1](&x[0], bytes, &r.Stride[i], &r.T[i])
	}
}

func (a *assembled) Gather(buf, mem []float32, off []uint64) {
	n := rowBytes(buf, mem, off)
	a.gather(&buf[0], &mem[0], &off[0], uint64(len(off)), n)
}

func (a *assembled) Scatter(buf, mem []float32, off []uint64) {
	n := rowBytes(buf, mem, off)
	a.scatter(&buf[0], &mem[0], &off[0], uint64(len(off)), n)
}

func (a *assembled) Prefetch(mem []float32, off []uint64, row int) {
	a.prefetch(&mem[0], &off[0], uint64(len(off)), uint64(row)*4)
}

// rowBytes checks the last row, which has the largest offset.
func rowBytes(buf, mem []float32, off []uint64) uint64 {
	n := len(buf) / len(off)
	_ = mem[off[len(off)-1]/4:][:n]
	return uint64(n) * 4
}

func (a *assembled) Outer(f []float32, o *Outer) {
	n := len(f) / Block
	_, _ = o.S[:2*n], o.Pattern[:n]
	a.outer(&f[0], &o.V[0], &o.S[0], &o.Pattern[0], &patterns[0][0], uint64(n))
}

func (a *assembled) Fold(f, s []float32, lane int) { Generic.Fold(f, s, lane) }

func (a *assembled) Product(x, table []float32, o *Outer, lanes *[4]float32, mask uint64, r *Rotation) {
	if r.N >= len(a.products) {
		inTwo(a, x, table, o, lanes, mask, r)
		return
	}
	if r.N > 0 {
		r.check(x)
	}
	n := len(x) / Block
	_, _ = o.S[:2*n], o.Pattern[:n]
	a.products[r.N](&x[0], &o.V[0], &o.S[0], &o.Pattern[0], &patterns[0][0], uint64(n)*blockBytes, &lanes[0], mask, &r.Stride[0], &r.T[0])
}

func (a *assembled) SplitProduct(n int, lanes bool) [3]int {
	if a.Fused() {
		return a.splitProduct[n]
	}
	return a.Split(n, lanes)
}

func (a *assembled) Fused() bool { return len(a.products) > 0 }

func (a *assembled) Running(w []uint64, x []float32, sum uint64) {
	w = w[:len(x)/2]
	if a.running == nil {
		a.Squares(w, x)
		for i, v := range w {
			sum += v
			w[i] = sum
		}
		return
	}
	a.running(&w[0], &x[0], uint64(len(x)/Block), sum)
}

func (a *assembled) Weights(w []uint64, x []float32) {
	blocks := len(x) / Block / len(w)
	a.weights(&w[0], &x[0], uint64(len(w)), uint64(blocks))
}

func (a *assembled) Squares(w []uint64, x []float32) {
	w = w[:len(x)/2]
	a.squares(&w[0], &x[0], uint64(len(x)/Block))
}

func (a *assembled) Probe(n uint64) {
	if n > 0 {
		a.probe(n)
	}
}
