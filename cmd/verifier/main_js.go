package main

import (
	"context"
	"syscall/js"
)

// main gives the page one function, verifyBundle(input), and waits. input is
// {tar?: Uint8Array, files?: {name: Uint8Array}, roots?: {name: Uint8Array}, policy?:
// Uint8Array, at?: string}; the answer is the report as JSON text. It never throws:
// a panic becomes a refusal.
func main() {
	js.Global().Set("verifyBundle", js.FuncOf(func(_ js.Value, args []js.Value) (answer any) {
		defer func() {
			if p := recover(); p != nil {
				answer = string(refusal(errPanic))
			}
		}()
		if len(args) != 1 || args[0].Type() != js.TypeObject {
			return string(refusal(errInput))
		}
		out, _ := verifyJS(args[0])
		return string(out)
	}))
	select {}
}

func verifyJS(in js.Value) ([]byte, int) {
	r := &request{roots: bytesMap(in.Get("roots")), policy: bytesOf(in.Get("policy"))}
	if at := in.Get("at"); at.Type() == js.TypeString {
		r.at = at.String()
	}
	var err error
	if r.bundle, err = readBundle(bytesOf(in.Get("tar")), bytesMap(in.Get("files"))); err != nil {
		return refusal(err), exitBundle
	}
	return verify(context.Background(), r)
}

// bytesOf copies a Uint8Array; nil for anything else.
func bytesOf(v js.Value) []byte {
	if v.Type() != js.TypeObject || !v.InstanceOf(js.Global().Get("Uint8Array")) || v.Get("length").Int() > maxInput {
		return nil
	}
	b := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(b, v)
	return b
}

// bytesMap copies an object of Uint8Arrays.
func bytesMap(v js.Value) map[string][]byte {
	out := map[string][]byte{}
	if v.Type() != js.TypeObject {
		return out
	}
	names := js.Global().Get("Object").Call("keys", v)
	for i := range min(names.Length(), maxFiles) {
		name := names.Index(i).String()
		if b := bytesOf(v.Get(name)); b != nil {
			out[name] = b
		}
	}
	return out
}

const (
	maxInput = 256 << 20
	maxFiles = 1024
)

type jsError string

func (e jsError) Error() string { return string(e) }

const (
	errPanic = jsError("the verifier failed; please report the bundle")
	errInput = jsError("verifyBundle takes one object")
)
