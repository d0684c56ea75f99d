// Package store keeps the network's state in SQL: one schema, two engines.
//
// Update runs a command in a transaction of the one writer; commands that wait
// share a commit, and each is undone by itself when it fails. An answer is given
// after the commit is on disk. Events get a dense sequence and a hash chain in
// the same transaction. View reads a snapshot.
//
// SQLite (the default) is one file in WAL mode with synchronous=FULL.
// PostgreSQL serves any number of replicas; a batch begins by locking the head
// of the event log, so that batches of all replicas have one order and a command
// sees every command before it.
//
// It does not know what a job is: tables are defined by the migrations, rows by
// the packages that own them.
package store
