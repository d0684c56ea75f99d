package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/internal/cli"
)

func TestMemoryOfTheMachine(t *testing.T) {
	require.Equal(t, uint64(2048<<10), availableBytes([]byte("MemTotal: 9999 kB\nMemAvailable:    2048 kB\n")))
	for _, bad := range []string{"", "MemAvailable:\n", "MemAvailable: x kB\n", "MemAvailable: 99999999999999999999 kB\n"} {
		require.Zero(t, availableBytes([]byte(bad)), bad)
	}
	require.Equal(t, uint64(5), memoryLimit(5), "a given limit wins")
}

func TestMemoryOfTheContainer(t *testing.T) {
	dir := t.TempDir()
	write := func(name, s string) { require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(s), 0o600)) }
	_, ok := containerBytes(dir)
	require.False(t, ok)
	write("memory.max", "max\n")
	write("memory.current", "100\n")
	_, ok = containerBytes(dir)
	require.False(t, ok)
	write("memory.max", "1000\n")
	n, ok := containerBytes(dir)
	require.True(t, ok)
	require.Equal(t, uint64(900), n)
	write("memory.max", "50\n")
	n, _ = containerBytes(dir)
	require.Equal(t, uint64(1), n, "more is used than allowed")
}

func TestBatchLimit(t *testing.T) {
	many := `{"cases":[` + strings.Repeat(`{},`, maxBatchCases) + `{}]}`
	_, err := batchCases([]byte(many))
	require.ErrorContains(t, err, "10001 cases")
	cases, err := batchCases([]byte(strings.Replace(many, "{},", "", 1)))
	require.NoError(t, err)
	require.Len(t, cases, maxBatchCases)
	_, err = batchCases([]byte(strings.Repeat(" ", maxBatchBytes) + many))
	require.Error(t, err)
}

func FuzzLock(f *testing.F) {
	f.Add([]byte("# comment\naccredit traps 1.0.0 qx1 517acac6ff559b5d5810fb5e281a908a2c4fb421a553d4e529a49e4a86bc4320 59511\n"))
	f.Add([]byte("accredit traps 1.0.0 qx1 517acac6ff559b5d5810fb5e281a908a2c4fb421a553d4e529a49e4a86bc4320 59511 meter-1 517acac6ff559b5d5810fb5e281a908a2c4fb421a553d4e529a49e4a86bc4320\n"))
	f.Add([]byte("a b c d e f\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		lines, err := parseLock(b)
		if err != nil {
			return
		}
		for _, l := range lines {
			require.NotEmpty(t, l.name)
			require.Len(t, strings.Fields(l.name+" "+l.kind+" "+l.version+" "+l.abi), 4)
		}
	})
}

func FuzzBasisStates(f *testing.F) {
	f.Add("00,11,3", 2)
	f.Add("18446744073709551615", 64)
	f.Add(",", 1)
	f.Fuzz(func(t *testing.T, list string, width int) {
		width = min(max(width, 1), 64)
		states, err := basisStates(list, width)
		if err != nil {
			return
		}
		for _, x := range states {
			require.True(t, width == 64 || x>>width == 0)
		}
	})
}

func FuzzSize(f *testing.F) {
	f.Add("8GiB")
	f.Add("1 KiB")
	f.Fuzz(func(t *testing.T, text string) {
		var s, back cli.Size
		if s.Set(text) != nil {
			return
		}
		require.NoError(t, back.Set(s.String()))
		require.Equal(t, s, back)
	})
}
