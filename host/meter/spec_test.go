package meter_test

import (
	"bufio"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/animicaorg/engine/host/meter"
	"github.com/animicaorg/engine/host/meter/internal/oracle"
	"github.com/animicaorg/engine/host/wasmbin"
	"github.com/stretchr/testify/require"
)

var weightRow = regexp.MustCompile(`^\| (0x[0-9a-fx., ]+) \| .* \| (\d+) \|$`)

// specWeights reads the table of section 4, so that the oracle counts what the
// page says and not what the code says.
func specWeights(t testing.TB) map[wasmbin.Opcode]int64 {
	t.Helper()
	f, err := os.Open("SPEC.md")
	require.NoError(t, err)
	defer f.Close()
	weights := map[wasmbin.Opcode]int64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		row := weightRow.FindStringSubmatch(s.Text())
		if row == nil {
			continue
		}
		w, err := strconv.ParseInt(row[2], 10, 64)
		require.NoError(t, err)
		for _, part := range strings.Split(row[1], ", ") {
			first, last, ok := strings.Cut(part, "..")
			if !ok {
				last = first
			}
			lo, err := strconv.ParseUint(first, 0, 16)
			require.NoError(t, err)
			hi, err := strconv.ParseUint(last, 0, 16)
			require.NoError(t, err)
			for op := lo; op <= hi; op++ {
				require.NotContains(t, weights, wasmbin.Opcode(op), "the table says %#x twice", op)
				weights[wasmbin.Opcode(op)] = w
			}
		}
	}
	require.Len(t, weights, 6+7+2+3+2+(0xc4-0x28+1)+8+2, "rows of the table")
	return weights
}

var once struct {
	sync.Once
	weights map[wasmbin.Opcode]int64
}

func readOnce(t testing.TB) map[wasmbin.Opcode]int64 {
	once.Do(func() { once.weights = specWeights(t) })
	return once.weights
}

// specRules are the numbers of SPEC.md sections 3.3 and 5, written once more.
func specRules(t testing.TB) oracle.Rules {
	weights := readOnce(t)
	up := func(n uint64, by int64) int64 { return (int64(uint32(n)) + by - 1) / by }
	return oracle.Rules{
		Weight: func(op wasmbin.Opcode) int64 {
			w, ok := weights[op]
			if !ok {
				t.Fatalf("SPEC.md has no weight for opcode %#x", uint16(op))
			}
			return w
		},
		Price: func(name string, a []uint64) int64 {
			switch name {
			case "in_read":
				return 600 + up(a[3], 4)
			case "out_write":
				return 600 + up(a[2], 4)
			case "fail", "log":
				return 600 + up(a[2], 1)
			}
			return 600
		},
		GrowPage: 8192,
		Fill:     func(n uint32) int64 { return up(uint64(n), 8) },
		Copy:     func(n uint32) int64 { return up(uint64(n), 4) },
		Frame:    func(slots int) int64 { return 8 + int64((slots+3)/4) },
	}
}

// TestWeights: the table in the code is the table on the page, opcode by opcode.
func TestWeights(t *testing.T) {
	for op, w := range specWeights(t) {
		require.Equal(t, w, meter.Weight(op), "opcode %#x", uint16(op))
	}
}
