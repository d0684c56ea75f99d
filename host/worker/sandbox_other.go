//go:build !linux

package worker

// seal has no walls to put up on this system; the report says so.
func seal(uint64) (Sandbox, error) { return Sandbox{}, nil }
