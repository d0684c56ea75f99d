package link

import (
	"errors"
	"fmt"

	"github.com/animicaorg/engine/host/wasmbin"
)

// raw is a module as the Go linker writes it, with section sizes of fixed length,
// a table without a maximum, and a memory without one.
type raw struct {
	sections []section
	types    []wasmbin.FuncType
	imports  []rawImport
	exports  []string
}

type section struct {
	id      byte
	content []byte
}

type rawImport struct {
	module, name string
	typ          uint32
}

var errTruncated = errors.New("truncated, or not a module of the Go toolchain")

// scanner reads what may be in a longer form than need be.
type scanner struct {
	b   []byte
	err error
}

func (s *scanner) byte() byte {
	if len(s.b) == 0 {
		s.err = errTruncated
		return 0
	}
	c := s.b[0]
	s.b = s.b[1:]
	return c
}

func (s *scanner) u32() (v uint32) {
	for shift := 0; shift < 35 && s.err == nil; shift += 7 {
		c := s.byte()
		v |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	s.err = errTruncated
	return 0
}

func (s *scanner) take(n uint32) []byte {
	if uint64(n) > uint64(len(s.b)) {
		s.err = errTruncated
		return nil
	}
	b := s.b[:n]
	s.b = s.b[n:]
	return b
}

// count reads the length of a list whose items have at least one byte.
func (s *scanner) count() int {
	n := s.u32()
	if uint64(n) > uint64(len(s.b)) {
		s.err = errTruncated
		return 0
	}
	return int(n)
}

// normalize reads the sections and rewrites those of imports, table and memory so
// that the host's strict reader takes the module. Imports of WASI are marked and
// named as if they were of qx1.
func normalize(reactor []byte, pages uint32) (*raw, []bool, error) {
	s := &scanner{b: reactor}
	if string(s.take(8)) != "\x00asm\x01\x00\x00\x00" {
		return nil, nil, fmt.Errorf("no WebAssembly module: %w", errTruncated)
	}
	r := &raw{}
	var wasi []bool
	for len(s.b) > 0 && s.err == nil {
		x := section{id: s.byte()}
		x.content = s.take(s.u32())
		if s.err != nil {
			break
		}
		part := &scanner{b: x.content}
		switch x.id {
		case 0:
			continue // custom
		case 1:
			r.readTypes(part)
		case 2:
			x.content, wasi = r.readImports(part)
		case 4:
			x.content = fixTable(part)
		case 5:
			x.content = fixMemory(part, pages)
		case 7:
			r.readExports(part)
		case 10:
			x.content = fixCode(part)
		}
		if part.err != nil {
			return nil, nil, fmt.Errorf("section %d: %w", x.id, part.err)
		}
		r.sections = append(r.sections, x)
	}
	return r, wasi, s.err
}

func (r *raw) readTypes(s *scanner) {
	for range s.count() {
		s.byte() // form
		var t wasmbin.FuncType
		for _, list := range []*[]wasmbin.ValueType{&t.Params, &t.Results} {
			for _, v := range s.take(s.u32()) {
				*list = append(*list, wasmbin.ValueType(v))
			}
		}
		r.types = append(r.types, t)
	}
}

func (r *raw) readImports(s *scanner) (content []byte, wasi []bool) {
	n := s.count()
	content = wasmbin.AppendUnsigned(nil, uint64(n))
	for range n {
		im := rawImport{module: string(s.take(s.u32())), name: string(s.take(s.u32()))}
		kind := s.byte()
		im.typ = s.u32()
		if s.err == nil && (kind != wasmbin.ExportFunc || im.typ >= uint32(len(r.types)) || im.module != abiModule && im.module != wasiModule) {
			s.err = fmt.Errorf("import %s.%s: want functions of %s and %s only", im.module, im.name, abiModule, wasiModule)
		}
		if s.err != nil {
			return nil, nil
		}
		wasi = append(wasi, im.module == wasiModule)
		r.imports = append(r.imports, im)
		for _, text := range []string{abiModule, im.name} {
			content = append(wasmbin.AppendUnsigned(content, uint64(len(text))), text...)
		}
		content = wasmbin.AppendUnsigned(append(content, kind), uint64(im.typ))
	}
	return content, wasi
}

// fixTable gives the table the maximum that it has anyway: nothing grows it.
func fixTable(s *scanner) []byte {
	n, form, flag := s.u32(), s.byte(), s.byte()
	size := s.u32()
	if s.err == nil && (n != 1 || flag > 1) {
		s.err = fmt.Errorf("%d tables, flags %d", n, flag)
	}
	b := wasmbin.AppendUnsigned([]byte{1, form, 1}, uint64(size))
	return wasmbin.AppendUnsigned(b, uint64(size))
}

func fixMemory(s *scanner, pages uint32) []byte {
	n, flag, least := s.u32(), s.byte(), s.u32()
	if s.err == nil && (n != 1 || flag > 1 || least > pages) {
		s.err = fmt.Errorf("%d memories, flags %d, %d pages at the start with a maximum of %d", n, flag, least, pages)
	}
	b := wasmbin.AppendUnsigned([]byte{1, 1}, uint64(least))
	return wasmbin.AppendUnsigned(b, uint64(pages))
}

func (r *raw) readExports(s *scanner) {
	for range s.count() {
		name := string(s.take(s.u32()))
		s.byte()
		s.u32()
		r.exports = append(r.exports, name)
	}
}

func (r *raw) bytes() []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, x := range r.sections {
		b = append(wasmbin.AppendUnsigned(append(b, x.id), uint64(len(x.content))), x.content...)
	}
	return b
}
