package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/internal/cli"
	"github.com/animicaorg/engine/internal/plot"
)

// plotFlags are --plot and --out of verbs that draw.
type plotFlags struct {
	kind    cli.Choice
	out     string
	changed bool // --plot was given
}

func plotChoice() cli.Choice {
	return cli.Choice{Value: "term", Allowed: []string{"term", "svg", "html", "png", "none"}}
}

func (p *plotFlags) add(f *pflag.FlagSet) {
	p.kind = plotChoice()
	f.Var(&p.kind, "plot", "how to draw the counts")
	f.StringVar(&p.out, "out", "", "`FILE` of an svg, html or png drawing; - is stdout")
}

// check settles the kind by the file name where only --out is given.
func (p *plotFlags) check(e *program) error {
	if ext := strings.TrimPrefix(filepath.Ext(p.out), "."); p.out != "" && !p.changed {
		if err := p.kind.Set(ext); err != nil || ext == "term" || ext == "none" {
			return cli.Errorf(cli.Usage, "--plot", "%s does not say what to draw", p.out).WithHint("--plot svg, html or png")
		}
	}
	if !p.changed && p.out == "" && p.kind.Value != "none" {
		p.kind.Value = "term" // a default of the configuration cannot name a file
	}
	switch file := p.kind.Value != "term" && p.kind.Value != "none"; {
	case file && p.out == "":
		return cli.Errorf(cli.Usage, "--out", "is needed with --plot %s", p.kind.Value).WithHint("--out FILE, or --out - for stdout")
	case !file && p.out != "":
		return cli.Errorf(cli.Usage, "--out", "has no use with --plot %s", p.kind.Value).WithHint("--plot svg, html or png")
	case p.out == "-" && e.JSON:
		return cli.Errorf(cli.Usage, "--out", "stdout is taken by --json").WithHint("give a file name")
	}
	return nil
}

// render draws a chart as svg, html or png.
func render(kind string, c *plot.Chart) ([]byte, error) {
	switch kind {
	case "svg":
		return c.SVG(), nil
	case "html":
		return c.HTML(), nil
	}
	return c.PNG()
}

// term says what stdout can show.
func (e *program) term() plot.Term {
	return plot.Term{Columns: e.Columns(e.Out), Unicode: e.Unicode(), Color: e.ColorOn(e.Out)}
}
