package qx1

import "fmt"

// Streams of a call in memory.
type memory struct {
	given, taken map[int][]byte
	logged       []string
}

func (m *memory) in(stream int) []byte { return m.given[stream] }

func (m *memory) out(stream int, b []byte) error {
	if stream < 16 || stream > 31 {
		return fmt.Errorf("stream %d is no output", stream)
	}
	m.taken[stream] = append(m.taken[stream], b...)
	return nil
}

func (m *memory) log(text string) { m.logged = append(m.logged, text) }

// Try runs an export on input streams, without a host. It returns what the export
// wrote, or the failure that the host would see.
func Try(export func(*Call) error, in map[int][]byte) (map[int][]byte, *Failure) {
	m := &memory{given: in, taken: map[int][]byte{}}
	if err := export(&Call{m}); err != nil {
		return nil, failure(err)
	}
	return m.taken, nil
}
