package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/stats"
)

// Names of refused cases.
const (
	unknownOp   = "UnknownOp"
	invalidCase = "InvalidCase" // a member is missing, unknown or of the wrong type
	domainError = "DomainError" // a number outside its range
)

type refusal struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

type refusedCase struct {
	Error refusal `json:"error"`
}

type intervalAnswer struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

type sprtAnswer struct {
	LLR      float64 `json:"llr"`
	Decision string  `json:"decision"`
}

type tailAnswer struct {
	Log10 float64 `json:"log10"`
}

// operation is one op: the members it takes and its function.
type operation struct {
	members []string
	do      func(*caseReader) any
}

var operations = map[string]operation{
	"wilson": {[]string{"k", "n", "alpha"}, func(c *caseReader) any {
		k, n := c.counts(1 << 53)
		return interval(stats.Wilson(k, n, c.chance("alpha")))
	}},
	"hoeffding": {[]string{"k", "n", "alpha"}, func(c *caseReader) any {
		k, n := c.counts(1 << 53)
		return interval(stats.Hoeffding(k, n, c.chance("alpha")))
	}},
	"clopper_pearson": {[]string{"k", "n", "alpha"}, func(c *caseReader) any {
		k, n := c.counts(stats.MaxTrials)
		alpha := c.chance("alpha")
		if c.err != nil {
			return nil
		}
		return intervalAnswer{lowerBound(k, n, alpha/2), 1 - lowerBound(n-k, n, alpha/2)}
	}},
	"sprt": {[]string{"k", "n", "p0", "p1", "alpha", "beta"}, func(c *caseReader) any {
		k, n := c.counts(1 << 53)
		return sprt(k, n, c.chance("p0"), c.chance("p1"), c.chance("alpha"), c.chance("beta"))
	}},
	"upper_tail": {[]string{"k", "n", "p"}, func(c *caseReader) any {
		k, n := c.counts(stats.MaxTrials)
		p := c.chance("p")
		if c.err != nil {
			return nil
		}
		return tailAnswer{lnRightTail(k, n, p) / math.Ln10}
	}},
}

func interval(lo, hi float64) any { return intervalAnswer{lo, hi} }

// answerCase answers one case or says why not.
func answerCase(n *strictjson.Node) any {
	c := &caseReader{node: n}
	name := c.op()
	op, known := operations[name]
	if c.err == nil && !known {
		c.refuse(unknownOp, "op %q is not known", name)
	}
	if c.err == nil {
		c.only(append(op.members, "op"))
	}
	if c.err != nil {
		return refusedCase{*c.err}
	}
	answer := op.do(c)
	if c.err != nil {
		return refusedCase{*c.err}
	}
	return answer
}

// caseReader reads the members of one case; the first refusal sticks.
type caseReader struct {
	node *strictjson.Node
	err  *refusal
}

func (c *caseReader) refuse(name, format string, args ...any) {
	if c.err == nil {
		c.err = &refusal{name, fmt.Sprintf(format, args...)}
	}
}

func (c *caseReader) find(key string, kind strictjson.Kind) string {
	for i := range c.node.Members {
		if m := &c.node.Members[i]; m.Key == key {
			if m.Value.Kind != kind {
				c.refuse(invalidCase, "%s is a %s, want a %s", key, m.Value.Kind, kind)
			}
			return m.Value.Text
		}
	}
	c.refuse(invalidCase, "%s is missing", key)
	return ""
}

func (c *caseReader) op() string {
	if c.node.Kind != strictjson.Object {
		c.refuse(invalidCase, "a case is an object")
		return ""
	}
	return c.find("op", strictjson.String)
}

func (c *caseReader) only(keys []string) {
	for _, m := range c.node.Members {
		if !slices.Contains(keys, m.Key) {
			c.refuse(invalidCase, "unknown member %q", m.Key)
		}
	}
}

// counts reads k and n with 0 <= k <= n, 1 <= n <= limit.
func (c *caseReader) counts(limit uint64) (k, n uint64) {
	k, n = c.integer("k"), c.integer("n")
	switch {
	case c.err != nil:
	case n < 1 || n > limit:
		c.refuse(domainError, "n is %d, allowed are 1..%d", n, limit)
	case k > n:
		c.refuse(domainError, "k is %d of n = %d", k, n)
	}
	return k, n
}

func (c *caseReader) integer(key string) uint64 {
	text := c.find(key, strictjson.Number)
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		c.refuse(domainError, "%s is %.40s, want a non-negative integer", key, text)
	}
	return v
}

// chance reads a probability strictly between 0 and 1.
func (c *caseReader) chance(key string) float64 {
	text := c.find(key, strictjson.Number)
	v, err := strconv.ParseFloat(text, 64)
	if c.err == nil && (err != nil || !(v > 0 && v < 1)) {
		c.refuse(domainError, "%s is %.40s, want a number between 0 and 1, both excluded", key, text)
	}
	return v
}
