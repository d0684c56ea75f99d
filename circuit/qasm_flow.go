package circuit

import "slices"

// execFlow runs control flow.
func (e *elab) execFlow(s stmt) (flow, error) {
	switch s := s.(type) {
	case *ifStmt:
		e.at = s.pos
		return e.execIf(s)
	case *forStmt:
		e.at = s.pos
		return e.execFor(s)
	case *whileStmt:
		e.at = s.pos
		return e.execWhile(s)
	case *switchStmt:
		e.at = s.pos
		return e.execSwitch(s)
	case *returnStmt:
		e.at = s.pos
		return flowReturn, e.execReturn(s)
	case *jumpStmt:
		e.at = s.pos
		return map[string]flow{"break": flowBreak, "continue": flowContinue, "end": flowEnd}[s.word], nil
	}
	return flowNext, e.errorf(CodeSyntax, "this statement cannot stand here")
}

func (e *elab) execIf(s *ifStmt) (flow, error) {
	if !e.runtime(s.cond) {
		v, err := e.eval(s.cond)
		switch {
		case err != nil:
			return flowNext, err
		case v.bool():
			return e.execBlock(s.then)
		case s.alt != nil:
			return e.execBlock(s.alt)
		}
		return flowNext, nil
	}
	d, err := e.conditions(s.cond)
	if err != nil {
		return flowNext, err
	}
	cases := []guarded{{d, s.then}}
	if s.alt != nil && len(s.alt.list) > 0 {
		rest, err := e.not(d, s.cond)
		if err != nil {
			return flowNext, err
		}
		cases = append(cases, guarded{rest, s.alt})
	}
	return flowNext, e.execGuarded(cases)
}

// guarded is a block under a run-time condition.
type guarded struct {
	when conds
	body *block
}

// execGuarded runs blocks whose conditions exclude each other and were all read
// at the same moment: once a bit of any of them is measured, nothing more may
// follow in any.
func (e *elab) execGuarded(cases []guarded) error {
	l := &condLevel{}
	for _, c := range cases {
		l.bits = append(l.bits, c.when.clbits()...)
	}
	e.levels = append(e.levels, l)
	defer func() { e.levels = e.levels[:len(e.levels)-1] }()
	for _, c := range cases {
		for _, terms := range c.when {
			err := e.under(terms, func() error {
				f, err := e.execBlock(c.body)
				if err == nil && f != flowNext {
					err = e.errorf(CodeRuntimeValue, "break, continue, return and end cannot depend on measured bits")
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// iterate counts a turn of a loop.
func (e *elab) iterate(pos int) error {
	if e.loops++; e.loops > e.limits.LoopIterations {
		return newError(e.src, pos, CodeLimitLoops, "more than %d loop iterations", e.limits.LoopIterations)
	}
	return nil
}

func (e *elab) execFor(s *forStmt) (flow, error) {
	t := valType{kind: vInt}
	if s.typ != nil {
		var err error
		if t, err = e.valType(s.typ); err != nil {
			return flowNext, err
		}
	}
	turn := func(v value) (flow, error) {
		if err := e.iterate(s.pos); err != nil {
			return flowNext, err
		}
		v, ok := v.convert(t)
		if !ok {
			return flowNext, e.fault(s.over, CodeType, "the loop variable cannot hold this value")
		}
		var f flow
		err := e.inScope(&scope{parent: e.scope}, func() error {
			e.scope.put(&symbol{kind: symValue, name: s.name, val: v, typ: t, readonly: true, level: len(e.levels)})
			var err error
			f, err = e.execBlock(s.body)
			return err
		})
		if f == flowContinue {
			f = flowNext
		}
		return f, err
	}
	f, err := e.eachValue(s, turn)
	if f == flowBreak {
		f = flowNext
	}
	return f, err
}

// eachValue calls turn for each value that a for loop runs over until it
// returns something else than flowNext.
func (e *elab) eachValue(s *forStmt, turn func(value) (flow, error)) (flow, error) {
	switch s.over.kind {
	case xRange:
		from, step, n, err := e.loopRange(s.over)
		if err != nil {
			return flowNext, err
		}
		for i := range n {
			if f, err := turn(intValue(from + int64(i)*step)); err != nil || f != flowNext {
				return f, err
			}
		}
	case xSet:
		for _, x := range s.over.list {
			v, err := e.eval(x)
			if err != nil {
				return flowNext, err
			}
			if f, err := turn(v); err != nil || f != flowNext {
				return f, err
			}
		}
	default:
		v, err := e.eval(s.over)
		if err != nil {
			return flowNext, err
		}
		if v.kind != vBits {
			return flowNext, e.fault(s.over, CodeType, "a range, a set or bits wanted")
		}
		for i := range v.width {
			if f, err := turn(value{kind: vBits, width: 1, i: v.i >> i & 1}); err != nil || f != flowNext {
				return f, err
			}
		}
	}
	return flowNext, nil
}

// loopRange evaluates a:step:b, both ends included, and refuses more turns
// than the limit leaves before the first one.
func (e *elab) loopRange(x *expr) (from, step int64, n uint64, err error) {
	step = 1
	if x.z != nil {
		if step, err = e.integer(x.z); err != nil {
			return 0, 0, 0, err
		}
	}
	if from, err = e.integer(x.x); err != nil {
		return 0, 0, 0, err
	}
	to, err := e.integer(x.y)
	switch {
	case err != nil:
		return 0, 0, 0, err
	case step == 0:
		return 0, 0, 0, e.fault(x, CodeIndexRange, "a range does not step by 0")
	case step > 0 && from <= to:
		n = (uint64(to)-uint64(from))/uint64(step) + 1
	case step < 0 && from >= to:
		n = (uint64(from)-uint64(to))/magnitude(step) + 1
	default:
		return from, step, 0, nil
	}
	if n == 0 || n > uint64(e.limits.LoopIterations-e.loops) {
		return 0, 0, 0, e.fault(x, CodeLimitLoops, "more than %d loop iterations", e.limits.LoopIterations)
	}
	return from, step, n, nil
}

// execWhile runs a loop whose condition is known, and unrolls one on measured
// bits: once the condition fails it stays failed, so "while" is "if" repeated.
func (e *elab) execWhile(s *whileStmt) (flow, error) {
	unrolled := 0
	for {
		if err := e.iterate(s.pos); err != nil {
			return flowNext, err
		}
		e.at = s.pos
		if !e.runtime(s.cond) {
			v, err := e.eval(s.cond)
			if err != nil || !v.bool() {
				return flowNext, err
			}
			f, err := e.execBlock(s.body)
			if err != nil || f == flowReturn || f == flowEnd {
				return f, err
			}
			if f == flowBreak {
				return flowNext, nil
			}
			continue
		}
		if e.whileLimit < 1 {
			return flowNext, e.errorf(CodeRuntimeWhile, "a while loop on measured bits without a limit")
		}
		if unrolled == e.whileLimit {
			e.warn(WarnWhileLimited, "the while loop on measured bits runs at most %d times", e.whileLimit)
			return flowNext, nil
		}
		unrolled++
		if _, err := e.execIf(&ifStmt{cond: s.cond, then: s.body, pos: s.pos}); err != nil {
			return flowNext, err
		}
	}
}

func (e *elab) execSwitch(s *switchStmt) (flow, error) {
	if e.runtime(s.on) {
		return flowNext, e.runtimeSwitch(s)
	}
	on, err := e.eval(s.on)
	if err != nil {
		return flowNext, err
	}
	if on.isFloat() {
		return flowNext, e.fault(s.on, CodeType, "switch wants an integer or bits")
	}
	for _, c := range s.cases {
		hit := len(c.values) == 0
		for _, x := range c.values {
			v, err := e.eval(x)
			if err != nil {
				return flowNext, err
			}
			hit = hit || !v.isFloat() && v.i == on.i
		}
		if hit {
			return e.execBlock(c.body)
		}
	}
	return flowNext, nil
}

func (e *elab) runtimeSwitch(s *switchStmt) error {
	ids, err := e.pattern(s.on)
	if err != nil {
		return err
	}
	var list []guarded
	var seen []uint64
	for _, c := range s.cases {
		var when conds
		for _, x := range c.values {
			v, err := e.eval(x)
			if err != nil {
				return err
			}
			if v.isFloat() || slices.Contains(seen, v.i) {
				return e.fault(x, CodeType, "case values are integers, each once")
			}
			if len(seen) >= maxAlternatives {
				return e.tooMany(x)
			}
			seen = append(seen, v.i)
			if len(ids) == 64 || v.i>>len(ids) == 0 {
				when = when.add(e.equals(ids, v.i))
			}
		}
		if len(c.values) == 0 {
			when = always()
			for _, v := range seen {
				if len(ids) == 64 || v>>len(ids) == 0 {
					when = when.and(conds(nil).add(e.differs(ids, v)))
				}
			}
			if len(seen) == MaxCondTerms {
				return e.tooMany(s.on)
			}
		}
		list = append(list, guarded{when, c.body})
	}
	return e.execGuarded(list)
}
