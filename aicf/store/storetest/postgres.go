// Package storetest runs a PostgreSQL server for tests: Debian's binaries, a
// data directory of its own, another user than root, a Unix socket only.
//
// It promises one server for each test binary and one empty database for each
// call. Without the binaries a test is skipped, with CI_STRICT=1 it fails.
package storetest

import (
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

var errAbsent = errors.New("PostgreSQL's initdb is not installed (Debian package postgresql)")

// Database makes an empty database on a server without fsync and returns its
// URL.
func Database(t testing.TB) string {
	t.Helper()
	once.Do(func() { shared, failed = Start(false) })
	if errors.Is(failed, errAbsent) && os.Getenv("CI_STRICT") != "1" {
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

func find(name string) (string, error) {
	if p, err := exec.LookPath(name); err == nil {
		return filepath.EvalSymlinks(p)
	}
	if all, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(all) > 0 {
		return all[len(all)-1], nil
	}
	return "", errAbsent
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

// Run starts the server and waits until it answers.
func (s *Server) Run() error {
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
	if err := s.cmd.Process.Signal(sig); err != nil {
		return err
	}
	s.cmd.Wait() // the status of a server that was killed says nothing
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

// Create makes an empty database.
func (s *Server) Create() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	name := fmt.Sprintf("test_%d", s.count)
	db, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE " + name + " TEMPLATE template0")
	return s.URL(name), err
}
