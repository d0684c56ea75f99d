// Package faults makes the fakes of vendors' services fail on demand.
//
// It promises that a planned fault meets exactly as many requests as the plan says,
// in the order of the plan. It does not know a vendor's form of an error.
package faults
