// Package ocitest is as much of a registry (OCI distribution specification 1.1)
// as one push and pull of one repository need, in memory, for tests. It promises
// nothing more, and is imported by tests only.
package ocitest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Registry serves one repository. It is safe for concurrent use.
type Registry struct {
	name      string
	mu        sync.Mutex
	blobs     map[string][]byte // by digest
	manifests map[string][]byte // by tag or digest
	lie       bool
}

// New makes an empty repository of that name.
func New(name string) *Registry {
	return &Registry{name: name, blobs: map[string][]byte{}, manifests: map[string][]byte{}}
}

// Lie makes it change a byte of every blob that it serves from now on.
func (g *Registry) Lie() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lie = true
}

// Replace puts a manifest under a tag unseen.
func (g *Registry) Replace(tag string, manifest []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.manifests[tag] = manifest
}

// maxBody bounds what a push may hold.
const maxBody = 16 << 20

// ServeHTTP implements http.Handler.
func (g *Registry) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/v2/"+g.name+"/")
	kind, name, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		rw.WriteHeader(http.StatusBadRequest)
		return
	}
	sum := sha256.Sum256(body)
	sha := "sha256:" + hex.EncodeToString(sum[:])
	switch {
	case r.Method == http.MethodPost:
		rw.Header().Set("Location", "/v2/"+g.name+"/blobs/upload")
		rw.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && kind == "blobs":
		if r.URL.Query().Get("digest") != sha {
			rw.WriteHeader(http.StatusBadRequest)
			return
		}
		g.blobs[sha] = body
		rw.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut && kind == "manifests":
		g.manifests[name], g.manifests[sha] = body, body
		rw.Header().Set("Docker-Content-Digest", sha)
		rw.WriteHeader(http.StatusCreated)
	default:
		b, ok := g.blobs[name]
		if kind == "manifests" {
			b, ok = g.manifests[name]
			rw.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
		} else if ok && g.lie {
			b = append([]byte{b[0] ^ 1}, b[1:]...)
		}
		if !ok {
			rw.Header().Del("Content-Type")
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		sum := sha256.Sum256(b)
		if kind == "manifests" {
			rw.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
		}
		rw.Header().Set("Content-Length", fmt.Sprint(len(b)))
		if r.Method == http.MethodGet {
			_, _ = rw.Write(b) // a reader that hung up is its own matter
		}
	}
}
