// Package keysock lets a process of its own hold keys: an engine asks it for
// signatures over a Unix socket. An HSM's helper (cmd/engine-pkcs11) and
// "engine keys serve" speak it.
//
// It promises that a holder signs only what a key's role may sign: a frame
// qprov/v1/sig with this key's id and suite and a purpose of its role, or for the
// log key a checkpoint of its provider's log. It never signs bytes that it cannot
// read, so whoever reaches the socket has no oracle for other protocols. It does
// not judge whether a signature ought to be made: the socket's folder (0700) says
// who may ask.
//
// # Protocol, version 1
//
// Each connection carries one request and one answer, each u32 big-endian length
// and JSON, at most 64 KiB:
//
//	{"v":1,"op":"public","role":"operational"}            → {"alg","public"}
//	{"v":1,"op":"sign","role":"operational","message":hex} → {"signature":hex}
//	                                                       → {"error":"…"}
package keysock

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/animicaorg/engine/internal/strictjson"
	"github.com/animicaorg/engine/keys"
	"github.com/animicaorg/engine/proofs/auditlog"
	"github.com/animicaorg/engine/proofs/transcript"
)

// Version of the protocol.
const Version = 1

const maxMessage = 64 << 10

// ErrRefused is wrapped by what a holder refuses to sign.
var ErrRefused = errors.New("the holder of the key refuses")

// ErrProtocol is wrapped by malformed requests and answers.
var ErrProtocol = errors.New("key socket: malformed message")

type request struct {
	op, message []byte
	role        keys.Role
}

type answer struct {
	Alg       string `json:"alg,omitempty"`
	Public    string `json:"public,omitempty"`
	Signature string `json:"signature,omitempty"`
	Error     string `json:"error,omitempty"`
}

var limits = strictjson.Limits{Bytes: maxMessage, Depth: 2, Values: 16}

func writeMessage(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("%d bytes, limit %d: %w", len(b), maxMessage, ErrProtocol)
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}

func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > maxMessage {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", n, maxMessage, ErrProtocol)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return b, nil
}

func parseRequest(b []byte) (*request, error) {
	c := strictjson.Open(b, limits).Only("v", "op", "role", "message")
	c.Member("v").Uint(Version, Version)
	r := &request{op: []byte(c.Member("op").OneOf("public", "sign")), role: keys.Role(c.Member("role").Text(32))}
	if string(r.op) == "sign" {
		r.message = c.Member("message").Hex(maxMessage / 2)
	} else if c.Has("message") {
		c.Member("message").Fail("", "has no place here")
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return r, nil
}

func parseAnswer(b []byte) (*answer, error) {
	c := strictjson.Open(b, limits).Only("alg", "public", "signature", "error")
	a := &answer{}
	for _, m := range []struct {
		name string
		to   *string
	}{{"alg", &a.Alg}, {"public", &a.Public}, {"signature", &a.Signature}, {"error", &a.Error}} {
		if v, ok := c.Optional(m.name); ok {
			*m.to = v.Text(maxMessage)
		}
	}
	if err := c.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
	}
	return a, nil
}

// Allow says whether a key may sign a message, and names its purpose.
func Allow(k keys.RoleSigner, origin string, msg []byte) (purpose string, err error) {
	if domain, fields, err := transcript.ParseFrame(msg); err == nil {
		if domain != "qprov/v1/sig" || len(fields) != 5 {
			return "", fmt.Errorf("frame %.40q is not one that is signed: %w", domain, ErrRefused)
		}
		for i, f := range fields {
			if int(f.ID) != i+1 {
				return "", fmt.Errorf("frame with field %d: %w", f.ID, ErrRefused)
			}
		}
		purpose = string(fields[0].Value)
		id := k.KeyID()
		if string(fields[1].Value) != k.Alg() || !bytes.Equal(fields[2].Value, id[:]) {
			return "", fmt.Errorf("the frame names another key: %w", ErrRefused)
		}
		if err := k.Role().Allows(purpose); err != nil {
			return "", fmt.Errorf("%w: %w", ErrRefused, err)
		}
		return purpose, nil
	}
	if k.Role() != keys.Log {
		return "", fmt.Errorf("no frame: %w", ErrRefused)
	}
	if err := auditlog.CheckBody(msg, origin); err != nil {
		return "", fmt.Errorf("%w: %w", ErrRefused, err)
	}
	return keys.PurposeCheckpoint, nil
}
