package metrics

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// probeSize is what one probe writes: a page of SQLite's log.
const probeSize = 4096

// ProbeDisk times a write of 4 KiB with its sync in dir, at once and then every so often,
// until ctx ends. The probe file is removed at the end.
func (n *Network) ProbeDisk(ctx context.Context, dir string, every time.Duration) error {
	path := filepath.Join(dir, ".fsync-probe")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("disk probe: %w", err)
	}
	defer os.Remove(path)
	defer f.Close()
	again := time.NewTicker(every)
	defer again.Stop()
	for page := make([]byte, probeSize); ctx.Err() == nil; {
		began := time.Now()
		if _, err = f.WriteAt(page, 0); err == nil {
			err = f.Sync()
		}
		if err != nil {
			return fmt.Errorf("disk probe: %w", err)
		}
		n.store.fsync.Observe(time.Since(began).Seconds())
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
	return nil
}
