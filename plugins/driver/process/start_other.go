//go:build !linux

package process

import "os/exec"

// MaybeLaunch does nothing on systems without the launcher's walls.
func MaybeLaunch() {}

func command(s *Spec, env []string, _ string) (*exec.Cmd, *pending, error) {
	argv := append(append([]string{}, s.Wrapper...), s.Image.f.Name())
	cmd := exec.Command(argv[0], append(argv[1:], s.Args...)...)
	cmd.Env = append(append([]string{}, s.Env...), env...)
	cmd.SysProcAttr = attributes()
	return cmd, nil, nil
}

// pending is what start needs beside the command: nothing here.
type pending struct{}

func start(cmd *exec.Cmd, _ *pending) (Level, error) {
	return Level{OwnGroup: ownGroup}, cmd.Start()
}
