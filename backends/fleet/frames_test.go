package fleet

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/backends"
	"github.com/animicaorg/engine/digest"
)

func TestFramesRoundTrip(t *testing.T) {
	b := batch(5, 3, 9)
	b.MemoryBytes = 1 << 30
	got, err := decodeHead(encodeHead(b))
	require.NoError(t, err)
	got.Rows = b.Rows
	require.NoError(t, got.Validate())
	require.Equal(t, b, got)

	w := &work{head: digest.Sum(nil), run: newID(), piece: 3, first: 7, rows: 2, elem: 2, data: []byte{1, 2, 3, 4}}
	back, err := decodeWork(w.encode())
	require.NoError(t, err)
	require.Equal(t, w, back)

	for _, r := range []*result{
		{run: newID(), piece: 1, class: classFailed, detail: "no"},
		{run: newID(), piece: 1, first: 4, n: 2, width: 9, rows: []byte{1, 0, 2, 1}, present: []byte{3}},
	} {
		back, err := decodeResult(r.encode())
		require.NoError(t, err)
		require.Equal(t, r, back)
	}
}

// TestTruncations: no prefix of a message, and none with a byte more, is read.
func TestTruncations(t *testing.T) {
	b := batch(3, 2, 3)
	head := encodeHead(b)
	for n := range head {
		_, err := decodeHead(head[:n])
		require.ErrorIs(t, err, ErrFrame, "%d bytes", n)
	}
	_, err := decodeHead(append(head, 0))
	require.ErrorIs(t, err, ErrFrame)
	done := (&result{first: 4, n: 2, width: 9, rows: []byte{1, 0, 2, 1}, present: []byte{3}}).encode()
	for n := range done {
		_, err := decodeResult(done[:n])
		require.ErrorIs(t, err, ErrFrame, "%d bytes", n)
	}
	_, err = decodeResult(append(done, 0))
	require.ErrorIs(t, err, ErrFrame)
	_, err = decodeWork((&work{}).encode()[:workHead-1])
	require.ErrorIs(t, err, ErrFrame)
}

// TestLimits: numbers above their limits are refused before anything is allocated.
func TestLimits(t *testing.T) {
	for what, raw := range map[string]string{
		"width":   magicHead + "\xff\xff\xff\xff",
		"layers":  magicHead + "\x02\x00\x00\x00\xff\xff\xff\x7f",
		"palette": magicHead + "\x02\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\x00",
		"label":   magicHead + "\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff",
	} {
		_, err := decodeHead([]byte(raw))
		require.ErrorIs(t, err, ErrFrame)
		require.ErrorContains(t, err, what)
	}
	long := (&result{class: classFailed, detail: string(make([]byte, 5000))}).encode()
	r, err := decodeResult(long)
	require.NoError(t, err)
	require.Len(t, r.detail, maxDetail)
	_, err = decodeResult(append(long, 0))
	require.ErrorContains(t, err, "detail")
	_, err = decodePresence(make([]byte, maxPresence+1))
	require.ErrorContains(t, err, "presence")
	_, err = decodePresence([]byte(`{"worker":"../x"}`))
	require.ErrorContains(t, err, "hex")
	for _, class := range []uint8{classes, 255} {
		_, err := decodeResult((&result{class: class}).encode())
		require.ErrorContains(t, err, "class")
	}
}

func FuzzFrames(f *testing.F) {
	b := batch(3, 2, 3)
	f.Add(encodeHead(b))
	f.Add((&work{rows: 1, elem: 2, data: []byte{1, 2}}).encode())
	f.Add((&result{first: 4, n: 2, width: 9, rows: []byte{1, 0, 2, 1}, present: []byte{3}}).encode())
	f.Add((&result{class: classFailed, detail: "x"}).encode())
	f.Add([]byte(`{"protocol":1,"worker":"00112233445566778899aabbccddeeff","numeric_version":1,"threads":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if b, err := decodeHead(raw); err == nil {
			require.Equal(t, raw, encodeHead(b))
		} else {
			require.ErrorIs(t, err, ErrFrame)
		}
		if w, err := decodeWork(raw); err == nil {
			require.Equal(t, raw, w.encode())
			b := batch(3, 2, 1)
			b.Rows.First, b.Rows.N, b.Rows.ElemSize, b.Rows.Data = w.first, int(w.rows), int(w.elem), w.data
			if err := b.Validate(); err != nil {
				require.ErrorIs(t, err, backends.ErrBatch)
			}
		}
		if r, err := decodeResult(raw); err == nil {
			require.Equal(t, raw, r.encode())
			if r.class == classDone {
				_, _ = r.outcomes()
			}
		}
		_, _ = decodePresence(raw)
	})
}
