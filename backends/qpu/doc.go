// Package qpu makes a running vendor driver a Backend of the engine.
//
// It promises at most one execution of every submission: the intent is on disk
// before the driver hears of it, its acceptance is on disk before anything else
// happens, and after a crash of driver or engine a key is recovered, never
// submitted as if it were new. Outcomes are passed on only when the driver says
// that they are shots (PER_SHOT) and the stream was whole and in order. The
// calibration in force is stored by its hash and bound into the device frame.
// A signature of the device is verified against the key of that frame before it
// is used.
//
// It does not promise that the device did what it was asked to: that is what the
// traps are for.
package qpu
