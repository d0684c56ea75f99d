// Package sbom says what a host runs: the program with its Go modules, the guest
// modules and drivers that it loads, and the host's kernel, firmware and packages,
// as CycloneDX 1.6 JSON.
//
// It promises equal bytes for equal contents (no time, no random serial number), so
// that a changed document means a changed host. It lists what the host says about
// itself; it attests nothing.
package sbom

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
)

// Type is a CycloneDX component type.
type Type string

// The types that are used.
const (
	Application     Type = "application"
	Library         Type = "library"
	File            Type = "file"
	Firmware        Type = "firmware"
	OperatingSystem Type = "operating-system"
	Device          Type = "device"
	Platform        Type = "platform"
)

// Component is one thing. Ref identifies it across documents; the other members
// are what may change about it.
type Component struct {
	Ref     string // unique in a document: pkg:golang/…, pkg:deb/…, host/…, guest/…
	Type    Type
	Name    string
	Version string
	PURL    string            // package URL; empty: none
	Hashes  map[string]string // SHA-256, SHA3-256: hexadecimal digits
}

// BOM is a document: what it is about, and the rest.
type BOM struct {
	Subject    Component
	Components []Component
}

type hashJSON struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type componentJSON struct {
	Type    Type       `json:"type"`
	Ref     string     `json:"bom-ref"`
	Name    string     `json:"name"`
	Version string     `json:"version,omitempty"`
	Hashes  []hashJSON `json:"hashes,omitempty"`
	PURL    string     `json:"purl,omitempty"`
}

func (c Component) json() componentJSON {
	out := componentJSON{Type: c.Type, Ref: c.Ref, Name: c.Name, Version: c.Version, PURL: c.PURL}
	for alg, content := range c.Hashes {
		out.Hashes = append(out.Hashes, hashJSON{alg, content})
	}
	slices.SortFunc(out.Hashes, func(a, b hashJSON) int { return cmp.Compare(a.Alg, b.Alg) })
	return out
}

// Sort orders components by Ref; Marshal and Diff do it themselves.
func (b *BOM) Sort() {
	slices.SortStableFunc(b.Components, func(x, y Component) int { return cmp.Compare(x.Ref, y.Ref) })
}

// Marshal writes CycloneDX 1.6 JSON. The serial number is derived from the
// contents.
func (b *BOM) Marshal() ([]byte, error) {
	b.Sort()
	list := make([]componentJSON, len(b.Components))
	for i, c := range b.Components {
		if i > 0 && b.Components[i-1].Ref == c.Ref || c.Ref == b.Subject.Ref {
			return nil, fmt.Errorf("sbom: %q is listed twice", c.Ref)
		}
		list[i] = c.json()
	}
	type metadata struct {
		Component componentJSON `json:"component"`
	}
	doc := struct {
		Schema     string          `json:"$schema"`
		Format     string          `json:"bomFormat"`
		Spec       string          `json:"specVersion"`
		Serial     string          `json:"serialNumber,omitempty"`
		Version    int             `json:"version"`
		Metadata   metadata        `json:"metadata"`
		Components []componentJSON `json:"components"`
	}{"http://cyclonedx.org/schema/bom-1.6.schema.json", "CycloneDX", "1.6", "", 1, metadata{b.Subject.json()}, list}
	plain, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	doc.Serial = serial(plain)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err = enc.Encode(doc)
	return out.Bytes(), err
}

// serial is a version 8 UUID (RFC 9562) of the contents.
func serial(b []byte) string {
	h := sha256.Sum256(b)
	h[6], h[8] = h[6]&0x0f|0x80, h[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", h[0:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// maxDocument bounds what Parse reads, in bytes.
const maxDocument = 64 << 20

// Parse reads what Marshal wrote; members that it does not write are ignored.
func Parse(b []byte) (*BOM, error) {
	if len(b) > maxDocument {
		return nil, fmt.Errorf("sbom: %d bytes, limit %d", len(b), maxDocument)
	}
	var doc struct {
		Format   string `json:"bomFormat"`
		Spec     string `json:"specVersion"`
		Metadata struct {
			Component componentJSON `json:"component"`
		} `json:"metadata"`
		Components []componentJSON `json:"components"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("sbom: %w", err)
	}
	if doc.Format != "CycloneDX" || doc.Spec != "1.6" {
		return nil, fmt.Errorf("sbom: format %.20q %.20q, want CycloneDX 1.6", doc.Format, doc.Spec)
	}
	out := &BOM{Subject: doc.Metadata.Component.component()}
	for _, c := range doc.Components {
		out.Components = append(out.Components, c.component())
	}
	return out, nil
}

func (c componentJSON) component() Component {
	out := Component{Ref: c.Ref, Type: c.Type, Name: c.Name, Version: c.Version, PURL: c.PURL}
	for _, h := range c.Hashes {
		if out.Hashes == nil {
			out.Hashes = map[string]string{}
		}
		out.Hashes[h.Alg] = h.Content
	}
	return out
}

// Change is one difference between two documents. Before is nil for what came,
// After for what went.
type Change struct {
	Ref    string `json:"ref"`
	Before *State `json:"before,omitempty"`
	After  *State `json:"after,omitempty"`
}

// State is what a component was.
type State struct {
	Name    string            `json:"name"`
	Version string            `json:"version,omitempty"`
	Hashes  map[string]string `json:"hashes,omitempty"`
}

// Diff lists the changes from old to new, by Ref.
func Diff(old, new *BOM) []Change {
	before, after := old.states(), new.states()
	refs := map[string]bool{}
	for r := range before {
		refs[r] = true
	}
	for r := range after {
		refs[r] = true
	}
	changes := []Change{}
	for r := range refs {
		if b, a := before[r], after[r]; b == nil || a == nil || !equal(*b, *a) {
			changes = append(changes, Change{r, b, a})
		}
	}
	slices.SortFunc(changes, func(x, y Change) int { return cmp.Compare(x.Ref, y.Ref) })
	return changes
}

func equal(a, b State) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && bytes.Equal(x, y)
}

func (b *BOM) states() map[string]*State {
	out := map[string]*State{}
	for _, c := range append([]Component{b.Subject}, b.Components...) {
		out[c.Ref] = &State{c.Name, c.Version, c.Hashes}
	}
	return out
}
