// Package scaffold writes the first version of a new driver: one that passes the
// conformance kit against a small simulator in the vendor's place, to be replaced
// by the vendor's interface.
//
// It never writes over a file and starts nothing.
package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/animicaorg/engine/plugins/driver/catalog"
)

//go:embed templates
var templates embed.FS

// ErrLanguage is wrapped for a language without templates, ErrName for a name
// that plugins.lock would not take.
var (
	ErrLanguage = errors.New("no templates for this language; there are go and python")
	ErrName     = errors.New("no name for a driver: lower-case letters, digits and hyphens, at most 32")
)

// placeholder stands for the driver's name in the templates.
const placeholder = "tiny"

// file of a scaffold: "NAME" in to becomes the driver's name.
type file struct {
	from, to string
	mode     os.FileMode
}

var languages = map[string][]file{
	"go": {
		{"main.go.txt", "main.go", 0o644}, {"device.go.txt", "device.go", 0o644}, {"vendor.go.txt", "vendor.go", 0o644}, {"go.mod.txt", "go.mod", 0o644},
	},
	"python": {{"driver.py.txt", "engine-driver-NAME", 0o755}},
}

// Write makes the driver name in dir, which it makes if need be, and returns the
// files. A Python driver gets dir/.venv/bin/python as its interpreter.
func Write(dir, lang, name string) ([]string, error) {
	list, ok := languages[lang]
	if !ok {
		return nil, fmt.Errorf("%.40q: %w", lang, ErrLanguage)
	}
	if !catalog.CheckName(name) {
		return nil, fmt.Errorf("%.40q: %w", name, ErrName)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	var out []string
	for _, f := range list {
		text, err := templates.ReadFile("templates/" + f.from)
		if err != nil {
			return out, err
		}
		body := strings.ReplaceAll(string(text), placeholder, name)
		if rest, ok := strings.CutPrefix(body, "#!/usr/bin/python3\n"); ok {
			body = "#!" + filepath.Join(dir, ".venv", "bin", "python") + "\n" + rest
		}
		to := filepath.Join(dir, strings.ReplaceAll(f.to, "NAME", name))
		if err := create(to, body, f.mode); err != nil {
			return out, err
		}
		out = append(out, to)
	}
	return out, nil
}

func create(name, body string, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(body)
	return errors.Join(err, f.Close())
}
