//go:build !unix

package driver

func keepStdout() error { return nil }
func followParent()     {}
