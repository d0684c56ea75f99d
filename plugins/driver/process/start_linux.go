package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// command is the launcher's command line. Its descriptors are added by start.
func command(s *Spec, env []string, socketDir string) (*exec.Cmd, *pending, error) {
	o, err := s.order(env, socketDir)
	if err != nil {
		return nil, nil, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return nil, nil, err
	}
	argv := []string{"/proc/self/exe", LaunchArg}
	if s.Bubblewrap { // whose /proc/self/exe would be bwrap
		exe, err := os.Executable()
		if err != nil {
			return nil, nil, err
		}
		if argv, err = bubble(o, exe); err != nil {
			return nil, nil, err
		}
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{"ENGINE_DRIVER_LAUNCH=1"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if s.User != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: s.User.UID, Gid: s.User.GID}
	}
	orderR, orderW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	reportR, reportW, err := os.Pipe()
	if err != nil {
		return nil, nil, errors.Join(err, orderR.Close(), orderW.Close())
	}
	cmd.ExtraFiles = []*os.File{s.Image.f, orderR, reportW} // fdImage, fdOrder, fdReport
	return cmd, &pending{orderR, orderW, reportR, reportW, text, s}, nil
}

// pending are the ends of a command's pipes between command and start.
type pending struct {
	orderR, orderW, reportR, reportW *os.File
	order                            []byte
	spec                             *Spec
}

// starter runs on one thread for the life of the process: the kernel ties a
// child's parent-death signal to the thread that made it.
var starter = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// start runs the launcher until it becomes the driver.
func start(cmd *exec.Cmd, p *pending) (Level, *group, error) {
	defer p.orderW.Close()
	defer p.reportR.Close()
	var missing []string
	g, err := (*group)(nil), error(nil)
	if c := p.spec.Cgroup; c != nil {
		if g, err = makeGroup(*c); err != nil {
			missing = append(missing, err.Error())
		} else {
			missing = append(missing, g.why...)
			cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(g.f.Fd())
		}
	}
	err = startCommand(cmd)
	p.orderR.Close()
	p.reportW.Close()
	if err != nil {
		g.end()
		return Level{}, nil, err
	}
	rep, err := converse(p)
	if err != nil {
		killGroup(cmd)
		_ = cmd.Wait() // reaped; why it ended is in err
		g.end()
		return Level{}, nil, err
	}
	l := Level{OwnGroup: true, DiesWithUs: true, NoNewPrivs: true, NoCaps: rep.NoCaps, Limits: true, Landlock: rep.Landlock, Missing: missing}
	if p.spec.User != nil {
		l.User = p.spec.User.Name
	}
	if p.spec.Bubblewrap {
		l.Wrapper = "bwrap"
	}
	if g != nil {
		l.Cgroup = g.level
	}
	return l, g, nil
}

func startCommand(cmd *exec.Cmd) error {
	started := make(chan error)
	starter() <- func() { started <- cmd.Start() }
	return <-started
}

func converse(p *pending) (rep report, err error) {
	if _, err := p.orderW.Write(p.order); err != nil {
		return rep, fmt.Errorf("launcher: %w", err)
	}
	if err := p.orderW.Close(); err != nil {
		return rep, err
	}
	d := json.NewDecoder(io.LimitReader(p.reportR, 64<<10))
	if err := d.Decode(&rep); err != nil {
		return rep, fmt.Errorf("launcher said nothing (is MaybeLaunch the first statement of main?): %w", err)
	}
	if rep.Error != "" {
		return rep, errors.New("launcher: " + rep.Error)
	}
	// The report's pipe closes when the driver's program has begun. A second
	// report is the reason why it did not.
	var again report
	if err := d.Decode(&again); err == nil {
		return rep, errors.New("launcher: " + again.Error)
	} else if !errors.Is(err, io.EOF) {
		return rep, fmt.Errorf("launcher: %w", err)
	}
	return rep, nil
}
