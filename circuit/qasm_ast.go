package circuit

type exprKind uint8

const (
	xInt exprKind = iota
	xFloat
	xBool
	xBits  // "0101": text holds the digits
	xIdent // text
	xIndex // text[x]
	xHardware
	xRange  // x:y or x:z:y with step z; x and y may be nil
	xSet    // {list}
	xUnary  // op x
	xBinary // x op y
	xCall   // text(list)
	xCast   // typ(x)
)

// expr is a node of an expression or an operand.
type expr struct {
	kind    exprKind
	op      tokKind
	depth   uint16
	pos     int
	i       uint64
	f       float64
	text    string
	x, y, z *expr
	list    []*expr
	typ     *typeName
}

// typeName is a classical or quantum type as written.
type typeName struct {
	name  string // int, uint, float, angle, bool, bit, qubit
	width *expr  // nil: none written
	pos   int
}

type modKind uint8

const (
	modCtrl modKind = iota
	modNegCtrl
	modInv
	modPow
)

type modifier struct {
	kind modKind
	arg  *expr
	pos  int
}

type (
	stmt interface{}

	gateCall struct {
		name     string
		pos      int
		mods     []modifier
		params   []*expr
		operands []*expr
		ref      *symbol // set in gate bodies, which are checked at their definition
	}
	block    struct{ list []stmt }
	qubitDec struct {
		name string
		size *expr
		pos  int
	}
	// classicalDec covers int, uint, float, angle, bool and bit; at most one of
	// init and measure is set.
	classicalDec struct {
		typ     *typeName
		name    string
		konst   bool
		input   bool
		init    *expr
		measure *expr
		pos     int
	}
	assign struct {
		target *expr
		op     tokKind // tAssign or the operator of a compound assignment
		value  *expr
		pos    int
	}
	measureStmt struct {
		from, to *expr // to is nil when the outcome is discarded
		pos      int
	}
	resetStmt   struct{ q *expr }
	barrierStmt struct {
		list []*expr
		pos  int
	}
	aliasStmt struct {
		name string
		list []*expr // concatenated
		pos  int
	}
	ifStmt struct {
		cond      *expr
		then, alt *block
		pos       int
	}
	forStmt struct {
		typ  *typeName // nil in the short form
		name string
		over *expr
		body *block
		pos  int
	}
	whileStmt struct {
		cond *expr
		body *block
		pos  int
	}
	switchStmt struct {
		on    *expr
		cases []switchCase // the default has no values and comes last
		pos   int
	}
	switchCase struct {
		values []*expr
		body   *block
	}
	callStmt   struct{ call *expr }
	returnStmt struct {
		value   *expr
		measure *expr
		pos     int
	}
	jumpStmt struct {
		word string // break, continue, end
		pos  int
	}
	gateDef struct {
		name   string
		params []string
		qubits []string
		body   *block
		opaque bool
		pos    int
	}
	defParam struct {
		typ  *typeName
		name string
	}
	defDef struct {
		name   string
		params []defParam
		result *typeName
		body   *block
		active bool // being inlined
		pos    int
	}
	pragmaStmt struct {
		text string
		pos  int
	}
)
