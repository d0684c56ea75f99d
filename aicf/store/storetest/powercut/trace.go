package powercut

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrAbsent is returned where strace is not installed.
var ErrAbsent = errors.New("strace is not installed (Debian package strace)")

// calls are the system calls that change files, sync them or map them.
const calls = "open,openat,creat,pwrite64,pwritev,pwritev2,write,writev,fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate,copy_file_range,sendfile,rename,renameat,renameat2,unlink,unlinkat,mmap,io_uring_setup"

// Record runs a command under strace and returns its operations on files in
// folder and what it wrote to standard output, in order. The command's standard
// output must be a pipe of its own; it is drained.
func Record(c *exec.Cmd, folder string) ([]Op, error) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		return nil, ErrAbsent
	}
	folder, err = filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp("", "strace")
	if err != nil {
		return nil, err
	}
	defer os.Remove(log.Name())
	defer log.Close()
	c.Args = append([]string{"strace", "-f", "-y", "-xx", "-s", strconv.Itoa(maxData), "--seccomp-bpf", "-e", "signal=none", "-e", "trace=" + calls, "-o", log.Name(), c.Path}, c.Args[1:]...)
	c.Path = strace
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, out)
	if err := errors.Join(err, c.Wait()); err != nil {
		return nil, fmt.Errorf("under strace: %w", err)
	}
	return Parse(log, folder)
}

// maxData bounds the bytes of one call; a longer one is refused, not cut.
const maxData = 1 << 20

// Parse reads the output of strace -f -y -xx. A call counts when it returned,
// but for a write to standard output, which counts when it began: its reader may
// have it from then on.
func Parse(r io.Reader, folder string) ([]Op, error) {
	p := &parser{folder: folder, begun: map[string]string{}, marked: map[string]bool{}, size: map[string]int64{}}
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadString('\n')
		if line != "" {
			if err := p.line(strings.TrimSuffix(line, "\n")); err != nil {
				return nil, fmt.Errorf("line %d of the trace: %w", n, err)
			}
		}
		if err == io.EOF {
			return p.ops, nil
		} else if err != nil {
			return nil, err
		}
	}
}

type parser struct {
	folder string
	begun  map[string]string // by thread: the first half of a call
	marked map[string]bool   // by thread: its unfinished call was counted already
	size   map[string]int64  // of files that are written from front to end
	ops    []Op
}

func (p *parser) line(s string) error {
	pid, s, ok := strings.Cut(s, " ")
	s = strings.TrimLeft(s, " ")
	if !ok || strings.HasPrefix(s, "+++") || strings.HasPrefix(s, "---") {
		return nil
	}
	if head, cut := strings.CutSuffix(s, " <unfinished ...>"); cut {
		p.begun[pid] = head
		if name, args, ok := strings.Cut(head, "("); ok && name == "write" && strings.HasPrefix(args, "1<") {
			p.marked[pid] = true
			return p.call(name, fields(args), "")
		}
		return nil
	}
	if rest, resumed := strings.CutPrefix(s, "<... "); resumed {
		_, rest, ok := strings.Cut(rest, " resumed>")
		if !ok {
			return fmt.Errorf("not understood: %.80q", s)
		}
		s = p.begun[pid] + rest
		delete(p.begun, pid)
		if p.marked[pid] {
			delete(p.marked, pid)
			return nil
		}
	}
	name, rest, ok := strings.Cut(s, "(")
	at := strings.LastIndex(rest, ") ")
	if !ok || at < 0 {
		return fmt.Errorf("not understood: %.80q", s)
	}
	_, result, ok := strings.Cut(rest[at:], "= ")
	if !ok {
		return fmt.Errorf("no result: %.80q", s)
	}
	if strings.HasPrefix(result, "-1") || strings.HasPrefix(result, "?") {
		return nil // failed, or the program ended in it
	}
	return p.call(name, fields(rest[:at]), result)
}

// fields cuts arguments at commas. With -xx neither texts nor paths hold one.
func fields(s string) []string {
	all := strings.Split(s, ", ")
	for i := range all {
		all[i] = strings.TrimSpace(all[i])
	}
	return all
}

func unhex(s string) ([]byte, error) {
	if strings.HasSuffix(s, "...") {
		return nil, fmt.Errorf("a call of more than %d bytes", maxData)
	}
	s = strings.Trim(s, `"`)
	return hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
}

// of is the path that a descriptor 7<\x2f…> names, relative to the folder.
func (p *parser) of(fd string) (string, bool) {
	_, s, ok := strings.Cut(fd, "<")
	s, closed := strings.CutSuffix(s, ">")
	b, err := unhex(s)
	if !ok || !closed || err != nil {
		return "", false
	}
	return p.inside(string(b))
}

func (p *parser) inside(path string) (string, bool) {
	rel, err := filepath.Rel(p.folder, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return rel, true
}

// at is the path of a name in a folder.
func (p *parser) at(dir, name string) (string, bool) {
	b, err := unhex(name)
	if err != nil {
		return "", false
	}
	if filepath.IsAbs(string(b)) {
		return p.inside(string(b))
	}
	folder, ok := p.of(dir)
	return filepath.Join(folder, string(b)), ok
}

func (p *parser) add(op Op) error {
	p.ops = append(p.ops, op)
	return nil
}

func (p *parser) call(name string, a []string, result string) error {
	path, ours := p.of(a[0])
	switch name { // the older forms of calls name no folder
	case "open", "rename":
		const here = "<>"
		if name, a = name+"at", append([]string{here}, a...); name == "renameat" {
			a = []string{here, a[1], here, a[2]}
		}
	case "unlink":
		name, a = "unlinkat", append([]string{"<>"}, a...)
	}
	switch name {
	case "openat":
		path, ours := p.at(a[0], a[1])
		if !ours || !strings.Contains(a[2], "O_CREAT") {
			return nil
		}
		if strings.Contains(a[2], "O_TRUNC") {
			return fmt.Errorf("%s is opened with O_TRUNC", path)
		}
		if _, known := p.size[path]; !known {
			p.size[path] = 0
		}
		return p.add(Op{Kind: Create, Path: path})
	case "write":
		if strings.HasPrefix(a[0], "1<") {
			b, err := unhex(a[1])
			if err != nil {
				return err
			}
			return p.add(Op{Kind: Mark, Data: b})
		}
		if !ours {
			return nil
		}
		return p.write(path, p.size[path], a[1], result)
	case "pwrite64":
		if !ours {
			return nil
		}
		off, err := strconv.ParseInt(a[3], 10, 64)
		if err != nil {
			return err
		}
		return p.write(path, off, a[1], result)
	case "fsync", "fdatasync":
		if !ours {
			return nil
		}
		return p.add(Op{Kind: Sync, Path: path})
	case "ftruncate":
		if !ours || strings.HasSuffix(path, "-shm") {
			return nil
		}
		n, err := strconv.ParseInt(a[1], 10, 64)
		if err != nil {
			return err
		}
		p.size[path] = n
		return p.add(Op{Kind: Truncate, Path: path, Off: n})
	case "renameat", "renameat2":
		from, ours := p.at(a[0], a[1])
		to, there := p.at(a[2], a[3])
		if ours != there {
			return fmt.Errorf("a file is moved across the folder's border")
		}
		if !ours {
			return nil
		}
		p.size[to] = p.size[from]
		return p.add(Op{Kind: Rename, Path: from, To: to})
	case "unlinkat":
		path, ours := p.at(a[0], a[1])
		if !ours {
			return nil
		}
		delete(p.size, path)
		return p.add(Op{Kind: Remove, Path: path})
	case "mmap":
		// The -shm file is memory that processes share; SQLite makes it anew.
		if path, ours := p.of(a[4]); ours && !strings.HasSuffix(path, "-shm") && strings.Contains(a[2], "PROT_WRITE") && strings.Contains(a[3], "MAP_SHARED") {
			return fmt.Errorf("%s is mapped for writing: its writes are not seen", path)
		}
		return nil
	}
	if ours {
		return fmt.Errorf("%s of %s is not understood", name, path)
	}
	return nil
}

func (p *parser) write(path string, off int64, data, result string) error {
	if strings.HasSuffix(path, "-shm") {
		return nil
	}
	b, err := unhex(data)
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(strings.Fields(result)[0], 10, 64)
	if err != nil {
		return err
	}
	b = b[:n]
	p.size[path] = max(p.size[path], off+n)
	return p.add(Op{Kind: Write, Path: path, Off: off, Data: b})
}

// Without drops the syncs of files whose names end so: the trace of a program
// that does not sync them.
func Without(ops []Op, suffix string) (out []Op) {
	for _, op := range ops {
		if op.Kind != Sync || !strings.HasSuffix(op.Path, suffix) {
			out = append(out, op)
		}
	}
	return out
}

// Lines are the lines of a mark.
func (op Op) Lines() [][]byte { return bytes.Split(bytes.TrimSpace(op.Data), []byte("\n")) }
