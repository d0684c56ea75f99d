package auditlog

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// folder is the log on disk.
type folder struct{ root *os.Root }

// read returns a regular file of at most max bytes; fs.ErrNotExist when there is
// none.
func (f folder) read(name string, max int64) ([]byte, error) {
	file, err := f.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > max {
		return nil, fmt.Errorf("%s is no file of at most %d bytes: %w", name, max, ErrLog)
	}
	b, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s has more than %d bytes: %w", name, max, ErrLog)
	}
	return b, err
}

// write puts a whole file in place, durably.
func (f folder) write(name string, b []byte) error { return f.writeAll([]whole{{name, b}}) }

// whole is a file to put in place.
type whole struct {
	name string
	data []byte
}

// writeAll puts whole files in place, durably: the files, their folders and the
// folders that it made. Syncs run at the same time.
func (f folder) writeAll(files []whole) error {
	dirs := map[string]bool{}
	for _, w := range files {
		dir := path.Dir(w.name)
		if err := f.mkdir(dir); err != nil {
			return err
		}
		dirs[dir] = true
	}
	err := atOnce(slices.Values(files), func(w whole) error {
		tmp := w.name + ".new"
		file, err := f.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		_, err = file.Write(w.data)
		if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
			return err
		}
		return f.root.Rename(tmp, w.name)
	})
	if err != nil {
		return err
	}
	return atOnce(maps.Keys(dirs), f.sync)
}

// atOnce runs do for every item, each in a goroutine of its own, and waits.
func atOnce[T any](items iter.Seq[T], do func(T) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for x := range items {
		wg.Go(func() {
			if err := do(x); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (f folder) mkdir(dir string) error {
	if _, err := f.root.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f.mkdir(path.Dir(dir)); err != nil {
		return err
	}
	if err := f.root.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.sync(path.Dir(dir))
}

func (f folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// tiles reads tiles of a tree of a given size.
type tiles struct{ folder }

// Height implements tlog.TileReader.
func (tiles) Height() int { return tileHeight }

// SaveTiles implements tlog.TileReader; there is nothing to cache.
func (tiles) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles implements tlog.TileReader. A partial tile may have been replaced by
// the full one.
func (t tiles) ReadTiles(list []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(list))
	for i, tile := range list {
		want := tile.W * tlog.HashSize
		b, err := t.read(tilePath(tile), tileWidth*tlog.HashSize)
		if errors.Is(err, fs.ErrNotExist) && tile.W < tileWidth {
			full := tile
			full.W = tileWidth
			if b, err = t.read(tilePath(full), tileWidth*tlog.HashSize); err == nil && len(b) == tileWidth*tlog.HashSize {
				b = b[:want]
			}
		}
		if err != nil {
			return nil, fmt.Errorf("tile %s: %w: %w", tilePath(tile), ErrLog, err)
		}
		if len(b) != want {
			return nil, fmt.Errorf("tile %s has %d bytes, want %d: %w", tilePath(tile), len(b), want, ErrLog)
		}
		out[i] = b
	}
	return out, nil
}

// hashes reads the stored hashes of a tree; every tile is checked against the
// root.
func (f folder) hashes(t tlog.Tree) tlog.HashReader { return tlog.TileHashReader(t, tiles{f}) }

// bundle returns the leaves [n·256, n·256+w) of a tree, unchecked.
func (f folder) bundle(n int64, w int) ([][]byte, error) {
	b, err := f.read(bundlePath(n, w), maxBundle)
	if errors.Is(err, fs.ErrNotExist) && w < tileWidth {
		var full []byte
		if full, err = f.read(bundlePath(n, tileWidth), maxBundle); err == nil {
			leaves, err := parseBundle(full, tileWidth)
			if err != nil {
				return nil, err
			}
			return leaves[:w], nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("entries %s: %w: %w", bundlePath(n, w), ErrLog, err)
	}
	return parseBundle(b, w)
}

// leaf returns one leaf of a tree, checked against its root.
func (f folder) leaf(t tlog.Tree, index int64) ([]byte, error) {
	n := index / tileWidth
	leaves, err := f.bundle(n, int(min(tileWidth, t.N-n*tileWidth)))
	if err != nil {
		return nil, err
	}
	leaf := leaves[index%tileWidth]
	h, err := f.hashes(t).ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, fmt.Errorf("entry %d: %w: %w", index, ErrLog, err)
	}
	if h[0] != tlog.RecordHash(leaf) {
		return nil, fmt.Errorf("entry %d is not what the tree holds: %w", index, ErrLog)
	}
	return leaf, nil
}
