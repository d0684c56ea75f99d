//go:build !linux

package process

import "os/exec"

// MaybeLaunch does nothing on systems without the launcher's walls.
func MaybeLaunch() {}

func command(s *Spec, env []string, _ string) (*exec.Cmd, *pending, error) {
	if s.Bubblewrap {
		_, err := Bubblewrap()
		return nil, nil, err
	}
	cmd := exec.Command(s.Image.f.Name(), s.Args...)
	cmd.Env = append(append([]string{}, s.Env...), env...)
	cmd.SysProcAttr = attributes()
	return cmd, nil, nil
}

// pending is what start needs beside the command: nothing here.
type pending struct{}

func start(cmd *exec.Cmd, _ *pending) (Level, *group, error) {
	return Level{OwnGroup: ownGroup}, nil, cmd.Start()
}
