package guests_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/abi"
	"github.com/animicaorg/engine/abi/abitest"
	"github.com/animicaorg/engine/examples/guests/go/echo"
	"github.com/animicaorg/engine/examples/guests/go/peephole"
	qx1 "github.com/animicaorg/engine/sdk/go"
)

// native runs the Go guests as Go code, without a sandbox.
type native struct{}

func (native) Call(_ context.Context, export string, args []uint64, in map[int][]byte) (*abi.Outcome, error) {
	f := map[string]func(*qx1.Call) error{abi.ExportPlan: echo.Plan, abi.ExportCompile: peephole.Compile}[export]
	switch export {
	case abi.ExportDescribe:
		f = echo.Describe
	case abi.ExportGenerate:
		f = echo.Generate(int64(args[0]), int32(args[1]))
	case abi.ExportJudge:
		f = echo.Judge(int32(args[0]))
	}
	out, failure := qx1.Try(f, in)
	if failure != nil {
		return &abi.Outcome{Class: abi.DomainError, Code: failure.Code, Message: failure.Message}, nil
	}
	return &abi.Outcome{Class: abi.OK, Out: out, MemoryPages: 1}, nil
}

// TestGoFamily: the Go family passes the suite and gives the bytes of the C one.
func TestGoFamily(t *testing.T) {
	g := abitest.Guest{Kind: abi.KindTraps, Open: func(context.Context) (abi.Caller, func() error, error) {
		return native{}, func() error { return nil }, nil
	}}
	for _, c := range append(abitest.Checks(abi.KindTraps)[1:], vectors(t).Check()) {
		if err := c.Run(t.Context(), g); !errors.Is(err, abitest.ErrSkip) {
			require.NoError(t, err, c.Name)
		}
	}
}

// TestGoPass: the Go pass gives the bytes of the C one.
func TestGoPass(t *testing.T) {
	calls := vectors(t)["peephole"]
	require.Equal(t, abi.ExportDescribe, calls[0].Export)
	for i, v := range calls[1:] {
		require.NoError(t, abitest.Replay(t.Context(), native{}, []abitest.Vector{v}), fmt.Sprint(i+1))
	}
}
