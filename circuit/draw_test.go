package circuit

import (
	"encoding/xml"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestDrawBell(t *testing.T) {
	c := mustParse(t, "qubit[3] q; bit[2] c; h q[0]; cx q[0], q[2]; rz(-3*pi/4) q[1]; barrier q; c[0] = measure q[0]; if (c[0]) sdg q[1];")
	got, err := c.Draw(DrawOptions{})
	require.NoError(t, err)
	require.Equal(t, strings.TrimPrefix(`
q[0]: ─┤H├─●─────────────░─┤M→c[0]├────────────────
           │
q[1]: ─────┼─┤RZ(-3π/4)├─░──────────┤S† if c[0]=1├─
           │
q[2]: ─────⊕─────────────░─────────────────────────
`, "\n"), got)
}

func TestDrawGolden(t *testing.T) {
	for path, opt := range map[string]DrawOptions{"testdata/draw.txt": {}, "testdata/draw_ascii.txt": {ASCII: true, Width: 60}} {
		got, err := sample().Draw(opt)
		require.NoError(t, err)
		golden(t, path, got)
		width := opt.Width
		if width == 0 {
			width = 100
		}
		for _, line := range strings.Split(got, "\n") {
			require.LessOrEqual(t, utf8.RuneCountInString(line), width)
			if opt.ASCII {
				require.Equal(t, len(line), utf8.RuneCountInString(line))
			}
		}
	}
	svg, err := sample().SVG(DrawOptions{Width: 700})
	require.NoError(t, err)
	golden(t, "testdata/draw.svg", svg)
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		_, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "run with -update")
}

func TestDrawBounds(t *testing.T) {
	c := &Circuit{Qubits: MaxQubits}
	for range 300 {
		c.add(CX, nil, 0, MaxQubits-1)
	}
	_, err := c.Draw(DrawOptions{})
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = c.SVG(DrawOptions{})
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = (&Circuit{}).Draw(DrawOptions{})
	require.ErrorIs(t, err, ErrInvalid)
	empty, err := (&Circuit{Qubits: 1}).Draw(DrawOptions{ASCII: true})
	require.NoError(t, err)
	require.Equal(t, "q[0]: -\n", empty)
	_, err = (&Circuit{Qubits: 2}).SVG(DrawOptions{Width: 1})
	require.NoError(t, err)
}
