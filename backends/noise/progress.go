package noise

import "sync"

// counter adds up finished shots and reports them, one call at a time.
type counter struct {
	mu          sync.Mutex
	done, total int
	report      func(done, total int) // nil: nobody asks
}

func (c *counter) add(n int) {
	if c.report == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += n
	c.report(c.done, c.total)
}
