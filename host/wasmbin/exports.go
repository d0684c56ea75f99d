package wasmbin

import (
	"slices"
	"strings"
)

// memoryName is the name under which the one memory is exported.
const memoryName = "memory"

func (r *reader) exports() {
	n := r.count(3, r.p.Limits.Exports, RuleExports)
	r.m.Exports = make([]Export, 0, n)
	for range n {
		at := r.at
		e := Export{Name: r.name(), Kind: r.u8(), Index: r.u32()}
		if r.err != nil {
			return
		}
		if _, twice := r.m.Export(e.Name); twice {
			r.reject(RuleExportTwice, at, "%q is exported twice", e.Name)
		}
		if !r.exportTarget(&e) {
			r.reject(RuleExportKind, at, "%q: kind %d index %d; functions, the memory as %q and constant globals may be exported", e.Name, e.Kind, e.Index, memoryName)
		}
		if r.reserved(e.Name) {
			r.reject(RuleExportReserved, at, "%q is a reserved name", e.Name)
		}
		r.m.Exports = append(r.m.Exports, e)
	}
}

// exportTarget reports whether an export may be of its kind and index.
func (r *reader) exportTarget(e *Export) bool {
	switch e.Kind {
	case ExportFunc:
		_, ok := r.m.FuncType(e.Index)
		return ok
	case ExportMemory:
		return e.Name == memoryName && e.Index == 0 && r.m.Memory.Max > 0
	case ExportGlobal:
		return e.Index < uint32(len(r.m.Globals)) && (!r.m.Globals[e.Index].Mutable || slices.Contains(r.p.HostGlobals, e.Name))
	}
	return false
}

// reserved reports whether a name belongs to the ABI or the host and is not one
// that the profile asks for or permits.
func (r *reader) reserved(name string) bool {
	named := func(f NamedFunc) bool { return f.Name == name }
	if slices.ContainsFunc(r.p.Exports, named) || slices.ContainsFunc(r.p.Offers, named) || slices.Contains(r.p.Optional, name) || slices.Contains(r.p.HostGlobals, name) {
		return false
	}
	if slices.Contains(reservedNames, name) {
		return true
	}
	return slices.ContainsFunc(reservedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// checkExports demands the exports of the profile.
func (r *reader) checkExports() {
	if e, ok := r.m.Export(memoryName); !ok || e.Kind != ExportMemory {
		r.reject(RuleExportMissing, len(r.b), "the memory is not exported as %q", memoryName)
	}
	for _, want := range r.p.Exports {
		e, ok := r.m.Export(want.Name)
		if !ok {
			r.reject(RuleExportMissing, len(r.b), "%s is not exported", want.Name)
			continue
		}
		r.exportType(e, want)
	}
	for _, want := range r.p.Offers {
		if e, ok := r.m.Export(want.Name); ok {
			r.exportType(e, want)
		}
	}
	for _, name := range r.p.Optional {
		if e, ok := r.m.Export(name); ok && e.Kind != ExportFunc {
			r.reject(RuleExportType, len(r.b), "%s is not a function", name)
		}
	}
}

func (r *reader) exportType(e Export, want NamedFunc) {
	if t, _ := r.m.FuncType(e.Index); e.Kind != ExportFunc || !t.Equal(want.Type) {
		r.reject(RuleExportType, len(r.b), "%s is not a function of the ABI's type", want.Name)
	}
}
