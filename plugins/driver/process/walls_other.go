//go:build !linux

package process

import "errors"

// ErrWall is wrapped by the refusal to start a driver without a wall that was
// asked for.
var ErrWall = errors.New("the wall cannot be built")

// Bubblewrap is Linux's.
func Bubblewrap() (string, error) {
	return "", errors.Join(errors.New("bubblewrap is for Linux"), ErrWall)
}

// group is Linux's cgroup.
type group struct{}

func (*group) end() {}
