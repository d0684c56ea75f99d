package main

import (
	"github.com/animicaorg/engine/backends/noise"
	"github.com/animicaorg/engine/internal/cli"
)

// readNoise reads the calibration snapshot of --noise; no path is no noise.
func (e *program) readNoise(path string) (*noise.Model, error) {
	if path == "" {
		return nil, nil
	}
	b, err := e.ReadInput("--noise", path, noise.MaxBytes, cli.JobInvalid)
	if err != nil {
		return nil, err
	}
	m, err := noise.Parse(b)
	if err != nil {
		return nil, cli.Errorf(cli.JobInvalid, "--noise", "%w", err).Named("CalibrationInvalid").WithHint("docs/noise.md describes the format")
	}
	return m, nil
}
