//go:build !unix

package venv

import "context"

// lock does not exclude other processes here.
func lock(context.Context, string) (func(), error) { return func() {}, nil }
