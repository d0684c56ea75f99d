package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// file is one Go file: what it imports and which watched things it uses.
type file struct {
	name    string // slash-separated path from the module root
	test    bool
	doc     bool // has a package comment
	imports []string
	uses    []string // "time.Now" and its like, each once
}

// folder is one folder with Go files.
type folder struct {
	path  string
	files []file
}

// watched lists the functions that read clock or environment; a use of any
// identifier of the packages under "" counts.
var watched = map[string][]string{
	"time":         {"Now", "Since", "Until"},
	"os":           {"Getenv", "LookupEnv", "Environ", "ExpandEnv"},
	"math/rand":    nil,
	"math/rand/v2": nil,
}

// scan parses all Go files below root but those that the go command never looks
// at (testdata, and folders that begin with a dot or an underscore).
func scan(root fs.FS) ([]folder, error) {
	byPath := map[string]*folder{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() {
			if name != "." && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_') {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(base, ".go") || base[0] == '.' || base[0] == '_' {
			return nil
		}
		f, err := parse(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byPath[dir] == nil {
			byPath[dir] = &folder{path: dir}
		}
		byPath[dir].files = append(byPath[dir].files, *f)
		return nil
	})
	out := make([]folder, 0, len(byPath))
	for _, f := range byPath {
		out = append(out, *f)
	}
	slices.SortFunc(out, func(a, b folder) int { return strings.Compare(a.path, b.path) })
	return out, err
}

func parse(root fs.FS, name string) (*file, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	tree, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	f := &file{name: name, test: strings.HasSuffix(name, "_test.go"), doc: tree.Doc.Text() != ""}
	local := map[string]string{} // name in this file to import path
	for _, im := range tree.Imports {
		p, err := strconv.Unquote(im.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: import %s: %w", name, im.Path.Value, err)
		}
		f.imports = append(f.imports, p)
		as := path.Base(strings.TrimSuffix(p, "/v2"))
		if im.Name != nil {
			as = im.Name.Name
		}
		if only, ok := watched[p]; ok {
			local[as] = p
			if only == nil || as == "." {
				f.uses = append(f.uses, p)
			}
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(watched[local[x.Name]], sel.Sel.Name) {
				f.uses = append(f.uses, path.Base(local[x.Name])+"."+sel.Sel.Name)
			}
		}
		return true
	})
	slices.Sort(f.uses)
	f.uses = slices.Compact(f.uses)
	return f, nil
}
