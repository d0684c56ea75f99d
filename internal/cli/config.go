package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

// MaxConfigBytes bounds a configuration file.
const MaxConfigBytes = 64 << 10

// LoadConfig reads the configuration into v, a pointer to a struct with yaml
// tags: the file of --config or $NAME_CONFIG, which must exist, else the default
// file, which need not. Unknown and repeated keys and second documents are
// refused with code 50. It returns the path read, empty for none.
func (a *App) LoadConfig(v any) (string, error) {
	path, must := a.ConfigPath, true
	if path == "" {
		path = a.Getenv(a.envName("config"))
	}
	if path == "" {
		dir, err := a.ConfigDir()
		if err != nil {
			return "", nil //nolint:nilerr // no home directory means no default file
		}
		path, must = filepath.Join(dir, a.Name+".yaml"), false
	}
	b, err := readFile(path, MaxConfigBytes)
	if errors.Is(err, os.ErrNotExist) && !must {
		return "", nil
	}
	if err != nil {
		return "", Errorf(BadConfig, "--config", "%w", err)
	}
	return path, decodeConfig(b, path, v)
}

func decodeConfig(b []byte, path string, v any) error {
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	err := dec.Decode(v)
	if errors.Is(err, io.EOF) {
		return nil // an empty file sets nothing
	}
	if err != nil {
		return configError(path, err, v)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Errorf(BadConfig, "", "%s holds more than one document", path).WithHint("keep one document, remove the line ---")
	}
	return nil
}

var unknownKey = regexp.MustCompile(`line (\d+): field (\S+) not found`)

func configError(path string, err error, v any) error {
	text := strings.TrimSpace(strings.TrimPrefix(err.Error(), "yaml: unmarshal errors:"))
	if m := unknownKey.FindStringSubmatch(text); m != nil {
		return Errorf(BadConfig, m[2], "%s line %s: unknown key", path, m[1]).WithHint("%s", suggestion(m[2], yamlKeys(v)))
	}
	return Errorf(BadConfig, "", "%s: %s", path, oneLine(text)).WithHint("the file is YAML; keys: %s", strings.Join(yamlKeys(v), ", "))
}

func suggestion(key string, known []string) string {
	if best := Nearest(key, known); best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "keys: " + strings.Join(known, ", ")
}

// Nearest returns the candidate within edit distance 3 that is closest to word,
// the first on ties, or the empty string.
func Nearest(word string, candidates []string) string {
	best, limit := "", 4
	for _, c := range candidates {
		if d := editDistance(word, c); d < limit && d < len(c) {
			best, limit = c, d
		}
	}
	return best
}

// editDistance is Levenshtein's, by one row of the usual table.
func editDistance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diag := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(b)]
}

func yamlKeys(v any) []string {
	var out []string
	t := reflect.TypeOf(v).Elem()
	for i := range t.NumField() {
		if k, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ","); k != "" && k != "-" {
			out = append(out, k)
		}
	}
	return out
}

func (a *App) envName(key string) string {
	return strings.ToUpper(a.Name + "_" + strings.ReplaceAll(key, "-", "_"))
}

// ApplyDefaults gives the flags of a verb that the command line left alone the
// value of the environment ($NAME_KEY), else that of the configuration file.
// Keys are flag names with underscores; empty values set nothing. Flags that
// the verb does not have are ignored.
func (a *App) ApplyDefaults(cmd *cobra.Command, file map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(file)) {
		value, origin := file[key], "configuration"
		if env := a.envName(key); a.Getenv(env) != "" {
			value, origin = a.Getenv(env), env
		}
		f := cmd.Flags().Lookup(strings.ReplaceAll(key, "_", "-"))
		if f == nil || f.Changed || value == "" {
			continue
		}
		if err := f.Value.Set(value); err != nil {
			return Errorf(BadConfig, key, "%s: %q is refused: %w", origin, value, err)
		}
	}
	return nil
}

// ConfigDir is $XDG_CONFIG_HOME/animica, by default ~/.config/animica.
func (a *App) ConfigDir() (string, error) { return a.xdg("XDG_CONFIG_HOME", ".config", "animica") }

// DataDir is $XDG_DATA_HOME/animica/NAME, by default ~/.local/share/animica/NAME.
func (a *App) DataDir() (string, error) {
	return a.xdg("XDG_DATA_HOME", filepath.Join(".local", "share"), filepath.Join("animica", a.Name))
}

// CacheDir is $XDG_CACHE_HOME/animica/NAME, by default ~/.cache/animica/NAME.
func (a *App) CacheDir() (string, error) {
	return a.xdg("XDG_CACHE_HOME", ".cache", filepath.Join("animica", a.Name))
}

// xdg follows the XDG base directory specification 0.8: a relative path in the
// variable is ignored.
func (a *App) xdg(variable, fallback, rest string) (string, error) {
	if dir := a.Getenv(variable); filepath.IsAbs(dir) {
		return filepath.Join(dir, rest), nil
	}
	home := a.Getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", Errorf(BadConfig, variable, "neither %s nor HOME is an absolute path", variable).WithHint("set HOME")
	}
	return filepath.Join(home, fallback, rest), nil
}
