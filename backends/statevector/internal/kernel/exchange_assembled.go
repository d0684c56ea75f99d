package kernel

// number is a real or imaginary part, word its bits.
type (
	number interface{ float32 | float64 }
	word   interface{ uint32 | uint64 }
)

// exchangers are the routines of exchanges. Those of lanes may be nil, both.
type exchangers[T number, W word] struct {
	blocks func(x *T, bytes, mask, o0, o1 uint64, cos, sin *T)
	mixed  func(x *T, bytes, stride uint64, perm *uint32, cross uint64, mask, signs *W, cos, sin *T)
	lanes  func(x *T, n uint64, perm *uint32, cross uint64, mask, signs *W, cos, sin *T)
	size   uint64               // bytes of a number
	vector int                  // numbers in a vector
	perms  [Lanes][Lanes]uint32 // by the exclusive or of partners: 32-bit words of a vector
	active *[4][5][2]active[W]  // by low, high (4: a qubit that is no lane), even
}

// active is lanes of x0 and x1, and the sign bits of those of x0. With a qubit that is
// no lane it is those of x0 in a block where that is 0.
type active[W word] struct{ mask, signs [Lanes]W }

func newExchangers[T number, W word](size, vector int, e exchangers[T, W]) *exchangers[T, W] {
	e.size, e.vector, e.active = uint64(size), vector, new([4][5][2]active[W])
	words := size / 4
	for flip := range e.perms {
		for i := range vector * words {
			e.perms[flip][i] = uint32((i/words^flip)&(vector-1)*words + i%words)
		}
	}
	for low := range 4 {
		for high := low + 1; high <= 4; high++ {
			for even := range 2 {
				a := &e.active[low][high][even]
				for l := range Lanes {
					first := l>>low&1 != even // if active at all
					if high < 4 && (l>>high&1 == l>>low&1) != (even == 1) {
						continue
					}
					if first {
						a.signs[l] = 1 << (8*size - 1)
					}
					if first || high < 4 {
						a.mask[l] = ^W(0)
					}
				}
			}
		}
	}
	return &e
}

// has reports whether there is a routine for a lower bit.
func (e *exchangers[T, W]) has(low int) bool { return e != nil && (low >= 4 || e.lanes != nil) }

// exchange runs the routine for two bits of an amplitude's number.
func (e *exchangers[T, W]) exchange(x []T, low, high int, even bool, cos, sin *T) {
	inside(low, high, len(x))
	bytes, block, k := uint64(len(x))*e.size, Block*e.size, 0
	if even {
		k = 1
	}
	if low >= 4 {
		o0, o1 := block<<(low-4), block<<(high-4)
		mask := o0 | o1
		if even {
			o0, o1 = 0, mask
		}
		e.blocks(&x[0], bytes, mask, o0, o1, cos, sin)
		return
	}
	flip := 1<<low | 1<<high&(Lanes-1)
	perm, cross := &e.perms[flip][0], uint64(flip&^(e.vector-1))*e.size
	a := &e.active[low][min(high, 4)][k]
	if high >= 4 {
		e.mixed(&x[0], bytes, block<<(high-4), perm, cross, &a.mask[0], &a.signs[0], cos, sin)
		return
	}
	e.lanes(&x[0], uint64(len(x)/Block), perm, cross, &a.mask[0], &a.signs[0], cos, sin)
}

func (a *assembled) Exchange(x []float32, e *Exchange) {
	if !a.exchange.has(e.Low) {
		Generic.Exchange(x, e)
		return
	}
	a.exchange.exchange(x, e.Low, e.High, e.Even, &e.Cos, &e.Sin)
}
