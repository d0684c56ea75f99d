package main

import (
	"crypto/rand"
	"path/filepath"

	"github.com/animicaorg/engine/host"
)

// guestHost is the sandbox with this user's cache of compiled modules. Without a
// place for the cache each worker compiles, which changes no result.
func (e *program) guestHost() (*host.Host, error) {
	cfg := host.Config{Logger: e.Log, Floats: true} // policy is the governance set's; Go guests have floats
	dir, err := e.CacheDir()
	if err == nil && e.dataDir != "" {
		if cfg.Code, err = host.OpenCodeCache(filepath.Join(dir, "native"), filepath.Join(e.dataDir, "native-code.key"), rand.Reader); err != nil {
			e.Log.Debug("modules are compiled each time", "error", err)
		}
	}
	return host.New(cfg)
}
