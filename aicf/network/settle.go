package network

import (
	"context"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/aicf/epoch"
	"github.com/animicaorg/engine/aicf/settle"
	"github.com/animicaorg/engine/aicf/store"
)

// settleDue settles every epoch that is over, oldest first, in pages of the active
// policy's epochs.settle_batch_size; see settle.Settle. It goes on where it, or another
// replica, stopped.
func (s *Service) settleDue(ctx context.Context, nowMS int64) (n int, err error) {
	for {
		if err := s.tell(ctx, nowMS); err != nil {
			return n, err
		}
		number, due, err := s.take(ctx, nowMS)
		if err != nil || !due {
			return n, err
		}
		var sums *settle.Sums
		if err := s.db.View(ctx, func(t *store.Tx) (err error) {
			sums, err = settle.Sum(t, number)
			return err
		}); err != nil {
			return n, err
		}
		settled := false
		if err := s.outlasting(ctx, nowMS, func(t *store.Tx, term *epoch.Term) (err error) {
			settled, err = settle.Settle(ctx, t, term, s.cal, s.cfg.Service, sums)
			return err
		}); err != nil {
			return n, err
		}
		if settled {
			n++
		}
	}
}

// take marks the lines of the oldest epoch that is over; due is false when there is none.
func (s *Service) take(ctx context.Context, nowMS int64) (number uint64, due bool, err error) {
	for after := uint64(0); ; {
		var n, last uint64
		var over bool
		if err := s.outlasting(ctx, nowMS, func(t *store.Tx, term *epoch.Term) (err error) {
			last = 0
			if n, over, err = settle.Next(t, term); err != nil || !over || due && n != number {
				return err
			}
			last, err = settle.Take(t, n, after, s.takes*pageSize(term.Policy))
			return err
		}); err != nil {
			return 0, false, err
		}
		if !due {
			number, due = n, over
		}
		if after = last; last == 0 {
			return number, due, nil
		}
	}
}

// tell writes what settled lines still have to say, some pages in a command.
func (s *Service) tell(ctx context.Context, nowMS int64) error {
	for more := true; more; {
		if err := s.outlasting(ctx, nowMS, func(t *store.Tx, term *epoch.Term) (err error) {
			more, err = settle.Tell(t, min(s.tells*pageSize(term.Policy), maxPage))
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// outlasting runs a command of a sweep that may have taken so long that nowMS is past: it
// keeps the store's time then.
func (s *Service) outlasting(ctx context.Context, nowMS int64, fn func(*store.Tx, *epoch.Term) error) error {
	command := func(t *store.Tx) error {
		term, err := s.cal.Now(t)
		if err != nil {
			return err
		}
		return fn(t, term)
	}
	err := s.db.Update(ctx, nowMS, command)
	if aicf.CodeOf(err) == aicf.ClockSkew {
		err = s.db.Continue(ctx, command)
	}
	return err
}

// takenAtOnce is how many pages one command takes: taking writes no events, and pages of
// the index by epoch once for all of them.
const takenAtOnce = 20

// toldAtOnce is how many pages of events one command writes: few commits, and 2,000 events
// of the default policy take 30 to 60 ms.
const toldAtOnce = 4

// maxPage bounds what one command of a settlement holds, whatever the policy says.
const maxPage = 10_000

func pageSize(p *aicf.Policy) int { return int(min(p.Epochs.SettleBatchSize, maxPage)) }
