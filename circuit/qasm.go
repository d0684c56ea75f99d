package circuit

// Limits bounds what one source text may cost. The zero value of a field means
// its default.
type Limits struct {
	SourceBytes    int // 16 MiB
	Tokens         int // 8,388,608
	Nesting        int // 256: blocks in blocks, depth of an expression, calls in calls
	Gates          int // 1,048,576: operations after expansion; a quarter of it under one modifier
	Qubits         int // 4096
	Clbits         int // 65,536
	LoopIterations int // 1,048,576 in total
	EvalSteps      int // 2,097,152: operators and calls evaluated; a function such as sin counts 256
	Conditions     int // 65,536 distinct run-time conditions
}

func (l Limits) withDefaults() Limits {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&l.SourceBytes, 16<<20)
	def(&l.Tokens, 8<<20)
	def(&l.Nesting, 256)
	def(&l.Gates, 1<<20)
	def(&l.Qubits, MaxQubits)
	def(&l.Clbits, MaxClbits)
	def(&l.LoopIterations, 1<<20)
	def(&l.EvalSteps, 2<<20)
	def(&l.Conditions, 1<<16)
	l.Qubits, l.Clbits, l.Gates = min(l.Qubits, MaxQubits), min(l.Clbits, MaxClbits), min(l.Gates, MaxOps)
	return l
}

// Options of ParseQASM. The zero value is useful.
type Options struct {
	Limits Limits
	// Params binds the input declarations of the program, by name; angles in
	// radians, bool and bit as 0 or 1.
	Params map[string]float64
	// WhileLimit is how often the body of a while loop on measured bits is
	// unrolled; 0 refuses such loops. `pragma engine.while_limit N` in the
	// source sets it too.
	WhileLimit int
}

// ParseQASM reads OpenQASM 2 or 3, told apart by the version line; a text
// without one is OpenQASM 3. The engine profile: everything that is known before
// the run is evaluated and unrolled (gate and def bodies, loops, constants,
// input bound by Options.Params), measured bits may steer by if, else, switch
// and, with a limit, while. qelib1.inc and stdgates.inc are built in; no file is
// read. What the circuit model cannot express is refused with its own Code,
// never approximated. Refusals are of type *Error.
//
// Two readings where the language leaves a choice: a cast of measured bits
// compares as the unsigned pattern, and `ctrl @ U` uses the phase of the OpenQASM
// 3 specification (a warning says so).
func ParseQASM(src []byte, opt Options) (*Circuit, []Warning, error) {
	limits := opt.Limits.withDefaults()
	if len(src) > limits.SourceBytes {
		return nil, nil, &Error{Code: CodeLimitSource, Line: 1, Column: 1, Msg: "the source text is too long"}
	}
	e := newElab(string(src), limits, opt)
	c, err := e.program()
	if err != nil {
		return nil, e.warnings, err
	}
	return c, e.warnings, nil
}
