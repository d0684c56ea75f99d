package cli

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// ANSI styles.
const (
	bold = "\x1b[1m"
	dim  = "\x1b[2m"
	red  = "\x1b[31m"
	off  = "\x1b[0m"
)

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ColorOn reports whether colour may be written to w: w is a terminal, NO_COLOR
// is unset or empty, TERM is not "dumb".
func (a *App) ColorOn(w io.Writer) bool {
	return IsTerminal(w) && a.Getenv("NO_COLOR") == "" && a.Getenv("TERM") != "dumb"
}

// Unicode reports whether the locale of the environment is UTF-8.
func (a *App) Unicode() bool {
	for _, k := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := a.Getenv(k); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Columns is the width of the terminal behind w; without one COLUMNS, else 80.
// It lies in 40..400.
func (a *App) Columns(w io.Writer) int {
	n := 80
	if v, err := strconv.Atoi(a.Getenv("COLUMNS")); err == nil {
		n = v
	}
	if f, ok := w.(*os.File); ok {
		if cols, _, err := term.GetSize(int(f.Fd())); err == nil {
			n = cols
		}
	}
	return min(max(n, 40), 400)
}

// paintFor returns a function that wraps text in a style where w takes colour.
func (a *App) paintFor(w io.Writer) func(style, text string) string {
	if !a.ColorOn(w) {
		return func(_, text string) string { return text }
	}
	return func(style, text string) string { return style + text + off }
}
