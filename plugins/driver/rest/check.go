package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/animicaorg/engine/plugins/driver"
)

// Decode reads one JSON value and nothing behind it. Unknown members are passed
// over: vendors add them at will.
func Decode(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}

// Cut shortens a text to n bytes of valid UTF-8.
func Cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// IsCode tells whether err is a driver's error with a code.
func IsCode(err error, c driver.Code) bool {
	var e *driver.Error
	return errors.As(err, &e) && e.Code == c
}

// CheckBase demands https, or http to a loopback address; example stands in the
// refusal.
func CheckBase(base, example string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return ConfigError("base_url", "is not an address such as "+example)
	}
	local := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"
	if u.Scheme != "https" && !(u.Scheme == "http" && local) {
		return ConfigError("base_url", "http would send the key in the clear: want https, or http to a loopback address")
	}
	return nil
}

// CheckSecret demands a secret that fits a header.
func CheckSecret(name, s string) error {
	if s == "" || len(s) > maxSecret || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ConfigError("secrets."+name, "is missing, or is not printable ASCII without spaces")
	}
	return nil
}

// ConfigError refuses a member of the configuration.
func ConfigError(field, text string) error {
	return &driver.Error{Code: driver.ConfigInvalid, Field: field, VendorMessage: text}
}

// Segment reports whether s can stand as one segment of a path: 1 to 64 characters
// of [A-Za-z0-9._:-], not only dots.
func Segment(s string) bool { return len(s) <= 64 && driver.CheckID(s) && strings.Trim(s, ".") != "" }
