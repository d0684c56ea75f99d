//go:build !amd64

package machine

func loops() kernel { return generic() }
