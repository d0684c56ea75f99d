package httpapi_test

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/animicaorg/engine/aicf"
	"github.com/animicaorg/engine/digest"
)

// listen opens an event stream and returns what reads the number of its next event.
func (w *world) listen(query string) (next func() string, end func()) {
	r, err := http.Get(w.at + "/aicf/events" + query)
	require.NoError(w, err)
	require.Equal(w, http.StatusOK, r.StatusCode)
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	return func() string {
		for lines.Scan() {
			if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				return id
			}
		}
		require.FailNow(w, "the stream ended")
		return ""
	}, func() { r.Body.Close() }
}

// TestStreamsWithoutGaps: listeners that begin far behind, at the end and in the future, and
// one that comes when all others have left, each hear every event of theirs once, in order.
func TestStreamsWithoutGaps(t *testing.T) {
	w := start(t, nil)
	account := digest.Sum([]byte("somebody"))
	happen := func(n int) {
		for range n {
			_, err := w.n.Faucet(ctx, aicf.Call{NowMS: w.now.UnixMilli(), Account: account, Unsigned: true}, account, 1)
			require.NoError(t, err)
		}
	}
	expect := func(next func() string, from, to uint64) {
		t.Helper()
		for n := from; n <= to; n++ {
			require.Equal(t, fmt.Sprint(n), next())
		}
	}
	happen(520) // more than a page
	head := w.events()
	live, endLive := w.listen(fmt.Sprint("?after=", head))
	old, endOld := w.listen("?after=0")
	later, endLater := w.listen(fmt.Sprint("?after=", head+3))
	happen(5)
	expect(live, head+1, head+5)
	expect(old, 1, head+5)
	expect(later, head+4, head+5)
	some, endSome := w.listen("?after=0&types=policy")
	expect(some, 1, 1)
	for _, end := range []func(){endLive, endOld, endLater, endSome} {
		end()
	}
	happen(3)
	again, endAgain := w.listen(fmt.Sprint("?after=", head+5))
	defer endAgain()
	expect(again, head+6, head+8)
	happen(1100) // what is kept is cut while somebody listens
	expect(again, head+9, head+1108)
}
