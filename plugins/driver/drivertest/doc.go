// Package drivertest is the conformance kit of engine.driver.v1: black-box checks
// of a driver program, in any language, with a score card.
//
// It starts the program as the engine does and sees nothing but its process and
// its answers. Every check has a name that stays; mockqpu has a way to fail each
// one. A driver with no failed check keeps the promises of SPEC.md that can be
// seen from outside on the device at hand; the kit does not promise that the
// vendor's device is any good.
package drivertest
