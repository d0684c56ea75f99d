package proofs

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

// BundleFormat names the layout of a bundle.
const BundleFormat = "qprov-bundle/1"

// Limits of a bundle.
const (
	MaxTar       = 64 << 20 // bytes of a .tar
	MaxDir       = 1 << 30  // bytes of all files of a directory
	maxFiles     = 128
	manifestName = "manifest.json"
	maxManifest  = 1 << 20
)

// ErrBundle is wrapped by every refusal to read or write a bundle.
var ErrBundle = errors.New("invalid proof bundle")

// Bundle is what a third party needs to judge a proof offline. Nil files are
// absent; only Proof must be there. The bytes are as stored, nothing is judged
// before Verify.
type Bundle struct {
	Proof     []byte // JSON envelope
	ProofCBOR []byte // the same envelope
	Circuit   []byte // canonical bytes of the circuit as received
	Compiled  []byte // the compiler's layered stream
	Outcomes  []byte // transcript.Outcomes, file form
	Report    []byte // the judge's report
	Lease     []byte // lease document with the job
	Counts    []byte // CountsJSON of the target slots
	Policy    []byte // trap policy document
	Journal   []byte // the executor's records of this job, one JSON object a line
	Audit     []byte // that the operator's log holds this proof (auditlog.Inclusion)
	AuditKey  []byte // the root key's statement for the key of that log
	Modules   map[digest.Digest][]byte
	// Damaged names the files that differ from the manifest they were read with.
	// Verify refuses them, and says which other steps fail with them.
	Damaged []string
}

// bundleFiles fixes names, order in a tar and limits.
var bundleFiles = []struct {
	name string
	max  int64
	of   func(*Bundle) *[]byte
}{
	{"proof.json", 16 << 20, func(b *Bundle) *[]byte { return &b.Proof }},
	{"proof.cbor", 8 << 20, func(b *Bundle) *[]byte { return &b.ProofCBOR }},
	{"circuit.bin", MaxDir, func(b *Bundle) *[]byte { return &b.Circuit }},
	{"compiled.bin", MaxDir, func(b *Bundle) *[]byte { return &b.Compiled }},
	{"outcomes.bin", MaxDir, func(b *Bundle) *[]byte { return &b.Outcomes }},
	{"report.bin", 16 << 20, func(b *Bundle) *[]byte { return &b.Report }},
	{"lease.json", 32 << 20, func(b *Bundle) *[]byte { return &b.Lease }},
	{"counts.json", 64 << 20, func(b *Bundle) *[]byte { return &b.Counts }},
	{"policy.json", 1 << 20, func(b *Bundle) *[]byte { return &b.Policy }},
	{"journal.jsonl", 1 << 20, func(b *Bundle) *[]byte { return &b.Journal }},
	{"audit.tlog-proof", auditlog.MaxInclusion, func(b *Bundle) *[]byte { return &b.Audit }},
	{"audit.key.json", 64 << 10, func(b *Bundle) *[]byte { return &b.AuditKey }},
}

const (
	modulePrefix = "modules/"
	moduleSuffix = ".wasm"
	maxModule    = 64 << 20
)

// file is one file of a bundle.
type file struct {
	name string
	data []byte
}

// files lists the present files in the order of a tar, the manifest first.
func (b *Bundle) files() ([]file, error) {
	if b.Proof == nil {
		return nil, fmt.Errorf("proof.json is missing: %w", ErrBundle)
	}
	var out []file
	for _, f := range bundleFiles {
		data := *f.of(b)
		if int64(len(data)) > f.max {
			return nil, fmt.Errorf("%s has %d bytes, limit %d: %w", f.name, len(data), f.max, ErrBundle)
		}
		if data != nil {
			out = append(out, file{f.name, data})
		}
	}
	for d, data := range b.Modules {
		if digest.Sum(data) != d {
			return nil, fmt.Errorf("module %s has other bytes: %w", d, ErrBundle)
		}
		out = append(out, file{modulePrefix + d.String() + moduleSuffix, data})
	}
	modules := out[len(out)-len(b.Modules):]
	slices.SortFunc(modules, func(a, b file) int { return strings.Compare(a.name, b.name) })
	m, err := manifest(out)
	if err != nil {
		return nil, err
	}
	return append([]file{{manifestName, m}}, out...), nil
}

type manifestEntry struct {
	Name string        `json:"name"`
	Size int           `json:"size"`
	SHA3 digest.Digest `json:"sha3_256"`
}

func manifest(files []file) ([]byte, error) {
	entries := make([]manifestEntry, len(files))
	for i, f := range files {
		entries[i] = manifestEntry{f.name, len(f.data), digest.Sum(f.data)}
	}
	b, err := json.MarshalIndent(struct {
		Format string          `json:"format"`
		Files  []manifestEntry `json:"files"`
	}{BundleFormat, entries}, "", "  ")
	return append(b, '\n'), err
}

// parseManifest returns the listed files; every name is one that a bundle may
// have.
func parseManifest(b []byte) ([]manifestEntry, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: maxManifest, Depth: 4, Values: 8 * maxFiles})
	c.Only("format", "files").Member("format").OneOf(BundleFormat)
	var out []manifestEntry
	seen := map[string]bool{}
	for _, f := range c.Member("files").Items(maxFiles) {
		f.Only("name", "size", "sha3_256")
		e := manifestEntry{Name: f.Member("name").Text(256)}
		max, ok := fileLimit(e.Name)
		if !ok || seen[e.Name] {
			f.Member("name").Fail("", "is no file of a bundle, or listed twice")
		}
		seen[e.Name] = true
		e.Size = int(f.Member("size").Uint(0, uint64(max)))
		e.SHA3 = f.Member("sha3_256").Hash()
		out = append(out, e)
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", manifestName, ErrBundle, err)
	}
	return out, nil
}

// fileLimit returns the size limit of a file name; ok is false for names that a
// bundle cannot have.
func fileLimit(name string) (max int64, ok bool) {
	for _, f := range bundleFiles {
		if f.name == name {
			return f.max, true
		}
	}
	_, ok = moduleName(name)
	return maxModule, ok
}

func moduleName(name string) (digest.Digest, bool) {
	text, ok := strings.CutPrefix(name, modulePrefix)
	text, ok2 := strings.CutSuffix(text, moduleSuffix)
	d, err := digest.Parse(text)
	return d, ok && ok2 && err == nil
}

// assemble checks files against the manifest and builds the bundle.
func assemble(entries []manifestEntry, data map[string][]byte) (*Bundle, error) {
	b := &Bundle{}
	for _, e := range entries {
		d, ok := data[e.Name]
		if !ok {
			return nil, fmt.Errorf("%s is listed but missing: %w", e.Name, ErrBundle)
		}
		if len(d) != e.Size || digest.Sum(d) != e.SHA3 {
			b.Damaged = append(b.Damaged, e.Name)
		}
		if id, ok := moduleName(e.Name); ok {
			if id != e.SHA3 {
				b.Damaged = append(b.Damaged, e.Name)
			}
			if b.Modules == nil {
				b.Modules = map[digest.Digest][]byte{}
			}
			b.Modules[id] = d
			continue
		}
		for _, f := range bundleFiles {
			if f.name == e.Name {
				*f.of(b) = d
			}
		}
	}
	if b.Proof == nil {
		return nil, fmt.Errorf("proof.json is missing: %w", ErrBundle)
	}
	return b, nil
}

// MaxCounts is the largest number of distinct outcomes in counts.json; a bundle
// with more has no such file, its outcomes hold the same.
const MaxCounts = 200_000

// CountsJSON writes a histogram with bit strings, highest clbit first, as keys.
func CountsJSON(h *transcript.Hist) ([]byte, error) {
	shots, ok := h.Shots()
	if !ok || len(h.Bins) > MaxCounts {
		return nil, fmt.Errorf("%d distinct outcomes, limit %d: %w", len(h.Bins), MaxCounts, ErrBundle)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "{\n  \"width\": %d,\n  \"shots\": %d,\n  \"counts\": {", h.Width, shots)
	for i, b := range h.Bins {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "\n    %q: %d", BitString(h.Width, b.Key), b.Count)
	}
	out.WriteString("\n  }\n}\n")
	return []byte(out.String()), nil
}

// BitString prints a big-endian histogram key, highest clbit first.
func BitString(width uint64, key []byte) string {
	out := make([]byte, width)
	for i := range width {
		out[width-1-i] = '0' + key[uint64(len(key))-1-i/8]>>(i%8)&1
	}
	return string(out)
}

// ParseCounts reads what CountsJSON wrote.
func ParseCounts(b []byte) (*transcript.Hist, error) {
	c := strictjson.Open(b, strictjson.Limits{Bytes: 64 << 20, Depth: 2, Values: MaxCounts + 8})
	c.Only("width", "shots", "counts")
	width := c.Member("width").Uint(1, transcript.MaxWidth)
	shots := c.Member("shots").Uint(0, transcript.MaxShots)
	list := c.Member("counts")
	n := list.Node()
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("counts.json: %w: %w", ErrBundle, err)
	}
	var rows [][]byte
	var counts []uint64
	for _, m := range n.Members {
		row := make([]byte, transcript.Stride(width))
		if uint64(len(m.Key)) != width || strings.Trim(m.Key, "01") != "" {
			list.Member(m.Key).Fail("", "want %d binary digits", width)
			break
		}
		for i := range width {
			row[i>>3] |= (m.Key[width-1-i] & 1) << (i & 7)
		}
		rows = append(rows, row)
		counts = append(counts, list.Member(m.Key).Uint(1, transcript.MaxShots))
		if c.Err() != nil {
			break
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("counts.json: %w: %w", ErrBundle, err)
	}
	h, err := transcript.HistOfCounts(width, rows, counts)
	if err != nil {
		return nil, fmt.Errorf("counts.json: %w: %w", ErrBundle, err)
	}
	if total, _ := h.Shots(); total != shots {
		return nil, fmt.Errorf("counts.json: counts add up to %d, shots says %d: %w", total, shots, ErrBundle)
	}
	return h, nil
}

// SetProof stores the envelope in both forms.
func (b *Bundle) SetProof(p *Proof) (err error) {
	if b.Proof, err = p.MarshalJSON(); err != nil {
		return err
	}
	b.Proof = append(b.Proof, '\n')
	b.ProofCBOR, err = p.MarshalCBOR()
	return err
}
