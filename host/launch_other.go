//go:build !unix

package host

import "errors"

// launchSelf cannot hand a socket to a child on this system.
func launchSelf() (*Process, error) {
	return nil, errors.New("guest workers need a Unix system; this one cannot pass a socket to a process")
}
