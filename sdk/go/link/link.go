// Package link turns a reactor of the Go toolchain (GOOS=wasip1,
// -buildmode=c-shared) into a guest of ABI qx1: it puts a deterministic WASI into
// the module, initialises the Go runtime on the first call of any export, and
// writes what the host's loader demands (a memory maximum, shortest integers, no
// custom sections).
//
// It promises that the result imports functions of module qx1 only, that clock
// and randomness inside it are functions of the calls made so far, and that its
// bytes are a function of the input's bytes and the memory limit. It does not make
// floating point deterministic: the result loads where the host allows floats, and
// the host's meter makes them so.
package link

import (
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/host/wasmbin"
)

// Limits of inputs.
const (
	MaxReactor = 16 << 20 // bytes
	MaxPages   = 4096     // of 64 KiB
)

const (
	abiModule  = "qx1"
	wasiModule = "wasi_snapshot_preview1"
	startName  = "_initialize"
)

// Link returns the guest. pages is its memory maximum in pages of 64 KiB, at most
// MaxPages.
func Link(reactor []byte, pages uint32) ([]byte, error) {
	if len(reactor) > MaxReactor || pages < 1 || pages > MaxPages {
		return nil, fmt.Errorf("link: %d bytes with %d pages, want at most %d bytes and 1 to %d pages", len(reactor), pages, MaxReactor, MaxPages)
	}
	plain, wasi, err := normalize(reactor, pages)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	p := profile(plain, wasi, pages)
	m, err := wasmbin.Read(plain.bytes(), &p)
	if err != nil {
		return nil, fmt.Errorf("link: %w", err)
	}
	l := &linker{in: m, wasi: wasi, out: *m}
	return l.link()
}

// profile accepts what a Go reactor is, once its integers are in shortest form.
func profile(r *raw, wasi []bool, pages uint32) wasmbin.Profile {
	p := wasmbin.Compiler()
	p.Name, p.Floats, p.Exports, p.Optional = "reactor", true, nil, []string{startName}
	p.Limits.ModuleBytes, p.Limits.MemoryPages, p.Limits.Imports = MaxReactor, pages, 64
	for i, im := range r.imports {
		if wasi[i] {
			p.Imports = append(p.Imports, wasmbin.NamedFunc{Name: im.name, Type: r.types[im.typ]})
		}
	}
	for _, e := range r.exports {
		if strings.HasPrefix(e, "qx_") {
			p.Optional = append(p.Optional, e)
		}
	}
	return p
}

// linker writes the new module. Functions are numbered anew: imports of qx1, the
// reactor's own, the WASI, then a wrapper for each export.
type linker struct {
	in   *wasmbin.Module
	wasi []bool // of each import
	out  wasmbin.Module
	at   []uint32 // new number of each function
	log  uint32   // number of qx1.log
	base uint32   // first global added
}

func (l *linker) link() ([]byte, error) {
	start, ok := l.in.Export(startName)
	if !ok || start.Kind != wasmbin.ExportFunc {
		return nil, fmt.Errorf("link: %s is not exported; build with -buildmode=c-shared", startName)
	}
	l.out.Types, l.out.Funcs, l.out.Imports, l.out.Exports = slices.Clone(l.in.Types), slices.Clone(l.in.Funcs), nil, nil
	l.addGlobals()
	shims := l.renumber()
	bodies := make([][]byte, 0, len(l.in.Bodies)+len(shims)+16)
	for i := range l.in.Bodies {
		b, err := l.body(&l.in.Bodies[i])
		if err != nil {
			return nil, fmt.Errorf("link: function %d: %w", i, err)
		}
		bodies = append(bodies, b)
	}
	for _, i := range shims {
		t := l.in.Types[l.in.Imports[i].Type]
		b, err := l.shim(l.in.Imports[i].Name, t)
		if err != nil {
			return nil, err
		}
		l.out.Funcs, bodies = append(l.out.Funcs, l.in.Imports[i].Type), append(bodies, b)
	}
	for _, e := range l.in.Exports {
		switch {
		case e.Kind == wasmbin.ExportMemory:
			l.out.Exports = append(l.out.Exports, e)
		case e.Kind == wasmbin.ExportFunc && strings.HasPrefix(e.Name, "qx_"):
			bodies = append(bodies, l.wrapper(e.Index, l.at[start.Index]))
			l.out.Exports = append(l.out.Exports, wasmbin.Export{Name: e.Name, Kind: wasmbin.ExportFunc, Index: uint32(len(l.out.Imports) + len(l.out.Funcs))})
			l.out.Funcs = append(l.out.Funcs, l.typeOf(e.Index))
		}
	}
	elems := make([][]uint32, len(l.in.Elems))
	for i := range elems {
		elems[i] = l.in.Functions(&l.in.Elems[i])
		for k, f := range elems[i] {
			elems[i][k] = l.at[f]
		}
	}
	return l.out.Encode(bodies, elems), nil
}

// renumber keeps the imports of qx1, adds qx1.log where the reactor lacks it, and
// returns the imports that become functions of the module.
func (l *linker) renumber() (shims []int) {
	logType, has := l.typeIndex(wasmbin.FuncType{Params: []wasmbin.ValueType{wasmbin.I32, wasmbin.I32, wasmbin.I32}}), false
	for i, im := range l.in.Imports {
		if !l.wasi[i] {
			has = has || im.Name == "log"
			l.out.Imports = append(l.out.Imports, im)
		}
	}
	if !has {
		l.out.Imports = append(l.out.Imports, wasmbin.Import{Module: abiModule, Name: "log", Type: logType})
	}
	kept, n, own := uint32(0), uint32(len(l.out.Imports)), uint32(len(l.in.Funcs))
	for i, im := range l.in.Imports {
		if l.wasi[i] {
			l.at = append(l.at, n+own+uint32(len(shims)))
			shims = append(shims, i)
			continue
		}
		if im.Name == "log" {
			l.log = kept
		}
		l.at, kept = append(l.at, kept), kept+1
	}
	if !has {
		l.log = kept
	}
	for i := range own {
		l.at = append(l.at, n+i)
	}
	return shims
}

func (l *linker) typeOf(f uint32) uint32 {
	if n := uint32(len(l.in.Imports)); f >= n {
		return l.in.Funcs[f-n]
	}
	return l.in.Imports[f].Type
}

func (l *linker) typeIndex(t wasmbin.FuncType) uint32 {
	i := slices.IndexFunc(l.out.Types, t.Equal)
	if i < 0 {
		i = len(l.out.Types)
		l.out.Types = append(l.out.Types, t)
	}
	return uint32(i)
}

// body copies a function, its calls renumbered.
func (l *linker) body(f *wasmbin.Body) ([]byte, error) {
	src := l.in.Bytes
	b := append(make([]byte, 0, f.End-f.Start+64), src[f.Start:f.Code]...)
	err := l.in.Walk(f, func(in *wasmbin.Instr) error {
		if in.Op == wasmbin.OpCall {
			b = wasmbin.AppendUnsigned(append(b, byte(wasmbin.OpCall)), uint64(l.at[in.A]))
		} else {
			b = append(b, src[in.Start:in.End]...)
		}
		return nil
	})
	return b, err
}
