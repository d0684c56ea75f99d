//go:build !purego && (amd64 || arm64)

package kernel

type (
	fused64  = func(x, f *float64, bytes uint64, t *float64, mask uint64, stride *uint64, rt *float64)
	rotate64 = func(x *float64, bytes uint64, stride *uint64, t *float64)
)

// assembled64 is a Double made of assembly routines.
type assembled64 struct {
	name           string
	split          [2][MaxRotated + 1][3]int
	diagonal       func(x, f *float64, n uint64, t *float64, mask uint64)
	diagonalSigned func(x, f *float64, n uint64, t *float64, mask uint64, block, lane *uint64)
	fused          []fused64
	rotate         []rotate64
	outer          func(f, v, s *float64, pattern *uint8, patterns *uint64, n uint64)
	exchange       *exchangers[float64, uint64] // nil: the kernel does as GenericDouble does
}

func (a *assembled64) Name() string { return a.name }

func (a *assembled64) Split(n int, lanes bool) [3]int {
	if lanes {
		return a.split[1][n]
	}
	return a.split[0][n]
}

func (a *assembled64) Layer(x, f []float64, s *Signs64, t *LaneTans64, r *Rotation64) {
	f = f[:len(x)]
	if s == nil && r != nil && r.N > 0 && r.N <= len(a.fused) {
		r.check(x)
		a.fused[r.N-1](&x[0], &f[0], uint64(len(x))*8, &t.T[0], t.Mask, &r.Stride[0], &r.T[0])
		return
	}
	const most = pieceFloats / 2 // the same bytes
	piece, block := len(x), 0
	if len(x)%most == 0 && (r == nil || r.N == 0 || r.Stride[r.N-1] <= 4*most) {
		piece = most
	}
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

func (a *assembled64) Rotate(x []float64, r *Rotation64) {
	r.check(x)
	bytes := uint64(len(x)) * 8
	parts := (r.N + len(a.rotate) - 1) / len(a.rotate)
	for i, n := 0, 0; i < r.N; i += n {
		n = (r.N - i + parts - 1) / parts
		parts--
		a.rotate[n-1](&x[0], bytes, &r.Stride[i], &r.T[i])
	}
}

func (a *assembled64) Outer(f []float64, o *Outer64) {
	n := len(f) / Block
	_, _ = o.S[:2*n], o.Pattern[:n]
	a.outer(&f[0], &o.V[0], &o.S[0], &o.Pattern[0], &patterns64[0][0], uint64(n))
}

func (a *assembled64) Fold(f, s []float64, lane int) { GenericDouble.Fold(f, s, lane) }

func (a *assembled64) Exchange(x []float64, e *Exchange64) {
	if !a.exchange.has(e.Low) {
		GenericDouble.Exchange(x, e)
		return
	}
	a.exchange.exchange(x, e.Low, e.High, e.Even, &e.Cos, &e.Sin)
}
