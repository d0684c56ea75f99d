package wazerort

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"reflect"
	goruntime "runtime"
	"runtime/debug"
	"strings"
	"unsafe"

	"github.com/animicaorg/engine/host/worker"
	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/cpu"
)

// CodeID implements worker.Cacher: wazero's version, which its own entries name
// too, Go's, and the processor features that wazero asks for. The interpreter has
// no native code.
func (r runtime) CodeID() string {
	version := wazeroVersion()
	if r.name != NameCompiler || version == "" {
		return ""
	}
	x := cpu.X86
	return fmt.Sprintf("wazero/%s %s %s/%s sse41=%t bmi1=%t bmi2=%t popcnt=%t lse=%t", version, goruntime.Version(), goruntime.GOOS, goruntime.GOARCH,
		x.HasSSE41, x.HasBMI1, x.HasBMI2, x.HasPOPCNT, cpu.ARM64.HasATOMICS)
}

// Version is the release of wazero that go.mod names; a test compares.
const Version = "v1.12.0"

// wazeroVersion is Version, or empty in a binary that was built with another one.
// Test binaries do not say what they were built with.
func wazeroVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/tetratelabs/wazero" && (d.Version != Version || d.Replace != nil) {
			return ""
		}
	}
	return Version
}

// entryKey is the length of wazero's own key in front of kept code. It hashes the
// module and the processor, so that code of another one is not found.
const entryKey = 32

// memory is wazero's cache of native code with at most one entry, in memory: a
// worker reaches no file.
type memory struct {
	given []byte // key and code
	fresh []byte
	used  bool
}

// Get is called before compiling.
func (m *memory) Get(key [entryKey]byte) (io.ReadCloser, bool, error) {
	code, ok := bytes.CutPrefix(m.given, key[:])
	if !ok || len(m.given) == 0 {
		return nil, false, nil
	}
	m.used = true
	return io.NopCloser(bytes.NewReader(code)), true, nil
}

// Add is called with code that was compiled.
func (m *memory) Add(key [entryKey]byte, content io.Reader) error {
	b, err := io.ReadAll(io.LimitReader(content, worker.MaxCode))
	if err == nil && len(b) < worker.MaxCode {
		m.fresh = append(key[:], b...)
	}
	return err
}

// Delete is called for an entry of another version of wazero.
func (m *memory) Delete([entryKey]byte) error {
	m.given = nil
	return nil
}

// cacheWith returns a compilation cache of wazero that keeps its entries in m.
// wazero lets no one implement the interface between the two, but takes any
// implementation in its field; ok is false where a version has no such field.
func cacheWith(m *memory) (c wazero.CompilationCache, ok bool) {
	c = wazero.NewCompilationCache()
	v := reflect.ValueOf(c)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return nil, false
	}
	f := v.Elem().FieldByName("fileCache")
	if !f.IsValid() || f.Kind() != reflect.Interface || !reflect.TypeOf(m).Implements(f.Type()) {
		return nil, false
	}
	reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem().Set(reflect.ValueOf(m))
	return c, true
}

// CompileCode implements worker.Cacher.
func (r runtime) CompileCode(ctx context.Context, wasm []byte, memoryPages uint32, code []byte) (worker.Program, []byte, error) {
	m := &memory{given: code}
	cache, ok := cacheWith(m)
	if !ok {
		p, err := r.Compile(ctx, wasm, memoryPages)
		return p, nil, err
	}
	p, err := r.compile(ctx, wasm, r.settings(memoryPages).WithCompilationCache(cache))
	if err != nil && m.used && strings.Contains(err.Error(), "compilationcache") {
		return r.CompileCode(ctx, wasm, memoryPages, nil) // not of this wazero after all
	}
	if err != nil {
		return nil, nil, err
	}
	return p, m.fresh, nil
}
