package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// checker collects violations.
type checker struct {
	p      *Policy
	module string
	found  []string
	used   map[string]bool // exceptions that were needed
}

// Check applies a policy to the module whose root is given and returns every
// violation, in the order of files. module is the module's path.
func Check(root fs.FS, module string, p *Policy) ([]string, error) {
	folders, err := scan(root)
	if err != nil {
		return nil, err
	}
	c := &checker{p: p, module: module, used: map[string]bool{}}
	for i := range folders {
		c.folder(&folders[i])
	}
	for e := range p.except {
		if !c.used[e] {
			c.add("layers", "the exception %q is not needed", e)
		}
	}
	slices.Sort(c.found)
	return c.found, nil
}

func (c *checker) add(where, format string, args ...any) {
	c.found = append(c.found, where+": "+fmt.Sprintf(format, args...))
}

func (c *checker) folder(f *folder) {
	for _, part := range strings.Split(f.path, "/") {
		if slices.Contains(c.p.names, part) {
			c.add(f.path, "a folder is named after what it is about, not %q", part)
		}
	}
	code := slices.ContainsFunc(f.files, func(x file) bool { return !x.test })
	if code && !slices.ContainsFunc(f.files, func(x file) bool { return x.doc && !x.test }) {
		c.add(f.path, "no package comment")
	}
	at, listed := c.p.locate(f.path)
	row, free := c.p.freeRow(f.path)
	if !listed && !free {
		c.add(f.path, "the folder has no place in layers.txt")
		return
	}
	for i := range f.files {
		x := &f.files[i]
		if x.test {
			continue
		}
		if listed && slices.Contains(c.p.pure, at.row) {
			c.purity(x)
		}
		for _, im := range x.imports {
			c.imported(f.path, x, im, at, row, free && !listed)
		}
	}
}

// purity allows watched uses only where an exception is listed.
func (c *checker) purity(x *file) {
	for _, use := range x.uses {
		key := x.name + " " + use
		if _, ok := c.p.except[key]; !ok {
			c.add(x.name, "uses %s; take it as a parameter", use)
		}
		c.used[key] = true
	}
}

// imported checks one import.
func (c *checker) imported(pkg string, x *file, im string, at place, row int, free bool) {
	target, inside := strings.CutPrefix(im, c.module+"/")
	if !inside {
		if first, _, _ := strings.Cut(im, "/"); !free && slices.Contains(c.p.std, at.row) && strings.Contains(first, ".") {
			c.add(x.name, "imports %s; row %d imports the standard library only", im, at.row)
		}
		return
	}
	c.special(pkg, x.name, target)
	if _, ok := c.p.freeRow(target); ok {
		if free {
			c.add(x.name, "imports %s; a package of %s imports only row %d", target, path.Dir(pkg), row)
		}
		return
	}
	to, ok := c.p.locate(target)
	switch {
	case !ok:
		c.add(x.name, "imports %s, which has no place", target)
	case free && to.row != row:
		c.add(x.name, "imports %s of row %d; a package of %s imports only row %d", target, to.row, path.Dir(pkg), row)
	case free || sameTree(pkg, target):
	case to.row > at.row:
		c.add(x.name, "imports %s, which is above it", target)
	case to.row == at.row && to.index >= at.index:
		c.add(x.name, "imports %s, which is not left of it in row %d", target, at.row)
	}
}

// sameTree reports whether one package is the other, or inside its internal
// folder, or both are inside one.
func sameTree(a, b string) bool {
	cut := func(s string) string {
		if i := strings.Index(s, "/internal/"); i >= 0 {
			return s[:i]
		}
		return s
	}
	return (strings.Contains(a, "/internal/") || strings.Contains(b, "/internal/")) && cut(a) == cut(b)
}

// special applies the rules about named packages.
func (c *checker) special(pkg, file, target string) {
	for _, r := range c.p.forbid {
		if under(pkg, r.left) && under(target, r.right) {
			c.add(file, "imports %s, which %s may not", target, strings.Join(r.left, " "))
		}
	}
	for _, r := range c.p.apart {
		if under(pkg, r.left) && under(target, r.right) || under(pkg, r.right) && under(target, r.left) {
			c.add(file, "imports %s of the other half", target)
		}
	}
	for _, r := range c.p.only {
		if under(target, r.right) && !under(pkg, r.left) && !under(pkg, r.right) {
			c.add(file, "imports %s, which only %s may", target, strings.Join(r.left, " "))
		}
	}
}
