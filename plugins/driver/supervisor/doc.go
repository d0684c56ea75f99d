// Package supervisor keeps driver processes running: it starts them, configures
// them, watches them, restarts them after a crash, and ends them.
//
// go-plugin does the handshake, TLS and the transport. What it leaves open is
// closed here: a client that can be used once only, a kill that may block for
// ever, a start that lies after a crash, health checks without a deadline, work
// that is cut off at the end, and a driver that crashes in a loop.
//
// The package promises that Acquire never returns a client of a dead process
// that it knows of, that a restart submits nothing again, and that Stop returns
// within grace and kill time whatever the driver does. Jobs live in the journal
// of package qpu, not here.
package supervisor
