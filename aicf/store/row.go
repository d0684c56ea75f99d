package store

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/animicaorg/engine/digest"
)

// A row type is a struct whose fields have tags db:"column"; a field named _
// has the tag db:"table". Digests are stored as 32 bytes, a zero one as NULL;
// booleans as 0 and 1; integers as 64 bits.

// plan is a row type's columns.
type plan struct {
	table   string
	columns []string
	fields  []int
	list    string // a, b, c
	insert  string
	many    map[int]string // by number of rows, without its first word
}

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := &plan{}
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("db")
		switch {
		case t.Field(i).Name == "_":
			p.table = name
		case name != "":
			p.columns = append(p.columns, name)
			p.fields = append(p.fields, i)
		}
	}
	if p.table == "" || len(p.columns) == 0 {
		panic(fmt.Sprintf("store: %s is no row type", t))
	}
	p.list = strings.Join(p.columns, ", ")
	row := "(?" + strings.Repeat(", ?", len(p.columns)-1) + ")"
	p.insert = "INSERT INTO " + p.table + " (" + p.list + ") VALUES " + row
	p.many = map[int]string{}
	for _, n := range atOnce {
		p.many[n] = strings.TrimPrefix(p.insert, "INSERT") + strings.Repeat(", "+row, n-1)
	}
	plans.Store(t, p)
	return p
}

// argument turns a Go value into what drivers take.
func argument(v any) any {
	switch x := v.(type) {
	case digest.Digest:
		if x.IsZero() {
			return nil
		}
		return x[:]
	case nil, int64, string, []byte:
		return v
	case bool:
		if x {
			return int64(1)
		}
		return int64(0)
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return int64(r.Uint())
	case reflect.String:
		return r.String()
	case reflect.Bool:
		return argument(r.Bool())
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return r.Bytes()
		}
	}
	panic(fmt.Sprintf("store: a %T cannot be stored", v))
}

func arguments(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		out[i] = argument(a)
	}
	return out
}

// cell scans one column into a field.
type cell struct{ to reflect.Value }

func (c cell) Scan(v any) error {
	if d, ok := c.to.Addr().Interface().(*digest.Digest); ok {
		b, isBytes := v.([]byte)
		switch {
		case v == nil:
			*d = digest.Digest{}
		case isBytes && len(b) == digest.Size:
			copy(d[:], b)
		default:
			return fmt.Errorf("%T of another length than 32 for an id", v)
		}
		return nil
	}
	switch x := v.(type) {
	case nil:
		c.to.SetZero()
	case int64:
		switch c.to.Kind() {
		case reflect.Bool:
			c.to.SetBool(x != 0)
		case reflect.Uint, reflect.Uint64:
			c.to.SetUint(uint64(x))
		default:
			c.to.SetInt(x)
		}
	case string:
		if c.to.Kind() == reflect.Slice {
			c.to.SetBytes([]byte(x))
			return nil
		}
		c.to.SetString(x)
	case []byte:
		if c.to.Kind() == reflect.String {
			c.to.SetString(string(x))
			return nil
		}
		c.to.SetBytes(append([]byte(nil), x...))
	default:
		return fmt.Errorf("%T cannot be read", v)
	}
	return nil
}

func scanInto(rows *sql.Rows, v reflect.Value, p *plan) error {
	to := make([]any, len(p.fields))
	for i, f := range p.fields {
		to[i] = cell{v.Field(f)}
	}
	return rows.Scan(to...)
}

// ErrNone is returned by Get for no row.
var ErrNone = errors.New("no row")

// Get reads the one row that the clause selects ("WHERE id = ?").
func Get[T any](t *Tx, clause string, args ...any) (*T, error) {
	rows, err := Select[T](t, clause, args...)
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, ErrNone
	case len(rows) > 1:
		return nil, fmt.Errorf("%d rows for %q", len(rows), clause)
	}
	return &rows[0], nil
}

// someIDs are the sizes of lists that have statements of their own.
var someIDs = []int{1, 8, 64}

// SelectIDs reads the rows whose column is one of ids, in no order.
func SelectIDs[T any](t *Tx, column string, ids []digest.Digest) (out []T, err error) {
	for len(ids) > 0 {
		size := someIDs[len(someIDs)-1]
		for _, n := range someIDs {
			if n >= len(ids) {
				size = n
				break
			}
		}
		args := make([]any, size)
		for i := range args { // a short list repeats its last
			args[i] = ids[min(i, len(ids)-1)]
		}
		rows, err := Select[T](t, "WHERE "+column+" IN (?"+strings.Repeat(", ?", size-1)+")", args...)
		if err != nil {
			return nil, err
		}
		out, ids = append(out, rows...), ids[min(size, len(ids)):]
	}
	return out, nil
}

// Select reads all rows that the clause selects.
func Select[T any](t *Tx, clause string, args ...any) ([]T, error) {
	p := planOf(reflect.TypeFor[T]())
	var out []T
	err := t.s.query(t.ctx, "SELECT "+p.list+" FROM "+p.table+" "+clause, arguments(args), func(rows *sql.Rows) error {
		for rows.Next() {
			var v T
			if err := scanInto(rows, reflect.ValueOf(&v).Elem(), p); err != nil {
				return fmt.Errorf("%s: %w", p.table, err)
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

// Each runs fn with each row that the clause selects, in its order, and holds one of
// them at a time: what fn keeps it copies. An error of fn ends the query. fn runs no
// statement.
func Each[T any](t *Tx, fn func(*T) error, clause string, args ...any) error {
	p := planOf(reflect.TypeFor[T]())
	return t.s.query(t.ctx, "SELECT "+p.list+" FROM "+p.table+" "+clause, arguments(args), func(rows *sql.Rows) error {
		var v T
		for rows.Next() {
			if err := scanInto(rows, reflect.ValueOf(&v).Elem(), p); err != nil {
				return fmt.Errorf("%s: %w", p.table, err)
			}
			if err := fn(&v); err != nil {
				return err
			}
		}
		return nil
	})
}

// Insert writes a row.
func Insert[T any](t *Tx, row *T) error {
	v := reflect.ValueOf(row).Elem()
	p := planOf(v.Type())
	args := make([]any, len(p.fields))
	for i, f := range p.fields {
		args[i] = v.Field(f).Interface()
	}
	_, err := t.Exec(p.insert, args...)
	return err
}

// atOnce is how many rows one statement of InsertAll writes.
var atOnce = []int{32, 8, 2}

// InsertAll writes rows, many in a statement. With its error the command fails, whatever
// becomes of the error: some of the rows may have been written.
func InsertAll[T any](t *Tx, rows []T) error {
	p := planOf(reflect.TypeFor[T]())
	if t.s.dialect.copies && len(rows) >= copied {
		return copyAll(t, p, rows)
	}
	for _, n := range atOnce {
		for len(rows) >= n {
			args := make([]any, 0, n*len(p.fields))
			for i := range n {
				v := reflect.ValueOf(&rows[i]).Elem()
				for _, f := range p.fields {
					args = append(args, v.Field(f).Interface())
				}
			}
			if _, err := t.Exec("INSERT"+t.s.dialect.orFail+p.many[n], args...); err != nil {
				t.failed = err
				return err
			}
			rows = rows[n:]
		}
	}
	for i := range rows {
		if err := Insert(t, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Column is a column of a list that UpdateAll takes; its Type is {int}, {bytes} or {text}.
type Column struct{ Name, Type string }

// updates are how many rows one statement of UpdateAll reads.
var updates = []int{64, 16, 4, 1}

// UpdateAll runs "UPDATE" + update, which reads FROM v, once for many rows of v; v has the
// columns. It returns how many rows of the table it touched. With its error the command
// fails, as with InsertAll's.
func (t *Tx) UpdateAll(columns []Column, update string, rows [][]any) (touched int64, err error) {
	for len(rows) > 0 {
		size := updates[0]
		for _, n := range updates {
			if n >= len(rows) {
				size = n
			}
		}
		args := make([]any, 0, size*len(columns))
		for i := range size { // a short list repeats its last
			args = append(args, rows[min(i, len(rows)-1)]...)
		}
		n, err := t.Exec(t.s.dialect.from(columns, size)+"UPDATE"+t.s.dialect.orFail+update, args...)
		if err != nil {
			t.failed = err
			return touched, err
		}
		touched += n
		rows = rows[min(size, len(rows)):]
	}
	return touched, nil
}

// Scan reads one row of a query into pointers; ErrNone for no row.
func (t *Tx) Scan(q string, args []any, to ...any) error {
	return t.s.query(t.ctx, q, arguments(args), func(rows *sql.Rows) error {
		if !rows.Next() {
			if err := rows.Err(); err != nil {
				return &driverError{err, q}
			}
			return ErrNone
		}
		cells := make([]any, len(to))
		for i, p := range to {
			cells[i] = cell{reflect.ValueOf(p).Elem()}
		}
		return rows.Scan(cells...)
	})
}

// Texts runs a query of one text column and returns its first row and how many
// rows there are, counting at most limit.
func Texts(t *Tx, q string, limit int) (first string, count int, err error) {
	err = t.s.query(t.ctx, t.s.dialect.types.Replace(q), nil, func(rows *sql.Rows) error {
		for rows.Next() && count < limit {
			var v string
			if err := rows.Scan(&v); err != nil {
				return err
			}
			if count == 0 {
				first = v
			}
			count++
		}
		return nil
	})
	if err != nil {
		return "", 0, err
	}
	return first, count, nil
}

// Pairs runs a query of an id and a text and calls fn for each row; its error
// ends the query.
func Pairs(t *Tx, q string, fn func(digest.Digest, string) error) error {
	return t.s.query(t.ctx, q, nil, func(rows *sql.Rows) error {
		for rows.Next() {
			var id digest.Digest
			var text string
			if err := rows.Scan(cell{reflect.ValueOf(&id).Elem()}, &text); err != nil {
				return err
			}
			if err := fn(id, text); err != nil {
				return err
			}
		}
		return nil
	})
}
