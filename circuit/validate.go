package circuit

import (
	"errors"
	"fmt"
)

// Bounds of a valid circuit.
const (
	MaxQubits    = 4096
	MaxClbits    = 1 << 16
	MaxOps       = 1 << 23
	MaxConds     = 1 << 20
	MaxCondTerms = 64
	MaxTermBits  = 64 // a term compares with a uint64
)

// ErrInvalid is wrapped by every refusal of Circuit.Validate.
var ErrInvalid = errors.New("invalid circuit")

// Validate checks that every number is in range, operands differ, parameters
// lie on the grid of 4π/2^52 and unused fields are zero.
func (c *Circuit) Validate() error {
	switch {
	case c.Qubits < 1 || c.Qubits > MaxQubits:
		return fmt.Errorf("%d qubits outside 1..%d: %w", c.Qubits, MaxQubits, ErrInvalid)
	case c.Clbits < 0 || c.Clbits > MaxClbits:
		return fmt.Errorf("%d clbits outside 0..%d: %w", c.Clbits, MaxClbits, ErrInvalid)
	case len(c.Ops) > MaxOps:
		return fmt.Errorf("%d operations above %d: %w", len(c.Ops), MaxOps, ErrInvalid)
	case len(c.Conds) > MaxConds:
		return fmt.Errorf("%d conditions above %d: %w", len(c.Conds), MaxConds, ErrInvalid)
	}
	for i := range c.Conds {
		if err := c.validateCond(&c.Conds[i]); err != nil {
			return fmt.Errorf("condition %d: %w", i, err)
		}
	}
	for i := range c.Ops {
		if err := c.validateOp(&c.Ops[i]); err != nil {
			return fmt.Errorf("operation %d: %w", i, err)
		}
	}
	return c.validateRegisters()
}

func (c *Circuit) validateOp(op *Op) error {
	info := op.Gate.Info()
	if info == nil {
		return fmt.Errorf("gate %d is not in the table: %w", op.Gate, ErrInvalid)
	}
	if int(op.NQ) != info.Qubits && (op.Gate != Barrier || op.NQ > MaxOpQubits) {
		return fmt.Errorf("%s on %d qubits: %w", op.Gate, op.NQ, ErrInvalid)
	}
	for k, q := range op.Q {
		if k >= int(op.NQ) {
			if q != 0 {
				return fmt.Errorf("%s: operand %d is not used and not zero: %w", op.Gate, k, ErrInvalid)
			}
			continue
		}
		if int(q) >= c.Qubits {
			return fmt.Errorf("%s: qubit %d of %d: %w", op.Gate, q, c.Qubits, ErrInvalid)
		}
		for _, other := range op.Q[:k] {
			if other == q {
				return fmt.Errorf("%s: qubit %d twice: %w", op.Gate, q, ErrInvalid)
			}
		}
	}
	for k, p := range op.Params {
		if p&^angleMask != 0 || k >= info.Params && p != 0 {
			return fmt.Errorf("%s: parameter %d is off the grid or not used: %w", op.Gate, k, ErrInvalid)
		}
	}
	if op.Gate == Measure && int64(op.Clbit) >= int64(c.Clbits) || op.Gate != Measure && op.Clbit != 0 {
		return fmt.Errorf("%s: clbit %d of %d: %w", op.Gate, op.Clbit, c.Clbits, ErrInvalid)
	}
	if int64(op.Cond) > int64(len(c.Conds)) || op.Gate == Barrier && op.Cond != 0 {
		return fmt.Errorf("%s: condition %d of %d: %w", op.Gate, op.Cond, len(c.Conds), ErrInvalid)
	}
	return nil
}

func (c *Circuit) validateCond(d *Cond) error {
	if len(d.Terms) < 1 || len(d.Terms) > MaxCondTerms {
		return fmt.Errorf("%d terms outside 1..%d: %w", len(d.Terms), MaxCondTerms, ErrInvalid)
	}
	for _, t := range d.Terms {
		n := len(t.Bits)
		if n < 1 || n > MaxTermBits || n < 64 && t.Value>>n != 0 {
			return fmt.Errorf("value %d on %d bits: %w", t.Value, n, ErrInvalid)
		}
		for i, b := range t.Bits {
			if int64(b) >= int64(c.Clbits) {
				return fmt.Errorf("clbit %d of %d: %w", b, c.Clbits, ErrInvalid)
			}
			for _, other := range t.Bits[:i] {
				if other == b {
					return fmt.Errorf("clbit %d twice in a term: %w", b, ErrInvalid)
				}
			}
		}
	}
	return nil
}

// validateRegisters checks that registers, where there are any, cover no more
// than the bits.
func (c *Circuit) validateRegisters() error {
	for _, r := range []struct {
		regs []Register
		n    int
	}{{c.QRegs, c.Qubits}, {c.CRegs, c.Clbits}} {
		total := 0
		for _, g := range r.regs {
			if g.Size < 1 || g.Size > r.n-total {
				return fmt.Errorf("register %q of size %d exceeds %d bits: %w", g.Name, g.Size, r.n, ErrInvalid)
			}
			total += g.Size
		}
	}
	return nil
}
