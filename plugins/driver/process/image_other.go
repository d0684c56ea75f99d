//go:build !linux

package process

import "os"

// memory makes a private copy: these systems cannot execute sealed memory.
func memory(string) (*os.File, bool, error) {
	f, err := os.CreateTemp("", "engine-driver-")
	if err != nil {
		return nil, false, err
	}
	return f, true, f.Chmod(0o700)
}

func seal(f *os.File) error { return f.Sync() }
