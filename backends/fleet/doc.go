// Package fleet runs one batch on many machines: a Backend that hands pieces of
// consecutive slots to workers over NATS and puts their outcomes back in slot order.
//
// It promises the rows that the simulator gives on one machine, bit for bit, whatever
// the number of workers, the size of pieces, and which of them die: a slot's outcome is
// a function of circuit, key and slot number (decision C3), so a piece that is run twice
// gives the same bytes, and delivery at least once is exact. Where a piece came back
// twice and differs, the run fails and names both workers.
//
// NATS carries messages and keeps nothing; what is lost is sent again. The package does
// not hide the batch from the provider's own workers, it does not audit them (traps do),
// and it does not split the state of one circuit. SPEC.md has the messages.
package fleet
