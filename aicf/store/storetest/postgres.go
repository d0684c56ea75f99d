// Package storetest runs a PostgreSQL server for tests: Debian's binaries, a
// data directory of its own, another user than root, a Unix socket only.
//
// It promises one server for each test binary and one empty database for each
// call. Without the binaries a test is skipped, with CI_STRICT=1 it fails.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver
)

// Server is a running PostgreSQL. With Fsync off it is fast and loses data when
// the machine fails, which tests of logic do not care about.
type Server struct {
	Fsync bool
	dir   string
	bin   string
	attr  *syscall.SysProcAttr
	cmd   *exec.Cmd
	gone  chan struct{} // closed when cmd ended
	count int
	mu    sync.Mutex
}

var (
	once   sync.Once
	shared *Server
	failed error
)

// Main runs the tests of a package and stops the server that they started. Use
// it in TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		if err := shared.Remove(); err != nil {
			fmt.Fprintln(os.Stderr, "storetest:", err)
			return 1
		}
	}
	return code
}

// ErrAbsent is the error of Start without the binaries.
var ErrAbsent = errors.New("PostgreSQL's initdb is not installed (Debian package postgresql)")

// Database makes an empty database on a server without fsync and returns its
// URL.
func Database(t testing.TB) string {
	t.Helper()
	once.Do(func() { shared, failed = Start(false) })
	if errors.Is(failed, ErrAbsent) && os.Getenv("CI_STRICT") != "1" {
		t.Skip(failed)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	url, err := shared.Create()
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// Shared is the server of Database.
func Shared(t testing.TB) *Server {
	t.Helper()
	Database(t)
	return shared
}

// Copy is Database with the content of another that nobody uses; an empty URL is
// an empty database.
func Copy(t testing.TB, url string) (string, error) {
	t.Helper()
	if url == "" {
		return Database(t), nil
	}
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return "", err
	}
	return shared.create(c.Database)
}

func find(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return filepath.EvalSymlinks(p)
	}
	if all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(all) > 0 {
		return all[len(all)-1], nil
	}
	return "", ErrAbsent
}

// Start makes a data directory and runs a server in it.
func Start(fsync bool) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	if all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(all) > 0 {
		initdb = all[len(all)-1]
	}
	s := &Server{Fsync: fsync, bin: filepath.Dir(initdb)}
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 {
		if err := s.drop(); err != nil {
			return nil, err
		}
	}
	c := s.command("initdb", "-D", s.data(), "-U", "owner", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions", "--no-sync")
	if out, err := c.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Run()
}

// drop lets the server run as a user that is not root.
func (s *Server) drop() error {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		s.attr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return os.Chown(s.dir, uid, gid)
	}
	return errors.New("root, and neither a user postgres nor nobody to run the server as")
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(s.bin, name), args...)
	c.Dir, c.SysProcAttr, c.Env = s.dir, s.attr, []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
	return c
}

// Run starts the server and waits until it answers. Behind a SIGKILL the children
// of the server before keep its lock for some seconds: Run starts it again until
// they are gone.
func (s *Server) Run() error {
	for end := time.Now().Add(time.Minute); ; {
		err := s.run()
		if err == nil || !errors.Is(err, errGone) || time.Now().After(end) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

var errGone = errors.New("the server ended")

func (s *Server) run() error {
	s.cmd = s.command("postgres", "-D", s.data(), "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=64MB", "-c", fmt.Sprintf("fsync=%t", s.Fsync))
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func(c *exec.Cmd) {
		c.Wait() // its status is the business of who reads the log
		close(gone)
	}(s.cmd)
	s.gone = gone
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return err
	}
	defer db.Close()
	for {
		if err = db.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-gone:
			out, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("%w\n%s", errGone, out[max(0, len(out)-2000):])
		case <-ctx.Done():
			out, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("the server does not answer: %w\n%s", err, out)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server by a signal: SIGINT fast, SIGQUIT as a crash would,
// SIGKILL leaving its children to notice.
func (s *Server) Stop(sig syscall.Signal) error {
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.gone
	return nil
}

// Remove stops the server and deletes its data.
func (s *Server) Remove() error {
	return errors.Join(s.Stop(syscall.SIGINT), os.RemoveAll(s.dir))
}

// URL names a database of the server.
func (s *Server) URL(name string) string {
	return "host=" + s.dir + " user=owner dbname=" + name
}

// Name makes an empty database and returns its name.
func (s *Server) Name() (string, error) {
	url, err := s.Create()
	if err != nil {
		return "", err
	}
	c, err := pgx.ParseConfig(url)
	if err != nil {
		return "", err
	}
	return c.Database, nil
}

// Create makes an empty database.
func (s *Server) Create() (string, error) { return s.create("template0") }

func (s *Server) create(template string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := fmt.Sprintf("test_%d", s.count)
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE " + name + " TEMPLATE " + template)
	return s.URL(name), err
}

// Dir is the folder of the server's socket.
func (s *Server) Dir() string { return s.dir }

// Output runs a program of PostgreSQL and returns what it writes.
func (s *Server) Output(name string, args ...string) ([]byte, error) {
	c := s.command(name, args...)
	var failure bytes.Buffer
	c.Stderr = &failure
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", name, err, failure.Bytes())
	}
	return out, nil
}

// Input runs a program of PostgreSQL that reads in.
func (s *Server) Input(in []byte, name string, args ...string) error {
	c := s.command(name, args...)
	c.Stdin = bytes.NewReader(in)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}
