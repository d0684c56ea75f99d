package main

import (
	"github.com/spf13/cobra"

	"github.com/animicaorg/engine/internal/cli"
)

// config is the configuration file. Every key is the default of the flag of the
// same name; none of those changes the bytes of a result.
type config struct {
	LogLevel string `yaml:"log_level"`
	DataDir  string `yaml:"data_dir"`
	Backend  string `yaml:"backend"`
	Threads  string `yaml:"threads"`
	Memory   string `yaml:"memory"`
	Plot     string `yaml:"plot"`
	NATS     string `yaml:"nats"`
	NATSKey  string `yaml:"nats_nkey"`

	KeyIdentity   string `yaml:"key_identity"`
	KeyPassphrase string `yaml:"key_passphrase"`

	// Drivers holds settings by the driver's name. DevOverrides runs the file at a
	// path as the driver of a name, without the lock; its proofs are for
	// development.
	Drivers      map[string]driverSettings `yaml:"drivers"`
	DevOverrides map[string]string         `yaml:"dev_overrides"`
}

func (c *config) flags() map[string]string {
	return map[string]string{"log_level": c.LogLevel, "data_dir": c.DataDir, "backend": c.Backend,
		"threads": c.Threads, "memory": c.Memory, "plot": c.Plot, "nats": c.NATS, "nats_nkey": c.NATSKey,
		"key_identity": c.KeyIdentity, "key_passphrase": c.KeyPassphrase}
}

func (e *program) loadConfig(cmd *cobra.Command) error {
	path, err := e.LoadConfig(&e.cfg)
	if err != nil {
		return err
	}
	if e.configFile = path; path != "" {
		e.Log.Debug("configuration", "path", path)
	}
	if err := e.ApplyDefaults(cmd, e.cfg.flags()); err != nil {
		return err
	}
	if e.dataDir == "" {
		if dir, err := e.DataDir(); err == nil {
			e.dataDir = dir
		}
	}
	return nil
}

// data is the data directory, which must be known here.
func (e *program) data() (string, error) {
	if e.dataDir == "" {
		return "", cli.Errorf(cli.BadConfig, "--data-dir", "no data directory: neither HOME nor XDG_DATA_HOME is set").WithHint("pass --data-dir DIR")
	}
	return e.dataDir, nil
}
