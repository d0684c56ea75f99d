package supervisor

import (
	"context"
	"io"
	"log"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// bridge is an hclog.Logger over slog, for go-plugin and the lines of a driver's
// standard error.
type bridge struct {
	to   *slog.Logger
	name string
	with []any
}

var _ hclog.Logger = bridge{}

var levels = map[hclog.Level]slog.Level{hclog.Trace: slog.LevelDebug - 4, hclog.Debug: slog.LevelDebug, hclog.Info: slog.LevelInfo, hclog.Warn: slog.LevelWarn, hclog.Error: slog.LevelError}

func (b bridge) Log(level hclog.Level, msg string, args ...any) {
	if msg == "plugin process exited" { // the supervisor says so itself, and whether it was meant to
		level = hclog.Debug
	}
	l, ok := levels[level]
	if !ok {
		l = slog.LevelInfo
	}
	b.to.Log(context.Background(), l, msg, args...)
}

func (b bridge) Trace(msg string, args ...any) { b.Log(hclog.Trace, msg, args...) }
func (b bridge) Debug(msg string, args ...any) { b.Log(hclog.Debug, msg, args...) }
func (b bridge) Info(msg string, args ...any)  { b.Log(hclog.Info, msg, args...) }
func (b bridge) Warn(msg string, args ...any)  { b.Log(hclog.Warn, msg, args...) }
func (b bridge) Error(msg string, args ...any) { b.Log(hclog.Error, msg, args...) }

func (b bridge) enabled(l slog.Level) bool { return b.to.Enabled(context.Background(), l) }
func (b bridge) IsTrace() bool             { return b.enabled(levels[hclog.Trace]) }
func (b bridge) IsDebug() bool             { return b.enabled(slog.LevelDebug) }
func (b bridge) IsInfo() bool              { return b.enabled(slog.LevelInfo) }
func (b bridge) IsWarn() bool              { return b.enabled(slog.LevelWarn) }
func (b bridge) IsError() bool             { return b.enabled(slog.LevelError) }

func (b bridge) ImpliedArgs() []any { return b.with }
func (b bridge) Name() string       { return b.name }

func (b bridge) With(args ...any) hclog.Logger {
	return bridge{b.to.With(args...), b.name, append(append([]any{}, b.with...), args...)}
}

func (b bridge) Named(name string) hclog.Logger {
	if b.name != "" {
		name = b.name + "." + name
	}
	return b.ResetNamed(name)
}

func (b bridge) ResetNamed(name string) hclog.Logger {
	return bridge{b.to.With("logger", name), name, b.with}
}

func (b bridge) SetLevel(hclog.Level)  {} // the slog handler decides
func (b bridge) GetLevel() hclog.Level { return hclog.Trace }

func (b bridge) StandardLogger(o *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(b.StandardWriter(o), "", 0)
}

func (b bridge) StandardWriter(*hclog.StandardLoggerOptions) io.Writer {
	return slog.NewLogLogger(b.to.Handler(), slog.LevelInfo).Writer()
}
