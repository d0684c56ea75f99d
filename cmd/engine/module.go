package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/host"
	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/plugins/embedded"
)

// maxModuleBytes bounds a module file; it is the validator's largest limit.
var maxModuleBytes = int64(wasmbin.Compiler().Limits.ModuleBytes)

func (e *program) moduleVerb() *cobra.Command {
	return e.Group("module", "WebAssembly modules and their governance", e.moduleInspect(), e.moduleMeter(), e.moduleList(), e.moduleVerify(), e.moduleTest(), e.moduleLink(),
		e.moduleKey(), e.modulePack(), e.moduleDraft(), e.moduleSign(), e.modulePin(), e.modulePublish(), e.modulePull())
}

type moduleAnswer struct {
	SHA3    digest.Digest  `json:"sha3_256"`
	SHA256  string         `json:"sha256"`
	Size    int            `json:"size"`
	Kind    string         `json:"kind,omitempty"` // compiler or traps
	ABI     string         `json:"abi,omitempty"`
	Floats  string         `json:"float_policy,omitempty"` // none, or canonical: it has floating point
	Shipped string         `json:"shipped,omitempty"`      // name and version, where the engine ships the same bytes
	Imports []moduleFunc   `json:"imports,omitempty"`
	Exports []moduleExport `json:"exports,omitempty"`
	Memory  *moduleMemory  `json:"memory,omitempty"`
	*meteredForm
	Accepted bool      `json:"accepted"`
	Rule     string    `json:"rule,omitempty"` // of a refusal
	Error    *cli.Body `json:"error,omitempty"`
}

// meteredForm is what the engines of the sandbox get.
type meteredForm struct {
	Meter         string        `json:"meter"` // rules
	MeteredSHA3   digest.Digest `json:"metered_sha3_256"`
	MeteredSHA256 string        `json:"metered_sha256"`
	MeteredSize   int           `json:"metered_size"`
	LoadFuel      int64         `json:"load_fuel"` // of making an instance

	wasm []byte
}

type moduleFunc struct {
	Module string `json:"module"`
	Name   string `json:"name"`
	Type   string `json:"type"`
}

type moduleExport struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Type string `json:"type,omitempty"`
}

type moduleMemory struct {
	MinPages uint32 `json:"min_pages"` // of 64 KiB
	MaxPages uint32 `json:"max_pages"`
}

func (e *program) moduleInspect() *cobra.Command {
	kind := cli.Choice{Value: "auto", Allowed: []string{"auto", "traps", "compiler"}}
	c := &cobra.Command{
		Use: "inspect FILE", Short: "Hash a module and say whether the sandbox accepts it",
		Long: `Read a module as the sandbox does before any engine sees it, and print its
hashes, imports and exports, and the hash of its metered form. Nothing is
executed. A module that is refused ends in exit 52, LOAD_REJECTED, with the rule
and the byte that broke it.`,
		Example: "  engine module inspect traps.wasm --json",
		Args:    cli.Args("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := e.readModule("FILE", args[0])
			if err != nil {
				return err
			}
			a, refusal := inspectModule(b, kind.Value)
			if refusal == nil {
				return e.Print(a, func(w io.Writer) { a.write(w) })
			}
			refusal.Field = args[0]
			if e.JSON {
				a.Error, refusal.Printed = refusal.Body(), true
				if err := e.Print(a, nil); err != nil {
					return err
				}
			}
			return refusal
		},
	}
	c.Flags().Var(&kind, "kind", "what the module is to be; auto looks at its exports")
	return c
}

func (e *program) readModule(field, path string) ([]byte, error) {
	b, err := e.ReadInput(field, path, maxModuleBytes, cli.ModuleRefused)
	var coded *cli.Error
	if errors.As(err, &coded) && coded.Code == cli.ModuleRefused {
		coded.Named("LOAD_REJECTED")
	}
	return b, err
}

// inspectModule validates the bytes for a kind.
func inspectModule(b []byte, kind string) (*moduleAnswer, *cli.Error) {
	sum := sha256.Sum256(b)
	a := &moduleAnswer{SHA3: digest.Sum(b), SHA256: hex.EncodeToString(sum[:]), Size: len(b)}
	for _, m := range embedded.All() {
		if digest.Sum(m.Bytes) == a.SHA3 {
			a.Shipped = m.Name + " " + m.Version
		}
	}
	if kind == "auto" {
		kind = guessKind(b)
	}
	profile := wasmbin.TrapLibrary()
	if kind == "compiler" {
		profile = wasmbin.Compiler()
	}
	m, err := wasmbin.ReadWithFloats(b, &profile)
	if err != nil {
		a.Rule = string(ruleOf(err))
		return a, cli.Errorf(cli.ModuleRefused, "", "%w", err).Named("LOAD_REJECTED").WithHint("it was read as a module of kind %s; the rules are in abi/SPEC.md", kind)
	}
	if refusal := a.meterForm(b, kind, m); refusal != nil {
		return a, refusal
	}
	a.Kind, a.ABI, a.Accepted, a.Floats = kind, "qx1", true, "none"
	if profile.Floats {
		a.Floats = "canonical"
	}
	a.describe(m)
	return a, nil
}

// meterForm adds the metered form, or says why there is none.
func (a *moduleAnswer) meterForm(b []byte, kind string, m *wasmbin.Module) *cli.Error {
	k, err := abi.ParseKind(kind)
	if err != nil {
		return cli.Errorf(cli.Internal, "", "%w", err)
	}
	metered, err := host.Metered(b, k)
	if err != nil {
		a.Rule = string(ruleOf(err))
		return cli.Errorf(cli.ModuleRefused, "", "%w", err).Named("LOAD_REJECTED").WithHint("the rules of metering are in host/meter/SPEC.md")
	}
	sum := sha256.Sum256(metered)
	a.meteredForm = &meteredForm{meter.ID, digest.Sum(metered), hex.EncodeToString(sum[:]), len(metered), meter.LoadFuel(len(m.Strip()), m.Memory.Min), metered}
	return nil
}

// guessKind takes a file that mentions the compiler's export for a compiler.
func guessKind(b []byte) string {
	if bytes.Contains(b, []byte("qx_compile")) {
		return "compiler"
	}
	return "traps"
}

func ruleOf(err error) wasmbin.Rule {
	var r *wasmbin.Rejected
	if errors.As(err, &r) {
		return r.Rule
	}
	var h *host.Error
	if errors.As(err, &h) {
		return h.Rule
	}
	return ""
}

func (a *moduleAnswer) describe(m *wasmbin.Module) {
	for _, i := range m.Imports {
		a.Imports = append(a.Imports, moduleFunc{i.Module, i.Name, typeText(m.Types[i.Type])})
	}
	kinds := map[byte]string{wasmbin.ExportFunc: "func", wasmbin.ExportTable: "table", wasmbin.ExportMemory: "memory", wasmbin.ExportGlobal: "global"}
	for _, x := range m.Exports {
		out := moduleExport{Name: x.Name, Kind: kinds[x.Kind]}
		if t, ok := m.FuncType(x.Index); ok && x.Kind == wasmbin.ExportFunc {
			out.Type = typeText(t)
		}
		a.Exports = append(a.Exports, out)
	}
	a.Memory = &moduleMemory{m.Memory.Min, m.Memory.Max}
}

// typeText writes a signature as (i32 i64) -> (i32).
func typeText(t wasmbin.FuncType) string {
	list := func(v []wasmbin.ValueType) string {
		s := make([]string, len(v))
		for i := range v {
			s[i] = v[i].String()
		}
		return "(" + strings.Join(s, " ") + ")"
	}
	return list(t.Params) + " -> " + list(t.Results)
}

func (a *moduleAnswer) write(w io.Writer) {
	fmt.Fprintf(w, "sha3_256  %s\nsha256    %s\nsize      %d bytes\nkind      %s, abi %s, float policy %s\nmemory    %d to %d pages of 64 KiB\n",
		a.SHA3, a.SHA256, a.Size, a.Kind, a.ABI, a.Floats, a.Memory.MinPages, a.Memory.MaxPages)
	fmt.Fprintf(w, "metered   %s by %s, %d bytes; an instance costs %d fuel\n", a.MeteredSHA3, a.Meter, a.MeteredSize, a.LoadFuel)
	if a.Shipped != "" {
		fmt.Fprintf(w, "shipped   %s\n", a.Shipped)
	}
	for _, i := range a.Imports {
		fmt.Fprintf(w, "import    %s.%s %s\n", i.Module, i.Name, i.Type)
	}
	for _, x := range a.Exports {
		fmt.Fprintf(w, "export    %s %s\n", x.Name, x.Type)
	}
}
