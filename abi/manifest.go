package abi

import (
	"context"
	"fmt"
	"strings"
)

// Manifest is what a guest says of itself (qx_describe): `key=value` lines in
// ASCII, sorted by key, each key once.
type Manifest struct {
	ABI     uint64
	Kind    Kind
	Name    string // [a-z0-9_-], 1..64
	Version string // [0-9a-z.+-], 1..64
}

// ParseManifest reads the lines strictly: exactly the keys abi, kind, name and
// version, each line ended by a line feed.
func ParseManifest(b []byte) (Manifest, error) {
	bad := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, fmt.Errorf("manifest: "+format, args...)
	}
	text, ended := strings.CutSuffix(string(b), "\n")
	lines := strings.Split(text, "\n")
	keys := []string{"abi", "kind", "name", "version"}
	if !ended || len(lines) != len(keys) || len(b) > 1024 {
		return bad("%d lines in %d bytes, want the keys %s", len(lines), len(b), strings.Join(keys, ", "))
	}
	var m Manifest
	for i, key := range keys {
		v, ok := strings.CutPrefix(lines[i], key+"=")
		if !ok {
			return bad("line %d is not %s=…", i+1, key)
		}
		var err error
		switch key {
		case "abi":
			if v != fmt.Sprint(Version) {
				return bad("abi is %q, this engine speaks %d", v, Version)
			}
			m.ABI = Version
		case "kind":
			m.Kind, err = ParseKind(v)
		case "name":
			m.Name = v
			ok = isWord(v, "abcdefghijklmnopqrstuvwxyz0123456789_-")
		case "version":
			m.Version = v
			ok = isWord(v, "abcdefghijklmnopqrstuvwxyz0123456789.+-")
		}
		if err != nil || !ok {
			return bad("%s is %q", key, v)
		}
	}
	return m, nil
}

func isWord(s, alphabet string) bool {
	return len(s) >= 1 && len(s) <= 64 && strings.Trim(s, alphabet) == ""
}

// ReadManifest calls qx_describe and parses what it writes.
func ReadManifest(ctx context.Context, c Caller) (Manifest, error) {
	b, err := Describe(ctx, c)
	if err != nil {
		return Manifest{}, err
	}
	m, err := ParseManifest(b)
	if err != nil {
		return Manifest{}, violation(ExportDescribe, err)
	}
	return m, nil
}
