package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/animicaorg/engine/digest"
)

// copied is the least number of rows that InsertAll hands to PostgreSQL by COPY: one
// statement without parameters, which the server writes to table and log many rows at once.
const copied = 32

// binaryHead begins COPY's binary format: signature, flags and length of the extension.
const binaryHead = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// binaryEnd ends it.
const binaryEnd = "\xff\xff"

// appendBinary writes a row in COPY's binary format, its values as argument gives them.
func (p *plan) appendBinary(b []byte, row reflect.Value) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.fields)))
	for _, f := range p.fields {
		v := row.Field(f)
		if d, ok := v.Addr().Interface().(*digest.Digest); ok {
			if d.IsZero() {
				b = append(b, "\xff\xff\xff\xff"...)
			} else {
				b = append(binary.BigEndian.AppendUint32(b, digest.Size), d[:]...)
			}
			continue
		}
		switch {
		case v.CanInt():
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(v.Int()))
		case v.CanUint():
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), v.Uint())
		case v.Kind() == reflect.Bool:
			n := uint64(0)
			if v.Bool() {
				n = 1
			}
			b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), n)
		case v.Kind() == reflect.String:
			b = append(binary.BigEndian.AppendUint32(b, uint32(v.Len())), v.String()...)
		case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
			if v.IsNil() {
				b = append(b, "\xff\xff\xff\xff"...)
			} else {
				b = append(binary.BigEndian.AppendUint32(b, uint32(v.Len())), v.Bytes()...)
			}
		default:
			panic(fmt.Sprintf("store: a %s cannot be stored", v.Type()))
		}
	}
	return b
}

// copyAll is InsertAll by COPY.
func copyAll[T any](t *Tx, p *plan, rows []T) error {
	b := append(t.s.copying[:0], binaryHead...)
	for i := range rows {
		b = p.appendBinary(b, reflect.ValueOf(&rows[i]).Elem())
	}
	t.s.copying = append(b, binaryEnd...)
	if err := t.s.copy(t.ctx, "COPY "+p.table+" ("+p.list+") FROM STDIN (FORMAT binary)"); err != nil {
		t.failed = err
		return err
	}
	t.writes++
	return nil
}

// copy runs a COPY statement with what copying holds.
func (s *session) copy(ctx context.Context, q string) error {
	s.at(q)
	ctx, end := s.bounded(ctx)
	defer end()
	err := s.conn.Raw(func(c any) error {
		_, err := c.(*stdlib.Conn).Conn().PgConn().CopyFrom(ctx, bytes.NewReader(s.copying), q)
		return err
	})
	if err != nil {
		return &driverError{err, q}
	}
	return nil
}
