package store

import "reflect"

// Each reads every row of a query into the pointers and calls fn after each; its error ends
// the query.
func (t *Tx) Each(q string, args []any, to []any, fn func() error) error {
	rows, err := t.s.query(t.ctx, q, arguments(args)...)
	if err != nil {
		return err
	}
	defer rows.Close()
	cells := make([]any, len(to))
	for i, p := range to {
		cells[i] = cell{reflect.ValueOf(p).Elem()}
	}
	for rows.Next() {
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}
