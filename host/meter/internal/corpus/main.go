// Corpus runs the modules of a folder, as other tools made them, without and with
// the meter, and compares: on both engines of wazero the metered module must end
// alike, fuel, depth, memory and calls of imports included; and where it did not
// run out of a budget, like the original. Modules named *.nan.wasm may compute
// NaNs, whose bits the meter changes: they are not compared with the original. It promises a count of what it compared, and status 1 when anything
// differed. scripts/fuzz-wasm.sh feeds it.
//
//	go run ./host/meter/internal/corpus DIR
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
)

// budget is for modules that are compared with the original; the others get a
// small one.
const budget = 20_000_000

// counts is what a run saw.
type counts struct {
	files, accepted, calls, fuel, depth, traps, original, failed int
	rules                                                        map[wasmbin.Rule]int
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: corpus DIR")
		os.Exit(2)
	}
	names, err := filepath.Glob(filepath.Join(os.Args[1], "*.wasm"))
	if err != nil || len(names) == 0 {
		fmt.Fprintln(os.Stderr, "no modules in", os.Args[1], err)
		os.Exit(2)
	}
	c := counts{rules: map[wasmbin.Rule]int{}}
	for _, name := range names {
		c.files++
		if err := c.file(name); err != nil {
			c.failed++
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		}
	}
	fmt.Printf("files %d, accepted %d, refused %v\n", c.files, c.accepted, c.rules)
	fmt.Printf("calls %d: out of fuel %d, too deep %d, other traps %d; compared with the original %d; differences %d\n", c.calls, c.fuel, c.depth, c.traps, c.original, c.failed)
	if c.failed > 0 || c.accepted == 0 {
		os.Exit(1)
	}
}

// profile is L1 with floats and the imports that binaryen's generator writes.
func profile() wasmbin.Profile {
	p := wasmbin.Compiler()
	p.Name, p.Floats, p.Exports, p.ImportModule, p.Imports = "corpus", true, nil, "fuzzing-support", nil
	p.Limits.Params, p.Limits.Results = 64, 64 // the generator likes many
	for name, t := range map[string]wasmbin.ValueType{"i32": wasmbin.I32, "i64": wasmbin.I64, "f32": wasmbin.F32, "f64": wasmbin.F64} {
		p.Imports = append(p.Imports, wasmbin.NamedFunc{Name: "log-" + name, Type: wasmbin.FuncType{Params: []wasmbin.ValueType{t}}})
	}
	return p
}

func (c *counts) file(name string) error {
	wasm, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	p := profile()
	m, err := wasmbin.Read(wasm, &p)
	var out []byte
	if err == nil {
		out, err = meter.Rewrite(m, meter.Limits{Floats: true})
	}
	if rej, ok := err.(*wasmbin.Rejected); ok {
		c.rules[rej.Rule]++
		if rej.Rule == meter.RuleTyping {
			return err // the generator makes valid modules
		}
		return nil
	}
	c.accepted++
	op := meter.OutputProfile(p)
	if _, err := wasmbin.Read(out, &op); err != nil {
		return fmt.Errorf("the output: %w", err)
	}
	return c.compare(m, wasm, out, !strings.HasSuffix(name, ".nan.wasm"))
}

// compare runs every export once, in order, on one instance of each kind.
func (c *counts) compare(m *wasmbin.Module, wasm, out []byte, original bool) error {
	var guests []*metertest.Guest
	for _, k := range []struct {
		e metertest.Engine
		b []byte
	}{{metertest.Compiler, out}, {metertest.Interpreter, out}, {metertest.Compiler, wasm}} {
		g, err := k.e.Open(m, k.b, metertest.NewWorld(nil))
		if err != nil {
			return err
		}
		defer g.Close()
		guests = append(guests, g)
	}
	r := rand.New(rand.NewPCG(1, uint64(len(wasm))))
	same := original // and the original is where the metered guests are
	for _, e := range m.Exports {
		if e.Kind != wasmbin.ExportFunc {
			continue
		}
		t, _ := m.FuncType(e.Index)
		args := make([]uint64, len(t.Params))
		for i, p := range t.Params {
			args[i] = r.Uint64() >> (r.Uint64() & 63)
			if p == wasmbin.I32 || p == wasmbin.F32 {
				args[i] = uint64(uint32(args[i]))
			}
		}
		fuel := int64(budget)
		if !original {
			fuel = r.Int64N(5000)
		}
		first, err := guests[0].Call(e.Name, fuel, meter.Depth, args...)
		if err != nil {
			return err
		}
		second, err := guests[1].Call(e.Name, fuel, meter.Depth, args...)
		if err != nil {
			return err
		}
		c.count(first)
		blur(t.Results, &first, &second)
		if !reflect.DeepEqual(first, second) {
			return fmt.Errorf("%s%v: compiler %+v, interpreter %+v", e.Name, args, first, second)
		}
		same = same && first.End == meter.Ordinary
		if !same {
			continue
		}
		c.original++
		plain, err := guests[2].Call(e.Name, 0, 0, args...)
		if err != nil {
			return err
		}
		first.Fuel = 0
		blur(t.Results, &plain)
		if !reflect.DeepEqual(first, plain) {
			return fmt.Errorf("%s%v: metered %+v, original %+v", e.Name, args, first, plain)
		}
	}
	return nil
}

func (c *counts) count(r metertest.Result) {
	c.calls++
	switch {
	case r.End == meter.OutOfFuel:
		c.fuel++
	case r.End == meter.TooDeep:
		c.depth++
	case r.Trap != "":
		c.traps++
	}
}

// blur makes the NaNs among results one: their bits are open where nothing in the
// module looked at them.
func blur(types []wasmbin.ValueType, results ...*metertest.Result) {
	for _, r := range results {
		for i := range r.Values {
			switch v := r.Values[i]; {
			case types[i] == wasmbin.F32 && v&0x7fffffff > 0x7f800000:
				r.Values[i] = 0x7fc00000
			case types[i] == wasmbin.F64 && v&(1<<63-1) > 0x7ff0000000000000:
				r.Values[i] = 0x7ff8000000000000
			}
		}
	}
}
