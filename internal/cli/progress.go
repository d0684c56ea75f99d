package cli

import (
	"context"
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Progress draws bars on stderr where that is a terminal and --json is absent;
// elsewhere its methods do nothing. It must be closed before results are
// printed.
type Progress struct {
	p *mpb.Progress
}

// Progress starts a group of bars that ends with ctx.
func (a *App) Progress(ctx context.Context) *Progress {
	if a.JSON || !IsTerminal(a.Err) || a.Getenv("TERM") == "dumb" {
		return &Progress{}
	}
	return newProgress(ctx, a.Err)
}

func newProgress(ctx context.Context, w io.Writer, more ...mpb.ContainerOption) *Progress {
	return &Progress{mpb.NewWithContext(ctx, append(more, mpb.WithOutput(w), mpb.WithWidth(40))...)}
}

// Bar is one line of a Progress.
type Bar struct{ b *mpb.Bar }

// Bar adds a bar that vanishes when it is full. total 0 means not known yet.
func (p *Progress) Bar(name, unit string, total int64) *Bar {
	if p.p == nil {
		return &Bar{}
	}
	return &Bar{p.p.AddBar(total, mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name, decor.WC{W: 9, C: decor.DindentRight})),
		mpb.AppendDecorators(decor.CountersNoUnit("%d / %d "+unit+" "), decor.Elapsed(decor.ET_STYLE_MMSS)))}
}

// Set moves the bar to n of total.
func (b *Bar) Set(n, total int64) {
	if b.b != nil {
		b.b.SetTotal(total, false)
		b.b.SetCurrent(n)
	}
}

// Done takes the bar away.
func (b *Bar) Done() {
	if b.b != nil {
		b.b.Abort(true)
	}
}

// Close waits until the last state is drawn.
func (p *Progress) Close() {
	if p.p != nil {
		p.p.Shutdown()
	}
}
