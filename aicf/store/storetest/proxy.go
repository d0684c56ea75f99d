package storetest

import (
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"time"
)

// Proxy stands between a replica and the server, over TCP, and breaks what runs
// through it.
type Proxy struct {
	to      string
	l       net.Listener
	mu      sync.Mutex
	pairs   map[*pair]bool
	thawed  [2]chan struct{} // to the server, to the replica; closed while bytes may pass
	delay   time.Duration
	Resets  int // connections that were reset
	Freezes int
}

type pair struct{ client, server net.Conn }

// NewProxy listens on a free port of the loopback address.
func (s *Server) NewProxy() (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{to: filepath.Join(s.dir, ".s.PGSQL.5432"), l: l, pairs: map[*pair]bool{}}
	for i := range p.thawed {
		p.thawed[i] = make(chan struct{})
		close(p.thawed[i])
	}
	go p.serve()
	return p, nil
}

// URL names a database of the server through the proxy.
func (p *Proxy) URL(database string) string {
	a := p.l.Addr().(*net.TCPAddr)
	return fmt.Sprintf("host=%s port=%d user=owner dbname=%s sslmode=disable", a.IP, a.Port, database)
}

func (p *Proxy) serve() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		s, err := net.Dial("unix", p.to)
		if err != nil {
			c.Close()
			continue
		}
		x := &pair{c, s}
		p.mu.Lock()
		p.pairs[x] = true
		p.mu.Unlock()
		go p.pump(x, c, s, 0)
		go p.pump(x, s, c, 1)
	}
}

// pump carries bytes one way until either end is gone.
func (p *Proxy) pump(x *pair, from, to net.Conn, way int) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		p.mu.Lock()
		thawed, delay := p.thawed[way], p.delay
		p.mu.Unlock()
		<-thawed
		if delay > 0 {
			time.Sleep(delay)
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	p.drop(x)
}

func (p *Proxy) drop(x *pair) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, x)
	x.client.Close()
	x.server.Close()
}

// Reset breaks all connections: the replica's side hears of it by a reset, the
// server's by the end of the stream.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for x := range p.pairs {
		x.client.(*net.TCPConn).SetLinger(0)
		x.client.Close()
		x.server.Close()
		delete(p.pairs, x)
		p.Resets++
	}
}

// Freeze holds all bytes back until the function is called: nobody is told.
func (p *Proxy) Freeze() (thaw func()) {
	ask, answer := p.hold(0), p.hold(1)
	return func() { ask(); answer() }
}

// FreezeAnswers lets the server hear and not speak.
func (p *Proxy) FreezeAnswers() (thaw func()) { return p.hold(1) }

func (p *Proxy) hold(way int) (thaw func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ch := make(chan struct{})
	p.thawed[way] = ch
	p.Freezes++
	return sync.OnceFunc(func() { close(ch) })
}

// Delay holds every read back for a time.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Close ends the proxy.
func (p *Proxy) Close() {
	p.l.Close()
	p.Reset()
}
