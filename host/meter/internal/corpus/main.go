// Corpus runs the modules of a folder, as other tools made them, without and with
// the meter, and compares: on both engines of wazero, and in builds with cgo and
// the tag wasmtime on wasmtime too, the metered module must end alike: results,
// trap, fuel, depth, hash of the memory, and calls of imports; and where it did not
// run out of a budget, like the original on the interpreter. Modules named *.nan.wasm may compute
// NaNs, whose bits the meter changes: they are not compared with the original.
//
// It promises a count of what it compared, the slowest compilation that it saw,
// and status 1 when anything differed. scripts/fuzz-wasm.sh feeds it.
//
//	go run ./host/meter/internal/corpus DIR
package main

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/metertest"
	"github.com/animicaorg/engine/host/wasmbin"
)

// budget is for modules that are compared with the original; the others get a
// small one.
const budget = 20_000_000

// counts is what a run saw.
type counts struct {
	files, accepted, calls, fuel, depth, traps, original, second, failed int

	rules   map[wasmbin.Rule]int
	slowest time.Duration // compilation by wazero's compiler
	largest string
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
	fmt.Printf("engines compiler, interpreter %s\n", metertest.SecondName)
	fmt.Printf("calls %d: out of fuel %d, too deep %d, other traps %d; compared with %s %d, with the original %d; differences %d\n",
		c.calls, c.fuel, c.depth, c.traps, cmp.Or(metertest.SecondName, "no other engine"), c.second, c.original, c.failed)
	fmt.Printf("slowest compilation %v of %s\n", c.slowest.Round(time.Millisecond), c.largest)
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
	wasm = fixTable(wasm)
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
	return c.compare(m, wasm, out, name)
}

// compare runs every export once, in order, on one instance of each kind.
func (c *counts) compare(m *wasmbin.Module, wasm, out []byte, name string) error {
	original := !strings.HasSuffix(name, ".nan.wasm")
	var guests []*metertest.Guest
	for _, k := range []struct {
		e metertest.Engine
		b []byte
	}{{metertest.Compiler, out}, {metertest.Interpreter, out}, {metertest.Interpreter, wasm}} {
		began := time.Now()
		g, err := k.e.Open(m, k.b, metertest.NewWorld(nil))
		if err != nil {
			return err
		}
		defer g.Close()
		if took := time.Since(began); took > c.slowest {
			c.slowest, c.largest = took, fmt.Sprintf("%s, %d bytes", filepath.Base(name), len(k.b))
		}
		guests = append(guests, g)
	}
	var other metertest.Other
	if metertest.Second != nil {
		var err error
		if other, err = metertest.Second(m, out, metertest.NewWorld(nil)); err != nil {
			return fmt.Errorf("%s: %w", metertest.SecondName, err)
		}
		defer other.Close()
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
		depth := guests[0].Depth()
		if d := guests[1].Depth(); d != depth {
			return fmt.Errorf("%s%v: depth left %d, interpreter %d", e.Name, args, depth, d)
		}
		if other != nil {
			third, err := other.Call(e.Name, fuel, meter.Depth, args...)
			if err != nil {
				return fmt.Errorf("%s%v on %s: %w", e.Name, args, metertest.SecondName, err)
			}
			c.second++
			blur(t.Results, &third)
			if !reflect.DeepEqual(first, third) {
				return fmt.Errorf("%s%v: compiler %+v, %s %+v", e.Name, args, first, metertest.SecondName, third)
			}
			if d := other.Depth(); d != depth {
				return fmt.Errorf("%s%v: depth left %d, %s %d", e.Name, args, depth, metertest.SecondName, d)
			}
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

// fixTable makes the table's maximum its minimum: the generator writes tables that
// may grow, which the profile refuses, and no instruction that grows them. What it
// does not understand it leaves alone.
func fixTable(wasm []byte) []byte {
	for at := 8; at < len(wasm); {
		size, n := binary.Uvarint(wasm[at+1:])
		end := at + 1 + n + int(size)
		if n <= 0 || size > uint64(len(wasm)) || end > len(wasm) {
			return wasm
		}
		if wasm[at] != 4 {
			at = end
			continue
		}
		s := wasm[at+1+n : end]
		if len(s) < 4 || s[0] != 1 || s[1] != 0x70 || s[2] > 1 {
			return wasm
		}
		_, k := binary.Uvarint(s[3:])
		if k <= 0 {
			return wasm
		}
		entries := s[3 : 3+k]
		fixed := slices.Concat([]byte{1, 0x70, 1}, entries, entries)
		section := binary.AppendUvarint([]byte{4}, uint64(len(fixed)))
		return slices.Concat(wasm[:at], section, fixed, wasm[end:])
	}
	return wasm
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
