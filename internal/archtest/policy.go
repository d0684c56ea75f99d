// Package archtest enforces layers.txt, the import graph of the module as
// policy, by parsing the imports of every Go file in its own process.
//
// It promises to see every file whatever its build tags. It does not build
// anything and does not look at what is imported indirectly.
package archtest

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// place is where a pattern stands: lower rows, and lower indexes in a row, may
// be imported by higher ones.
type place struct{ row, index int }

// pair is a rule about two sides.
type pair struct{ left, right []string }

// Policy is layers.txt.
type Policy struct {
	places     map[string]place // by pattern
	std        []int
	everywhere map[string]int
	forbid     []pair
	apart      []pair
	only       []pair
	names      []string
	pure       []int
	except     map[string]string // "file use" to reason
}

// ParsePolicy reads the format that layers.txt describes. Anything it does not
// know is an error.
func ParsePolicy(r io.Reader) (*Policy, error) {
	p := &Policy{places: map[string]place{}, everywhere: map[string]int{}, except: map[string]string{}}
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		text, _, _ := strings.Cut(sc.Text(), "#")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		if err := p.line(f); err != nil {
			return nil, fmt.Errorf("layers line %d: %w", n, err)
		}
	}
	return p, sc.Err()
}

func (p *Policy) line(f []string) (err error) {
	word, args := f[0], f[1:]
	switch word {
	case "row":
		return p.addRow(args)
	case "std":
		p.std, err = numbers(args)
	case "pure":
		p.pure, err = numbers(args)
	case "everywhere":
		if len(args) != 2 {
			return fmt.Errorf("want everywhere FOLDER ROW")
		}
		p.everywhere[args[0]], err = strconv.Atoi(args[1])
	case "forbid":
		return addPair(&p.forbid, args, "->")
	case "apart":
		return addPair(&p.apart, args, "|")
	case "only":
		return addPair(&p.only, args, "->")
	case "name":
		p.names = append(p.names, args...)
	case "except":
		if len(args) < 3 {
			return fmt.Errorf("want except FILE USE and a reason")
		}
		p.except[args[0]+" "+args[1]] = strings.Join(args[2:], " ")
	default:
		return fmt.Errorf("unknown word %q", word)
	}
	return err
}

func (p *Policy) addRow(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("want row N PACKAGES")
	}
	row, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for _, pattern := range args[1:] {
		if _, twice := p.places[pattern]; twice {
			return fmt.Errorf("%s has two places", pattern)
		}
		p.places[pattern] = place{row, len(p.places)}
	}
	return nil
}

func numbers(args []string) ([]int, error) {
	out := make([]int, len(args))
	for i, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func addPair(list *[]pair, args []string, sep string) error {
	i := slices.Index(args, sep)
	if i < 1 || i == len(args)-1 {
		return fmt.Errorf("want packages on both sides of %s", sep)
	}
	*list = append(*list, pair{args[:i], args[i+1:]})
	return nil
}

// locate returns the place of a package: its own, its parent's wildcard, or that
// of the package whose internal folder it is.
func (p *Policy) locate(pkg string) (place, bool) {
	if i := strings.Index(pkg, "/internal/"); i >= 0 {
		pkg = pkg[:i]
	}
	if at, ok := p.places[pkg]; ok {
		return at, true
	}
	if i := strings.LastIndexByte(pkg, '/'); i >= 0 {
		at, ok := p.places[pkg[:i]+"/*"]
		return at, ok
	}
	return place{}, false
}

// freeRow returns the row that an everywhere package may import.
func (p *Policy) freeRow(pkg string) (int, bool) {
	parent, _, ok := strings.Cut(pkg, "/")
	if !ok {
		return 0, false
	}
	row, ok := p.everywhere[parent]
	return row, ok
}

// under reports whether pkg is one of the folders or below one.
func under(pkg string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}
