package strictjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var small = Limits{Bytes: 1 << 16, Depth: 16, Values: 1000}

func TestRefusals(t *testing.T) {
	for _, bad := range []string{
		``, ` `, `{`, `[`, `"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `{a:1}`, `{'a':1}`, `1 2`, `{} x`, `[1 2]`, `{"a":1 "b":2}`,
		`{"a":1,"a":1}`, `{"a":1,"\u0061":2}`, `NaN`, `Infinity`, `-`, `01`, `-01`, `1.`, `.5`, `1e`, `1e+`, `+1`, `0x1`, `tru`, `nul`, `True`,
		"\"\xff\"", "\"\xc0\xaf\"", "\"a\nb\"", `"\x"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\udc00"`, `"\ud800\u0041"`, `"\ud800x"`, "\ufeff{}", "\"\xed\xa0\x80\"",
		`{} {}`, "1\x00", `"\`, `"\u`, `//c` + "\n1", `/**/1`,
	} {
		_, err := Parse([]byte(bad), small)
		require.Error(t, err, "%q", bad)
		var se *SyntaxError
		require.ErrorAs(t, err, &se)
	}
}

func TestLimits(t *testing.T) {
	deep := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	_, err := Parse(deep(16), small)
	require.NoError(t, err)
	_, err = Parse(deep(17), small)
	require.ErrorContains(t, err, "deeper than 16")
	many := "[" + strings.Repeat("1,", 998) + "1]" // 999 numbers and the array
	_, err = Parse([]byte(many), small)
	require.NoError(t, err)
	_, err = Parse([]byte("[1,"+many[1:]), small)
	require.ErrorContains(t, err, "1000 values")
	_, err = Parse([]byte("  1"), Limits{Bytes: 2, Depth: 1, Values: 1})
	require.ErrorContains(t, err, "limit 2")
}

func TestCursor(t *testing.T) {
	open := func(s string) Cursor { return Open([]byte(s), small) }
	c := open(` {"n":18446744073709551615,"s":"\ud83d\ude00\n","b":true,"h":"0aff","a":[1,2],"o":{"x/y":null}} `)
	o := c.Only("n", "s", "b", "h", "a", "o")
	require.Equal(t, ^uint64(0), o.Member("n").Uint(0, ^uint64(0)))
	require.Equal(t, "😀\n", o.Member("s").Text(10))
	require.True(t, o.Member("b").Bool())
	require.Equal(t, []byte{10, 255}, o.Member("h").Hex(2))
	require.Len(t, o.Member("a").Items(2), 2)
	require.Equal(t, `[1,2]`, string(o.Member("a").Node().Raw))
	x, ok := o.Member("o").Optional("x/y")
	require.True(t, ok)
	require.Equal(t, "/o/x~1y", x.Path())
	_, ok = o.Optional("missing")
	require.False(t, ok)
	require.NoError(t, c.Err())

	for _, bad := range []struct {
		text, field string
		read        func(Cursor)
	}{
		{`{"Shots":1}`, "/Shots", func(c Cursor) { c.Only("shots") }},
		{`{}`, "/shots", func(c Cursor) { c.Member("shots").Uint(0, 1) }},
		{`[]`, "", func(c Cursor) { c.Member("shots").Uint(0, 1) }},
		{`{"a":1.0}`, "/a", func(c Cursor) { c.Member("a").Uint(0, 1) }},
		{`{"a":1e0}`, "/a", func(c Cursor) { c.Member("a").Uint(0, 1) }},
		{`{"a":-0}`, "/a", func(c Cursor) { c.Member("a").Uint(0, 1) }},
		{`{"a":2}`, "/a", func(c Cursor) { c.Member("a").Uint(0, 1) }},
		{`{"a":0}`, "/a", func(c Cursor) { c.Member("a").Uint(1, 2) }},
		{`{"a":18446744073709551616}`, "/a", func(c Cursor) { c.Member("a").Uint(0, ^uint64(0)) }},
		{`{"a":"1"}`, "/a", func(c Cursor) { c.Member("a").Uint(0, 1) }},
		{`{"a":"xyz"}`, "/a", func(c Cursor) { c.Member("a").Text(2) }},
		{`{"a":"x"}`, "/a", func(c Cursor) { c.Member("a").OneOf("y", "z") }},
		{`{"a":1}`, "/a", func(c Cursor) { c.Member("a").Bool() }},
		{`{"a":"0A"}`, "/a", func(c Cursor) { c.Member("a").Hex(9) }},
		{`{"a":"0"}`, "/a", func(c Cursor) { c.Member("a").Hex(9) }},
		{`{"a":"0000"}`, "/a", func(c Cursor) { c.Member("a").Hex(1) }},
		{`{"a":"00"}`, "/a", func(c Cursor) { c.Member("a").Hash() }},
		{`{"a":[1,2]}`, "/a", func(c Cursor) { c.Member("a").Items(1) }},
		{`{"a":{"b":[0,{"c":1}]}}`, "/a/b/1/d", func(c Cursor) { c.Member("a").Member("b").Items(2)[1].Member("d") }},
	} {
		c := open(bad.text)
		bad.read(c)
		var e *Error
		require.ErrorAs(t, c.Err(), &e, bad.text)
		require.Equal(t, bad.field, e.Field, bad.text)
		require.NotEmpty(t, e.Error())
	}
	c = open(`{"Shots":1}`)
	c.Only("shots")
	require.ErrorContains(t, c.Err(), `write it "shots"`)
}

// FuzzParse wants everything accepted here to be accepted by encoding/json with
// the same meaning (which is laxer, so not the reverse).
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e+3,true,null,"\u00e9\ud83d\ude00"],"b":{}}`, `[[],{}," "]`, `"\ud800"`, `0`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := Parse(b, small)
		if err != nil {
			return
		}
		d := json.NewDecoder(strings.NewReader(string(b)))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("%q accepted here, refused by encoding/json: %v", b, err)
		}
		if got := plain(n); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q means %#v here and %#v there", b, got, want)
		}
	})
}

func plain(n *Node) any {
	switch n.Kind {
	case Bool:
		return n.True
	case Number:
		return json.Number(n.Text)
	case String:
		return n.Text
	case Array:
		out := make([]any, 0, len(n.Items))
		for i := range n.Items {
			out = append(out, plain(&n.Items[i]))
		}
		return out
	case Object:
		out := map[string]any{}
		for i := range n.Members {
			out[n.Members[i].Key] = plain(&n.Members[i].Value)
		}
		return out
	}
	return nil
}
