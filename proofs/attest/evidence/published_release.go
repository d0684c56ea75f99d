//go:build !faketee

package evidence

// fakeRoots is empty: a release build knows no root of a fake TEE.
func fakeRoots() map[string]string { return nil }
