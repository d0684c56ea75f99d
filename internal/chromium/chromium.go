// Package chromium drives Debian's Chromium over a pipe with the DevTools protocol, for
// tests of pages. It has no port and no profile of its own, and keeps every event that came
// between two commands. A test that cannot go on ends.
package chromium

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// Browser is a running browser; it is for one goroutine.
type Browser struct {
	t       testing.TB
	in      *os.File
	out     *bufio.Reader
	session string
	id      int64
	events  []Event
}

// Event is one event of the page.
type Event struct {
	Method string
	Params json.RawMessage
}

type message struct {
	ID        int64           `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// limit is how long one test may drive a browser.
const limit = 10 * time.Minute

// Start starts the browser, or skips the test; with CI_STRICT=1 an absent one fails it.
func Start(t testing.TB) *Browser {
	t.Helper()
	exe, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI_STRICT") == "1" {
			t.Fatal(err)
		}
		t.Skip("chromium is not installed")
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	toBrowser, in, err := os.Pipe()
	must(err)
	out, fromBrowser, err := os.Pipe()
	must(err)
	profile, err := os.MkdirTemp("", "chromium-profile-")
	must(err)
	cmd := exec.Command(exe, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--user-data-dir="+profile, "about:blank")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = []*os.File{toBrowser, fromBrowser} // 3 and 4
	must(cmd.Start())
	toBrowser.Close()
	fromBrowser.Close()
	t.Cleanup(func() {
		in.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // its processes too, or they write on
		cmd.Wait()
		for range 100 { // what was killed may still be about to end
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
		t.Logf("the profile stays in %s", profile)
	})
	must(out.SetReadDeadline(time.Now().Add(limit)))
	return &Browser{t: t, in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

// Call sends a command and waits for its answer.
func (b *Browser) Call(method string, params any, to any) {
	b.t.Helper()
	if b.id++; params == nil {
		params = map[string]any{}
	}
	m := map[string]any{"id": b.id, "method": method, "params": params}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	raw, err := json.Marshal(m)
	if err == nil {
		_, err = b.in.Write(append(raw, 0))
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		got := b.read(method)
		if got.ID != b.id {
			continue
		}
		if got.Error != nil {
			b.t.Fatalf("%s: %s", method, got.Error.Message)
		}
		if to != nil {
			if err := json.Unmarshal(got.Result, to); err != nil {
				b.t.Fatalf("%s: %v in %s", method, err, got.Result)
			}
		}
		return
	}
}

// read reads one message; events are kept.
func (b *Browser) read(what string) (got message) {
	b.t.Helper()
	line, err := b.out.ReadBytes(0)
	if err == nil {
		err = json.Unmarshal(line[:len(line)-1], &got)
	}
	if err != nil {
		b.t.Fatalf("%s: the browser: %v", what, err)
	}
	if got.Method != "" && got.SessionID == b.session {
		b.events = append(b.events, Event{got.Method, got.Params})
	}
	return got
}

// Events returns what has come since the last call.
func (b *Browser) Events() []Event {
	out := b.events
	b.events = nil
	return out
}

// Tab opens an empty tab, whose pages Navigate changes; requests, console and exceptions of
// its pages are events.
func (b *Browser) Tab() {
	b.t.Helper()
	b.session = ""
	var target struct{ TargetID string }
	b.Call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.Call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session, b.events = attached.SessionID, nil
	for _, domain := range []string{"Network", "Page", "Runtime", "Log"} {
		b.Call(domain+".enable", nil, nil)
	}
}

// Navigate shows a page and waits until it is loaded.
func (b *Browser) Navigate(url string) {
	b.t.Helper()
	before := len(b.events)
	var out struct{ ErrorText string }
	b.Call("Page.navigate", map[string]any{"url": url}, &out)
	if out.ErrorText != "" {
		b.t.Fatalf("%s: %s", url, out.ErrorText)
	}
	for at := before; ; {
		for ; at < len(b.events); at++ {
			if b.events[at].Method == "Page.loadEventFired" {
				return
			}
		}
		b.read(url)
	}
}

// Eval reads the value of an expression, after it if it is a promise.
func (b *Browser) Eval(expression string, to any) {
	b.t.Helper()
	var got struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.Call("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &got)
	if len(got.ExceptionDetails) > 0 {
		b.t.Fatalf("%s: %s", expression, got.ExceptionDetails)
	}
	if to != nil {
		if err := json.Unmarshal(got.Result.Value, to); err != nil {
			b.t.Fatalf("%s: %v in %s", expression, err, got.Result.Value)
		}
	}
}

// Press presses a key that has no character, such as Tab.
func (b *Browser) Press(key string, code int) {
	b.t.Helper()
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.Call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code}, nil)
	}
}

// Screenshot is the visible part of the page as PNG.
func (b *Browser) Screenshot() []byte {
	b.t.Helper()
	var shot struct{ Data []byte }
	b.Call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	return shot.Data
}
