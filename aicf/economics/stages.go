package economics

import "fmt"

// Stages divides a penalty by fractions in parts per billion that add up to 10^9: each part is
// rounded down, what is left over goes to the first, as in the lineage's schedules.
func Stages(amount uint64, ppb []uint64) ([]uint64, error) {
	if err := checkAmount("amount", amount); err != nil {
		return nil, err
	}
	const whole = 1_000_000_000
	sum := uint64(0)
	for i, f := range ppb {
		if f > whole {
			return nil, fmt.Errorf("fraction %d is %d ppb: %w", i, f, ErrRange)
		}
		sum += f
	}
	if len(ppb) == 0 || sum != whole {
		return nil, fmt.Errorf("%d fractions add up to %d ppb, want %d: %w", len(ppb), sum, uint64(whole), ErrRange)
	}
	out, left := make([]uint64, len(ppb)), amount
	for i, f := range ppb {
		var err error
		if out[i], _, err = MulDiv(amount, f, whole); err != nil {
			return nil, err
		}
		left -= out[i]
	}
	out[0] += left
	return out, nil
}
