package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/animicaorg/engine/circuit"
	"github.com/animicaorg/engine/internal/cli"
)

// maxCircuitBytes bounds a circuit file.
const maxCircuitBytes = 16 << 20

// sourceFlags are the flags of verbs that read a circuit in source form.
type sourceFlags struct {
	params     map[string]string
	whileLimit int
}

func (s *sourceFlags) add(f *pflag.FlagSet) {
	f.StringToStringVar(&s.params, "param", nil, "`NAME=VALUE` of an input declaration; angles in radians; repeat")
	f.IntVar(&s.whileLimit, "while-limit", 0, "unroll a while loop on measured bits `N` times; 0 refuses such loops")
}

func (s *sourceFlags) options() (circuit.Options, error) {
	opt := circuit.Options{WhileLimit: s.whileLimit, Params: map[string]float64{}}
	if s.whileLimit < 0 {
		return opt, cli.Errorf(cli.Usage, "--while-limit", "%d is negative", s.whileLimit)
	}
	for _, name := range slices.Sorted(maps.Keys(s.params)) {
		v, err := strconv.ParseFloat(s.params[name], 64)
		if err != nil {
			return opt, cli.Errorf(cli.Usage, "--param", "%s=%q is not a number", name, s.params[name])
		}
		opt.Params[name] = v
	}
	return opt, nil
}

// readCircuit reads OpenQASM 2, OpenQASM 3 or JSON, told apart by the text.
func (e *program) readCircuit(arg, path string, s *sourceFlags) (*circuit.Circuit, error) {
	opt, err := s.options()
	if err != nil {
		return nil, err
	}
	src, err := e.ReadInput(arg, path, maxCircuitBytes, cli.JobInvalid)
	if err != nil {
		return nil, err
	}
	c, err := e.parseCircuit(src, path, opt)
	if err != nil {
		return nil, err
	}
	if c.Qubits == 0 {
		return nil, cli.Errorf(cli.JobInvalid, path, "the circuit has no qubits").Named("CircuitInvalid").WithHint("declare a register, such as qubit[2] q;")
	}
	return c, nil
}

// parseCircuit reads a source text; field is what an error calls it.
func (e *program) parseCircuit(src []byte, field string, opt circuit.Options) (*circuit.Circuit, error) {
	return e.parseFormat(src, formatOf(src), field, opt)
}

// formatOf tells JSON from OpenQASM.
func formatOf(src []byte) circuit.Format {
	if t := bytes.TrimLeft(src, " \t\r\n"); len(t) > 0 && t[0] == '{' {
		return circuit.FormatJSON
	}
	return circuit.FormatQASM3
}

// parseFormat reads a source text in a format; of OpenQASM the version line
// counts.
func (e *program) parseFormat(src []byte, format circuit.Format, field string, opt circuit.Options) (*circuit.Circuit, error) {
	c, warnings, err := circuit.Parse(format, src, opt)
	const most = 10
	for i, w := range warnings {
		if i == most {
			e.Warn("%s: %d more warnings", field, len(warnings)-most)
			break
		}
		e.Warn("%s: %s", field, w)
	}
	if err != nil {
		return nil, circuitError(err, field)
	}
	return c, nil
}

// circuitError gives a refusal of a circuit its exit code: 11 for features that
// the engine leaves out, else 10.
func circuitError(err error, field string) *cli.Error {
	out := cli.Errorf(cli.JobInvalid, field, "%w", err).Named("CircuitInvalid")
	var q *circuit.Error
	if !errors.As(err, &q) {
		return out
	}
	out.Field = fmt.Sprintf("%s:%d:%d", field, q.Line, q.Column)
	out.Message = fmt.Sprintf("%s [%s]", q.Msg, q.Code)
	out.Hint = q.Hint
	if strings.HasPrefix(string(q.Code), "feature-") {
		out.Code, out.Name = cli.Unsupported, "FeatureUnsupported"
	}
	lines := strings.Split(q.Detail(), "\n")
	if len(lines) >= 3 { // message, source line, caret
		out.Detail = strings.Join(lines[1:3], "\n")
	}
	return out
}
