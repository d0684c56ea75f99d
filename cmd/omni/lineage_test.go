package main

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/internal/strictjson"
)

// TestLineageVectors: under the policy lineage the rules are the lineage's, figure by figure.
func TestLineageVectors(t *testing.T) {
	raw, err := os.ReadFile("testdata/lineage_vectors.json")
	require.NoError(t, err)
	var file struct {
		Cases []struct {
			Case json.RawMessage `json:"case"`
			Want map[string]any  `json:"want"`
		} `json:"cases"`
	}
	require.NoError(t, json.Unmarshal(raw, &file))
	doc, _ := aicf.NamedPolicy("lineage")
	p, err := aicf.Load(doc)
	require.NoError(t, err)
	rules := &simulator{policy: p}
	for _, c := range file.Cases {
		n, err := strictjson.Parse(c.Case, strictjson.Limits{Bytes: 1 << 16, Depth: 16, Values: 1000})
		require.NoError(t, err)
		b, err := json.Marshal(rules.answer(n))
		require.NoError(t, err)
		var got map[string]any
		require.NoError(t, json.Unmarshal(b, &got))
		requireIn(t, c.Want, got, string(c.Case)+" gives "+string(b))
	}
	require.Len(t, file.Cases, 41)
}

// requireIn demands every member of want in got; lists have equal length.
func requireIn(t *testing.T, want, got any, where string) {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		require.True(t, ok, where)
		for k := range w {
			requireIn(t, w[k], g[k], k+" of "+where)
		}
	case []any:
		g, ok := got.([]any)
		require.True(t, ok && len(g) == len(w), where)
		for i := range w {
			requireIn(t, w[i], g[i], where)
		}
	default:
		require.Equal(t, want, got, where)
	}
}
