// Calibrate measures on this machine how fast metered code burns fuel, kernel by
// kernel, so that the weights of meter-N can be compared with what instructions
// cost. It promises figures of wazero's compiler on one machine, the fastest of
// several runs; SPEC.md keeps those that the weights were chosen by.
//
//	go run ./host/meter/internal/calibrate
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
	. "github.com/animicaorg/engine/host/wasmbin/wasmtest"
)

const (
	budget = 1 << 60
	runs   = 9
	unroll = 32
)

func main() {
	fmt.Println("kernel                        ns/op   fuel/op   Gfuel/s")
	empty, err := measure(kernel{name: "empty loop", times: 300_000})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, k := range kernels() {
		r, err := measure(k)
		if err != nil {
			fmt.Fprintln(os.Stderr, k.name, err)
			os.Exit(1)
		}
		n := float64(k.times) * float64(k.unrolled())
		loop := float64(k.times) / float64(300_000)
		ns := (r.seconds - empty.seconds*loop) * 1e9 / n
		fuel := (float64(r.fuel) - float64(empty.fuel)*loop) / n
		fmt.Printf("%-28s %7.2f %9.1f %9.2f\n", k.name, ns, fuel, fuel/ns)
	}
	if err := loading(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kernel is code that a loop runs times times, unrolled.
type kernel struct {
	name  string
	times int
	once  bool   // not unrolled
	setup []byte // before the clock starts; local 1 is an i32
	code  []byte
	pages uint64 // of memory, default 1
	edit  func(m *Module)
}

func (k kernel) unrolled() int {
	if k.once || k.code == nil {
		return 1
	}
	return unroll
}

// Locals of a kernel: the counter, then scratch of every type.
const (
	counter = iota
	a32
	b32
	a64
	b64
	aF
	bF
)

type figure struct {
	seconds float64
	fuel    int64
}

// measure runs a kernel several times and keeps the fastest.
func measure(k kernel) (best figure, err error) {
	m := New()
	if k.pages > 0 {
		m.Min, m.Max = k.pages, max(k.pages, 64)
	}
	m.Before[6] = Vec(Cat(Op(0x7e, 1), I64(3), Op(0x0b)))
	leaf := m.Add("", "I", "I", "", Get(0))
	m.Before[4] = Cat(U(1), Op(0x70, 1, 1, 1))
	m.Before[9] = Vec(Cat(Op(0), I32(0), Op(0x0b), Vec(U(uint64(leaf)))))
	if k.edit != nil {
		k.edit(m)
	}
	m.Add("setup", "i", "", "i", k.setup)
	body := Cat(I32(12345), Set(a32), I32(7), Set(b32), I64(987654321987), Set(a64), I64(7), Set(b64),
		Op(0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f), Set(aF), Op(0x44, 1, 0, 0, 0, 0, 0, 0xf0, 0x3f), Set(bF), Op(0x03, 0x40))
	for range k.unrolled() {
		body = Cat(body, k.code)
	}
	body = Cat(body, Get(counter), I32(1), Op(0x6b, 0x22), U(counter), BrIf(0), Op(0x0b), Get(a64), Get(a32), Op(0xac, 0x7c))
	m.Add("f", "i", "I", "iiIIFF", body)
	wasm := m.Bytes()
	out, err := meter.Instrument(wasm, meter.Limits{Floats: true})
	if err != nil {
		return best, err
	}
	p := wasmbin.Compiler()
	p.Floats, p.Exports = true, nil
	decoded, err := wasmbin.Read(wasm, &p)
	if err != nil {
		return best, err
	}
	best.seconds = 1e9
	for range runs {
		world := metertest.NewWorld(map[uint32][]byte{1: make([]byte, 4096)})
		world.Quiet = true
		g, err := metertest.Compiler.Open(decoded, out, world)
		if err != nil {
			return best, err
		}
		if _, err := g.Run("setup", budget, meter.Depth, 0); err != nil {
			return best, err
		}
		start := time.Now()
		r, err := g.Run("f", budget, meter.Depth, uint64(k.times))
		best.seconds = min(best.seconds, time.Since(start).Seconds())
		best.fuel = budget - g.Fuel()
		if err == nil && r.Trap != "" {
			err = fmt.Errorf("trap: %s", r.Trap)
		}
		if err != nil {
			return best, err
		}
		if err := g.Close(); err != nil {
			return best, err
		}
	}
	return best, nil
}

// loading measures the compilation of modules of many plain functions.
func loading() error {
	m := New()
	for range 40 {
		var code []byte
		for i := range 300 {
			code = Cat(code, Get(0), I32(int64(i)), Op(0x6a), Set(1), Get(1), Op(0x04, 0x40), Get(0), I32(3), Op(0x6c), Set(0), Op(0x0b))
		}
		m.Add("", "ii", "i", "", Cat(code, Get(0)))
	}
	wasm := m.Bytes()
	out, err := meter.Instrument(wasm, meter.Limits{})
	if err != nil {
		return err
	}
	best := time.Duration(1 << 62)
	for range runs {
		start := time.Now()
		if err := metertest.Compiler.Validate(out); err != nil {
			return err
		}
		best = min(best, time.Since(start))
	}
	ns := float64(best.Nanoseconds()) / float64(len(wasm))
	price := float64(meter.LoadFuel(len(wasm), 0)) / float64(len(wasm))
	fmt.Printf("%-28s %7.0f %9.0f %9.2f\n", "compile, per byte", ns, price, price/ns)
	return nil
}
