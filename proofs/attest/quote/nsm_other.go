//go:build !linux

package quote

import "fmt"

func nsmDevice([]byte) ([]byte, error) {
	return nil, fmt.Errorf("Nitro enclaves run Linux: %w", ErrAbsent)
}
