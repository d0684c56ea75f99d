package evidence

import "github.com/animicaorg/engine/proofs/attest"

// PublishedRoots are the roots whose private keys everyone has: that of the test
// vendor of examples/fixtures. In a build with the tag faketee there is one more.
func PublishedRoots() attest.DenyList {
	d := attest.DenyList{
		"2633e45b57259186f8b483434bb170b12003ccc607258966105f6c473171a2b8": "the test vendor of examples/fixtures",
	}
	for k, v := range fakeRoots() {
		d[k] = v
	}
	return d
}
