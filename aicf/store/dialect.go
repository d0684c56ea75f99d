package store

import (
	"strconv"
	"strings"
	"time"
)

// dialect is all that differs between the engines' SQL.
type dialect struct {
	name   string
	driver string
	begin  string            // of a batch
	lock   string            // behind the SELECT that reads the head of a batch
	types  *strings.Replacer // of a migration
	rebind func(string) string
	orFail string        // behind the verb of a statement that writes several rows
	copies bool          // InsertAll writes many rows by COPY
	again  bool          // a batch whose connection broke before its COMMIT runs once more
	limit  time.Duration // of the writer's statements; 0: none
}

var sqliteDialect = dialect{
	name: "sqlite", driver: "sqlite", begin: "BEGIN IMMEDIATE",
	types: strings.NewReplacer("{int}", "INTEGER", "{bytes}", "BLOB", "{text}", "TEXT", "{strict}", "STRICT",
		"{zero32}", "x'"+strings.Repeat("00", 32)+"'"),
	rebind: func(q string) string { return q },
	orFail: " OR FAIL", // keeps no copy of pages to undo one statement: InsertAll and UpdateAll end the command
}

var postgresDialect = dialect{
	name: "postgresql", driver: "pgx", begin: "BEGIN ISOLATION LEVEL READ COMMITTED", lock: " FOR UPDATE",
	types: strings.NewReplacer("{int}", "BIGINT", "{bytes}", "BYTEA", "{text}", "TEXT", "{strict}", "",
		"{zero32}", `'\x`+strings.Repeat("00", 32)+"'"),
	rebind: dollars, copies: true, again: true, limit: silentServer,
}

// from writes WITH v (columns) of so many rows. The first row's casts tell PostgreSQL the types.
func (d *dialect) from(columns []Column, rows int) string {
	var names, first []string
	for _, c := range columns {
		names, first = append(names, c.Name), append(first, "CAST(? AS "+d.types.Replace(c.Type)+")")
	}
	return "WITH v (" + strings.Join(names, ", ") + ") AS (VALUES (" + strings.Join(first, ", ") + ")" +
		strings.Repeat(", (?"+strings.Repeat(", ?", len(columns)-1)+")", rows-1) + ") "
}

// dollars turns ? into $1, $2, …. The store's statements hold no other question
// mark.
func dollars(q string) string {
	var b strings.Builder
	n := 0
	for i := range len(q) {
		if q[i] != '?' {
			b.WriteByte(q[i])
			continue
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
	}
	return b.String()
}
