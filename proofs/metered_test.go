package proofs

import (
	"errors"
	"testing"

	"github.com/animicaorg/engine/digest"
	"github.com/stretchr/testify/require"
)

// meterStub says what the metered form of every module hashes to.
type meterStub struct {
	version string
	sum     digest.Digest
	err     error
	slots   *[]string
}

func (m meterStub) Version() string { return m.version }

func (m meterStub) Metered(slot string, _ []byte) (digest.Digest, error) {
	*m.slots = append(*m.slots, slot)
	return m.sum, m.err
}

func TestMetered(t *testing.T) {
	f := newFixture(t, fixtureOptions{})
	right := digest.Sum([]byte("metered"))
	for name, row := range map[string]struct {
		meter meterStub
		ok    bool
		skip  bool
	}{
		"equal":         {meterStub{version: "1", sum: right}, true, false},
		"another hash":  {meterStub{version: "1", sum: digest.Sum([]byte("other"))}, false, false},
		"refused":       {meterStub{version: "1", sum: right, err: errors.New("typing")}, false, false},
		"another meter": {meterStub{version: "2", sum: right}, true, true},
	} {
		in := f.input()
		row.meter.slots = new([]string)
		in.Meter = row.meter
		c, ok := verify(t, in).Check("metered")
		require.True(t, ok)
		require.Equal(t, row.ok, c.OK, "%s: %s", name, c.Detail)
		require.Equal(t, row.skip, c.Skipped, name)
		if !row.skip {
			require.Equal(t, []string{"traps"}, *row.meter.slots, "the bundle has the bytes of the trap library alone")
		}
	}
	in := f.input()
	in.Meter = meterStub{version: "1", slots: new([]string)}
	in.Bundle.Modules = nil
	c, _ := verify(t, in).Check("metered")
	require.True(t, c.Skipped)
}
