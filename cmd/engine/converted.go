package main

import (
	"github.com/animicaorg/engine/digest"
	"github.com/animicaorg/engine/internal/cli"
)

// converted is the JSON answer of verbs that write one file.
type converted struct {
	Out    string        `json:"out"`
	Format string        `json:"format"`
	Bytes  int           `json:"bytes"`
	SHA3   digest.Digest `json:"sha3_256"`
}

// writeConverted writes a file, or stdout unless --json takes it.
func (e *program) writeConverted(out string, b []byte, format string) error {
	if e.JSON && (out == "-" || out == "") {
		return cli.Errorf(cli.Usage, "--out", "stdout is taken by --json").WithHint("give a file name")
	}
	if err := e.WriteOutput(out, b, 0o644); err != nil || out == "-" || out == "" {
		return err
	}
	if e.JSON {
		return e.Print(converted{out, format, len(b), digest.Sum(b)}, nil)
	}
	e.Say("wrote %s, %d bytes", out, len(b))
	return nil
}
