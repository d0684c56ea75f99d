package auditlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/animicaorg/engine/keys"
)

// Checkpoint puts all pending entries into the tree and signs it. It returns the
// signed checkpoint; the last one again when nothing is pending. A log without
// entries has none: ErrCheckpoint.
func (l *Log) Checkpoint(ctx context.Context) (signed []byte, err error) {
	if l.signer == nil {
		return nil, fmt.Errorf("audit log %s was opened for reading: %w", l.dir, ErrLog)
	}
	err = l.locked(func(s *state) error {
		if err := l.publish(ctx, s); err != nil {
			return err
		}
		if signed = s.signed; signed == nil {
			return fmt.Errorf("the log is empty: %w", ErrCheckpoint)
		}
		return nil
	})
	return signed, err
}

// Seal is Append and Checkpoint in one step: what it returns covers the entries.
func (l *Log) Seal(ctx context.Context, drafts ...Draft) (first uint64, signed []byte, err error) {
	err = l.writing(ctx, drafts, func(s *state) error {
		first = s.next()
		leaves, err := l.leaves(s, drafts)
		if err != nil {
			return err
		}
		// Durable first, also here: a note of what was signed that a crash leaves
		// behind must find the entries that it is about.
		if err := l.appendPending(s, leaves); err != nil {
			return err
		}
		err = l.publish(ctx, s)
		signed = s.signed
		return err
	})
	return first, signed, err
}

// publish writes entries, tiles, the tree to be signed and the checkpoint, in
// this order, each durable before the next. A crash in between leaves the old
// checkpoint and the pending entries, from which the same bytes come again.
func (l *Log) publish(ctx context.Context, s *state) error {
	if len(s.pending) == 0 {
		return nil
	}
	old, next := s.published, Checkpoint{Origin: l.origin, Size: s.next()}
	hashes, err := l.grown(s, next.Size)
	if err != nil {
		return err
	}
	if next.Root, err = tlog.TreeHash(int64(next.Size), hashes); err != nil {
		return fmt.Errorf("%w: %w", ErrLog, err)
	}
	files, err := l.entryFiles(s)
	if err != nil {
		return err
	}
	tiles, err := tileFiles(old.Size, next.Size, hashes)
	if err != nil {
		return err
	}
	if err := l.folder.writeAll(append(files, tiles...)); err != nil {
		return err
	}
	l.fault("tiles written")
	if err := l.index(s); err != nil {
		return err
	}
	l.fault("leases indexed")
	if err := l.folder.write(signedName, next.Body()); err != nil {
		return err
	}
	l.fault("signed noted")
	signed, err := SignCheckpoint(ctx, next, l.signer)
	if err != nil {
		return err
	}
	l.fault("signed")
	if err := l.folder.write(checkpointName, signed); err != nil {
		return err
	}
	l.fault("checkpoint written")
	s.published, s.signed, s.pending, s.whole = next, signed, nil, 0
	if err := l.folder.root.Remove(pendingName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	l.fault("pending removed")
	return l.prune(old.Size, next.Size)
}

// entryFiles are the bundles that the pending entries complete or begin.
func (l *Log) entryFiles(s *state) (files []whole, err error) {
	first, leaves := s.published.Size, s.pending
	if w := int(first % tileWidth); w > 0 {
		have, err := l.folder.bundle(int64(first/tileWidth), w)
		if err != nil {
			return nil, err
		}
		leaves, first = append(have[:w:w], leaves...), first-uint64(w)
	}
	for n := int64(first / tileWidth); len(leaves) > 0; n++ {
		w := min(tileWidth, len(leaves))
		files = append(files, whole{bundlePath(n, w), appendBundle(nil, leaves[:w])})
		leaves = leaves[w:]
	}
	return files, nil
}

func tileFiles(old, next uint64, hashes tlog.HashReader) (files []whole, err error) {
	for _, t := range tlog.NewTiles(tileHeight, int64(old), int64(next)) {
		data, err := tlog.ReadTileData(t, hashes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrLog, err)
		}
		files = append(files, whole{tilePath(t), data})
	}
	return files, nil
}

// prune removes partial tiles and bundles whose full ones exist now.
func (l *Log) prune(old, next uint64) error {
	for level := range 8 {
		shift := uint(tileHeight * (level + 1))
		for n := old >> shift; n < next>>shift; n++ {
			dirs := []string{tilePath(tlog.Tile{H: tileHeight, L: level, N: int64(n), W: tileWidth}) + ".p"}
			if level == 0 {
				dirs = append(dirs, bundlePath(int64(n), tileWidth)+".p")
			}
			for _, dir := range dirs {
				if err := l.folder.root.RemoveAll(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
			}
		}
	}
	return nil
}

// HandOver has the next log key sign the newest checkpoint beside the present
// one, so that the folder opens with either: the step before the log key is
// rotated. Doing it twice changes nothing. A log without entries needs none.
func (l *Log) HandOver(ctx context.Context, next keys.Signer) error {
	if l.signer == nil {
		return fmt.Errorf("audit log %s was opened for reading: %w", l.dir, ErrLog)
	}
	if err := checkLogKey(next); err != nil {
		return err
	}
	return l.locked(func(s *state) error {
		if err := l.publish(ctx, s); err != nil || s.signed == nil {
			return err
		}
		if _, err := OpenCheckpoint(s.signed, l.origin, next.Public()); err == nil {
			return nil
		}
		signed, err := SignCheckpoint(ctx, s.published, next)
		if err != nil {
			return err
		}
		line := signed[len(s.published.Body())+1:]
		return l.folder.write(checkpointName, append(s.signed[:len(s.signed):len(s.signed)], line...))
	})
}

// AddCosignatures replaces the stored checkpoint by the same one with lines of
// witnesses, so that proofs carry them. It refuses another checkpoint than the
// newest.
func (l *Log) AddCosignatures(signed []byte) error {
	return l.locked(func(s *state) error {
		c, err := OpenCheckpoint(signed, l.origin, l.public)
		if err != nil {
			return err
		}
		if c != s.published || s.signed == nil {
			return fmt.Errorf("cosignatures are for %d entries, the newest checkpoint is of %d: %w", c.Size, s.published.Size, ErrCheckpoint)
		}
		return l.folder.write(checkpointName, signed)
	})
}
