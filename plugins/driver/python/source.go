// Package python holds the source of the Python package engine-driver, for drivers
// that the engine ships as zip applications.
package python

import "embed"

// Source has the modules under src/engine_driver.
//
//go:embed src/engine_driver/*.py
var Source embed.FS
