package vault

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

// fake is a transit engine as its HTTP documentation describes it. Whatever a
// client may not do, it answers as a vault does, and it remembers every request.
type fake struct {
	t        *testing.T
	mount    string
	name     string
	token    string
	versions []ed25519.PrivateKey // version i+1
	min      int                  // min_encryption_version
	kind     string
	sealed   bool
	change   func(path string, status int, body string) (int, string) // breaks an answer
	requests []string
}

func newFake(t *testing.T) (*fake, string) {
	f := &fake{t: t, mount: "team/transit", name: "operational", token: "s.secret", kind: "ed25519",
		change: func(_ string, status int, body string) (int, string) { return status, body }}
	for i := range 3 {
		f.versions = append(f.versions, ed25519.NewKeyFromSeed([]byte(strings.Repeat(strconv.Itoa(i+1), 32))))
	}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return f, s.URL
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	status, body := f.answer(r)
	status, body = f.change(r.URL.Path, status, body)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func vaultError(status int, text string) (int, string) {
	return status, fmt.Sprintf(`{"errors":[%q]}`, text)
}

func (f *fake) answer(r *http.Request) (int, string) {
	switch {
	case f.sealed:
		return vaultError(503, "Vault is sealed")
	case r.Header.Get("X-Vault-Request") != "true":
		return vaultError(412, "missing X-Vault-Request header")
	case r.Header.Get("X-Vault-Token") != f.token:
		return vaultError(403, "permission denied")
	}
	prefix := "/v1/" + f.mount + "/"
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	switch {
	case !ok:
		return vaultError(404, fmt.Sprintf("no handler for route %q", strings.TrimPrefix(r.URL.Path, "/v1/")))
	case path == "keys/"+f.name && r.Method == http.MethodGet:
		return f.describe()
	case path == "sign/"+f.name && r.Method == http.MethodPost:
		return f.sign(r)
	case strings.HasPrefix(path, "keys/"):
		return 404, `{"errors":[]}`
	}
	return vaultError(405, "unsupported operation")
}

func (f *fake) describe() (int, string) {
	versions := map[string]any{}
	for i, k := range f.versions {
		versions[strconv.Itoa(i+1)] = map[string]any{"creation_time": "2026-01-01T00:00:00Z", "name": "ed25519", "certificate_chain": "",
			"public_key": base64.StdEncoding.EncodeToString(k.Public().(ed25519.PublicKey))}
	}
	b, err := json.Marshal(map[string]any{"request_id": "r", "lease_id": "", "renewable": false, "lease_duration": 0, "wrap_info": nil, "warnings": nil, "auth": nil,
		"data": map[string]any{"type": f.kind, "name": f.name, "latest_version": len(f.versions), "min_encryption_version": f.min, "supports_signing": true,
			"derived": false, "exportable": false, "keys": versions}})
	if err != nil {
		f.t.Error(err)
	}
	return 200, string(b)
}

func (f *fake) sign(r *http.Request) (int, string) {
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/json" {
		return vaultError(400, "failed to parse JSON input")
	}
	var body struct {
		Input      string `json:"input"`
		KeyVersion *int   `json:"key_version"`
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		return vaultError(400, "failed to parse JSON input: "+err.Error())
	}
	msg, err := base64.StdEncoding.Strict().DecodeString(body.Input)
	if err != nil {
		return vaultError(400, "unable to decode input as base64: "+err.Error())
	}
	version := len(f.versions)
	if body.KeyVersion != nil && *body.KeyVersion != 0 {
		version = *body.KeyVersion
	}
	if version < 1 || version > len(f.versions) {
		return vaultError(400, "cannot sign: version is in the future or not found")
	}
	if version < f.min {
		return vaultError(400, "requested version for signing is less than the minimum encryption key version")
	}
	sig := ed25519.Sign(f.versions[version-1], msg)
	return 200, fmt.Sprintf(`{"request_id":"r","data":{"key_version":%d,"signature":"vault:v%d:%s"}}`, version, version, base64.StdEncoding.EncodeToString(sig))
}
