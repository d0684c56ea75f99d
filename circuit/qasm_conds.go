package circuit

import (
	"encoding/binary"
	"slices"
)

// maxAlternatives bounds the disjoint cases that one condition may have.
const maxAlternatives = 64

// conds is a condition on measured bits: the alternatives exclude each other,
// each is a conjunction. No alternative: never; one without terms: always.
type conds [][]CondTerm

func always() conds { return conds{nil} }

// condLevel watches the bits of a condition in force.
type condLevel struct {
	bits  []uint32
	stale bool // one of them was measured since the condition was read
}

func (l *condLevel) touch(clbit uint32) {
	l.stale = l.stale || slices.Contains(l.bits, clbit)
}

// negateTerm keeps one-bit terms positive.
func negateTerm(t CondTerm) CondTerm {
	if len(t.Bits) == 1 && !t.Negate {
		t.Value ^= 1
		return t
	}
	t.Negate = !t.Negate
	return t
}

func (d conds) add(terms []CondTerm, ok bool) conds {
	if ok {
		d = append(d, terms)
	}
	return d
}

// and is the conjunction of two conditions.
func (d conds) and(o conds) (out conds) {
	for _, a := range d {
		for _, b := range o {
			out = out.add(conjoin(a, b))
		}
	}
	return out
}

// not is the complement: for each conjunction t1·t2·… the disjoint cases ¬t1,
// t1·¬t2, ….
func (e *elab) not(d conds, x *expr) (conds, error) {
	out := always()
	for _, terms := range d {
		var cases conds
		for i, t := range terms {
			cases = cases.add(conjoin(terms[:i], []CondTerm{negateTerm(t)}))
		}
		out = out.and(cases)
		if err := e.step(1 + len(out)); err != nil {
			return nil, err
		}
		if len(out) > maxAlternatives {
			return nil, e.tooMany(x)
		}
	}
	return out, nil
}

func (e *elab) tooMany(x *expr) error {
	return e.fault(x, CodeLimitConditions, "the condition has more than %d alternatives", maxAlternatives)
}

// conjoin merges two conjunctions; ok is false when they contradict each other
// on the same bits.
func conjoin(a, b []CondTerm) (terms []CondTerm, ok bool) {
	terms = slices.Clone(a)
	for _, t := range b {
		keep := true
		for i, u := range terms {
			if !slices.Equal(t.Bits, u.Bits) {
				continue
			}
			same := t.Value == u.Value
			switch {
			case !t.Negate && !u.Negate && !same, t.Negate != u.Negate && same:
				return nil, false
			case t.Negate == u.Negate && same, t.Negate && !u.Negate:
				keep = false
			case !t.Negate && u.Negate: // equal to another value: implies the difference
				terms[i], keep = t, false
			}
		}
		if keep {
			terms = append(terms, t)
		}
	}
	return terms, len(terms) <= MaxCondTerms
}

// clbits lists the bits of all alternatives.
func (d conds) clbits() (list []uint32) {
	for _, terms := range d {
		for _, t := range terms {
			list = append(list, t.Bits...)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// under runs f with a conjunction added to the condition in force, or not at
// all when the two exclude each other.
func (e *elab) under(terms []CondTerm, f func() error) error {
	joint, ok := conjoin(e.terms, terms)
	if !ok {
		if len(joint) > MaxCondTerms {
			return e.errorf(CodeLimitConditions, "more than %d terms in a condition", MaxCondTerms)
		}
		return nil
	}
	oldTerms, oldCond := e.terms, e.cond
	id, err := e.condID(joint)
	if err != nil {
		return err
	}
	e.terms, e.cond = joint, id
	err = f()
	e.terms, e.cond = oldTerms, oldCond
	return err
}

// condID numbers conditions, equal ones alike.
func (e *elab) condID(terms []CondTerm) (uint32, error) {
	if len(terms) == 0 {
		return 0, nil
	}
	var key []byte
	for _, t := range terms {
		key = binary.BigEndian.AppendUint64(append(key, byte(len(t.Bits))), t.Value)
		if t.Negate {
			key = append(key, 1)
		}
		for _, b := range t.Bits {
			key = binary.BigEndian.AppendUint32(key, b)
		}
	}
	if id, ok := e.condIDs[string(key)]; ok {
		return id, nil
	}
	if len(e.c.Conds) >= e.limits.Conditions {
		return 0, e.errorf(CodeLimitConditions, "more than %d different conditions", e.limits.Conditions)
	}
	e.c.Conds = append(e.c.Conds, Cond{Terms: terms})
	id := uint32(len(e.c.Conds))
	e.condIDs[string(key)] = id
	return id, nil
}
