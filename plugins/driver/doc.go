// Package driver is the boundary between the engine and a vendor's quantum
// hardware: a subprocess that speaks engine.driver.v1 over go-plugin gRPC.
//
// A vendor implements Driver (and the optional interfaces it can) and calls Serve
// from main. The engine talks to the same interface through Client. SPEC.md fixes
// what each call promises; driverv1 holds the generated messages, which are the
// vocabulary of both sides.
//
// The package promises that a driver served by it cannot get the framing wrong:
// calls before Configure, wrong digests, foreign keys, short rows, bodies out of
// order and over-long messages are refused on the side that receives them. It
// does not promise anything about a driver written without it; that is what the
// conformance kit in drivertest is for. Starting, watching and killing driver
// processes is package supervisor's work.
package driver
