package wasmbin

// Section ids of the binary format.
const (
	sectionCustom    byte = 0
	sectionType      byte = 1
	sectionImport    byte = 2
	sectionFunction  byte = 3
	sectionTable     byte = 4
	sectionMemory    byte = 5
	sectionGlobal    byte = 6
	sectionExport    byte = 7
	sectionStart     byte = 8
	sectionElem      byte = 9
	sectionCode      byte = 10
	sectionData      byte = 11
	sectionDataCount byte = 12
)

// rank is the order in which sections must come.
var rank = [...]int{sectionType: 1, sectionImport: 2, sectionFunction: 3, sectionTable: 4, sectionMemory: 5, sectionGlobal: 6, sectionExport: 7,
	sectionStart: 8, sectionElem: 9, sectionDataCount: 10, sectionCode: 11, sectionData: 12}

const (
	headerSize = 8
	header     = "\x00asm\x01\x00\x00\x00"
)

// reader is the state of one Read.
type reader struct {
	cursor
	p         *Profile
	m         *Module
	frames    []byte
	loops     uint32 // among frames
	brTotal   uint32
	dataCount int64 // announced number of data segments, -1 none
}

// Read decodes a module and checks it against a profile. The module aliases b.
// Every error is a *Rejected.
func Read(b []byte, p *Profile) (*Module, error) {
	r := &reader{cursor: cursor{b: b, end: len(b), floats: p.Floats}, p: p, m: &Module{Bytes: b}, dataCount: -1}
	if r.module(); r.err != nil {
		return nil, r.err
	}
	return r.m, nil
}

func (r *reader) module() {
	if len(r.b) > r.p.Limits.ModuleBytes {
		r.reject(RuleModuleSize, 0, "%d bytes, the limit is %d", len(r.b), r.p.Limits.ModuleBytes)
		return
	}
	if len(r.b) < headerSize || string(r.b[:headerSize]) != header {
		r.reject(RuleHeader, 0, "the first eight bytes are not those of a version 1 module")
		return
	}
	r.at = headerSize
	last, custom := 0, 0
	for r.err == nil && r.at < len(r.b) {
		s := r.sectionHeader()
		if r.err != nil {
			return
		}
		if s.ID == sectionCustom {
			custom += s.End - s.Header
			if custom > r.p.Limits.CustomBytes {
				r.reject(RuleCustomSize, s.Header, "custom sections of %d bytes, the limit is %d", custom, r.p.Limits.CustomBytes)
			}
		} else if k := rank[s.ID]; k <= last {
			r.reject(RuleSectionOrder, s.Header, "section %d is out of order or there twice", s.ID)
		} else {
			last = k
		}
		r.end = s.End
		r.section(s)
		if r.err == nil && r.at != s.End {
			r.reject(RuleSectionLength, r.at, "%d bytes behind the content of section %d", s.End-r.at, s.ID)
		}
		r.end = len(r.b)
	}
	r.finish()
}

func (r *reader) sectionHeader() Section {
	s := Section{Header: r.at}
	s.ID = r.u8()
	if int(s.ID) >= len(rank) {
		r.reject(RuleSectionID, s.Header, "section %d", s.ID)
	}
	at, n := r.at, r.u32()
	if r.err == nil && uint64(n) > uint64(r.left()) {
		r.reject(RuleSectionLength, at, "section %d has %d bytes, %d remain", s.ID, n, r.left())
	}
	if r.err != nil {
		return s
	}
	s.Start, s.End = r.at, r.at+int(n)
	r.m.Sections = append(r.m.Sections, s)
	return s
}

func (r *reader) section(s Section) {
	switch s.ID {
	case sectionCustom:
		if r.name(); r.err == nil {
			r.at = s.End
		}
	case sectionType:
		r.types()
	case sectionImport:
		r.imports()
	case sectionFunction:
		r.functions()
	case sectionTable:
		r.table()
	case sectionMemory:
		r.memory()
	case sectionGlobal:
		r.globals()
	case sectionExport:
		r.exports()
	case sectionStart:
		r.reject(RuleStart, s.Header, "a start function runs before the host is ready")
	case sectionElem:
		r.elems()
	case sectionDataCount:
		r.dataCount = int64(r.count(0, r.p.Limits.DataSegments, RuleDataCount))
	case sectionCode:
		r.codes()
	case sectionData:
		r.datas()
	}
}

// finish checks what only the whole module shows.
func (r *reader) finish() {
	if r.err != nil {
		return
	}
	if len(r.m.Bodies) != len(r.m.Funcs) {
		r.reject(RuleFuncCode, len(r.b), "%d functions and %d bodies", len(r.m.Funcs), len(r.m.Bodies))
	}
	if r.dataCount >= 0 && r.dataCount != int64(len(r.m.Data)) {
		r.reject(RuleDataCount, len(r.b), "%d data segments, %d announced", len(r.m.Data), r.dataCount)
	}
	if r.m.Memory.Max == 0 {
		r.reject(RuleMemory, len(r.b), "no memory")
	}
	if r.err == nil {
		r.checkExports()
	}
}
