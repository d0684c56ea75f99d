package main

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

// The circuit store is DATA_DIR/circuits: canonical bytes in files named by
// their circuit_hash.

func (e *program) circuitPath(h digest.Digest) (string, error) {
	dir, err := e.data()
	return filepath.Join(dir, "circuits", h.String()+".bin"), err
}

// storeCircuit keeps a circuit and returns its hash.
func (e *program) storeCircuit(c *circuit.Circuit, field string) (digest.Digest, error) {
	h, err := hashOf(c, field)
	if err != nil {
		return h, err
	}
	b, err := c.CanonicalBytes()
	if err != nil {
		return h, circuitError(err, field)
	}
	path, err := e.circuitPath(h)
	if err != nil {
		return h, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return h, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	return h, e.WriteOutput(path, b, 0o600)
}

// storedCircuit finds a circuit by hash, in the store or among the fixtures.
func (e *program) storedCircuit(h digest.Digest) (*circuit.Circuit, error) {
	if c, ok := fixtureCircuit(h); ok {
		return c, nil
	}
	path, err := e.circuitPath(h)
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, cli.Errorf(cli.Usage, "--circuit-hash", "%s is not in the local store", h).WithHint("--circuit FILE puts a circuit into the store")
	}
	if err != nil {
		return nil, cli.Errorf(cli.BadConfig, "--data-dir", "%w", err)
	}
	c, err := circuit.ParseCanonical(b)
	if err == nil {
		var got digest.Digest
		if got, err = c.Hash(); err == nil && got != h {
			err = errors.New("holds another circuit")
		}
	}
	if err != nil {
		return nil, cli.Errorf(cli.ChecksumMismatch, "--circuit-hash", "%s: %w", path, err).WithHint("remove the file and give the circuit again with --circuit")
	}
	return c, nil
}
