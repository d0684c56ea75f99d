package httpapi

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
)

var update = flag.Bool("update", false, "write golden files")

// TestOpenAPI pins the document: a change of the interface is a change of this file.
func TestOpenAPI(t *testing.T) {
	got, err := New(Config{Version: "1"}).OpenAPI()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("openapi.yaml", got, 0o644))
	}
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	require.Equal(t, string(want), string(got), "go test ./aicf/httpapi -run TestOpenAPI -update")
}

func TestEveryCodeIsExplained(t *testing.T) {
	for code := range aicf.Codes() {
		require.NotEmpty(t, explanations[code].cause, code)
		require.NotEmpty(t, explanations[code].fix, code)
	}
	require.Len(t, explanations, len(aicf.Codes())+1)
}
