// Package stats is the arithmetic behind a verdict: how often an honest device
// passes a trap, how many passes are enough, how strong the evidence against a
// run is, and what a run certifies about its target.
//
// It promises that every decision is exact. Probabilities come in as integers in
// parts per billion (ppb); tails, logarithms and powers are enclosed in intervals
// of 128, 256, ... 4096 bits until the question is decided, and every number that
// leaves the package is defined as an exact floor, ceiling, minimum or maximum.
// Two implementations of these definitions agree to the last digit, whatever
// their inner arithmetic.
//
// It does not promise a model of a device: the pass rates assume independent
// depolarizing noise. The functions that return float64 (display.go) are for
// people to read and decide nothing.
//
// Ranges: a probability above 1e9 ppb counts as 1e9, a count above MaxTrials is
// refused in the direction that accepts nothing, and no input panics.
package stats

// Ppb is one whole in parts per billion.
const Ppb = 1_000_000_000

// MaxTrials is the largest number of trials the exact tests take.
const MaxTrials = 10_000_000
