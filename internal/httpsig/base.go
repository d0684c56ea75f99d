package httpsig

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// message is a request, or a response with the request that it answers.
type message struct {
	method, authority, path, query string
	status                         int
	header                         http.Header
	asked                          http.Header // of the request, for ;req
}

func requestMessage(r *http.Request) message {
	m := message{method: r.Method, header: r.Header, path: r.URL.EscapedPath(), query: "?" + r.URL.RawQuery}
	if m.path == "" {
		m.path = "/"
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	m.authority = authority(host, r.TLS != nil || r.URL.Scheme == "https")
	return m
}

// authority normalises by RFC 9421 section 2.2.3: lower case, without the scheme's own port.
func authority(host string, secure bool) string {
	port := ":80"
	if secure {
		port = ":443"
	}
	return strings.TrimSuffix(strings.ToLower(host), port)
}

// base is the signature base of RFC 9421 section 2.5 for the components in covered, which is
// the inner list with its parameters.
func (m message) base(covered httpsfv.InnerList) ([]byte, error) {
	var b strings.Builder
	for _, item := range covered.Items {
		name, _ := item.Value.(string)
		value, err := m.component(name, item.Params)
		if err != nil {
			return nil, err
		}
		identifier, err := httpsfv.Marshal(item)
		if err != nil {
			return nil, fmt.Errorf("%w: component %q: %v", ErrMalformed, name, err)
		}
		b.WriteString(identifier + ": " + value + "\n")
	}
	params, err := httpsfv.Marshal(httpsfv.List{covered})
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	b.WriteString(`"@signature-params": ` + params)
	return []byte(b.String()), nil
}

func (m message) component(name string, params *httpsfv.Params) (string, error) {
	header := m.header
	if params != nil {
		if _, of := params.Get("req"); of {
			header = m.asked
		}
	}
	switch name {
	case "@method":
		return m.method, nil
	case "@authority":
		return m.authority, nil
	case "@path":
		return m.path, nil
	case "@query":
		return m.query, nil
	case "@status":
		return strconv.Itoa(m.status), nil
	}
	values := header.Values(name)
	if len(values) != 1 {
		return "", fmt.Errorf("%w: header %s occurs %d times, must occur once", ErrMalformed, name, len(values))
	}
	if params != nil {
		if key, ok := params.Get("key"); ok {
			return member(values[0], name, key)
		}
	}
	return strings.Trim(values[0], " \t"), nil
}

// member is one member of a dictionary field, serialised strictly (RFC 9421 section 2.1.2).
func member(field, name string, key any) (string, error) {
	dictionary, err := httpsfv.UnmarshalDictionary([]string{field})
	if err != nil {
		return "", fmt.Errorf("%w: header %s: %v", ErrMalformed, name, err)
	}
	label, _ := key.(string)
	value, ok := dictionary.Get(label)
	if !ok {
		return "", fmt.Errorf("%w: header %s has no member %q", ErrMalformed, name, label)
	}
	text, err := httpsfv.Marshal(httpsfv.List{value})
	if err != nil {
		return "", fmt.Errorf("%w: header %s: %v", ErrMalformed, name, err)
	}
	return text, nil
}
